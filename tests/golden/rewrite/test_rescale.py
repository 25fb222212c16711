"""A `Rescale` equals the `Threshold` it stands for at every reachable integer, or is not made."""

import numpy as np
import pytest

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge, accumulator_format
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of
from fewbit.golden.rewrite.rescale import as_rescale


def edge_of(lo, hi):
    return Edge(accumulator_format(lo, hi), lo, hi)


def threshold_of(function, edge, fmt):
    thresholds, codes = find_thresholds(function, edge.lo, edge.hi)
    return Threshold("t", "x", "y", steps_of(thresholds, codes, edge.lo, edge.hi, fmt), None, fmt)


def random_quantizer(seed):
    """A linear 8-bit quantizer whose channels differ in scale, bias and range; some never leave one end."""
    rng = np.random.default_rng(seed)
    channels = int(rng.integers(1, 8))
    fmt = [Unsigned(8), Signed(8), Signed(8, narrow=True), Unsigned(6), Signed(5)][seed % 5]
    lo = -rng.integers(1, 40000, channels)
    hi = rng.integers(1, 40000, channels)
    slope = (fmt.levels * rng.uniform(0.3, 1.5, channels) / (hi - lo)).astype(np.float32)
    middle = (fmt.lo + fmt.hi - slope * (lo + hi)) / 2
    bias = (middle + rng.normal(0, fmt.levels / 8, channels)).astype(np.float32)
    bias[1:2] += rng.choice([0, 1000, -1000])
    edge = edge_of(lo, hi)
    function = lambda x: np.clip(np.round((x * slope).astype(np.float32) + bias), fmt.lo, fmt.hi).astype(np.int64)  # noqa: E731
    return threshold_of(function, edge, fmt), edge


def test_equal_everywhere():
    """Nearly every linear quantizer has one; float32 ties, which round to even, can rule it out."""
    found = 0
    for seed in range(60):
        node, edge = random_quantizer(seed)
        rescale = as_rescale(node, edge)
        if rescale is None:
            continue
        assert isinstance(rescale, Rescale)
        found += 1
        span = int((edge.hi - edge.lo).max()) + 1
        x = np.minimum(edge.lo + np.arange(span)[:, None], edge.hi)
        expected = execute(node, x)
        assert np.array_equal(execute(rescale, x), expected)
        assert np.array_equal(rescale.out(edge).lo, expected.min(axis=0))
        assert np.array_equal(rescale.out(edge).hi, expected.max(axis=0))
        inside = ((expected > node.format.lo) & (expected < node.format.hi)).mean()
        assert inside > 0.2, "a vacuous case: nearly everything is clipped"
    assert found >= 55


@pytest.mark.parametrize("shape", ["kink", "root", "uneven"])
def test_other_functions_keep_their_thresholds(shape):
    fmt, edge = Unsigned(8), edge_of(np.array([0]), np.array([60000]))
    function = {
        "kink": lambda x: np.where(x < 30000, x // 1000, 30 + (x - 30000) // 150),
        "root": lambda x: np.sqrt(x).astype(np.int64),
        "uneven": lambda x: np.minimum(x // 240 + (x > 777), 255),
    }[shape]
    node = threshold_of(lambda x: np.clip(function(x), 0, 255), edge, fmt)
    rescale = as_rescale(node, edge)
    x = np.arange(60001)[:, None]
    assert rescale is None or np.array_equal(execute(rescale, x), execute(node, x))
    assert rescale is None or shape == "uneven"


def test_one_function_for_all_channels():
    """A threshold of one row, on channels of different ranges."""
    edge = edge_of(np.array([-4000, -90000, 17]), np.array([5000, 40000, 70000]))
    whole = edge_of(edge.lo.min(keepdims=True), edge.hi.max(keepdims=True))
    node = threshold_of(lambda x: np.clip((x * 3) // 1024, -128, 127), whole, Signed(8))
    rescale = as_rescale(node, edge)
    x = np.arange(-90000, 70001)[:, None].repeat(3, axis=1)
    assert isinstance(rescale, Rescale) and len(rescale.multiplier) == 3
    assert np.array_equal(execute(rescale, x), execute(node, x))


def test_few_levels_stay_thresholds():
    edge = edge_of(np.array([-500]), np.array([500]))
    assert as_rescale(threshold_of(lambda x: np.clip(x // 64, -8, 7), edge, Signed(4)), edge) is None
