"""Samples: floats, raw integers and codes of the same pictures become the same integers; what is not refused fits."""

import io
import os
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from fewbit.flow.images import ImageError, find_images, load_images, random_images
from fewbit.golden.importing.importer import import_model
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.places import HOME
from tests.support.several_inputs import several
from tests.support.small_network import SPEC, samples, small

ROOT = HOME
RAW = samples()


def saved(folder, **arrays):
    np.savez(folder / "s.npz", **arrays)
    return folder / "s.npz"


@pytest.fixture
def declared(scratch):
    return import_model(small(scratch / "m.onnx"), SPEC)


@pytest.fixture
def codes(scratch):
    return import_model(small(scratch / "m.onnx"))


@pytest.mark.parametrize("dtype", ["uint8", "int64", "uint64", "float32", "float64", "float16"])
def test_floats_and_raw_integers_of_a_declared_input(declared, scratch, dtype):
    x = (RAW / 16 if dtype.startswith("float") else RAW).astype(dtype)
    images = load_images(saved(scratch, x=x), declared)
    assert images.values.dtype == np.int64 and np.array_equal(images.values, RAW)
    assert images.floats.dtype == np.float32 and np.array_equal(images.floats, RAW / 16)
    assert images.labels is None and len(images) == len(RAW)


def test_floats_and_codes_of_an_undeclared_input(codes, scratch):
    floats = RAW / 16 + np.random.default_rng(0).uniform(-0.03, 0.03, RAW.shape)  # the quantizer rounds
    images = load_images(saved(scratch, x=floats), codes)
    assert np.array_equal(images.values, RAW) and np.array_equal(images.floats, floats.astype(np.float32))
    images = load_images(saved(scratch, x=RAW), codes)
    assert np.array_equal(images.values, RAW) and images.floats is None
    assert load_images(saved(scratch, x=RAW > 15), codes).values.tolist() == (RAW > 15).astype(int).tolist()


def test_a_float_network_takes_integers_as_floats(scratch):
    network = import_model(ROOT / "examples" / "digits" / "float32.onnx")
    x = np.arange(128).reshape(2, 64)
    images = load_images(saved(scratch, x=x), network)
    assert images.values.dtype == np.float32 and np.array_equal(images.values, x)
    assert np.array_equal(images.floats, x)


@pytest.mark.parametrize("shape", [(20, 6), (20, 1, 2, 3), (20, 6, 1), (20, 2, 3)])
def test_a_sample_of_another_shape_is_taken_in_row_major_order(scratch, shape):
    network = import_model(small(scratch / "m.onnx", shape=(1, 2, 3)), SPEC)
    images = load_images(saved(scratch, x=RAW.reshape(shape), label=np.arange(20)[:, None]), network)
    assert images.values.shape == images.floats.shape == (20, 1, 2, 3)
    assert np.array_equal(images.values.reshape(20, 6), RAW)
    assert images.labels.tolist() == list(range(20))


BAD = {
    "no x": ({"y": RAW, "z": RAW}, "has no array 'x', only y, z"),
    "nothing": ({}, "has no array 'x', only nothing"),
    "one sample alone": ({"x": RAW[0]}, r"\(samples, 6\), not int64 \(6,\)"),
    "a number": ({"x": 3}, r"must be numbers of shape"),
    "no samples": ({"x": RAW[:0]}, r"not int64 \(0, 6\)"),
    "too small": ({"x": RAW[:, :5]}, r"not int64 \(20, 5\)"),
    "complex": ({"x": RAW * 1j}, "not complex128"),
    "text": ({"x": RAW.astype(str)}, "must be numbers"),
    "NaN": ({"x": np.where(RAW > 30, np.nan, RAW / 16)}, "must not hold NaN"),
    "infinite": ({"x": np.where(RAW > 30, np.inf, RAW / 16)}, "must not hold NaN, or numbers beyond float32"),
    "beyond float32": ({"x": RAW * 1e300}, "beyond float32"),
    "between the steps": ({"x": RAW / 16 + 0.01}, "Input must be integers of uint5/16"),
    "float beyond": ({"x": RAW / 16 + 2}, "is not one of uint5's, which has 0 to 31"),
    "beyond": ({"x": RAW + 1}, "Value 32 is not one of uint5's"),
    "negative": ({"x": RAW - 32}, "is not one of uint5's"),
    "beyond int64": ({"x": RAW.astype(np.uint64) + np.uint64(2**63)}, "is not one of uint5's"),
    "few labels": ({"x": RAW, "label": np.arange(19)}, "has 20 samples but 19 labels"),
    "one label": ({"x": RAW, "label": 3}, "has 20 samples but 1 labels"),
    "one-hot labels": ({"x": RAW, "label": np.zeros((20, 3))}, "has 20 samples but 60 labels"),
    "labels as text": ({"x": RAW, "label": RAW[:, 0].astype(str)}, "'label' must be the indices of the classes"),
    "objects": ({"x": np.array([[None] * 6])}, "not a readable .npz file"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("error")
def test_what_does_not_fit_is_refused(declared, scratch, case):
    arrays, message = BAD[case]
    assert max(RAW.reshape(-1)) == 31  # that the cases of the range are what they say
    with pytest.raises(ImageError, match=message) as error:
        load_images(saved(scratch, **arrays), declared)
    assert str(error.value).startswith(str(scratch / "s.npz") + ": ") and "\n" not in str(error.value)


def test_large_unsigned_integers_do_not_become_negative_ones(scratch):
    network = import_model(small(scratch / "m.onnx"), "int5/16")
    x = np.zeros((2, 6), dtype=np.uint64)
    assert not load_images(saved(scratch, x=x), network).values.any()
    x[1, 2] = 2**64 - 3
    with pytest.raises(ImageError, match="is not one of int5's"):
        load_images(saved(scratch, x=x), network)


def test_any_damage_of_the_file_is_an_image_error(declared, scratch):
    path = saved(scratch, x=RAW)
    whole = path.read_bytes()
    for size in range(0, len(whole), 37):
        path.write_bytes(whole[:size])
        with pytest.raises(ImageError, match="damaged|not a readable"):
            load_images(path, declared)
    at = whole.index(RAW[0].tobytes())
    path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    with pytest.raises(ImageError, match="damaged: Bad CRC"):
        load_images(path, declared)
    np.save(scratch / "x.npy", RAW)
    with pytest.raises(ImageError, match="a single array without a name"):
        load_images(scratch / "x.npy", declared)
    with pytest.raises(ImageError, match="no such file"):
        load_images(scratch / "none.npz", declared)


def test_the_first(declared, scratch):
    images = load_images(saved(scratch, x=RAW, label=np.arange(20)), declared)
    few = images.first(3)
    assert (few.values.tolist(), few.labels.tolist()) == (RAW[:3].tolist(), [0, 1, 2]) and len(few.floats) == 3
    assert len(images.first(None)) == len(images.first(100)) == 20
    for count in 0, -1:
        with pytest.raises(ImageError, match=f"--frames must be at least 1, not {count}"):
            images.first(count)
        with pytest.raises(ImageError, match=f"--frames must be at least 1, not {count}"):
            random_images(declared, count)


def test_samples_beside_a_model(scratch):
    model = scratch / "m.onnx"
    assert find_images(model) is None
    for name in "test.npz", "m.npz", "m.io.npz":  # the later ones come first
        (scratch / name).touch()
        assert find_images(model) == scratch / name


@pytest.mark.parametrize("fmt", [Bipolar(), Ternary(), Unsigned(3), Signed(5), Signed(4, narrow=True), Unsigned(10)])
def test_random_samples_take_the_whole_range(codes, fmt):
    codes.inputs = (replace(codes.inputs[0], format=fmt),)
    images = random_images(codes, 3000)
    assert images.values.shape == (3000, 6) and images.floats is None and images.labels is None
    assert np.isin(images.values, fmt.values).all()
    assert len(np.unique(images.values)) > 0.6 * len(fmt.values)
    assert np.array_equal(images.values, random_images(codes, 3000).values)
    assert not np.array_equal(images.values, random_images(codes, 3000, seed=2).values)


def test_random_samples_of_declared_and_float_inputs(declared):
    images = random_images(declared, 50)
    assert np.array_equal(images.floats, images.values / 16) and np.array_equal(
        declared.encode(images.floats), images.values
    )
    declared.inputs = (replace(declared.inputs[0], format=Float32()),)
    images = random_images(declared, 50)
    assert (
        images.values.dtype == np.float32
        and np.shares_memory(images.floats, images.values)
        and images.values.std() > 0.8
    )


@pytest.mark.slow
def test_mnist():
    network = import_model(ROOT / "tests" / "models" / "tfc_w1a1.onnx", "uint8/255")
    images = load_images("mnist", network)
    assert images.values.shape == (5000, 1, 28, 28) and np.unique(images.values).size > 200
    assert np.array_equal(images.floats, (images.values / 255).astype(np.float32))
    assert np.bincount(images.labels).tolist() == [500] * 10
    assert len(set(images.labels[:30].tolist())) > 7, "not in the order of the classes"


def header(shape, dtype="<f4", *, order="False"):
    """The beginning of a .npy file that says it holds an array of ``shape``."""
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def zipped(folder, **members):
    with zipfile.ZipFile(folder / "s.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name + ".npy", content)
    return folder / "s.npz"


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


PICKLED = pickle.dumps(RAW)
LIMIT = "the limit is 100 MiB; set FEWBIT_IMAGE_BYTES=16G, say, to raise it"
HOSTILE = {
    "a shape of petabytes": (lambda f: zipped(f, x=header((1 << 40, 6))), LIMIT),
    "a shape beyond int64": (lambda f: zipped(f, x=header((1 << 80, 6))), LIMIT),
    "a negative shape": (lambda f: zipped(f, x=header((-1, 6)) + bytes(24)), "of shape (-1, 6)"),
    "a shape that is no numbers": (lambda f: zipped(f, x=header(("a", 6))), "the header of 'x' cannot be read"),
    "many zeros": (lambda f: zipped(f, x=header((1 << 24, 6)) + bytes(1 << 20)), LIMIT),
    "fewer values than it says": (lambda f: zipped(f, x=header((1000, 6)) + bytes(99)), "has only"),
    "labels of petabytes": (lambda f: zipped(f, x=npy(RAW), label=header((1 << 40,))), LIMIT),
    "no magic": (lambda f: zipped(f, x=b"hello"), "'x' is no array: it does not begin as a .npy file does"),
    "nothing in it": (lambda f: zipped(f, x=b""), "'x' is no array"),
    "a pickle": (lambda f: zipped(f, x=PICKLED), "'x' is no array"),
    "objects": (lambda f: zipped(f, x=header((20, 6), "|O") + PICKLED), "'x' holds Python objects"),
    "a header without end": (lambda f: zipped(f, x=b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 99), "cannot be read"),
    "a header that is code": (
        lambda f: zipped(f, x=b"\x93NUMPY\x01\x00\x0f\x00__import__('os')"), "the header of 'x' cannot be read"),
    "a version to come": (lambda f: zipped(f, x=b"\x93NUMPY\x09\x00\x04\x00{}  "), "cannot be read"),
    "labels without magic": (lambda f: zipped(f, x=npy(RAW), label=b"1234567890"), "'label' is no array"),
    "two of one name": (
        lambda f: (zipped(f, x=npy(RAW)), zipfile.ZipFile(f / "s.npz", "a").writestr("x", npy(RAW)))[0],
        "two arrays of one name",
    ),
    "records": (lambda f: saved(f, x=np.zeros(20, dtype=[("a", "i4"), ("b", "f4")])), "must be numbers of shape"),
    "dates": (lambda f: saved(f, x=np.zeros((20, 6), dtype="datetime64[s]")), "must be numbers of shape"),
    "no samples": (lambda f: saved(f, x=np.zeros((0, 6))), "must be numbers of shape"),
    "samples of nothing": (lambda f: saved(f, x=np.zeros((20, 0))), "must be numbers of shape"),
    "NaN labels": (lambda f: saved(f, x=RAW, label=np.full(20, np.nan)), "from 0, not nan"),
    "infinite labels": (lambda f: saved(f, x=RAW, label=np.full(20, np.inf)), "from 0, not inf"),
    "negative labels": (lambda f: saved(f, x=RAW, label=np.full(20, -1)), "from 0, not -1"),
    "fractional labels": (lambda f: saved(f, x=RAW, label=np.full(20, 0.5)), "from 0, not 0.5"),
    "huge labels": (lambda f: saved(f, x=RAW, label=np.full(20, 2**64 - 1, dtype="u8")), "from 0, not 1844"),
    "truth as labels": (lambda f: saved(f, x=RAW, label=np.full(20, True)), "indices of the classes, not bool"),
    "a hundred other arrays": (
        lambda f: zipped(f, **{f"y{i}": npy(RAW) for i in range(100)}),
        "only y0, y1, y2, y3, y4, y5, y6, y7 and 92 more"),
    "a pipe": (lambda f: (os.mkfifo(f / "s.npz"), f / "s.npz")[1], "a device or pipe, not an .npz file"),
    "a device": (lambda f: ((f / "s.npz").symlink_to("/dev/zero"), f / "s.npz")[1], "a device or pipe, not an .npz"),
    "a folder": (lambda f: ((f / "s.npz").mkdir(), f / "s.npz")[1], "a folder, not an .npz file"),
    "a file of 200 MB": (lambda f: (os.truncate(zipped(f, x=b""), 200 << 20), f / "s.npz")[1], LIMIT),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.filterwarnings("error")
def test_hostile_files(declared, scratch, monkeypatch, what):
    monkeypatch.setenv("FEWBIT_IMAGE_BYTES", "100M")
    write, message = HOSTILE[what]
    with pytest.raises(ImageError) as error:
        load_images(write(scratch), declared)
    assert message in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith(str(scratch / "s.npz") + ": ")


def test_orders_and_labels_that_are_whole(declared, scratch):
    """Fortran's order, labels as floats, and other arrays of any kind beside them."""
    path = saved(scratch, x=np.asfortranarray(RAW), label=np.arange(20.0), other=np.array([None], dtype=object))
    images = load_images(path, declared)
    assert np.array_equal(images.values, RAW)
    assert images.labels.dtype == np.int64 and images.labels.tolist() == list(range(20))


def test_random_samples_have_a_bound(declared):
    with pytest.raises(
        ImageError, match="--frames 1000000000000: so many random samples take too much memory; the limit"
    ):
        random_images(declared, 10**12)


def test_damage_anywhere(declared, scratch):
    """Hundreds of files with bytes changed at random: each is read or refused, in one line."""
    rng, whole = np.random.default_rng(1), saved(scratch, x=RAW[:3], label=np.arange(3)).read_bytes()
    outcomes = {True: 0, False: 0}
    for _ in range(500):
        spoiled = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.choice([1, 2, 9])):
            spoiled[at] = rng.integers(0, 256)
        (scratch / "s.npz").write_bytes(spoiled)
        try:
            load_images(scratch / "s.npz", declared)
            outcomes[True] += 1
        except ImageError as error:
            assert "\n" not in str(error)
            outcomes[False] += 1
    assert min(outcomes.values()) > 20


def test_several_inputs_have_an_array_each(scratch):
    made = several("codes_and_raw", scratch / "m.onnx", count=9)
    network = import_model(scratch / "m.onnx", made.spec)
    images = load_images(saved(scratch, **made.x, label=np.arange(9)), network)
    assert images.values.shape == images.floats.shape == (9, 8) and images.zeros == () and len(images.labels) == 9
    assert [part.shape for part in network.apart(images.values)] == [(9, 5), (9, 3)]
    assert np.array_equal(network.apart(images.values)[1], made.x["raw"] * 2)
    assert np.array_equal(network.encode(images.floats), images.values)
    raw = load_images(saved(scratch, x=made.x["input"], raw=(made.x["raw"] * 2).astype(int)), network)
    assert np.array_equal(raw.values, images.values)  # x stands for the first, and each may be of either kind
    codes = load_images(saved(scratch, input=network.apart(images.values)[0], raw=made.x["raw"]), network)
    assert np.array_equal(codes.values, images.values) and codes.floats is None


def test_an_input_without_an_array_is_zero(scratch):
    made = several("codes_and_raw", scratch / "m.onnx", count=9)
    network = import_model(scratch / "m.onnx", made.spec)
    images = load_images(saved(scratch, x=made.x["input"]), network)
    assert images.zeros == images.first(2).zeros == ("raw",) and not network.apart(images.values)[1].any()
    with pytest.raises(ImageError, match="'raw': Input must be integers of int4/2"):
        load_images(saved(scratch, **made.x | {"raw": made.x["raw"] + 0.1}), network)
    with pytest.raises(ImageError, match="as many samples each, not 9, 8"):
        load_images(saved(scratch, **made.x | {"raw": made.x["raw"][:8]}), network)
    with pytest.raises(ImageError, match="has no array 'x', only y"):
        load_images(saved(scratch, y=made.x["raw"]), network)


def test_random_samples_of_several_inputs(scratch):
    made = several("image_and_features", scratch / "m.onnx")
    network = import_model(scratch / "m.onnx", made.spec)
    image, features = network.apart(random_images(network, 50).values)
    assert image.shape == (50, 2, 6, 5) and (image.min(), image.max()) == (0, 255)
    assert features.shape == (50, 4) and features.min() < -20000 and features.max() > 20000
