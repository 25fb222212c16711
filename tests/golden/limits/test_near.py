"""Names near to one that does not exist."""

import os

import pytest

from fewbit.golden.limits.files import FileError, read_bounded
from fewbit.golden.limits.near import did_you_mean, near_files, near_names


@pytest.mark.parametrize(
    "wanted, names, near",
    [
        ("rnu", ["run", "sim", "train"], ["run"]),
        ("simulate", ["sim", "synth"], ["sim"]),
        ("supported", ["supported-ops", "sim"], ["supported-ops"]),
        ("si", ["sixteen"], []),
        ("aaab", ["aaaa", "aaac", "aaad", "aaae"], 3),
        ("", ["run"], []),
    ],
)
def test_near_names(wanted, names, near):
    found = near_names(wanted, names)
    assert found == near if isinstance(near, list) else len(found) == near


def test_files_are_near_by_name_and_ending(scratch):
    for name in "a.onnx", "weights.npz", "model.tflite", "model2.onnx", "net.onnx", "net.npz", "notes.md":
        (scratch / name).touch()
    (scratch / "model3.onnx").mkdir()
    assert near_files(scratch / "b.onnx") == []
    assert near_files(scratch / "weight.onnx") == []
    assert near_files(scratch / "weight.npz") == ["weights.npz"]
    assert near_files(scratch / "model.onnx") == ["model2.onnx"]
    assert near_files(scratch / "net.onn") == ["net.onnx"]
    assert near_files(scratch / "net") == ["net.npz", "net.onnx"]
    assert near_files(scratch / "none" / "model.onnx") == []
    assert near_files(scratch / "a.onnx" / "model.onnx") == []


def test_a_name_of_any_bytes(scratch):
    os.close(os.open(os.fsencode(scratch) + b"/mode\xff.onnx", os.O_CREAT))
    with pytest.raises(FileError, match="no such file; did you mean mode.\\.onnx\\?$"):
        read_bounded(scratch / "model.onnx", 9)


def test_the_question():
    assert [did_you_mean(["a", "b", "c"][:n]) for n in range(4)] == [
        "", "; did you mean a?", "; did you mean a or b?", "; did you mean a, b or c?",
    ]  # fmt: skip
