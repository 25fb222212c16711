"""Every tool that fewbit starts is started here: it ends with whoever started it, together with all that it started.

A tool runs in a session of its own, so that neither a closed terminal nor Ctrl-C reaches it by itself, under a small
supervisor (`host/supervise.py`) that holds one end of a pipe. When the other end is closed, by `Process.end` or because
this process is gone, even by SIGKILL, the supervisor kills the tool's whole group.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

__all__ = ["Process", "Terminated", "ended_by_signals", "run"]

_SUPERVISOR = Path(__file__).resolve().with_name("supervise.py")
_SECONDS = 10  # that a supervisor may take to end once it was told to

_running: set["Process"] = set()
_lock = threading.RLock()  # a signal may interrupt the thread that holds it
_ending = False


class Terminated(BaseException):
    """A signal asked this process to end; ``signal`` is its number. No ``except Exception`` takes it for an error."""

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.signal = number


class Process:
    """A command that runs, as `subprocess.Popen` is.

    Parameters
    ----------
    command : list of str or path
        Program and arguments.
    stdin, stdout, stderr, cwd, env, text
        As `subprocess.Popen` takes them; without ``stdin`` it reads nothing.

    Attributes
    ----------
    stdin, stdout, stderr : files or None
    returncode : int or None
        The status; 128 and the number of the signal where one ended it, None while it runs.

    Raises
    ------
    FileNotFoundError
        If there is no such program.
    InterruptedError
        If fewbit is ending, because of a signal: nothing is started any more.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        stdin: int | IO[Any] | None = subprocess.DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        cwd: Path | str | None = None,
        env: Mapping[str, str] | None = None,
        text: bool = False,
    ):
        words = [str(word) for word in command]
        found = shutil.which(words[0], path=(os.environ if env is None else env).get("PATH"))
        if found is None:
            raise FileNotFoundError(2, "no such program", words[0])
        words[0] = os.path.abspath(found)  # of this folder, not of ``cwd``
        self._alive: int | None
        reader, self._alive = os.pipe()
        try:
            with _lock:
                if _ending:
                    raise InterruptedError(f"{words[0]} is not started: fewbit is ending")
                self._popen: subprocess.Popen[Any] = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_SUPERVISOR), str(reader), *words],
                    stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, env=env, text=text,
                    pass_fds=(reader,), start_new_session=True,
                )  # fmt: skip
                _running.add(self)
        except BaseException:
            self._close()
            raise
        finally:
            os.close(reader)
        # None where no pipe was asked for; who asks for one need not look whether it is there.
        self.stdin: IO[Any] | Any = self._popen.stdin
        self.stdout: IO[Any] | Any = self._popen.stdout
        self.stderr: IO[Any] | Any = self._popen.stderr

    @property
    def returncode(self) -> int | None:
        """The status, as it was last seen; None while the command runs."""
        return self._popen.returncode

    def poll(self) -> int | None:
        """Return the status, or None while the command runs."""
        if self._popen.poll() is not None:
            self._done()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the command has ended, and return its status.

        Raises
        ------
        subprocess.TimeoutExpired
            If it still runs after ``timeout`` seconds.
        """
        status = self._popen.wait(timeout)
        self._done()
        return status

    def end(self) -> None:
        """Kill the command, and all that it started, if it still runs. A second call does nothing."""
        self._done()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_SECONDS)
            return
        self._popen.kill()  # the supervisor itself hangs
        self._popen.wait()

    def _done(self):
        with _lock:
            _running.discard(self)
            self._close()

    def _close(self):
        """Close the end of the pipe by which the supervisor knows that this process is there."""
        alive, self._alive = self._alive, None
        if alive is not None:
            os.close(alive)


def run(
    command: Sequence[str | Path], *, timeout: float | None = None, **options: Any
) -> subprocess.CompletedProcess[Any]:
    """Run a command to its end; return its status, and what it printed where its output is a ``PIPE``.

    Parameters
    ----------
    command : list of str or path
        Program and arguments.
    timeout : float or None
        Seconds after which the command is killed.
    options
        As `Process` takes them.

    Raises
    ------
    subprocess.TimeoutExpired
        If the command takes longer than ``timeout``.
    FileNotFoundError
        If there is no such program.
    """
    process = Process(command, **options)
    try:
        out, err = process._popen.communicate(timeout=timeout)
        return subprocess.CompletedProcess(command, process.wait(), out, err)
    finally:
        process.end()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End every tool that runs when this process is asked to end, within the ``with``.

    SIGTERM, SIGHUP and SIGINT then kill the tools; what waits in other threads for a tool goes on at once, and ends. A
    signal that is ignored, as ``nohup`` has it, stays so.

    Raises
    ------
    Terminated
        In the main thread, on SIGTERM and SIGHUP.
    KeyboardInterrupt
        In the main thread, on SIGINT.
    """
    global _ending

    def ends(number, _):
        global _ending
        _ending = True
        with _lock:
            for process in list(_running):
                process._done()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ends) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _ending = False
