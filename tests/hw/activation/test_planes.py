# amaranth: UnusedElaboratable=no
"""Sums of planes times the neuron's coefficients, against the formula, with coefficients of every kind."""

import numpy as np
import pytest

from fewbit.hw.activation.planes_plan import CombinePlan
from tests.support.activation_bench import check_activation
from tests.support.stream_bench import assert_varied
from tests.support.targets import EXPRESSIONS, PORTABLE, name_of

VECTORS, WIDTH = 16, 5
SHAPES = [(1, 1), (1, 5), (4, 3)]  # lanes, beats


def coefficients_of(kind, rng, neurons):
    """Coefficients (neurons, planes)."""
    return {
        "one plane": lambda: rng.integers(-9, 10, (neurons, 1)),
        "positive": lambda: rng.integers(1, 30, (neurons, 3)),
        "mixed": lambda: rng.integers(-30, 31, (neurons, 2)),
        "the same for all": lambda: np.tile([3, -5, 1], (neurons, 1)),
        "plus and minus": lambda: rng.integers(1, 8, (neurons, 2)) * [1, -1],
        "some zero": lambda: np.tile([1, 0, -4], (neurons, 1)) * rng.integers(0, 2, (neurons, 1)),
    }[kind]()


KINDS = "one plane", "positive", "mixed", "the same for all", "plus and minus", "some zero"


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize("target", [PORTABLE, EXPRESSIONS], ids=name_of)
@pytest.mark.parametrize("lanes, beats", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_sums(kind, lanes, beats, target):
    rng, neurons, acc_bits = np.random.default_rng([lanes, beats, len(kind)]), lanes * beats, 13
    coefficients = coefficients_of(kind, rng, neurons)
    if kind in ("mixed", "one plane", "some zero"):
        coefficients[0] = -7
    addends = rng.integers(-500, 500, neurons)
    sums = rng.integers(0, 1 << WIDTH, (VECTORS, neurons, coefficients.shape[1]))
    want = (addends + (sums * coefficients).sum(axis=2)) & ((1 << acc_bits) - 1)
    assert_varied(want)
    plan = CombinePlan(width=WIDTH, coefficients=coefficients.tolist(), addends=addends.tolist(), acc_bits=acc_bits,
                  lanes=lanes, beats=beats, target=target)  # fmt: skip
    assert plan.latency >= 1  # the coefficients are read
    together = sum(sums[..., p] << p * WIDTH for p in range(sums.shape[2]))
    check_activation(plan, together, want, latency=plan.latency, lanes=lanes, bits=sums.shape[2] * WIDTH,
                     out_bits=acc_bits)  # fmt: skip


def test_sums_wrap():
    """Fewer bits than the sum has: it is right modulo their power."""
    rng = np.random.default_rng(1)
    coefficients, sums = rng.integers(-30, 31, (6, 2)), rng.integers(0, 1 << WIDTH, (VECTORS, 6, 2))
    want = (sums * coefficients).sum(axis=2) & 15
    assert_varied(want)
    plan = CombinePlan(width=WIDTH, coefficients=coefficients.tolist(), addends=[0] * 6, acc_bits=4, lanes=2, beats=3,
                  target=PORTABLE)  # fmt: skip
    check_activation(plan, sums[..., 0] | sums[..., 1] << WIDTH, want, latency=plan.latency, lanes=2, bits=2 * WIDTH,
                     out_bits=4)  # fmt: skip


@pytest.mark.parametrize("change, message", [
    ({"coefficients": [[1, 2]] * 5}, "^Coefficient rows must be 6, one for each neuron, not 5$"),
    ({"addends": [0]}, "^Addends must be 6, one for each neuron, not 1$"),
    ({"lanes": 0}, "^Lanes must be at least 1, not 0$"),
    ({"beats": 0}, "^Beats must be at least 1, not 0$"),
    ({"acc_bits": 0}, "^Bits must be at least 1, not 0$"),
])  # fmt: skip
def test_parameters(change, message):
    right = dict(width=3, coefficients=[[1, 2]] * 6, addends=[0] * 6, acc_bits=8, lanes=2, beats=3)
    CombinePlan(**right, target=PORTABLE)
    with pytest.raises(ValueError, match=message):
        CombinePlan(**right | change, target=PORTABLE)
