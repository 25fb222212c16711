"""A comparison as CSV and as a notebook, and the formats that are asked for by name."""

import csv
import io
import json
from pathlib import Path

import pytest

from fewbit.flow.comparing.exports import csv_text, heads_of, notebook_text
from fewbit.flow.comparing.fill import PART
from fewbit.flow.comparing.formats import bits_of_formats
from fewbit.flow.comparing.requantize import FORMATS
from fewbit.flow.comparing.result import (
    ComparedFormat,
    Comparison,
    Filled,
    FilledPart,
    Golden,
    MeasuredInterval,
    Simulated,
    SynthesizedCost,
)
from fewbit.flow.project.simulation_results import Latency
from fewbit.golden.model_file.file import ModelError

COST = SynthesizedCost(lut=1234, lutram=0, ff=5678, bram18=1, bram36=0, dsp=0, bram=0.5)
FILLED = Filled(folding={"fc1": {"pe": 1, "simd": 2}}, multipliers=2048, latency=9, interval=7, cost=COST,
                use=dict.fromkeys(("lut", "ff", "dsp", "bram18"), 0.1), counts_ram=False)  # fmt: skip


def row(name, filled=None, **more):
    golden = Golden(accuracy=0.987, samples=64, weights=36, weight_bits=12_345, bits_per_weight=1, layers=[], pes=2)
    simulated = Simulated(frames=24, mismatches=0, problems=[], latency=Latency(simulated=9, predicted=9),
                          interval=MeasuredInterval(simulated=3, predicted=3))  # fmt: skip
    return ComparedFormat(format=name, model=Path("m.onnx"), note="", golden=golden, simulated=simulated, exact=True,
                          cost=COST, tried=[], filled=filled, **more)  # fmt: skip


@pytest.fixture
def result():
    rows = [row("float32", FILLED, fps=28_571_429, ratio=1.0), row("w4a4"), row("w1a1", unfilled="not looked for")]
    return Comparison(model=Path("m.onnx"), samples="x.npz", shape="64-10", clock_mhz=200.0, folding={}, rows=rows,
                      part=FilledPart.of(PART), tools={}, ok=True)  # fmt: skip


def test_csv_is_numbers(result):
    rows = list(csv.DictReader(io.StringIO(csv_text(result))))
    assert [r["format"] for r in rows] == ["float32", "w4a4", "w1a1"]
    assert len(set(heads_of(result))) == len(heads_of(result)) == len(rows[0])
    first = rows[0]
    assert (first["accuracy"], first["weight bits"], first["LUTs"], first["FFs"]) == ("98.70", "12345", "1234", "5678")
    assert (first["inferences/s"], first["x float32"]) == ("28571429", "1.00")
    assert first[f"{PART.name}: PEs"] == "2048" and rows[1]["inferences/s"] == rows[2]["inferences/s"] == ""
    for r in rows:
        assert all(value == "" or float(value) >= 0 for name, value in r.items() if name != "format")


def test_a_notebook_reads_the_csv(result, tmp_path, monkeypatch):
    notebook = json.loads(notebook_text(result))
    assert (notebook["nbformat"], [c["cell_type"] for c in notebook["cells"]]) == (4, ["markdown", "code", "code"])
    table = "".join(notebook["cells"][0]["source"])
    assert "| float32 | 98.70 % | 12,345 |" in table and "not looked for" in table
    (tmp_path / "compare.csv").write_text(csv_text(result))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    found: dict[str, object] = {}
    for cell in notebook["cells"][1:]:
        exec("".join(cell["source"]), found)
    assert [r["LUTs"] for r in found["known"]] == ["1234"] * 3


def test_formats_by_name():
    assert bits_of_formats(None, known=()) == FORMATS
    assert bits_of_formats(["float32", "w3a5", "ternary"], known=["float32"]) == {"w3a5": (3, 5), "ternary": (2, 2)}
    for wrong in ("w9a1", "w0a1", "x", "w4a4 "):
        with pytest.raises(ModelError, match="a format is ternary, or bits of weights and activations from 1 to 8"):
            bits_of_formats([wrong], known=["float32"])
