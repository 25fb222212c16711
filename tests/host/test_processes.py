"""Tools end with whoever started them, together with all that they started: real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fewbit.host.processes import Process, run
from fewbit.places import HOME
from tests.support.small_network import SPEC, small

ROOT = HOME
SECONDS = 30  # bound of every wait

# A tool with a child of its own, which is what make and Verilator are.
TOOL = ["sh", "-c", 'sleep 300 & echo "$$ $!" > pids; sleep 300']
PARENT = f"""
from fewbit.host.processes import ended_by_signals, run
with ended_by_signals():
    run({TOOL!r}, cwd=__import__("sys").argv[1])
"""


def alive(pid):
    """Whether a process runs; one that has ended may wait for its parent to ask."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def until(condition):
    end = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)
    return found


def processes_of(folder):
    def pids():
        file = folder / "pids"
        return file.read_text().split() if file.is_file() else None

    return [int(pid) for pid in until(pids)]


@pytest.mark.parametrize("name, status", [("SIGKILL", -9), ("SIGTERM", None), ("SIGHUP", None), ("SIGINT", None)])
def test_the_end_of_the_parent_ends_the_tool_and_its_children(name, status, scratch):
    with subprocess.Popen([sys.executable, "-c", PARENT, scratch], cwd=ROOT, stderr=subprocess.PIPE) as parent:
        pids = processes_of(scratch)
        assert len(pids) == 2 and all(map(alive, pids))
        parent.send_signal(getattr(signal, name))
        said = parent.communicate(timeout=SECONDS)[1].decode()
    until(lambda: not any(map(alive, pids)))
    if status is not None:
        assert parent.returncode == status
    elif name == "SIGINT":
        assert "KeyboardInterrupt" in said
    else:
        assert f"Terminated: {name}" in said


def test_a_tool_that_ends_leaves_nothing_running(scratch):
    done = run(["sh", "-c", 'sleep 300 & echo $! > pids; echo said; exit 7'], cwd=scratch, stdout=subprocess.PIPE,
               text=True)  # fmt: skip
    assert (done.returncode, done.stdout) == (7, "said\n")
    until(lambda: not any(map(alive, processes_of(scratch))))


def test_a_tool_that_takes_too_long_is_ended(scratch):
    with pytest.raises(subprocess.TimeoutExpired):
        run(TOOL, cwd=scratch, timeout=1)
    until(lambda: not any(map(alive, processes_of(scratch))))


def test_a_tool_that_is_ended_early_and_twice(scratch):
    process = Process(TOOL, cwd=scratch)
    pids = processes_of(scratch)
    assert process.poll() is None
    process.end()
    process.end()
    assert process.returncode == 128 + signal.SIGKILL
    until(lambda: not any(map(alive, pids)))


def test_a_program_that_is_not_there():
    with pytest.raises(FileNotFoundError, match="no such program"):
        run(["no-such-program"])


def test_standard_input_and_output_are_the_tools():
    process = Process(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(b"through")
    process.stdin.close()
    assert process.stdout.read() == b"through" and process.wait(SECONDS) == 0
    process.stdout.close()


@pytest.mark.sampled(3)
@pytest.mark.tools
@pytest.mark.parametrize("name, status", [("SIGTERM", 128 + 15), ("SIGINT", 130), ("SIGKILL", -9)])
def test_a_build_that_is_ended_leaves_no_compiler(name, status, scratch):
    """``fewbit sim`` ended while Verilator or make works: no process is left, and nothing more is written."""
    model, folder = small(scratch / "m.onnx"), scratch / "out"
    command = [
        sys.executable,
        "-m",
        "fewbit.flow.commands.cli",
        "sim",
        model,
        "--input",
        SPEC,
        "--frames",
        "4",
        "-o",
        folder,
    ]
    mark = {"FEWBIT_TEST": str(scratch)}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | mark, stderr=subprocess.PIPE) as fewbit:
        until(lambda: fewbit.poll() is not None or len(_marked(mark)) > 3)
        fewbit.send_signal(getattr(signal, name))
        said = fewbit.communicate(timeout=SECONDS)[1].decode()
    assert fewbit.returncode == status, said
    assert "Traceback" not in said and ("fewbit: ended by SIGTERM" in said) == (name == "SIGTERM")
    until(lambda: not _marked(mark))
    assert not (folder / "sim" / "accelerator").exists(), "it was finished by processes that nobody waited for"


def _marked(mark):
    """Processes with this variable in their environment; elsewhere than on Linux, those whose command names it."""
    ((name, value),) = mark.items()
    if not Path("/proc/self/environ").exists():
        done = subprocess.run(["pgrep", "-f", value], capture_output=True, text=True, check=False)
        return done.stdout.split()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{name}={value}".encode() in (folder / "environ").read_bytes().split(b"\0") and alive(folder.name):
                found.append(folder.name)
        except OSError:
            continue
    return found
