"""A type checker knows what calls of the Python API take and give."""

import pytest

from tests.support.type_check import check_types

RIGHT = """
from pathlib import Path
import numpy as np
import fewbit

def told(progress: fewbit.Progress) -> None:
    share: float | None = progress.share

model: fewbit.Model = fewbit.load("m.onnx", input="uint8/255")
accuracy: float | None = model.predict(np.zeros((3, 4)), progress=told).accuracy
codes: np.ndarray | None = model.trace({"x": np.zeros((3, 4))}).integers("t")
small: fewbit.Model = model.quantize("s.npz", weights=2, ranges="minmax").load()
build: fewbit.HardwareBuild = small.fold(fps=3).build("b")
ok: bool = build.simulate(np.zeros((3, 4), dtype=np.uint8)).ok
luts: int = build.synthesize("xc7z020").total.lut
where: Path = build.board("pynq-z2").directory
try:
    names: list[str] = [row.weights for row in model.layers]
except fewbit.errors.ModelError as error:
    text: str = str(error)
version: str = fewbit.__version__
"""
WRONG = {
    'fewbit.load("m").quantize(weights="4")': "incompatible type",
    'fewbit.load("m").quantize(range="mse")': "Unexpected keyword argument",
    'fewbit.load("m").layer': "has no attribute",
    'fewbit.load_build("b").simulate(stall="0.3")': "incompatible type",
    "fewbit.lode": "has no attribute",
}


@pytest.mark.slow
def test_right_programs_pass_and_wrong_ones_do_not(scratch):
    found = check_types(scratch, RIGHT + "".join(f"{line}\n" for line in WRONG))
    first = RIGHT.count("\n") + 1
    told = [line for line in found.stdout.splitlines() if line.startswith("program.py:")]
    errors = {int(line.split(":")[1]): line for line in told if ": error:" in line}
    for number, (line, message) in enumerate(WRONG.items(), first):
        assert message in errors.pop(number, ""), (line, found.stdout)
    assert not errors
