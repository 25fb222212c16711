import numpy as np
import pytest

from fewbit.golden.numbers.declaration import parse_input
from fewbit.golden.numbers.elementwise import apply
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned

EXACT = {  # declaration: (format, the float32 that it means)
    "uint8": (Unsigned(8), lambda v: v),
    "uint8/255": (Unsigned(8), lambda v: v / 255),
    "uint16/65535": (Unsigned(16), lambda v: v / 65535),
    "int16f10": (Signed(16), lambda v: v / 1024),
    "uint8/127.5-1": (Unsigned(8), lambda v: v / 127.5 - 1),
    "uint8*0.5+3": (Unsigned(8), lambda v: v * 0.5 + 3),
    "int8*1e-2": (Signed(8), lambda v: v * 0.01),
    "uint16/255": (Unsigned(16), lambda v: v / 255),
    "uint16/32767.5-1": (Unsigned(16), lambda v: v / 32767.5 - 1),
    "int4f2/3": (Signed(4), lambda v: v / 12),
    "bipolar": (Bipolar(), lambda v: v),
    "bipolar*0.5": (Bipolar(), lambda v: v * 0.5),
    " uint1 ": (Unsigned(1), lambda v: v),
}


@pytest.mark.parametrize("text", EXACT)
def test_floats_and_back(text):
    fmt, function = EXACT[text]
    spec = parse_input(text)
    assert spec.format == fmt
    values = fmt.values
    floats = function(values.astype(np.float64)).astype(np.float32)
    assert np.array_equal(apply([spec.dequantize()], values), floats)
    assert np.array_equal(spec.encode(floats), values)


def test_encode_takes_what_a_float32_program_computes():
    spec = parse_input("uint8/255")
    raw = np.arange(256, dtype=np.float32)
    assert np.array_equal(spec.encode(raw * np.float32(1 / 255)), raw)
    assert np.array_equal(parse_input("uint8/127.5-1").encode(raw / np.float32(255) * 2 - 1), raw)


@pytest.mark.parametrize("value", [0.5, 256 / 255, -1 / 255, np.nan, np.inf, 0.001])
def test_encode_refuses_other_floats(value):
    with pytest.raises(ValueError, match="Input must be integers of uint8/255|is not one of uint8's"):
        parse_input("uint8/255").encode([0.0, value])


@pytest.mark.parametrize("text", [
    "", "uint", "int8f", "uint0", "uint17", "int1", "float32", "uint8/0", "uint8/-2", "uint8*", "uint8+", "uint8/1e999",
    "uint8/255/2", "uint99999999999999999999", "int8f999", "uint8*1e400", "uint8/1.2.3", "uint8+1e5e", "uint8\n/2x",
])  # fmt: skip
def test_other_declarations_are_refused(text):
    with pytest.raises(ValueError, match="Input declaration must"):
        parse_input(text)


NORMALIZED = {  # declaration, shape of a sample: what torchvision's ToTensor and Normalize compute in float32
    "uint8/255 normalize 0.1307:0.3081": (1, 4, 4),
    "uint8*1/255 normalize 0.485,0.456,0.406:0.229,0.224,0.225": (3, 4, 4),
    "uint8/255normalize0.5:0.5,0.25,0.125": (2, 2, 3),
}


@pytest.mark.parametrize("text", NORMALIZED)
def test_normalization_is_torchvisions(text):
    spec, shape = parse_input(text), NORMALIZED[text]
    values = np.random.default_rng(1).permutation(256 * 3).reshape(-1, *shape) % 256
    y = values.astype(np.float32) / np.float32(255)
    mean, std = (np.array([float(n) for n in part.split(",")], dtype=np.float32) for part in
                 text.split("normalize")[1].split(":"))  # fmt: skip
    place = (1, -1, 1, 1) if shape[0] == 3 else (-1,)
    floats = (y - mean.reshape(place)) / std.reshape(place)
    assert spec.floats(values).dtype == np.float32 and np.array_equal(spec.floats(values), floats)
    assert np.array_equal(spec.encode(floats), values)
    near, count = spec.nearest(floats + np.float32(0.3 / 255))
    assert np.array_equal(near, values) and count == values.size
    with pytest.raises(ValueError, match=r"give the raw integers .* declare .* or round"):
        spec.encode(floats + np.float32(0.3 / 255))


def test_fractions_and_rounding():
    assert parse_input("uint8*1/255").scale == parse_input("uint8/255").scale
    assert parse_input("int8*3/4+0.5").scale == 0.75
    spec = parse_input("uint8/255")
    near, count = spec.nearest([-1.0, 0.0, 0.5, 2.0, 1.0])
    assert near.tolist() == [0, 0, 128, 255, 255] and count == 3
    assert parse_input("bipolar").nearest([-0.2, 0.2, 1.0])[0].tolist() == [-1, 1, 1]
    with pytest.raises(ValueError, match="NaN"):
        spec.nearest([np.nan])


@pytest.mark.parametrize("text", [
    "uint8 normalize", "uint8 normalize 1", "uint8 normalize 1:0", "uint8 normalize 1,2:1,2,3", "uint8 normalize 1:nan",
    "uint8 normalize 1:-1", "uint8 normalize 1:1:1", "uint8*1/0", "uint8/1/2", "uint8 normalize 1:1\n",
])  # fmt: skip
def test_other_normalizations_are_refused(text):
    with pytest.raises(ValueError, match="Input declaration must be"):
        parse_input(text)


def test_a_normalization_must_fit_the_sample():
    with pytest.raises(ValueError, match=r"normalizes 3 channels, which a sample of shape \(4, 5\) has not"):
        parse_input("uint8 normalize 1,2,3:1").floats(np.zeros((2, 4, 5)))
