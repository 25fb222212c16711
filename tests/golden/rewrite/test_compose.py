"""Two functions of one integer in a row become one where that is no larger, and give what both gave."""

import numpy as np
import pytest

from fewbit.golden.network import execute
from fewbit.golden.network.graph import Network, NetworkInput, Output
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.golden.rewrite.compose import compose_thresholds

X = Signed(6)
CHANNELS = 5


def thresholds(rng, name, x, fmt, source, rows, *, falls=False):
    """Return random thresholds on integers of a format; with ``falls``, of codes that may go anywhere."""
    most = fmt.levels - 1
    steps = np.sort(rng.integers(source.lo, source.hi + 2, (rows, most)), axis=1)
    codes = rng.choice(fmt.values, (rows, most + 1)) if falls else None
    return Threshold(name, x, name, steps, codes, fmt)


def network(*nodes, outputs=None):
    result = Network("test", (NetworkInput("input", (CHANNELS,), X, X.encode, "codes"),))
    result.nodes += nodes
    index = np.arange(CHANNELS)[None]
    result.outputs += [Output(name, name, index) for name in outputs or [nodes[-1].y]]
    return result


def values():
    return np.repeat(X.values[:, None], CHANNELS, axis=1)


def composed(result):
    made = compose_thresholds(result)
    before, after = (execute.run(n, values()).outputs for n in (result, made))
    assert all(np.array_equal(before[name], after[name]) for name in before)
    return made


@pytest.mark.parametrize("rows", [(1, 1), (1, CHANNELS), (CHANNELS, 1), (CHANNELS, CHANNELS)])
@pytest.mark.parametrize("falls", [(False, False), (True, False), (False, True)])
def test_two_in_a_row_are_one(rows, falls):
    rng = np.random.default_rng(sum(rows))
    for _ in range(5):
        first = thresholds(rng, "a", "input", Unsigned(4), X, rows[0], falls=falls[0])
        second = thresholds(rng, "b", "a", Signed(2), Unsigned(4), rows[1], falls=falls[1])
        made = composed(network(first, second))
        assert [node.name for node in made.nodes] == ["b"] or rows == (1, CHANNELS)
        assert all(node.thresholds.size <= first.thresholds.size + second.thresholds.size for node in made.nodes)


def test_three_in_a_row_are_one():
    rng = np.random.default_rng(3)
    nodes = [thresholds(rng, "a", "input", Unsigned(4), X, 1), thresholds(rng, "b", "a", Unsigned(3), Unsigned(4), 1),
             thresholds(rng, "c", "b", Signed(2), Unsigned(3), 1)]  # fmt: skip
    assert len(composed(network(*nodes)).nodes) == 1


def test_what_others_read_stays():
    rng = np.random.default_rng(4)
    first = thresholds(rng, "a", "input", Unsigned(4), X, 1)
    second, third = (thresholds(rng, name, "a", Signed(2), Unsigned(4), 1) for name in "bc")
    assert len(composed(network(first, second, third, outputs=["b", "c"])).nodes) == 3
    assert len(composed(network(first, second, outputs=["a", "b"])).nodes) == 2


def test_a_multiply_and_shift_in_front_of_a_table_stays():
    """A line by channel and one table for all are less than a table by channel."""
    step = np.arange(CHANNELS)[:, None]
    wide, narrow = Signed(12), Signed(8)
    result = Network("test", (NetworkInput("input", (CHANNELS,), wide, wide.encode, "codes"),))
    line = Threshold("a", "input", "a", (np.arange(-127, 128) - 0.5) * 8 + step, None, narrow)
    line = Threshold("a", "input", "a", np.ceil(line.thresholds).astype(np.int64), None, narrow)
    rng = np.random.default_rng(5)
    table = thresholds(rng, "b", "a", Unsigned(7), narrow, 1, falls=True)
    result.nodes += [line, table]
    result.outputs.append(Output("b", "b", np.arange(CHANNELS)[None]))
    assert len(compose_thresholds(result).nodes) == 2
