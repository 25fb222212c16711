"""A line with exceptions gives every code that the thresholds give, and is made where it is much smaller."""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.execute import execute
from fewbit.golden.network.graph import Edge, accumulator_format
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of
from fewbit.golden.rewrite.rescale import as_rescale


def requantizer(seed, channels=24):
    """A float32 multiplication, addition and rounding by channel, as QDQ models have it, and its edge."""
    rng = np.random.default_rng(seed)
    fmt = [Unsigned(8), Signed(8)][seed % 2]
    reach = rng.integers(200_000, 600_000, channels)
    edge = Edge(accumulator_format(-reach, reach), -reach, reach)
    scale = (rng.uniform(0.6, 3, channels) * 128 / reach).astype(np.float32)
    bias, zero = (
        rng.normal(0, 9, channels).astype(np.float32),
        np.float32(rng.integers(100, 150) if seed % 2 == 0 else 3),
    )

    def codes(x):
        y = (x.astype(np.float32) * scale).astype(np.float32) + bias
        return np.clip(np.rint(y) + zero, fmt.lo, fmt.hi).astype(np.int64)

    thresholds, table = find_thresholds(codes, edge.lo, edge.hi)
    steps = steps_of(thresholds, table, edge.lo, edge.hi, fmt)
    return Threshold("t", "x", "t", steps, None, fmt), edge


def of_channel(line, c):
    """Return the line of one channel alone."""
    rows = line.exceptions
    if rows is not None:
        rows = rows[rows[:, 0] == c] * [0, 1, 1]
        rows = rows if len(rows) else None
    return replace(line, multiplier=line.multiplier[c : c + 1], addend=line.addend[c : c + 1], exceptions=rows)


def check(node, edge):
    line = as_rescale(node, edge)
    assert isinstance(line, Rescale)
    for c in range(edge.channels):
        x = np.arange(edge.lo[c], edge.hi[c] + 1)
        wanted = node.format.values[np.searchsorted(node.thresholds[c], x, side="right")]
        assert np.array_equal(execute(of_channel(line, c), x[:, None])[:, 0], wanted), c
    some = np.linspace(edge.lo, edge.hi, 999).astype(np.int64)
    assert np.array_equal(execute(line, some), execute(node, some))
    a, b = node.out(edge), line.out(edge)
    assert np.array_equal(a.lo, b.lo) and np.array_equal(a.hi, b.hi)
    return line


def test_every_code_is_that_of_the_thresholds():
    exceptions = 0
    for seed in range(4):
        line = check(*requantizer(seed))
        exceptions += 0 if line.exceptions is None else len(line.exceptions)
    assert 20 < exceptions < 4 * 24 * 4


def test_what_is_no_line_keeps_its_thresholds():
    node, edge = requantizer(1)
    bent = np.sort((node.thresholds * np.abs(node.thresholds)) // 500_000, axis=1)
    assert as_rescale(Threshold("t", "x", "t", bent, None, node.format), edge) is None
