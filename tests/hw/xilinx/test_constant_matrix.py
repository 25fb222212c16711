"""Constant matrices in LUTs: exact, with sums shared, and registered often enough."""

import numpy as np
import pytest

from fewbit.hw.xilinx.constant_matrix import _by_classes, _by_patterns, best_matrix, build_matrix
from fewbit.hw.xilinx.product_chains import LEVELS
from fewbit.hw.xilinx.sums import digits_of

MATRICES = {
    "1 bit": ((-1, 1), (1,), (24, 40)),
    "ternary": ((-1, 0, 1), (1, 2), (9, 20)),
    "4 bits": (range(-8, 8), (1, 2, 4, -8), (5, 13)),
    "mostly zero": ((0, 0, 0, 0, 0, 3), (1,), (12, 12)),
    "one row": ((-1, 1), (1, 2, 4), (1, 9)),
    "one input": ((-2, 3, 0), (1, -2), (6, 1)),
}


def matrix(name, seed=3):
    values, planes, shape = MATRICES[name]
    rng = np.random.default_rng(seed)
    weights = rng.choice(list(values), shape)
    weights[-1] = -weights[0]
    constants = rng.integers(-50, 50, shape[0])
    return tuple(map(tuple, weights.tolist())), planes, tuple(constants.tolist())


def found_and_wanted(built, weights, planes, constants, width, cases=100):
    bits = np.random.default_rng(7).integers(0, 2, (len(planes), len(weights[0]), cases)).astype(bool)
    bits[:, :, 0], bits[:, :, 1] = False, True
    inputs = np.zeros((built.netlist.count, cases), dtype=bool)
    for plane, given in zip(built.x, bits, strict=True):
        inputs[plane] = given
    values = built.netlist.evaluate(inputs[built.netlist.inputs])
    upright = [[values[b] if b >= 0 else ~values[~b] for b in row] for row in built.sum]
    found = [sum(bit.astype(int) << k for k, bit in enumerate(row)) for row in upright]
    x = np.tensordot(planes, bits.astype(int), 1)
    wanted = (np.array(constants)[:, None] + np.array(weights) @ x) % (1 << width)
    return np.array(found).tolist(), wanted.tolist()


@pytest.mark.sampled(2)
@pytest.mark.long
@pytest.mark.parametrize("width", [3, 12])
@pytest.mark.parametrize("name", MATRICES)
def test_exact_however_sums_are_shared(name, width):
    weights, planes, constants = matrix(name)
    ways = [_by_classes(weights, k) for k in (1, 2, 3, 4)]
    ways += [_by_patterns(weights, g) for g in (2, 3, 5, 6) if g * len(planes) <= 6]
    for shared in ways:
        rebuilt = np.zeros((len(weights), len(weights[0])), dtype=int)
        for factors, uses in shared:
            for row, use in uses.items():
                for lane, factor in factors.items():
                    rebuilt[row, lane] += use * factor
        assert rebuilt.tolist() == [list(row) for row in weights]
        built = build_matrix(weights, planes, constants, width, shared)
        found, wanted = found_and_wanted(built, weights, planes, constants, width)
        assert found == wanted
        luts, carries = built.netlist.levels()
        assert luts <= LEVELS and carries <= 1


@pytest.mark.long
def test_neurons_share_sums():
    rng = np.random.default_rng(1)
    weights = tuple(map(tuple, rng.choice([-1, 1], (64, 64)).tolist()))
    constants = tuple(rng.integers(-20, 20, 64).tolist())
    built = best_matrix(weights, (1,), constants, 8)
    # The fewest known before: 0.46 to 0.53 LUT a weight.
    assert built.luts + built.netlist.shift_registers <= 0.45 * 64 * 64
    assert built.flip_flops <= 2.5 * built.luts
    found, wanted = found_and_wanted(built, weights, (1,), constants, 8)
    assert found == wanted
    alone = build_matrix(weights, (1,), constants, 8, _by_classes(weights, 1))
    assert alone.luts > 1.4 * built.luts


def test_equal_neurons_are_summed_once():
    weights = ((1, -1, 1, 1, -1, 1, 1, 1, 1),)
    once = best_matrix(weights, (1,), (3,), 6)
    twice = best_matrix(weights * 2, (1,), (3, 3), 6)
    assert twice.luts == once.luts and len(twice.sum) == 2


@pytest.mark.parametrize("value", [*range(-40, 41), 12345, -987654])
def test_signed_digits(value):
    digits = digits_of(value)
    assert sum(digits) == value
    powers = [abs(digit).bit_length() for digit in digits]
    assert all(b - a > 1 for a, b in zip(powers, powers[1:], strict=False))
    assert all(abs(digit) == 1 << (n - 1) for digit, n in zip(digits, powers, strict=True))
