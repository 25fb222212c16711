"""Results of the cycle model that took long are found again by what they depend on."""

from functools import partial

import numpy as np
import pytest

from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.sim.cycles import kept as module
from fewbit.sim.cycles import model
from fewbit.sim.cycles.kept import kept
from fewbit.sim.cycles.timing import Timing
from tests.support.networks import random_folding, random_network

TIMING = Timing([0, 5], [9, 14])


@pytest.fixture
def long(monkeypatch):
    """Everything counts as having taken long."""
    monkeypatch.setattr(module, "_LONG", -1)


def never():
    raise AssertionError("it is computed again")


def test_what_took_long_is_kept(scratch, long):
    assert kept("a", lambda: TIMING, folder=scratch) == TIMING
    assert kept("a", never, folder=scratch) == TIMING
    with pytest.raises(AssertionError):
        kept("b", never, folder=scratch)


def test_what_took_no_time_is_not(scratch):
    kept("a", lambda: TIMING, folder=scratch)
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"entered": [0]}', '{"entered": [0], "left": [1], "more": 2}'])
def test_a_broken_file_is_none(scratch, long, text):
    kept("a", lambda: TIMING, folder=scratch)
    (path,) = scratch.iterdir()
    path.write_text(text)
    assert kept("a", lambda: TIMING, folder=scratch) == TIMING
    assert kept("a", never, folder=scratch) == TIMING


def test_a_folder_that_cannot_be_made_does_no_harm(scratch, long):
    (scratch / "file").write_text("")
    assert kept("a", lambda: TIMING, folder=scratch / "file") == TIMING


def test_predictions_are_reused_while_nothing_changes(scratch, long, monkeypatch):
    rng = np.random.default_rng(3)
    network = random_network(rng, most=9)
    plan = AcceleratorPlan(network, random_folding(rng, network))
    monkeypatch.setattr(model, "kept", partial(kept, folder=scratch))
    timing = model.predict(plan, 6)
    monkeypatch.setattr(model, "run_frames", lambda *_: never())
    assert model.predict(plan, 6) == timing
    with pytest.raises(AssertionError):
        model.predict(plan, 7)
    next(iter(plan.layers.values())).depth += 1
    with pytest.raises(AssertionError):
        model.predict(plan, 6)
