"""``fewbit pe``: its Verilog, its bench, which finds what is wrong, and its LUTs."""

import json
import os
import subprocess
import sys

import pytest

from fewbit.flow.elements import processing_elements
from fewbit.sim.benches.processing_elements import Elements, random_row
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.process import environment
from fewbit.sim.simulators.run_elements import run_elements

SMALL = ["--weights", "ternary", "--activations", "uint4", "--simd", "6", "--pe", "2", "--steps", "3"]


@pytest.fixture
def without_yosys(monkeypatch):
    monkeypatch.setattr(processing_elements, "missing_of", lambda extra: ["pyosys"])


def test_it_writes_verilog_with_its_bench(fewbit, scratch, without_yosys):
    status, out, err = fewbit("pe", *SMALL, "-o", scratch / "pe", "--json")
    found = json.loads(out)
    assert status == 0 and "Verilog: made" in err
    assert (found["pe"], found["simd"], found["steps"], found["acc_bits"]) == (2, 6, 3, 10)
    assert found["luts_by"] == "formula" and found["luts"] == found["luts_by_formula"] > 40 and found["ff"] is None
    bits = {port["port"]: port["bits"] for port in found["ports"]}
    assert bits == {"clk": 1, "rst": 1, "x": 24, "w": 24, "init": 20, "valid": 1, "first": 1, "last": 1, "o": 20,
                    "o_valid": 1}  # fmt: skip
    text = (scratch / "pe" / "pe_array.v").read_text()
    head = text[text.index("module pe_array(") :].partition(";")[0]
    assert all(port in head for port in bits) and f"input [{bits['x'] - 1}:0] x;" in text
    assert json.loads((scratch / "pe" / "elements.json").read_text()) == found
    assert "up to date" in fewbit("pe", *SMALL, "-o", scratch / "pe")[2]
    assert "LUTs by formula" in fewbit("pe", *SMALL, "-o", scratch / "pe")[1]


@pytest.mark.parametrize(
    ("x", "w"), [("bipolar", "bipolar"), ("int3", "ternary"), ("uint4", "int4"), ("bipolar", "int3")]
)
def test_the_bench_knows_what_sums_mean(fewbit, scratch, without_yosys, x, w):
    """Its formula, without any simulator: results, starts and scale give the dot products."""
    import random

    options = ["--weights", w, "--activations", x, "--simd", "5", "--pe", "3", "--steps", "2", "-o", scratch / "pe"]
    assert fewbit("pe", *options)[0] == 0
    e, rng = Elements.read(scratch / "pe" / "pe.json"), random.Random(1)
    for _ in range(20):
        row = random_row(e, rng)
        heaps = e.results(row, [0] * e.pe)
        found = [e.scale * h + s for h, s in zip(heaps, e.starts(row), strict=True)]
        assert found == e.dot_products(row)
    packed = e.packed([code % (1 << e.acc_bits) for code in heaps], e.acc_bits)
    assert e.unpacked(packed) == heaps


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--weights", "ternary", "--activations", "uint99999"], "activations: "),
        (["--weights", "terntary", "--activations", "uint4"], "weights: Format must be bipolar, ternary, "),
        (["--weights", "float32", "--activations", "uint4"], "weights: float32 has no products of integers"),
        ([*SMALL, "--acc", "3"], "Accumulator must have at least 5 bits"),
        ([*SMALL, "--simd", "100000000"], "take more than 1,048,576 bits a cycle"),
        ([*SMALL, "--pe", "0"], "must be a whole number from 1"),
    ],
)
def test_bad_input_is_one_line(fewbit, scratch, options, line):
    status, out, err = fewbit("pe", *options, "-o", scratch / "pe")
    assert status == 2 and out == "" and line in err and err.count("\n") == 1
    assert not (scratch / "pe" / "pe_array.v").exists()


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize(
    ("x", "w", "steps"),
    [("uint4", "ternary", 3), ("bipolar", "bipolar", 1), ("int3", "int4", 2), ("bipolar", "int2", 5)],
)
def test_its_bench_passes(fewbit, scratch, x, w, steps):
    options = ["--weights", w, "--activations", x, "--simd", "7", "--pe", "3", "--steps", str(steps), "--sim"]
    status, out, err = fewbit("pe", *options, "-o", scratch / "pe", "--json")
    found = json.loads(out)
    assert status == 0 and found["simulated"] is True, err
    assert found["luts_by"] == "Yosys" and abs(found["luts"] - found["luts_by_formula"]) <= 0.25 * found["luts"]


@pytest.mark.tools
@pytest.mark.slow
def test_its_bench_finds_what_is_wrong(fewbit, scratch, without_yosys):
    assert fewbit("pe", *SMALL, "-o", scratch / "pe")[0] == 0
    verilog = (scratch / "pe" / "pe_array.v").read_bytes()
    numbers = json.loads((scratch / "pe" / "pe.json").read_text())
    log = run_elements(verilog, numbers, scratch / "good")
    assert "TESTS=3 PASS=3 FAIL=0" in log.read_text()
    late = numbers | {"latency": numbers["latency"] + 1}
    offset = numbers | {"offsets": [value + 1 for value in numbers["offsets"]]}
    for name, wrong in (("late", late), ("offset", offset)):
        with pytest.raises(SimulationError, match="the bench failed"):
            run_elements(verilog, wrong, scratch / name)


@pytest.mark.tools
@pytest.mark.slow
def test_its_bench_runs_by_itself(fewbit, scratch, without_yosys):
    """As a program beside the Verilog, and imported by a bench of somebody else's."""
    assert fewbit("pe", *SMALL, "-o", scratch / "pe")[0] == 0
    own = "import bench; e = bench.Elements.read(); print(e.pe, e.simd, bench.ElementsTB.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", own], cwd=scratch / "pe", env=os.environ | {"PYTHONPATH": "."}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "2 6 ElementsTB\n"
    done = subprocess.run([sys.executable, "bench.py"], cwd=scratch / "pe", env=environment(), capture_output=True,
                          text=True, timeout=900)  # fmt: skip
    assert done.returncode == 0 and "3 of 3 tests passed" in done.stdout, done.stdout + done.stderr
