"""Long calls tell how far they are; an exception of who is told ends them, and leaves nothing half-written."""

import subprocess
import sys
import threading

import pytest

import fewbit
from fewbit.flow.api.progress import Told
from fewbit.flow.jobs import run_jobs
from fewbit.host import processes
from fewbit.places import HOME
from tests.support.small_network import SPEC, samples, small

DIGITS = HOME / "examples" / "digits"


class Enough(Exception):
    pass


def until(what, events):
    """A callback that notes what it is told, and raises when a text begins so."""

    def told(event):
        events.append(event)
        if event.what.startswith(what):
            raise Enough(event.what)

    return told


def test_every_kind_of_progress():
    events = []
    told = Told(events.append)
    told.say("a line")
    told.step("Verilog", True, "there")
    with told.working("a step"):
        pass
    with told.stepping("Yosys") as progress:
        progress(1.5, "ABC")
    with told.estimating("a build", 8.0) as progress:
        progress()
    with told.counting("images", 3) as progress:
        progress(2)
    seen = [(event.what, event.done, event.total) for event in events if event.what != "a build"]
    assert seen == [
        ("a line", 0, None), ("Verilog: made there", 1, 1), ("a step", 0, None), ("a step", 1, 1), ("Yosys", 0, None),
        ("Yosys: ABC", 0, None), ("Yosys", 1, 1), ("images", 0, 3), ("images", 2, 3),
        ("images", 3, 3),
    ]  # fmt: skip
    build = [event for event in events if event.what == "a build"]
    assert [event.total for event in build] == [8, 8, 8] and build[0].done == 0 and build[2].share == 1
    assert events[-2].share == 2 / 3 and events[0].share is None


def test_jobs_are_counted_together_and_end_together():
    events = []
    found = run_jobs(Told(events.append), "jobs", ["a", "b"], 2, lambda name, job: job.done("half", 1) or name, 1)
    assert found == {"a": "a", "b": "b"} and (events[-1].done, events[-1].total) == (4, 4)
    assert [event.done for event in events] == sorted(event.done for event in events)
    working, stopped = threading.Event(), []

    def work(name, job):
        if name == "a":
            working.wait(10)
            job.now("fails")
        working.set()
        try:
            while True:
                job.now("goes on")
        except BaseException as error:
            stopped.append(type(error).__name__)
            raise

    with pytest.raises(Enough):
        run_jobs(Told(until("jobs: a: fails", [])), "jobs", ["a", "b"], 1, work, 2)
    assert stopped == ["Stopped"]


def test_nothing_is_half_written(scratch):
    model, events = fewbit.load(DIGITS / "w1a1.onnx"), []
    with pytest.raises(Enough, match="folding"):
        model.fold(fps=1000, file=scratch / "fold.json", progress=until("folding", events))
    with pytest.raises(Enough, match="generating"):
        model.build(scratch / "b", progress=until("generating Verilog", events))
    assert not (scratch / "fold.json").exists() and not list((scratch / "b").glob("*.json"))
    floats = fewbit.load(DIGITS / "float32.onnx")
    with pytest.raises(Enough, match="measuring"):
        floats.quantize(frames=20, file=scratch / "q.onnx", progress=until("measuring", events))
    assert not (scratch / "q.onnx").exists()
    assert {event.what for event in events} >= {"calibrating", "quantizing"} and events[-1].what == "measuring"
    build = model.build(scratch / "b", progress=events.append)
    assert build.up_to_date is False and any("Verilog: made" in event.what for event in events)


def test_nothing_is_printed(capfd, scratch):
    model = fewbit.load(DIGITS / "w1a1.onnx")
    model.predict(frames=3)
    model.fold(fps=1000, file=scratch / "fold.json").build(scratch / "b")
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@pytest.mark.tools
def test_a_simulation_is_ended(scratch):
    small(scratch / "m.onnx")
    build, events = fewbit.load(scratch / "m.onnx", input=SPEC).build(scratch / "b"), []
    with pytest.raises(Enough):
        build.simulate(samples(), progress=until("building", events))
    assert not processes._running and not (scratch / "b" / "sim" / "accelerator").exists()
    found = build.simulate(samples(), progress=events.append)
    assert found.ok and any(event.what == "simulating" and event.share == 1 for event in events)


@pytest.mark.tools
def test_control_c_ends_a_simulation_and_its_tools(scratch):
    small(scratch / "m.onnx")
    code = f"""
import os, signal, fewbit
def told(event):
    if event.what.startswith("building"):
        os.kill(os.getpid(), signal.SIGINT)
build = fewbit.load({str(scratch / "m.onnx")!r}, input={SPEC!r}).build({str(scratch / "b")!r})
try:
    build.simulate(progress=told)
except KeyboardInterrupt:
    from fewbit.host import processes
    print("interrupted", len(processes._running))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.stdout == "interrupted 0\n", done.stderr
    assert not (scratch / "b" / "sim" / "accelerator").exists()
