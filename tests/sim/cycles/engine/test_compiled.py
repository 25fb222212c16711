"""The compiled engine against the Python model, its reference: the same times, needs, repetitions and standstills."""

import signal
from collections import Counter

import numpy as np
import pytest

from fewbit.golden.limits.limit import CYCLES_SECONDS, LimitError
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles.engine import compiled
from fewbit.sim.cycles.engine.compiled import run_compiled
from fewbit.sim.cycles.engine.description import describe
from fewbit.sim.cycles.engine.library import library
from fewbit.sim.cycles.machines import Machine
from fewbit.sim.cycles.run import Run
from fewbit.sim.cycles.timing import Standstill
from tests.support.bare_pipelines import random_pipeline
from tests.support.image_networks import legal_folding, random_gated_network, random_image_network
from tests.support.networks import random_folding, random_network

pytestmark = pytest.mark.tools


def given(run):
    """What a run gives, or the message with which it stands still."""
    try:
        return run()
    except Standstill as error:
        return str(error)


def same(plan, frames, *, period=0, latest=None):
    """Assert that both forms give the same, and return it."""
    want = given(lambda: Run(plan, frames, period=period).outcome(latest))
    got = given(lambda: run_compiled(library(), describe(plan), frames, period=period, latest=latest))
    assert got == want
    return got


def every_way(plan, seen):
    """Assert it for sources that never wait, that send frames as often as can be, and less often; and for late ones."""
    for period in (0, plan.bound, plan.bound + 5):
        found = same(plan, 12, period=period)
        seen["standstill" if isinstance(found, str) else "repeats" if found.repetition else "does not repeat"] += 1
        if isinstance(found, str):
            continue
        latest = list(found.timing.left)
        assert same(plan, 12, period=period, latest=latest).timing == found.timing
        latest[7] -= 1
        assert same(plan, 12, period=period, latest=latest).timing is None
    same(plan, 1)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("draw", [random_image_network, random_gated_network])
def test_networks_on_images(draw):
    seen = Counter()
    for seed in range(8):
        rng = np.random.default_rng([11, seed])
        network, _ = draw(rng)
        plan = AcceleratorPlan(network, legal_folding(rng, network))
        every_way(plan, seen)
        for _ in range(2 if plan.queues else 0):
            depths = {name: int(rng.choice([0, 2, 3, 5, 9, 40])) for name in plan.queues}
            every_way(plan.with_depths(depths), seen)
    assert min(seen["standstill"], seen["repeats"], seen["does not repeat"]) > 0, seen


def test_chains_of_layers():
    seen = Counter()
    for seed in range(12):
        rng = np.random.default_rng([12, seed])
        network = random_network(rng, most=16)
        every_way(AcceleratorPlan(network, random_folding(rng, network)), seen)
    assert seen["repeats"]


def test_several_inputs_and_other_orders():
    seen = Counter()
    for seed in range(40):
        every_way(random_pipeline(np.random.default_rng([13, seed])), seen)
    assert min(seen["standstill"], seen["repeats"]) > 5, seen


def _subclasses(kind):
    for inner in kind.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def test_every_machine_of_ours_has_a_twin_and_every_twin_a_machine():
    ours = [m for m in _subclasses(Machine) if m.__module__.startswith("fewbit.sim.cycles.machines.")]
    kinds = {vars(machine)["twin"].kind for machine in ours if "twin" in vars(machine)}
    assert kinds == library().kinds.keys()


def test_a_run_that_takes_too_long_says_so(monkeypatch):
    rng = np.random.default_rng([12, 0])
    network = random_network(rng, most=16)
    plan = AcceleratorPlan(network, random_folding(rng, network))
    monkeypatch.setattr(compiled, "_CHUNK", 10_000)
    monkeypatch.setenv(CYCLES_SECONDS.variable, "0.05")
    often = dict(period=max(1, plan.bound // 2))
    for run, advice in (
        (lambda: run_compiled(library(), describe(plan), 10**7, **often), "; fold to fewer cycles a frame; the limit"),
        (lambda: Run(plan, 10**7, **often).outcome(), r"; with a C\+\+ compiler .*; or fold to fewer cycles a frame; "),
    ):
        with pytest.raises(LimitError, match=r"cycle model takes too long: \d+ of 10000000 frames have .*" + advice):
            run()


def test_an_interrupt_ends_a_run(monkeypatch):
    """Frames that are sent too often never repeat, so that this takes long."""
    rng = np.random.default_rng([12, 0])
    network = random_network(rng, most=16)
    plan = AcceleratorPlan(network, random_folding(rng, network))
    monkeypatch.setattr(compiled, "_CHUNK", 10_000)

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_compiled(library(), describe(plan), 10**7, period=max(1, plan.bound // 2))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
