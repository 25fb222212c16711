# amaranth: UnusedElaboratable=no
"""Constant matrices in LUTs: exact, with sums shared, registered often enough, and the array around them."""

import numpy as np
import pytest
from amaranth.hdl import Shape, Value
from amaranth.sim import Simulator

from fewbit.golden.numbers.formats import Bipolar, Signed, Ternary, Unsigned
from fewbit.hw.arrays.constant_plan import ConstantArrayPlan, planes_of
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.shapes import IntShape
from fewbit.hw.xilinx.constant_matrix import _by_classes, _by_patterns, best_matrix, build_matrix
from fewbit.hw.xilinx.dot_product import LEVELS
from fewbit.hw.xilinx.sums import digits_of
from tests.support.targets import EXPRESSIONS

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


@pytest.mark.parametrize("fmt", [Bipolar(), Ternary(), Unsigned(1), Unsigned(3), Signed(2), Signed(5, True)], ids=str)
def test_planes(fmt):
    planes, base = planes_of(fmt)
    codes = fmt.encode(fmt.values)
    assert [sum(p * (c >> k & 1) for k, p in enumerate(planes)) + base for c in codes] == list(fmt.values)


# The array

PAIRS = [
    (Bipolar(), Bipolar(), 1), (Ternary(), Ternary(), 1), (Bipolar(), Ternary(), 2), (Ternary(), Bipolar(), 1),
    (Unsigned(2), Ternary(), 3), (Unsigned(4), Signed(4), 1), (Signed(3), Unsigned(2), 1),
]  # fmt: skip


@pytest.mark.parametrize(("x_format", "w_format", "groups"), PAIRS, ids=str)
def test_a_vector_a_cycle(x_format, w_format, groups):
    rng = np.random.default_rng(11)
    neurons, inputs, width = 6, 11, 14
    weights = rng.choice(w_format.values, (neurons, inputs))
    init = [int(v) for v in rng.integers(0, 100, neurons)]
    dut = ConstantArrayPlan(
        x_format=x_format, w_format=w_format, weights=weights, init=init, acc_shape=Shape(width),
        groups=groups, target=EXPRESSIONS,
    ).make()  # fmt: skip
    vectors = rng.choice(x_format.values, (20, groups, inputs))
    terms = product_terms(x_format, w_format)
    by_neuron = np.repeat(vectors, neurons // groups, axis=1)
    wanted = ((terms.heap(by_neuron, weights).sum(axis=2) + init) % (1 << width)).tolist()
    given = rng.integers(0, 2, 60).tolist()
    found, sent, asked, left = [], [], [], vectors.tolist()

    async def bench(ctx):
        for cycle in range(60 + dut.plan.latency):
            valid = cycle < 60 and given[cycle] and left
            for member in dut.valid, dut.first, dut.last:
                ctx.set(member, int(bool(valid)))
            if valid:
                codes = x_format.encode(np.array(left.pop(0)).ravel()).tolist()
                ctx.set(Value.cast(dut.x), sum(int(c) << n * x_format.bits for n, c in enumerate(codes)))
                sent.append(cycle)
            if ctx.get(dut.o_valid):
                asked.append(cycle)
                found.append([ctx.get(dut.o[n]) for n in range(neurons)])
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert len(sent) == 20 and found == wanted
    assert asked == [cycle + dut.plan.latency for cycle in sent]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"groups": 4}, "Groups must divide the 6 neurons"), ({"init": [0]}, "Init must be 6, one for each neuron, not 1"),
     ({"weights": np.ones(3, dtype=int)}, "Weights must be neurons by inputs")],
)  # fmt: skip
def test_bad_parameters(change, message):
    good = dict(
        x_format=Bipolar(), w_format=Bipolar(), weights=np.ones((6, 2), dtype=int), init=[0] * 6, acc_shape=IntShape(4)
    )
    with pytest.raises(ValueError, match=message):
        ConstantArrayPlan(target=EXPRESSIONS, **good | change)
