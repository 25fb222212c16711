"""Folders that several commands may use at once are locked, made afresh and put in place whole, or made for each run.

Locks are the operating system's, so that those of a process that was killed are free at once.
"""

import os
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["LOCK", "fresh", "locked", "new_run"]

LOCK = ".lock"  # the file in the folder that it is for
_FRESH = ".new-"
_RUN = re.compile(r"run-(\d+)")
_KEPT = 4  # runs of each simulator that have ended and whose logs and waveforms stay


def _told(text: str) -> None:
    print(f"fewbit: {text}", file=sys.stderr, flush=True)


@contextmanager
def locked(folder: Path | str, say: Callable[[str], object] = _told) -> Iterator[None]:
    """Hold ``folder``, which is made, against every other command; ``say`` gets a line if that takes waiting.

    The thread that holds it may take it again. A folder that was made for this and got nothing in it is removed. One
    that may only be read is not held: nothing can be made in it.
    """
    given, folder = folder, Path(folder).resolve()
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = FileLock(folder / LOCK, is_singleton=True)
    try:
        _acquire(lock, folder, timeout=0)
    except Timeout:
        say(f"waiting for another command that works in {given}")
        _acquire(lock, folder, poll_interval=0.1)
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        if made and not lock.lock_counter > 1 and os.listdir(folder) == [LOCK]:
            (folder / LOCK).unlink()  # while it is held: who waits for it sees that it is gone, and makes a new one
            with suppress(OSError):  # of a folder that another command has taken meanwhile
                for path in made:
                    path.rmdir()
        lock.release()


def _acquire(lock, folder, **options):
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(**options)
            return
        except FileNotFoundError:  # whoever held it has removed the folder, as it got nothing in it
            continue


@contextmanager
def fresh(folder: Path | str) -> Iterator[Path]:
    """Give an empty folder within ``folder``, for work of which only the results are moved out; the rest is removed.

    Nothing in it is older than the work, so that no tool takes a file of an earlier one for up to date, whatever the
    clock said then. What a killed process has left is removed, so the caller must hold the lock.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"{_FRESH}*"):
        shutil.rmtree(left, ignore_errors=True)
    made = folder / f"{_FRESH}{secrets.token_hex(4)}"
    work = made / "work"  # Verilator's makefiles look for files in the folder above, too
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def new_run(folder: Path | str, program: Path | str) -> Iterator[Path]:
    """Give a folder ``run-N`` for one run within ``folder``, with ``program`` in it as it is now.

    From then on the program may be replaced. The folder stays, without the program; of the folders of earlier runs that
    have ended, the newest few stay.

    Raises
    ------
    FileNotFoundError
        If there is no such program.
    """
    folder, program = Path(folder), Path(program)
    with ExitStack() as held:
        with locked(folder):
            if not program.is_file():
                raise FileNotFoundError(2, "no such file", str(program))
            runs = sorted((int(match[1]), path) for path in folder.iterdir() if (match := _RUN.fullmatch(path.name)))
            for _, path in runs[:-_KEPT]:
                _remove_ended(path)
            run = folder / f"run-{runs[-1][0] + 1 if runs else 1}"
            run.mkdir()
            held.enter_context(FileLock(run / LOCK))
            held.callback((run / program.name).unlink, missing_ok=True)
            try:
                os.link(program, run / program.name)
            except OSError:  # a file system without links
                shutil.copy2(program, run / program.name)
        yield run


def _remove_ended(run):
    lock = FileLock(run / LOCK)
    with suppress(Timeout, OSError):
        with lock.acquire(timeout=0):
            shutil.rmtree(run, ignore_errors=True)
