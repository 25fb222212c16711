"""The part, the clock and the prefix of a build: in scripts, constraints, the IP's description, and in names."""

import json
import re
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from fewbit.flow.ip.destination import Destination, destination
from fewbit.flow.project.project import Project
from fewbit.host.build import Build
from fewbit.hw.shell.names import read_once, without_prefix
from fewbit.hw.targets.named import target_named
from fewbit.hw.targets.part_list import PartsError
from fewbit.hw.xilinx.models import DSP_MODELS, MODELS
from tests.support.small_network import SPEC, samples, small
from tests.support.targets import PORTABLE, ULTRASCALE, XILINX

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
XMLNS = "{http://www.xilinx.com}"


def written(model, folder, **options):
    where = destination(XILINX, **options)
    project = Project(model, input_spec=SPEC, directory=folder, target=XILINX, destination=where)
    project.generate()
    project.generate_ip()
    return project


def test_the_part_and_the_clock_are_everywhere(scratch):
    project = written(small(scratch / "m.onnx"), scratch / "out", part="XC7Z020-1CLG400C", clock=125.0)
    files = {path.name: path.read_text() for kind in ("verilog", "ip") for path in (scratch / "out" / kind).glob("*.*")}
    for script in ("vivado.tcl", "package_ip.tcl"):
        assert re.findall("^set part (\\S+)", files[script], re.M) == ["xc7z020clg400-1"]
    for constraint in ("accelerator.xdc", "accelerator_ip.xdc"):
        assert re.findall(r"-period (\S+) ", files[constraint]) == ["8.000"] and "125 MHz" in files[constraint]
    assert "part: xc7z020clg400-1\n" in files["m.core"]
    root = ET.fromstring(files["component.xml"])
    assert [f.text for f in root.iter(f"{XMLNS}family")] == list(XILINX.ip_families)
    rate = [p for p in root.iter(f"{SPIRIT}parameter") if p.findtext(f"{SPIRIT}name") == "FREQ_HZ"]
    assert [p.findtext(f"{SPIRIT}value") for p in rate] == ["125000000"]
    assert Build(project.directory).manifest["destination"]["part"] == "xc7z020clg400-1"
    assert not any("xc7a35t" in text for text in files.values())


def test_no_option_changes_the_hardware(scratch):
    model = small(scratch / "m.onnx")
    plain, other = written(model, scratch / "a"), written(model, scratch / "b", part="xc7k325t", clock=50.0)
    assert plain.verilog.read_text() == other.verilog.read_text() and plain.digest == other.digest
    assert plain.ip_verilog.read_text() == other.ip_verilog.read_text()
    assert any("xc7k325t is a device without package" in note for note in other.manifest()["notes"])


def test_a_prefix_changes_nothing_but_names(scratch):
    model = small(scratch / "m.onnx")
    plain, left = written(model, scratch / "a"), written(model, scratch / "b", prefix="left")
    for bare, named in ((plain.verilog, left.verilog), (plain.ip_verilog, left.ip_verilog)):
        assert named.name == f"left_{bare.name}"
        text = named.read_text()
        design = text[: text.index("`ifdef VERILATOR")]
        modules = re.findall(r"^module \\?(\S+?) ?\(", design, re.M)
        assert len(modules) > 10 and all(module.startswith("left_accelerator") for module in modules)
        assert without_prefix(text, "left") == bare.read_text()
    assert not (scratch / "b" / "verilog" / "accelerator.v").exists()
    assert json.loads((scratch / "b" / "manifest.json").read_text())["control"]["top"] == "left_accelerator_ip"
    assert left.block.vlnv == "fewbit:accelerator:left_m:1.0"


@pytest.mark.slow
@pytest.mark.tools
def test_two_accelerators_in_one_design(scratch):
    """Their benches run in one simulation, each with the files of its own folder; only prefixes make that possible."""
    commands = {}
    for number, name in enumerate(("left", "right")):
        model = small(scratch / name / "m.onnx", seed=number)
        np.savez(scratch / name / "m.npz", x=samples(seed=number + 5))
        folder = written(model, scratch / name / "out", prefix=name).directory / "verilog"
        for file in folder.iterdir():
            (scratch / file.name).write_bytes(file.read_bytes())
        commands[name] = [f"{name}_accelerator_tb.v", f"{name}_accelerator.v"]
    files = [file for pair in commands.values() for file in pair]
    tops = [word for name in commands for word in ("-s", f"{name}_accelerator_tb")]
    subprocess.run(["iverilog", "-g2005", *tops, "-o", "both.vvp", *files], cwd=scratch, check=True)
    for name, pair in commands.items():
        command = ["iverilog", "-g2005", "-s", f"{name}_accelerator_tb", "-o", f"{name}.vvp", *pair]
        subprocess.run(command, cwd=scratch, check=True)
        done = subprocess.run(["vvp", "-n", f"{name}.vvp"], cwd=scratch, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1].startswith("PASS: 10 frames")


def test_models_of_primitives_are_read_once():
    for models in (MODELS, DSP_MODELS):
        once = read_once(models)
        names = re.findall(r"^module (\w+)", models, re.M)
        assert names == re.findall("^`ifndef FEWBIT_HAS_(\\w+)\\n`define", once, re.M)
        assert without_prefix(once, "any") == models != once


@pytest.mark.tools
def test_who_simulates_a_build_keeps_what_it_is_for(scratch):
    model = small(scratch / "m.onnx")
    made = written(model, scratch / "out", part="xc7z020clg400-1", clock=100.0, prefix="left")
    again = Project(model, input_spec=SPEC, directory=scratch / "out", target=XILINX)
    assert again.destination == made.destination and not again.generate()
    other = Project(model, input_spec=SPEC, directory=scratch / "out", target=PORTABLE)
    assert other.destination == Destination()
    bare = Project(model, input_spec=SPEC, directory=scratch / "bare", target=XILINX)
    bare.generate()
    assert again.design() == bare.design()  # what is simulated has no prefix
    assert again.build_simulator("icarus") and not again.build_simulator("icarus")


@pytest.mark.parametrize(
    ("target", "part", "said"),
    [(ULTRASCALE, "xc7a35t", "does not have CARRY8, which --target ultrascale makes designs of: give --target xilinx"),
     (XILINX, "LFE5U-25F", "lfe5u-25f is none of Vivado's parts"), (PORTABLE, "LFE5U-25F", "none of Vivado's parts"),
     (XILINX, "xc7z021", "there is no part 'xc7z021'; near to it: xc7z020")],
)  # fmt: skip
def test_refused(target, part, said):
    with pytest.raises(PartsError, match=said):
        destination(target, part=part)


def test_another_family_that_can_be_mapped_is_said():
    found = destination(XILINX, part="xczu3eg-sbva484-1-e")
    assert found.notes == (
        "--target xilinx is made of CARRY4, which xczu3eg-sbva484-1-e has in another form: --target ultrascale is made "
        "for it",
    )
    assert found.families_for(XILINX) == (*XILINX.ip_families, "zynquplus")
    assert destination(ULTRASCALE, part="xczu3eg-sbva484-1-e").notes == ()
    assert destination(target_named("portable"), part="xczu3eg-sbva484-1-e").notes == ()


@pytest.mark.parametrize("prefix", ["1st", "a b", "a-b", "é", "a__b", "x" * 65, "a;b"])
def test_prefixes_that_are_no_names(prefix):
    with pytest.raises(ValueError, match="prefix must be a letter"):
        destination(XILINX, prefix=prefix)
