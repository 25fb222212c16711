# amaranth: UnusedElaboratable=no
"""What stages beside layers take by their plans' formulas, against Yosys."""

import numpy as np
import pytest

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Add, Multiply
from fewbit.golden.network.reorder import Reorder as ReorderNode
from fewbit.golden.network.spatial import Repeat as RepeatNode
from fewbit.golden.network.spatial import Upsample as UpsampleNode
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.hw.stages import add_plan, multiply_plan, repeat_plan, upsample_plan
from fewbit.hw.stages.join import Join
from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.stages.registry import cost_of
from fewbit.hw.stages.reorder_plan import plan_of
from tests.support.units import resources_of

B, U, S = Bipolar(), Unsigned, Signed
OFF, FEW = 0.15, 4  # how far an estimate may be off, as a share, and in LUTs
ONES, EACH = np.ones((2, 16), dtype=np.int64), np.random.default_rng(1).integers(1, 8, (2, 16))


def edge_of(fmt, channels, size):
    one = np.ones(channels, dtype=np.int64)
    return Edge(fmt, one * fmt.lo, one * fmt.hi, size)


def added(a, b, lanes, multipliers=ONES):
    edges = {"a": edge_of(a, 16, (4, 4)), "b": edge_of(b, 16, (4, 4))}
    node = Add("n", "a", "y", ("b",), multipliers)
    return Join(JoinPlan(node, edges | {"y": node.out(*edges.values())}, lanes=lanes))


def multiplied(a, b, lanes, multipliers=ONES, zeros=0 * ONES):
    edges = {"a": edge_of(a, 16, (4, 4)), "b": edge_of(b, 16, (4, 4))}
    node = Multiply("n", "a", "y", ("b",), multipliers, zeros)
    return Join(JoinPlan(node, edges | {"y": node.out(*edges.values())}, lanes=lanes))


def repeated(count, lanes):
    node, x = RepeatNode("n", "a", "y", count), edge_of(U(4), 8, (4, 4))
    return repeat_plan.RepeatPlan(node, {"a": x, "y": node.out(x)}, lanes=lanes).make()


def enlarged(fmt, channels, size, factors, lanes):
    node, x = UpsampleNode("n", "a", "y", size, factors), edge_of(fmt, channels, size)
    return upsample_plan.UpsamplePlan(node, {"a": x, "y": node.out(x)}, lanes=lanes).make()


def reordered(fmt, shape, axes, cycles, *, fill=False):
    order = np.arange(np.prod(shape)).reshape(shape).transpose(axes).reshape(-1)
    if fill:
        order = np.where(np.arange(len(order)) % shape[-1] == 0, -1, order)
    node, x = ReorderNode("n", "a", "y", order), edge_of(fmt, shape[-1], shape[:-1])
    return plan_of(node, {"a": x, "y": node.out(x)}, bound=cycles).make()


ZEROS = np.array([[3], [-2]]) * ONES
UNITS = {
    "add": lambda: added(U(4), U(4), 4),
    "add wide": lambda: added(S(8), U(4), 8),
    "add scaled": lambda: added(S(4), S(4), 4, np.array([[5], [3]]) * ONES),
    "signs": lambda: multiplied(B, B, 4),
    "product": lambda: multiplied(U(4), U(4), 4),
    "product of 8 bits": lambda: multiplied(U(8), U(8), 4),
    "product of 2 by 4 bits": lambda: multiplied(U(2), S(4), 1),
    "product with zeros": lambda: multiplied(U(4), U(4), 4, zeros=ZEROS),
    "product by channel": lambda: multiplied(S(3), U(4), 4, EACH, 3 * EACH - 9),
    "repeat": lambda: repeated(16, 1),
    "repeat at once": lambda: repeated(16, 16),
    "upsample one pixel": lambda: enlarged(U(4), 8, (1, 1), (7, 7), 8),
    "upsample": lambda: enlarged(U(8), 16, (4, 4), (2, 2), 4),
    "upsample rows": lambda: enlarged(U(4), 8, (4, 4), (2, 1), 1),
    "upsample in block RAM": lambda: enlarged(U(8), 16, (14, 14), (2, 2), 1),
    "upsample wide": lambda: enlarged(U(8), 16, (14, 14), (2, 2), 16),
    "reorder": lambda: reordered(U(4), (4, 4, 8), (1, 0, 2), 128),
    "reorder blocks": lambda: reordered(U(4), (4, 4, 8), (1, 0, 2), 32),
    "reorder by several": lambda: reordered(U(4), (8, 8, 16), (2, 1, 0), 256),
    "reorder unevenly": lambda: reordered(B, (2, 3, 5), (2, 1, 0), 30),
    "reorder and fill": lambda: reordered(U(4), (4, 4, 8), (2, 0, 1), 128, fill=True),
    "reorder at once": lambda: reordered(B, (2, 3, 5), (2, 1, 0), 1),
}


@pytest.mark.slow
@pytest.mark.tools
def test_close_to_synthesis(tmp_path):
    units = {name.replace(" ", "_"): make() for name, make in UNITS.items()}
    found = resources_of(units, tmp_path / "units.v")
    wrong = {}
    for name, unit in units.items():
        cost, real = unit.plan.cost, found[name]
        near = abs(cost.lut - real.lut) <= max(FEW, OFF * real.lut)
        if not near or cost.dsp != real.dsp or cost.bram18 != real.bram18 + 2 * real.bram36:
            wrong[name] = cost, real
    assert wrong == {}


def test_a_stage_is_as_narrow_as_its_cycles_allow():
    """Registered by node: the fewest channels at a time whose beats are not more than the cycles."""
    edges = {x: edge_of(U(4), 16, (4, 4)) for x in "ab"}
    sums, products = Add("n", "a", "y", ("b",), ONES), Multiply("n", "a", "y", ("b",), ONES, 0 * ONES)
    for node, make in (sums, added), (products, multiplied):
        found = [cost_of.of(node)(node, edges | {"y": node.out(*edges.values())}, cycles) for cycles in (256, 64, 16)]
        assert found == [make(U(4), U(4), lanes).plan.cost for lanes in (1, 4, 16)]
        assert found[0].lut < found[1].lut < found[2].lut
    x = edge_of(U(4), 16, (4, 4))
    for node, kind in (
        (UpsampleNode("n", "a", "y", (4, 4), (2, 2)), upsample_plan),
        (RepeatNode("n", "a", "y", 8), repeat_plan),
    ):
        y = node.out(x)
        wide, narrow = (cost_of.of(node)(node, {"a": x, "y": y}, cycles) for cycles in (y.length // 8, y.length))
        assert wide != narrow, kind
    assert add_plan.AddersPlan and multiply_plan.MultipliersPlan
