"""Random bits: periods, polynomials, and draws from anywhere in a stream."""

import numpy as np
import pytest

from fewbit.golden.numbers.random import GENERATORS, Lfsr, Xorshift, generator_named

FACTORS = {7: (127,), 9: (7, 73), 11: (23, 89), 15: (7, 31, 151), 23: (47, 178481), 31: (2147483647,)}
XORSHIFT_FACTORS = (3, 5, 17, 257, 65537)


def power(generator, exponent):
    """Columns of the matrix of ``exponent`` draws, by squaring."""

    def times(a, b):
        return [int(np.bitwise_xor.reduce([c for i, c in enumerate(a) if column >> i & 1] or [0])) for column in b]

    result, square = [1 << j for j in range(generator.width)], generator.columns()
    while exponent:
        result, square, exponent = (
            times(square, result) if exponent & 1 else result,
            times(square, square),
            exponent >> 1,
        )
    return result


@pytest.mark.parametrize("width", [7, 9, 11, 15])
def test_an_lfsr_takes_every_state_but_zero(width):
    states = Lfsr(1, width).states(5, 2**width)
    assert sorted(states[:-1]) == list(range(1, 2**width)) and states[-1] == states[0]


@pytest.mark.parametrize("generator, factors", [
    *((Lfsr(1, width), factors) for width, factors in FACTORS.items()), (Xorshift(8), XORSHIFT_FACTORS),
], ids=str)  # fmt: skip
def test_the_period_is_maximal(generator, factors):
    """The order of the matrix divides 2**width - 1, and no largest proper divisor of that."""
    period, one = 2**generator.width - 1, [1 << j for j in range(generator.width)]
    rest = period
    for factor in factors:
        while rest % factor == 0:
            rest //= factor
    assert rest == 1, "factors that are not listed"
    assert power(generator, period) == one
    assert all(power(generator, period // f) != one for f in factors)


def test_prbs31_is_the_recurrence_of_its_polynomial():
    """x^31 + x^28 + 1 on single bits, as ITU-T O.150 has it."""
    state, bits = Lfsr(1).start(77), []
    for bit in Lfsr(1).draws(77, 400):
        bits.append(int(bit))
    before = [state >> (30 - i) & 1 for i in range(31)]
    for bit in bits:
        assert bit == before[-31] ^ before[-28]
        before.append(bit)


@pytest.mark.parametrize("bits", [1, 5, 8, 16])
def test_draws_of_an_lfsr_are_successive_bits_of_one_sequence(bits):
    single = Lfsr(1).draws(3, 64 * bits).reshape(64, bits)
    assert (Lfsr(bits).draws(3, 64) == single @ (1 << np.arange(bits)[::-1])).all()


def test_marsaglia_s_xorshift():
    """His 32-bit example begins with 723471715 from the state 2463534242."""
    assert Xorshift(8).step(2463534242) == 723471715
    assert Xorshift(8).step(723471715) == 2497366906


@pytest.mark.parametrize("name", GENERATORS)
def test_draws_from_anywhere_in_the_stream(name):
    generator = generator_named(name, 5)
    state, expected = generator.start(9), []
    for _ in range(300):
        state = generator.step(state)
        expected.append(state >> generator.drawn & 31)
    assert list(generator.draws(9, 300)) == expected
    assert list(generator.draws(9, 100, first=150)) == expected[150:250]
    assert generator.draws(9, 0).size == 0


@pytest.mark.parametrize("name", ["lfsr", "xorshift"])
def test_draws_are_even(name):
    """All 256 values within five standard deviations, and neighbours uncorrelated."""
    draws = generator_named(name, 8).draws(1, 1 << 18)
    counts = np.bincount(draws, minlength=256)
    assert np.abs(counts - 1024).max() < 5 * 32
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("call, message", [
    (lambda: Lfsr(8, 10), "width of 7, 9, 11, 15, 23, 31, not 10"), (lambda: Lfsr(8, 7), "1 to 7 bits, not 8"),
    (lambda: Xorshift(17), "1 to 16 bits, not 17"), (lambda: generator_named("mt", 8), "not 'mt'"),
])  # fmt: skip
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
