"""Folders that several commands use at once: who waits, what a killed one leaves, what is kept of runs."""

import subprocess
import sys
import threading
from contextlib import ExitStack

import pytest

from fewbit.places import HOME
from fewbit.sim.folders import LOCK, fresh, locked, new_run

ROOT = HOME
HOLDER = """
import sys, time
from fewbit.sim.folders import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(300)
"""


def test_who_waits_says_so_and_goes_on_when_the_other_is_killed(scratch):
    with subprocess.Popen([sys.executable, "-c", HOLDER, scratch], cwd=ROOT, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        said = []

        def say(text):
            said.append(text)
            other.kill()

        with locked(scratch, say):
            assert said == [f"waiting for another command that works in {scratch}"]


def test_threads_wait_for_each_other_and_one_takes_it_twice(scratch):
    inside, most = [], []

    def work():
        with locked(scratch, lambda _: None), locked(scratch):
            inside.append(1)
            most.append(len(inside))
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    with locked(scratch):
        for thread in threads:
            thread.start()
        assert not most
    for thread in threads:
        thread.join(timeout=30)
    assert most == [1] * 4


def test_a_folder_made_for_nothing_is_removed(scratch):
    with pytest.raises(ValueError, match="no"), locked(scratch / "a" / "b"):
        raise ValueError("no")
    assert not (scratch / "a").exists()
    with locked(scratch / "a" / "b") as _:
        (scratch / "a" / "b" / "made").touch()
    with locked(scratch / "a" / "b"):
        pass
    assert sorted(p.name for p in (scratch / "a" / "b").iterdir()) == [LOCK, "made"]


def test_who_waits_for_a_folder_that_is_removed_makes_it_again(scratch):
    folder, got = scratch / "a" / "b", []

    def work():
        with locked(folder, lambda _: waiting.set()):
            got.append(folder.exists())

    waiting, thread = threading.Event(), threading.Thread(target=work)
    with locked(folder):
        thread.start()
        assert waiting.wait(30)
    thread.join(timeout=30)
    assert got == [True]


def test_a_folder_that_may_only_be_read_is_not_held(scratch, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fewbit.sim.folders.FileLock.acquire", refuse)
    with locked(scratch):
        assert list(scratch.iterdir()) == []


def test_what_a_killed_build_left_goes_with_the_next_one(scratch):
    (scratch / ".new-of-another" / "deep").mkdir(parents=True)
    with fresh(scratch) as made:
        assert (
            not any(made.iterdir())
            and list(made.parent.iterdir()) == [made]
            and list(scratch.iterdir()) == [made.parent]
        )
    assert not any(scratch.iterdir())


def test_runs_have_folders_of_their_own_and_few_are_kept(scratch):
    program = scratch / "program"
    program.write_text("first")
    with new_run(scratch, program) as long:
        program.unlink()
        program.write_text("second")
        assert (long / "program").read_text() == "first", "a new program does not reach a run that has begun"
        ended = []
        for _ in range(9):
            with new_run(scratch, program) as run:
                (run / "dump.vcd").write_text(run.name)
            ended.append(run)
            assert (run / "dump.vcd").read_text() == run.name and not (run / "program").exists()
        kept = [path for path in scratch.iterdir() if path.name.startswith("run-")]
        assert long in kept and ended[-1] in kept and len(set(ended)) == 9 and len(kept) <= 6
    with ExitStack() as many:
        assert len({many.enter_context(new_run(scratch, program)) for _ in range(9)}) == 9


def test_a_run_without_a_program(scratch):
    with pytest.raises(FileNotFoundError), new_run(scratch, scratch / "program"):
        pass
    assert [path.name for path in scratch.iterdir()] == [LOCK]
