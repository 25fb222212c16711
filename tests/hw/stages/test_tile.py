# amaranth: UnusedElaboratable=no
"""Tiles that are given several times, the order of what a layer makes of them, and cycles."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.formats import Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.stages.reorder import Reorder
from fewbit.hw.stages.tile import TileRepeat
from fewbit.hw.stages.tile_plan import TileRepeatPlan, tile_order
from fewbit.sim.cycles.machines import machine_of
from tests.support.stream_bench import STALLS, from_beats, stream

TILES = 5


def planned(beats, rows):
    return TileRepeatPlan(name="tile", bits=4, lanes=3, beats=beats, rows=rows)


def prediction(plan, offers, wants):
    """Return the cycles in which beats are taken and given, by the machine of the cycle model."""
    machine, taken, given = machine_of(plan), [], []
    for cycle, (offer, want) in enumerate(zip(offers, wants, strict=True)):
        gives = machine.valid() and want
        takes = offer and machine.ready(gives)
        machine.move(takes, gives)
        taken += [cycle] * takes
        given += [cycle] * gives
    return taken, given


@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("beats, rows", [(1, 1), (1, 4), (6, 1), (6, 5), (5, 2), (32, 3)])
def test_every_tile_comes_once_for_every_row(beats, rows, stalls):
    plan = planned(beats, rows)
    codes = np.random.default_rng(1).integers(0, 1 << 12, TILES * beats).tolist()
    want = [code for k in range(0, len(codes), beats) for code in codes[k : k + beats] * rows]
    found = stream(TileRepeat(plan), codes, len(want), stalls=stalls)
    assert found.payloads == want
    assert (found.taken, found.given) == prediction(plan, found.offered, found.wanted)


def test_full_rate():
    """A tile follows the one before without a gap where the next one was there in time."""
    plan = planned(6, 4)
    found = stream(TileRepeat(plan), list(range(60)), 240)
    assert found.given[-1] - found.given[0] == 239


@pytest.mark.parametrize("wrong", ["bits", "lanes", "beats", "rows"])
def test_wrong_numbers(wrong):
    with pytest.raises(ValueError, match=f"{wrong.title()} must be at least 1, not 0"):
        TileRepeatPlan(**dict(name="tile", bits=4, lanes=3, beats=2, rows=2) | {wrong: 0})


@pytest.mark.parametrize("neurons, pe, simd, tile", [
    (6, 2, 5, 3), (5, 2, 5, 4), (7, 3, 10, 2), (7, 4, 2, 6), (6, 6, 3, 2),
])  # fmt: skip
def test_results_come_back_in_order(neurons, pe, simd, tile):
    """What pads the last row is left out."""
    dense = Dense("dense0", "x", "y", np.random.default_rng(1).integers(-7, 8, (neurons, 10)))
    edges = {"x": Edge(Unsigned(4), np.zeros(10), np.full(10, 15), (12, 1))}
    edges["y"] = dense.out(edges["x"])
    plan = ExternalPlan(dense, None, edges, LayerFolding(pe, simd, weights="external", tile=tile), bus=64)
    order, bits = tile_order(plan, edges), edges["y"].format.bits
    codes = np.random.default_rng(2).integers(0, 1 << bits, (12, neurons))
    lanes = np.full((12, plan.rows * plan.pe), 0)
    lanes[:, :neurons] = codes
    rows = lanes.reshape(-1, tile, plan.rows, plan.row_beats, plan.lanes).transpose(0, 2, 1, 3, 4)
    beats = [sum(int(c) << k * bits for k, c in enumerate(beat)) for beat in rows.reshape(-1, plan.lanes)]
    count = 12 * plan.shape.beats_out
    found = stream(Reorder(order), beats, count, stalls=STALLS["both"])
    got = from_beats(found.payloads, plan.lanes, bits, 12)[:, :neurons]
    assert got.tolist() == codes.tolist()
