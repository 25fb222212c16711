"""The float32 baseline's arithmetic against exact rationals, NumPy and the tables of IEEE-754."""

from fractions import Fraction

import numpy as np
import pytest

from fewbit.golden.numbers import float32

INF, NAN, ONE, BIG, TINY = 0x7F800000, 0x7FC00000, 0x3F800000, 0x7F7FFFFF, 0x00800000
MINUS = 0x80000000
SUBNORMAL = 0x007FFFFF


def floats(codes):
    return np.asarray(codes, dtype=np.uint32).view(np.float32)


def codes(values):
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)


def value(code):
    """Exact value of a finite code; zero for a subnormal one."""
    exponent, frac = code >> 23 & 255, code & 0x7FFFFF
    magnitude = Fraction(2**23 + frac) * Fraction(2) ** (exponent - 150) if exponent else Fraction(0)
    return -magnitude if code & MINUS else magnitude


def rounded(exact):
    """Code of a non-zero rational: rounded as IEEE-754 does with subnormals, then flushed."""
    sign, exact = (MINUS, -exact) if exact < 0 else (0, exact)
    exponent = -126
    while exact >= Fraction(2) ** (exponent + 1):
        exponent += 1
    scaled = exact / Fraction(2) ** (exponent - 23)
    significand, rest = int(scaled), scaled - int(scaled)
    significand += rest > Fraction(1, 2) or (rest == Fraction(1, 2) and significand & 1)
    code = ((exponent + 126) << 23) + significand  # the hidden one adds the missing one to the exponent
    return sign | (0 if significand < 2**23 else min(code, INF))


def random_pairs(rng, n):
    """Random codes, a third of them with close magnitudes and a third with products near the limits.

    A quarter of ``a`` is tiny, so that close magnitudes cancel to subnormals.
    """
    a, b = (rng.integers(0, 2**32, n, dtype=np.uint32) for _ in range(2))
    a = np.where(rng.integers(0, 4, n) == 0, a & 0x83FFFFFF, a)
    exponent = (a >> 23 & 255).astype(np.int64)
    close = exponent + rng.integers(-3, 4, n)
    edge = rng.choice([-1, 0, 1, 253, 254, 255], n) + 127 - exponent
    kind = rng.integers(0, 3, n)
    exponent = np.where(kind == 0, b >> 23 & 255, np.where(kind == 1, close, edge)).clip(0, 255)
    return a, b & 0x807FFFFF | (exponent.astype(np.uint32) << 23)


@pytest.mark.parametrize("function, operator", [(float32.mul, np.multiply), (float32.add, np.add)])
def test_equals_numpy_on_normals(function, operator):
    a, b = random_pairs(np.random.default_rng(1), 100_000)
    with np.errstate(all="ignore"):
        want = operator(floats(a), floats(b))
    normal = np.ones(len(a), dtype=bool)
    for x in (floats(a), floats(b), want):
        normal &= np.isfinite(x) & (np.abs(x) >= 2.0**-126)
    assert normal.mean() > 0.4
    assert (codes(function(floats(a), floats(b)))[normal] == codes(want)[normal]).all()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("function, operator", [(float32.mul, lambda x, y: x * y), (float32.add, lambda x, y: x + y)])
def test_equals_exact_arithmetic(function, operator):
    a, b = random_pairs(np.random.default_rng(2), 3000)
    got, compared, flushed = codes(function(floats(a), floats(b))), 0, 0
    for x, y, code in zip(a.tolist(), b.tolist(), got.tolist(), strict=True):
        if x >> 23 & 255 == 255 or y >> 23 & 255 == 255:
            continue
        exact = operator(value(x), value(y))
        if exact:
            assert code == rounded(exact), f"{x:08x} {y:08x}"
            compared += 1
            flushed += code & ~MINUS == 0
    assert compared > 2000 and flushed > 5


@pytest.mark.parametrize(
    "a, b, product, total",
    [
        (0, MINUS, MINUS, 0),
        (MINUS, MINUS, 0, MINUS),
        (ONE, ONE | MINUS, ONE | MINUS, 0),
        (SUBNORMAL, ONE, 0, ONE),
        (SUBNORMAL | MINUS, SUBNORMAL | MINUS, 0, MINUS),
        (SUBNORMAL, SUBNORMAL | MINUS, MINUS, 0),
        (TINY, 0x3F000000, 0, 0x3F000000),
        (TINY | MINUS, 0x3F7FFFFF, TINY | MINUS, 0x3F7FFFFF),  # rounds up to a normal number
        (TINY + 1, TINY | MINUS, MINUS, 0),  # the difference is subnormal
        (TINY, (TINY + 1) | MINUS, MINUS, MINUS),
        (BIG, BIG, INF, INF),
        (BIG | MINUS, BIG | MINUS, INF, INF | MINUS),
        (BIG, 0x73000000, INF, INF),  # half a unit in the last place: a tie, which overflows
        (BIG, 0x72FFFFFF, INF, BIG),
        (INF, ONE | MINUS, INF | MINUS, INF),
        (INF, INF | MINUS, INF | MINUS, NAN),
        (INF, 0, NAN, INF),
        (INF | MINUS, SUBNORMAL, NAN, INF | MINUS),
        (NAN, ONE, NAN, NAN),
        (0xFFFFFFFF, 0, NAN, NAN),
        (0x7F800001, INF, NAN, NAN),
        (0x4B800000, ONE, 0x4B800000, 0x4B800000),  # 2**24 + 1: a tie, down to even
        (0x4B800001, ONE, 0x4B800001, 0x4B800002),  # 2**24 + 3: a tie, up to even
    ],
)
def test_specials(a, b, product, total):
    for x, y in (a, b), (b, a):
        assert codes(float32.mul(floats([x]), floats([y])))[0] == product
        assert codes(float32.add(floats([x]), floats([y])))[0] == total


def test_relu_and_greater():
    x = [0, MINUS, ONE, ONE | MINUS, INF, INF | MINUS, NAN]
    assert codes(float32.relu(floats(x))).tolist() == [0, 0, ONE, 0, INF, 0, NAN]
    assert np.isnan(float32.relu(floats([NAN | MINUS]))).all()
    ascending = floats([INF | MINUS, BIG | MINUS, ONE | MINUS, 0, TINY, ONE, BIG, INF])
    assert (float32.greater(ascending[:, None], ascending) == np.tri(8, k=-1, dtype=bool)).all()
    assert not float32.greater(floats([0, MINUS]), floats([MINUS, 0])).any()


def test_dot_sums_in_the_stated_order():
    rng = np.random.default_rng(3)
    x, w, bias = (rng.normal(size=n).astype(np.float32) for n in (21, 21, 1))
    p = x * w
    step = [(p[i] + p[i + 1]) + p[i + 2] for i in range(0, 21, 3)]
    partial = [step[0] + step[4], step[1] + step[5], step[2] + step[6], step[3]]
    want = ((partial[3] + partial[0]) + (partial[1] + partial[2])) + bias[0]
    got = float32.dot(x[None], w[None], bias, simd=3, partials=4)
    assert got.shape == (1, 1) and got[0, 0] == want
    others = [float32.dot(x[None], w[None], bias, simd=s, partials=n)[0, 0] for s, n in ((1, 4), (3, 1), (7, 2))]
    assert any(other != want for other in others)


@pytest.mark.parametrize("simd, partials", [(1, 1), (1, 4), (4, 4), (6, 4), (12, 3), (24, 4)])
def test_dot_of_integers_is_exact(simd, partials):
    rng = np.random.default_rng(4)
    x, w, bias = (rng.integers(-99, 100, shape) for shape in ((5, 24), (7, 24), 7))
    assert (float32.dot(x, w, bias, simd=simd, partials=partials) == x @ w.T + bias).all()


def test_dot_pads_with_zeros():
    rng = np.random.default_rng(5)
    x, w = rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=(4, 5)).astype(np.float32)
    wide = [np.hstack([a, np.zeros((len(a), 1), dtype=np.float32)]) for a in (x, w)]
    short, padded = (float32.dot(*pair, np.ones(4), simd=2, partials=4) for pair in ((x, w), wide))
    assert (short == padded).all()
    with pytest.raises(ValueError, match="must be positive"):
        float32.dot(x[:, :0], w[:, :0], np.ones(4), simd=2, partials=4)
