"""A command, option or model that does not exist: one line, which names what is near to it."""

import pytest

from fewbit.places import HOME

DIGITS = HOME / "examples" / "digits"
LINES = {
    "rnu": "No such command 'rnu'; did you mean run? (see fewbit --help)",
    "simulate": "No such command 'simulate'; did you mean sim? (see fewbit --help)",
    "nonsense": "No such command 'nonsense' (see fewbit --help)",
    "--verson": "No such option: --verson; did you mean --version? (see fewbit --help)",
    "run m.onnx --imagse x": "No such option: --imagse; did you mean --images? (see fewbit run --help)",
    "sim m.onnx --dir x": "No such option: --dir; did you mean --directory? (see fewbit sim --help)",
    "run m.onnx --qqq": "No such option: --qqq (see fewbit run --help)",
    "run m.onnx -q": "No such option: -q (see fewbit run --help)",
}


@pytest.mark.parametrize("line", LINES)
def test_the_nearest_is_named(fewbit, line):
    assert fewbit(*line.split()) == (2, "", f"fewbit: {LINES[line]}\n")


def test_a_missing_model_names_those_near_to_it(fewbit, scratch):
    for name in "small.onnx", "small.npz", "smaller.onnx", "other.onnx":
        (scratch / name).touch()
    (scratch / "smal.onnx").mkdir()
    wanted = scratch / "smll.onnx"
    said = f"fewbit: {wanted}: no such file; did you mean small.onnx or smaller.onnx?\n"
    assert fewbit("build", wanted) == (2, "", said)
    assert fewbit("build", scratch / "unlike.onnx") == (2, "", f"fewbit: {scratch / 'unlike.onnx'}: no such file\n")
