# amaranth: UnusedElaboratable=no
"""Layers whose weights are a stream, against golden, and their cycles."""

import numpy as np
import pytest

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.layer.weight_steps import ExternalUnit, WeightSteps
from fewbit.sim.cycles.machines import machine_of
from tests.support.layer_bench import random_layer
from tests.support.stream_bench import STALLS, assert_varied, from_beats, streams, to_beats

U, S = Unsigned, Signed
VECTORS = 12
CASES = {  # formats of x, weights and codes; inputs, neurons, PE, SIMD, tile
    "4 bits": (U(4), S(4, True), U(4), 12, 6, 3, 4, 3),
    "padded": (U(4), S(4, True), U(4), 11, 5, 2, 4, 3),
    "one vector a tile": (U(4), S(4, True), U(4), 11, 5, 2, 4, 1),
    "one row": (U(2), S(3), U(2), 9, 4, 4, 3, 2),
    "one step": (U(2), S(3), U(2), 6, 6, 2, 6, 4),
    "a bit": (Bipolar(), Bipolar(), Bipolar(), 12, 10, 4, 3, 2),
    "falling": (Bipolar(), Bipolar(), U(2), 12, 6, 2, 5, 4),
    "ternary": (Ternary(), Ternary(), Ternary(), 10, 7, 3, 4, 6),
    "rescaled": (U(8), S(8), U(6), 10, 7, 3, 4, 2),
    "accumulators": (S(4), S(3), None, 10, 7, 3, 4, 2),
}


def made(case):
    x, w, y, inputs, neurons, pe, simd, tile = CASES[case]
    layer = random_layer(x, w, inputs, neurons, vectors=VECTORS)
    if y is not None:
        layer.threshold(y)
    edges = {name: edge for name, edge in layer.edges.items()}
    for edge in edges.values():
        object.__setattr__(edge, "size", (VECTORS, 1))
    folding = LayerFolding(pe, simd, weights="external", tile=tile)
    return layer, ExternalPlan(layer.dense, layer.act, edges, folding, bus=64)


def beats_of(layer, plan):
    """Return the codes and the weights that the unit is sent, a row for all vectors of a tile before the next."""
    lanes, bits = plan.lanes_in, plan.numbers.lane_format.bits
    codes = to_beats(plan.x_format.encode(layer.x), lanes, plan.x_format.bits)
    size = plan.tile * plan.steps
    tiles = [codes[k : k + size] for k in range(0, len(codes), size)]
    words = plan.weights.words
    rows = [words[k : k + plan.steps] for k in range(0, len(words), plan.steps)]
    assert bits == plan.x_format.bits or plan.numbers.x_table is not None
    weights = [word for _ in tiles for row in rows for word in row * plan.tile]
    return [beat for tile in tiles for beat in tile * plan.rows], weights


@pytest.mark.sampled(12)
@pytest.mark.parametrize("stalls", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize("case", CASES)
def test_against_golden(case, stalls):
    layer, plan = made(case)
    assert_varied(layer.y)
    codes, weights = beats_of(layer, plan)
    count = VECTORS * (plan.beats_out if plan.tile == 1 else plan.rows * plan.row_beats)
    ends = streams(ExternalUnit(plan), {"i0": codes, "i1": weights}, {"o": count}, stalls=stalls)
    got = from_beats(ends["o"].payloads, plan.lanes, plan.out_bits, count)
    if plan.tile > 1:  # (tile, row, vector, beat, lane) to vectors
        got = got.reshape(-1, plan.rows, plan.tile, plan.row_beats, plan.lanes).transpose(0, 2, 1, 3, 4)
    got = got.reshape(VECTORS, -1)[:, : layer.y.shape[1]]
    assert plan.format.decode(got).tolist() == layer.y.tolist()
    if stalls == (0, 0):
        assert ends["o"].given == predicted(plan, len(codes), count)


def predicted(plan, beats, count):
    """Return the cycles in which beats leave at full rate, by the machine of the cycle model."""
    machine, given, cycle, sent = machine_of(plan), [], 0, 0
    machine.connect((0, 1), (2,))
    while len(given) < count:
        valid, ready = [sent < beats, sent < beats, False], [False, False, True]
        machine.forward(valid)
        machine.backward(valid, ready)
        takes = valid[0] and ready[0]
        given += [cycle] * valid[2]
        machine.i = 0
        machine.move(takes, valid[2])
        sent += takes
        cycle += 1
    return given


@pytest.mark.parametrize("wrong", [dict(steps=0), dict(rows=0), dict(tile=0)])
def test_wrong_numbers(wrong):
    with pytest.raises(ValueError, match="must be at least 1, not 0"):
        WeightSteps(**dict(bits=4, lanes=2, width=8, steps=2, rows=2, tile=2) | wrong)


def test_no_row_without_credit():
    dut = WeightSteps(bits=4, lanes=2, width=8, steps=3, rows=2, tile=2)
    from tests.support.stream_bench import simulate

    begun, rows = [], []

    async def testbench(ctx):
        rng = np.random.default_rng(1)
        begun.clear()
        rows.clear()
        ctx.set(dut.i.valid, 1)
        ctx.set(dut.weights.valid, 1)
        for cycle in range(200):
            credit = bool(rng.random() < 0.3)
            ctx.set(dut.credit, credit)
            if ctx.get(dut.begin):
                assert credit
                begun.append(cycle)
                rows.append((ctx.get(dut.row), ctx.get(dut.row_last)))
            await ctx.tick()

    simulate(dut, testbench)
    assert len(begun) > 20 and min(np.diff(begun)) >= 3
    assert rows[:6] == [(0, 0), (0, 0), (1, 1), (1, 1), (0, 0), (0, 0)]
