import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fewbit.golden.numbers.format import kinds_of_format
from fewbit.golden.numbers.formats import (
    Bipolar,
    Float32,
    Levels,
    PowersOfTwo,
    Signed,
    SignedChance,
    Ternary,
    Unsigned,
    UnsignedChance,
    UnsignedNarrow,
    format_for,
    parse_format,
)

EVERY = [fmt for kind in kinds_of_format() for fmt in kind.examples()]
INTEGERS = [fmt for fmt in EVERY if fmt.integral]


@st.composite
def level_tables(draw):
    """Tables as codebooks give them, or sums of a basis, with bipolar digits or with 0 and 1."""
    if draw(st.booleans()):
        return Levels(tuple(sorted(draw(st.sets(st.integers(-(2**40), 2**40), min_size=2, max_size=256)))))
    basis, lower = draw(st.lists(st.integers(1, 999), min_size=1, max_size=5)), draw(st.sampled_from([-1, 0]))
    base = 0 if lower else draw(st.integers(-999, 999))
    lows = sum(basis) * lower
    steps = [v * (1 - lower) for v in basis]
    sums = {base + lows + sum(v for i, v in enumerate(steps) if p >> i & 1) for p in range(1 << len(basis))}
    return Levels(tuple(sorted(sums)), tuple(basis))


# By class, every format that it can be; of others there are examples.
DRAWN = {
    Bipolar: st.just(Bipolar()),
    Unsigned: st.builds(Unsigned, st.integers(1, 32)),
    UnsignedNarrow: st.builds(UnsignedNarrow, st.integers(1, 32)),
    UnsignedChance: st.builds(UnsignedChance, st.integers(1, 32)),
    Signed: st.booleans().flatmap(lambda n: st.builds(Signed, st.integers(1 + n, 32), st.just(n))),
    SignedChance: st.builds(SignedChance, st.integers(2, 32)),
    Float32: st.just(Float32()),
    Levels: level_tables(),
    PowersOfTwo: st.builds(PowersOfTwo, st.integers(0, 30), st.booleans()),
}


@pytest.mark.parametrize("fmt", INTEGERS, ids=str)
def test_every_value_has_its_own_code(fmt):
    codes = fmt.encode(fmt.values)
    assert len(set(codes.tolist())) == fmt.levels == len(fmt.values)
    assert codes.min() >= 0 and codes.max() < 2**fmt.bits
    assert np.array_equal(fmt.decode(codes), fmt.values)
    assert (fmt.values[0], fmt.values[-1]) == (fmt.lo, fmt.hi)


@pytest.mark.parametrize("fmt", INTEGERS, ids=str)
def test_what_is_outside_is_refused(fmt):
    far = [np.uint64(2**64 - 1), np.uint64(2**63), 0.5, np.nan, np.inf, -np.inf]
    for value in (fmt.lo - 1, fmt.hi + 1, *far):
        with pytest.raises(ValueError, match=f"Value {value} is not one of"):
            fmt.encode(np.array([value, value]))


def test_bipolar_has_no_zero():
    with pytest.raises(ValueError, match="Value 0 is not one of bipolar's"):
        Bipolar().encode([1, 0])


@pytest.mark.parametrize("fmt", EVERY, ids=str)
def test_what_a_format_says_of_its_codes(fmt):
    values = fmt.sample(np.random.default_rng(1), (3, 50))
    codes = fmt.encode(values)
    assert values.shape == (3, 50) and np.array_equal(fmt.decode(codes), values)
    assert fmt.lo <= values.min() and values.max() <= fmt.hi
    number = np.where(codes >> (fmt.bits - 1) & fmt.signed, codes - (1 << fmt.bits), codes)
    assert fmt.linear == np.array_equal(fmt.spacing * number + fmt.origin, values)
    assert fmt.literal == np.array_equal(number, values)
    assert fmt.is_sign == (set(np.unique(values).tolist()) == {-1, 1})
    if fmt.linear:  # read as numbers, codes are in the order of the values
        order = np.argsort(number.reshape(-1), kind="stable")
        assert (np.diff(values.reshape(-1)[order]) >= 0).all()
    assert fmt.describe() and not fmt.describe().endswith(".")


@pytest.mark.parametrize("fmt", INTEGERS, ids=str)
def test_one_more_value(fmt):
    inside = fmt.widened(int(fmt.values[0]))
    assert inside == fmt
    zero = fmt.widened(0)
    assert zero is None or set(zero.values.tolist()) >= {0, *fmt.values.tolist()}
    assert fmt.widened(0.5) in (None, fmt.widened(0))


def test_formats_with_one_more_value():
    assert Bipolar().widened(0) == Ternary() and Bipolar().widened(2) is None
    assert Levels((-7, 2)).widened(5) == Levels((-7, 2, 5)) and Levels((-1, 2)).widened(0) == Levels((-1, 0, 2))
    assert Unsigned(2).widened(-1) is None and Float32().widened(-1.5) == Float32()


@pytest.mark.parametrize("fmt", EVERY, ids=str)
@pytest.mark.parametrize("wider", [Bipolar(), Unsigned(9), Signed(10), Float32()], ids=str)
def test_codes_that_are_extended(fmt, wider):
    """Codes of another format by zeros or the sign above them: exactly where they say that they are."""
    if not fmt.integral or not wider.integral:
        assert wider.extends(fmt) == (fmt == wider)
        return
    codes = fmt.encode(fmt.values)
    sign = codes >> (fmt.bits - 1) & fmt.signed
    codes = (codes - (sign << fmt.bits)) & ((1 << wider.bits) - 1)
    inside = set(fmt.values.tolist()) <= set(wider.values.tolist())
    same = inside and np.array_equal(wider.encode(fmt.values), codes)
    assert wider.extends(fmt) == same or not fmt.linear


def _drawn(kind):
    return DRAWN[kind] if kind in DRAWN else st.sampled_from(kind.examples())


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", list(kinds_of_format()), ids=lambda kind: kind.__name__)
def test_text_and_back(kind):
    @given(_drawn(kind))
    def check(fmt):
        back = parse_format(str(fmt))
        assert back == fmt and type(back) is kind and str(back) == str(fmt)
        assert (back.lo, back.hi, back.bits) == (fmt.lo, fmt.hi, fmt.bits)

    check()


@pytest.mark.parametrize(
    "text",
    ["", "uint", "int", "uint8x", "float", "int8x", "8", "uint-1", "uint08", "uint²", "int2n", " uint8", "uint8\n",
     "levels ", "powers of two to 0", "powers of two to 7", "uint99999999999"],
)  # fmt: skip
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match="Format must be bipolar, ternary"):
        parse_format(text)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Unsigned(0), "1 to 53 bits, not 0"), (lambda: Unsigned(54), "not 54"),
    (lambda: Signed(0), "1 to 53 bits"), (lambda: Signed(1, narrow=True), "2 to 53 bits, not 1"),
    (lambda: Unsigned(True), "1 to 53 bits, not True"), (lambda: Unsigned(4.0), "not 4.0"),
    (lambda: SignedChance(1), "2 to 53 bits, not 1"), (lambda: SignedChance(4, narrow=True), "never narrow"),
    (lambda: Levels((1, 2.5)), "must be integers"), (lambda: Levels((0, 1 << 62)), "within 62 bits"),
    (lambda: Levels((0, 1), (1,) * 60), "at most 16"), (lambda: PowersOfTwo(31), "0 to 30, not 31"),
])  # fmt: skip
def test_widths_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(st.lists(st.integers(-300, 300), min_size=1, max_size=6))
def test_format_for_is_the_smallest_that_holds_all(values):
    fmt = format_for(np.array(values))
    fmt.encode(values)
    smaller = [f for kind in (Bipolar, Unsigned, Signed) for f in kind.examples() if f.bits < fmt.bits]
    assert not any(set(values) <= set(f.values.tolist()) for f in smaller)


def test_format_for_names():
    cases = {(-1, 1): "bipolar", (1, 1): "bipolar", (-1, 0): "int1", (-1, 0, 1): "ternary", (0, 3): "uint2",
             (0,): "uint1", (-2, 0): "int2", (-7, 7): "int4n", (-8, 7): "int4", (0, 200): "uint8"}  # fmt: skip
    assert {v: str(format_for(np.array(v))) for v in cases} == cases


def test_float32_codes_are_bit_patterns():
    values = np.array([0, -0.0, 1, -2.5, np.inf, 1e-40], dtype=np.float32)
    codes = Float32().encode(values)
    assert codes[2] == 0x3F800000
    assert np.array_equal(Float32().decode(codes).view(np.uint32), values.view(np.uint32))


@pytest.mark.parametrize("text", ["levels 1", "levels 2,1", "uint54", "uint0", "int99", "powers of two to 4294967296"])
def test_texts_of_formats_that_cannot_be_are_refused(text):
    with pytest.raises(ValueError, match="must"):
        parse_format(text)
