import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from golden.formats import Bipolar, Float32, Signed, Ternary, Unsigned, format_for, parse_format

FORMATS = [Bipolar(), Ternary(), *(Unsigned(b) for b in range(1, 10)), *(Signed(b) for b in range(1, 10)),
           *(Signed(b, narrow=True) for b in range(2, 10))]  # fmt: skip


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_every_value_has_its_own_code(fmt):
    codes = fmt.encode(fmt.values)
    assert len(set(codes.tolist())) == fmt.levels == len(fmt.values)
    assert codes.min() >= 0 and codes.max() < 2**fmt.bits
    assert np.array_equal(fmt.decode(codes), fmt.values)
    assert (fmt.values[0], fmt.values[-1]) == (fmt.lo, fmt.hi)


@pytest.mark.parametrize("fmt", FORMATS, ids=str)
def test_what_is_outside_is_refused(fmt):
    for value in (fmt.lo - 1, fmt.hi + 1):
        with pytest.raises(ValueError, match=f"Value {value} is not one of"):
            fmt.encode([fmt.lo, value])


def test_bipolar_has_no_zero():
    with pytest.raises(ValueError, match="Value 0 is not one of bipolar's"):
        Bipolar().encode([1, 0])


@pytest.mark.parametrize("fmt", [*FORMATS, Float32()], ids=str)
def test_text_and_back(fmt):
    assert parse_format(str(fmt)) == fmt


@pytest.mark.parametrize("text", ["", "uint", "int", "uint8n", "float", "int8x", "8", "uint-1"])
def test_other_text_is_refused(text):
    with pytest.raises(ValueError, match="Format must be bipolar, ternary"):
        parse_format(text)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Unsigned(0), "1 to 32 bits, not 0"), (lambda: Unsigned(33), "not 33"),
    (lambda: Signed(0), "1 to 32 bits"), (lambda: Signed(1, narrow=True), "2 to 32 bits, not 1"),
])  # fmt: skip
def test_widths_are_checked(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@given(st.lists(st.integers(-300, 300), min_size=1, max_size=6))
def test_format_for_is_the_smallest_that_holds_all(values):
    fmt = format_for(np.array(values))
    fmt.encode(values)
    smaller = [f for f in FORMATS if f.bits < fmt.bits]
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
