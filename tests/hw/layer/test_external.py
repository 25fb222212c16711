# amaranth: UnusedElaboratable=no
"""Which layers may have external weights, and how they are read."""

import numpy as np
import pytest

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.golden.numbers.formats import Float32, Unsigned
from fewbit.hw.folding import LayerFolding
from fewbit.hw.layer.external import ExternalPlan, TileBuffers, least_tile, tiles_of
from fewbit.hw.layer.shape import LayerShape
from fewbit.hw.packing import pack

RNG = np.random.default_rng(1)


def plan_of(folding, *, groups=1, pixels=12, inputs=10, neurons=6, bus=64):
    dense = Dense("dense0", "x", "y", RNG.integers(-7, 8, (neurons * groups, inputs)), groups)
    size = (3, pixels // 3)
    edges = {"x": Edge(Unsigned(4), np.zeros(inputs * groups), np.full(inputs * groups, 15), size)}
    edges["y"] = dense.out(edges["x"])
    return ExternalPlan(dense, None, edges, folding, bus=bus)


def test_tiles_divide_a_frame():
    shape = LayerShape(name="dense0", pixels=12, groups=1, group_neurons=6, inputs=10, pe=2, simd=5)
    assert tiles_of(shape) == [1, 2, 3, 4, 6, 12]
    # A step has 2*5*4 bits; a beat has one step, and a row of two takes two beats.
    assert [least_tile(shape, bits, 64) for bits in (4, 7, 30, 1000)] == [1, 2, 6, 12]
    assert plan_of(LayerFolding(2, 5, weights="external")).tile == 1
    plan = plan_of(LayerFolding(2, 5, weights="external", tile=4))
    assert (plan.tile, plan.beats_frame, plan.channel.rows, plan.channel.steps) == (4, 3 * 6, 3, 2)


def test_region_is_row_by_row():
    plan = plan_of(LayerFolding(2, 4, weights="external"))  # 2*4*4 bits: two steps a beat, three steps a row
    codes = np.pad(plan.numbers.codes, ((0, 0), (0, 2)), constant_values=plan.numbers.pad_weight)
    want = b""
    for row in range(3):
        steps = [pack(codes[2 * row : 2 * row + 2, 4 * s : 4 * s + 4].reshape(-1).tolist(), 4) for s in range(3)]
        want += (steps[0] | steps[1] << 32).to_bytes(8, "little") + steps[2].to_bytes(8, "little")
    assert plan.region == want and len(want) == plan.channel.size


@pytest.mark.parametrize("folding, options, reason", [
    (LayerFolding(2, 5, weights="external"), dict(groups=2), "have 2 groups"),
    (LayerFolding(6, 10, weights="external"), {}, "are all used in every cycle"),
    (LayerFolding(2, 5, weights="external", tile=5), {}, "tile must divide its 12 pixels, not 5"),
    (LayerFolding(2, 5, weights="external"), dict(bus=96), "must be 64, 128, 256 or 512 bits, not 96"),
    (LayerFolding(2, 5), {}, "weights 'fixed' are not supported"),
])  # fmt: skip
def test_refused(folding, options, reason):
    with pytest.raises(ValueError, match=reason):
        plan_of(folding, **options)


def test_float32_is_refused():
    dense = FloatDense("dense0", "x", "y", np.ones((2, 4), np.float32), np.zeros(2, np.float32), False)
    edges = {"x": Edge(Float32(), np.zeros(4), np.ones(4))}
    edges["y"] = dense.out(edges["x"])
    with pytest.raises(ValueError, match="dense0: its weights cannot be external: they are float32"):
        ExternalPlan(dense, None, edges, LayerFolding(1, 2, weights="external"), bus=64)


def test_tile_buffers():
    shape = LayerShape(name="dense0", pixels=196, groups=1, group_neurons=256, inputs=2304, pe=4, simd=32)
    plain, ultra = (TileBuffers.of(shape, 14, 4, 4, ultra=ultra) for ultra in (False, True))
    assert plain.cost.uram == 0 and plain.cost.bram18 > 0 and plain.front.attrs == {"ram_style": "block"}
    assert ultra.cost.uram > 0 and ultra.front.attrs == {"ram_style": "ultra"}
    assert TileBuffers.of(shape, 1, 4, 4, ultra=False).behind is None
    one_row = LayerShape(name="dense0", pixels=4, groups=1, group_neurons=4, inputs=8, pe=4, simd=2)
    assert TileBuffers.of(one_row, 2, 4, 4, ultra=False).front is None
