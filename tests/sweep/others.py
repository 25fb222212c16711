"""Random units of the sweep that are no layers: functions of single codes, pools, sums of two branches."""

import numpy as np

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.joins import Add, FloatAdd
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.network.spatial import Largest as LargestNode
from fewbit.golden.numbers.formats import Bipolar, Float32, Levels, Signed, Ternary, Unsigned
from fewbit.hw.stages.join import Join
from fewbit.hw.stages.join_plan import JoinPlan
from fewbit.hw.stages.pointwise import Pointwise
from fewbit.hw.stages.pointwise_plan import PointwisePlan
from fewbit.hw.stages.pool import Largest, LargestOfAll
from fewbit.hw.stages.pool_plan import LargestOfAllPlan, LargestPlan
from tests.sweep.formats import LEVELS
from tests.sweep.unit import ANY, Stalls, Unit

__all__ = ["OTHERS", "draw_other"]

_INTEGERS = (Bipolar(), Ternary(), Unsigned(1), Unsigned(2), Unsigned(4), Signed(3), Signed(4, True), Unsigned(8),
             Signed(8))  # fmt: skip


def draw_other(rng, kind, target):
    """A `Unit` of one of `OTHERS`; they are the same for every target."""
    return OTHERS[kind](rng, kind, target)


def _values(rng, fmt, shape):
    if not isinstance(fmt, Float32):
        return rng.choice(fmt.values, shape)
    x = rng.normal(size=shape).astype(np.float32)
    x[rng.random(shape) < 0.1] = 0
    return x


def _edge(fmt, channels):
    lo, hi = (-np.inf, np.inf) if isinstance(fmt, Float32) else (fmt.lo, fmt.hi)
    return Edge(fmt, np.full(channels, lo), np.full(channels, hi))


def _divisor(rng, number):
    return int(rng.choice([n for n in range(1, number + 1) if number % n == 0]))


def _activation(rng, kind, target):
    """A function of each code, one for every channel or one for all."""
    fmt = (*_INTEGERS, Unsigned(12), Signed(11), *LEVELS)[rng.integers(len(_INTEGERS) + 2 + len(LEVELS))]
    channels, count = int(rng.integers(1, 20)), int(rng.integers(8, 30))
    lanes, x = int(rng.integers(1, channels + 1)), rng.choice(fmt.values, (count, channels))
    edge = _edge(fmt, channels)
    if rng.random() < 0.3 and not isinstance(fmt, Levels):
        to = [Unsigned(4), Signed(6), Unsigned(8), Signed(5, True)][rng.integers(4)]
        shift = int(rng.integers(4, 16))
        factor = np.rint((to.hi - to.lo) / 2 / (x.std(axis=0) + 0.5) * 2**shift).astype(np.int64)
        factor *= rng.choice([1, -1], channels)
        addend = np.rint((to.hi + to.lo) / 2 * 2**shift - x.mean(axis=0) * factor).astype(np.int64)
        node = Rescale("act", "x", "y", factor, addend, shift, to)
    else:
        to = (*_INTEGERS[:7], *LEVELS)[rng.integers(7 + len(LEVELS))]
        rows, levels = 1 if rng.random() < 0.4 else channels, to.levels + int(rng.integers(0, 3))
        cuts = np.sort(rng.integers(fmt.lo, fmt.hi + 2, (rows, levels - 1)), axis=1)
        node = Threshold("act", "x", "y", cuts, rng.choice(to.values, (rows, levels)), to)
    plan = PointwisePlan(node, {"x": edge, "y": node.out(edge)}, lanes=lanes)
    pad = (0, plan.beats_out * lanes - channels)
    codes = np.pad(fmt.encode(x), ((0, 0), pad)).reshape(-1, lanes)
    expected = np.pad(to.encode(execute(node, x)), ((0, 0), pad), constant_values=ANY).reshape(-1, lanes)
    words = f"{type(node).__name__.lower()} of {fmt} to {to}, {channels} channels, {lanes} lanes, {count} pixels"
    return Unit(kind, target, words, lambda: Pointwise(plan), plan, [codes], [fmt.bits], expected, to.bits,
                Stalls.drawn(rng, 1), (type(plan.function).__name__.removesuffix("Plan"),))  # fmt: skip


def _pool(rng, kind, target):
    """The largest of each window: a tap a beat, or all of them at once."""
    fmt = (*_INTEGERS, Float32())[rng.integers(len(_INTEGERS) + 1)]
    channels, taps, count = int(rng.integers(1, 13)), int(rng.integers(1, 12)), int(rng.integers(6, 20))
    at_once = rng.random() < 0.4
    abreast = int(rng.integers(1, 4)) if at_once else 1
    x = _values(rng, fmt, (count * abreast, channels * taps))
    if rng.random() < 0.5 and not isinstance(fmt, Float32):  # mostly small ones, so that not all are the largest value
        small = rng.choice(fmt.values[: max(2, len(fmt.values) // 2)], x.shape)
        x = np.where(rng.random(x.shape) < 1 / taps, x, small)
    node = LargestNode("pool", "x", "y", taps)
    edge = _edge(fmt, channels * taps)
    edges = {"x": edge, "y": node.out(edge)}
    codes, y = fmt.encode(x).reshape(-1, channels, taps), fmt.encode(execute(node, x))
    if at_once:
        plan = LargestOfAllPlan(node, edges, abreast=abreast)
        codes = codes.swapaxes(1, 2).reshape(count, -1)
        expected, make = y.reshape(count, -1), LargestOfAll
    else:
        lanes = _divisor(rng, channels)
        plan = LargestPlan(node, edges, lanes=lanes)
        codes = codes.reshape(-1, channels // lanes, lanes, taps).swapaxes(2, 3).reshape(-1, lanes)
        expected, make = y.reshape(-1, lanes), Largest
    words = f"largest of {taps} of {fmt}, {channels} channels, {plan.lanes} lanes, {count} windows"
    return Unit(kind, target, words, lambda: make(plan), plan, [codes], [fmt.bits], expected, fmt.bits,
                Stalls.drawn(rng, 1), (make.__name__,))  # fmt: skip


def _add(rng, kind, target):
    """The sum of two branches, multiplied by one number for all channels or one for each."""
    channels, count = int(rng.integers(1, 16)), int(rng.integers(8, 24))
    lanes = _divisor(rng, channels)
    if rng.random() < 0.25:
        formats, node = [Float32()] * 2, FloatAdd("add", "a", "y", ("b",), bool(rng.random() < 0.5))
    else:
        formats = [_INTEGERS[rng.integers(len(_INTEGERS))] for _ in range(2)]
        factors = rng.integers(-12, 13, (2, channels))
        factors[factors == 0] = 3
        for row in factors[rng.random(2) < 0.5]:
            row[:] = row[0]
        if rng.random() < 0.5:
            factors[:] = factors[:, :1]
        node = Add("add", "a", "y", ("b",), factors)
    values = [_values(rng, fmt, (count, channels)) for fmt in formats]
    edges = {name: _edge(fmt, channels) for name, fmt in zip("ab", formats, strict=True)}
    edges["y"] = node.out(edges["a"], edges["b"])
    plan = JoinPlan(node, edges, lanes=lanes)
    codes = [fmt.encode(v).reshape(-1, lanes) for fmt, v in zip(formats, values, strict=True)]
    expected = plan.format.encode(execute(node, *values)).reshape(-1, lanes)
    words = f"{formats[0]} + {formats[1]}, {channels} channels, {lanes} lanes, {count} pixels"
    return Unit(kind, target, words, lambda: Join(plan), plan, codes, [f.bits for f in formats], expected,
                plan.format.bits, Stalls.drawn(rng, 2), (type(node).__name__,))  # fmt: skip


OTHERS = {"activation": _activation, "pool": _pool, "add": _add}
