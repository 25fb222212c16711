"""The engine is built once, safely and quietly; without it the Python model does its work."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles import frames
from fewbit.sim.cycles.engine.library import _library
from fewbit.sim.cycles.machines import twin_of
from fewbit.sim.cycles.machines.machine import RegisterMachine, compiled, machine_for
from fewbit.sim.cycles.model import predict
from tests.support.networks import random_folding, random_network


def program(folder, text):
    path = folder / "compiler"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return [str(path)]


@pytest.mark.parametrize("text", [
    "exit 1", "echo half >$8; kill -9 $$", "echo no library >$8",
], ids=["it fails", "it is killed", "what it makes is no library"])  # fmt: skip
def test_a_compiler_that_fails_is_none(scratch, text):
    assert _library(program(scratch, text), scratch / "cache") is None
    assert not [name for name in os.listdir(scratch / "cache") if name.startswith(".")]


def test_no_compiler_is_none(scratch):
    assert _library([], scratch) is None
    assert _library(["no-such-compiler"], scratch) is None
    (scratch / "file").write_text("")
    assert _library(program(scratch, "exit 0"), scratch / "file") is None


@pytest.mark.slow
@pytest.mark.tools
def test_two_processes_build_it_at_once_and_later_ones_not(scratch):
    code = "from fewbit.sim.cycles.engine.library import library; print(len(library().kinds))"
    environment = os.environ | {"FEWBIT_CACHE": str(scratch)}
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [int(p.communicate(timeout=300)[0]) > 10 for p in both] == [True, True]
    (built,) = (scratch / "cycles").iterdir()
    was = built.stat().st_mtime_ns
    subprocess.run(command, env=environment, check=True, timeout=300, stdout=subprocess.DEVNULL)
    assert [(path, path.stat().st_mtime_ns) for path in (scratch / "cycles").iterdir()] == [(built, was)]


def planned(seed):
    rng = np.random.default_rng([12, seed])
    network = random_network(rng, most=12)
    return AcceleratorPlan(network, random_folding(rng, network))


def test_python_stands_in(monkeypatch):
    plan = planned(1)
    want = predict(plan, 9)
    monkeypatch.setattr(frames, "library", lambda: None)
    assert predict(plan, 9) == want


class _DelayPlan:
    """Nobody's plan."""


@machine_for(_DelayPlan)
class _DelayMachine(RegisterMachine):
    """A register by inheritance, but one that has no compiled twin by that."""


class _OddPlan:
    """Nobody's plan either."""


@machine_for(_OddPlan)
@compiled("no such kind")
class _OddMachine(RegisterMachine):
    """A register with a twin that the engine does not have."""


@pytest.mark.parametrize("kind", [_DelayPlan, _OddPlan])
def test_a_machine_that_the_engine_does_not_have_runs_in_python(kind):
    plan = planned(2)
    want = predict(plan, 5)
    end = plan.stages[-1]
    plan.stages.append(type(end)("more", kind(), ((len(plan.stages) - 1, 0),), end.beats))
    assert (twin_of(kind()) is None) == (kind is _DelayPlan)
    assert predict(plan, 5).left == [cycle + 1 for cycle in want.left]
