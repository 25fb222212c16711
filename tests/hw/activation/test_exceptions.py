"""Exceptions of a line: the table that finds each by one look, and the unit that adds them."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from fewbit.hw.activation.affine_plan import AffinePlan
from fewbit.hw.activation.exception_table import ExceptionTable
from tests.support.activation_bench import check_activation

VECTORS = 60


@pytest.mark.parametrize("count, beats", [(1, 1), (5, 1), (40, 7), (300, 64)])
def test_a_table_holds_every_exception_once(count, beats):
    rng = np.random.default_rng(count)
    keys = sorted(
        {(int(b), int(a)) for b, a in zip(rng.integers(0, beats, count), rng.integers(0, 4096, count), strict=True)}
    )
    entries = [(beat, acc, int(rng.choice([-2, -1, 1]))) for beat, acc in keys]
    table = ExceptionTable.of(entries, beats, 12)
    assert len(table.words) == 1 << table.bits <= max(4, 16 * len(entries)) and len(table.displacements) == beats
    for beat, acc, by in entries:
        word = table.words[(acc + table.displacements[beat]) % len(table.words)]
        found = word >> (table.acc_bits + table.beat_bits)
        assert word & ((1 << table.acc_bits + table.beat_bits) - 1) == acc | beat << table.acc_bits
        assert found - (found >> table.by_bits - 1 << table.by_bits) == by
    assert sum(word != 0 for word in table.words) == len(entries)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("shape", [unsigned(11), signed(12)], ids=str)
@pytest.mark.parametrize("multiplier", [1, 37], ids=["shift", "product"])
@pytest.mark.parametrize("limits", [{}, {"lo": -3, "hi": 11, "shift": 6}], ids=["all", "clipped"])
@pytest.mark.parametrize("lanes, beats", [(1, 1), (1, 5), (3, 4)])
def test_codes_and_latency(shape, multiplier, limits, lanes, beats):
    """In the first and the last neuron, at both ends of the range, several in one neuron, none in a lane."""
    rng = np.random.default_rng(lanes + 10 * beats)
    neurons, lowest = lanes * beats, -(2 ** (shape.width - 1)) if shape.signed else 0
    accs = rng.integers(lowest, lowest + 2**shape.width, (VECTORS, neurons))
    exceptions = {}
    for neuron in {0, neurons - 1, *(n for n in range(neurons) if n % lanes != 1)}:
        for acc in (lowest, lowest + 2**shape.width - 1, *accs[: VECTORS // 3, neuron].tolist()):
            exceptions[neuron, acc] = int(rng.choice([-1, 1, 2]))
    accs[-1], accs[-2] = lowest, lowest + 2**shape.width - 1
    multipliers = [multiplier] * neurons
    addends = rng.integers(-200, 200, neurons).tolist()
    want = accs * multiplier + addends >> limits.get("shift", 0)
    if limits:
        want = want.clip(limits["lo"], limits["hi"])
    want = want + [[exceptions.get((n, int(row[n])), 0) for n in range(neurons)] for row in accs]
    bits = 5 if limits else 20
    plan = AffinePlan(
        acc_shape=shape, bits=bits, lanes=lanes, beats=beats, multipliers=multipliers, addends=addends,
        exceptions=[(neuron, acc, by) for (neuron, acc), by in exceptions.items()], **limits,
    )  # fmt: skip
    latency = max(4, 2 + bool(limits) + (2 if multiplier > 1 else 0)) + 1
    check_activation(plan, accs, want & (2**bits - 1), latency=latency, lanes=lanes, bits=shape.width, out_bits=bits)


def test_exceptions_of_no_neuron_are_refused():
    with pytest.raises(ValueError, match="Exceptions must be of neurons 0 to 5, not 6"):
        AffinePlan(acc_shape=unsigned(8), bits=8, lanes=2, beats=3, multipliers=[3] * 6, addends=[0] * 6,
                   exceptions=[(6, 1, 1)])  # fmt: skip
