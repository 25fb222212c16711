"""What lies beside the Verilog: ports, packing, worked frame, and scripts that a Tcl interpreter accepts."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fewbit.flow.images import find_images, load_images, random_images
from fewbit.flow.project.project import Project
from fewbit.host.packing import unpack_beats
from fewbit.hw.folding import Folding
from fewbit.places import HOME
from fewbit.sim.simulators.process import environment
from tests.support import tcl
from tests.support.small_network import samples, small

ROOT = HOME
MODELS = {  # labels; signed codes of 3 lanes, which do not divide the frame; floats
    "w1a1": ("examples/digits/w1a1.onnx", {}),
    "label": ("examples/digits/w4a4.onnx", {"output": "label"}),
    "uneven": (None, {"input_spec": "int5/16", "folding": Folding.of(dense0=(1, 5), dense1=(2, 3))}),
    "ternary": ("tests/models/tfc_w2a2.onnx", {}),
    "float32": ("examples/digits/float32.onnx", {}),
}


@pytest.fixture(scope="module", params=MODELS)
def project(request):
    folder = ROOT / "build" / "test" / f"vivado-{request.param}-{os.getpid()}"  # another worker may make it too
    shutil.rmtree(folder, ignore_errors=True)
    path, options = MODELS[request.param]
    model = ROOT / path if path else small(folder / "m.onnx")
    if path is None:
        np.savez(folder / "m.npz", x=samples() - 16)
    project = Project(model, directory=folder, **options)
    project.generate()
    yield project
    shutil.rmtree(folder, ignore_errors=True)


def text(project, name):
    return (project.directory / "verilog" / name).read_text()


@pytest.mark.sampled(6)
@pytest.mark.long
def test_ports_are_those_of_the_verilog(project):
    top = re.search(r"^module accelerator\(.*?^endmodule", text(project, "accelerator.v"), re.S | re.M).group()
    ports = {}
    for direction, width, name in re.findall(r"^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+);", top, re.M):
        ports[name] = (direction[:-3], int(width or 0) + 1)
    table = {name: (way, int(bits)) for name, way, bits in
             re.findall(r"^\| `(\w+)` \| (in|out) \| (\d+) \|", text(project, "README.md"), re.M)}  # fmt: skip
    assert table == ports and len(ports) == 13


@pytest.mark.sampled(3)
def test_the_worked_frame(project):
    sent, got = re.findall(r"```\n([0-9a-f\n]+)\n```", text(project, "README.md"))
    plan, images = project.plan, load_images(find_images(project.model), project.network).first(1)
    want = project.hardware_values(project.execute(images.values))
    for lines, fmt, lanes, length, values in (
        (sent, plan.entries[0].format, plan.entries[0].lanes, plan.entries[0].length, images.values),
        (got, plan.format, plan.lanes_out, plan.length_out, want),
    ):
        data = np.array([list(bytes.fromhex(line)[::-1]) for line in lines.split()], dtype=np.uint8)[None]
        assert data.shape[1:] == (-(-length // lanes), -(-lanes * fmt.bits // 8))
        assert fmt.decode(unpack_beats(data, fmt.bits, lanes, length)).tolist() == values.reshape(1, -1).tolist()


def test_the_first_codes_are_those_of_the_frame(project):
    (listed,) = re.findall(r"^First codes of `s_axis`: ([\d, -]+)", text(project, "README.md"), re.M)
    (frame,) = load_images(find_images(project.model), project.network).first(1).values.reshape(1, -1)
    codes = project.plan.entries[0].format.encode(frame)
    assert [int(code) for code in listed.strip(", ").split(", ")] == codes[:16].tolist() and codes.any()


def test_a_frame_at_random_where_there_are_no_samples(scratch):
    project = Project(small(scratch / "m.onnx"), directory=scratch / "out")
    project.generate()
    sent, _ = re.findall(r"```\n([0-9a-f\n]+)\n```", text(project, "README.md"))
    data = np.array([list(bytes.fromhex(line)[::-1]) for line in sent.split()], dtype=np.uint8)[None]
    codes = unpack_beats(data, project.plan.entries[0].format.bits, project.plan.entries[0].lanes, 6)
    assert np.array_equal(codes, random_images(project.network, 1).values)


@pytest.mark.sampled(3)
@pytest.mark.tools
def test_verilog_2005(project):
    command = ["verilator", "--lint-only", "--language", "1364-2005", "-Wno-fatal", "-Wno-lint", "-Wno-style",
               "--top-module", "accelerator", str(project.verilog)]  # fmt: skip
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "%Error" not in done.stderr, done.stderr


STUBS = """
foreach name {create_project add_files set_property update_compile_order launch_runs wait_on_run open_run
              report_utilization report_timing_summary create_clock} {
    proc $name args "record $name {*}\\$args"
}
proc current_fileset args {return sources_1}
proc get_runs args {return [lindex $args 0]}
proc get_ports args {return [lindex $args 0]}
proc get_property args {return "%s"}
proc get_parts {quiet pattern} {
    if {$quiet ne "-quiet"} { error "there may be none" }
    return [lsearch -all -inline -glob {xc7z020clg484-1 xc7z020clg400-1 xc7a35tcpg236-1 xczu3eg-sbva484-1-e} $pattern]
}
"""


@pytest.mark.tools
def test_scripts(project):
    file = project.directory / "verilog" / "vivado.tcl"
    script = file.read_text()
    called = tcl.records(STUBS % "100%", script, file, ["xc7z020clg400-1"])
    names = [c[0] for c in called]
    assert called[0][-1] == "xc7z020clg400-1" and names[-2:] == ["report_utilization", "report_timing_summary"]
    assert names.index("launch_runs") < names.index("wait_on_run") < names.index("open_run")
    added = [Path(c[-1]) for c in called if c[0] == "add_files"]
    assert [p.name for p in added] == ["accelerator.v", "accelerator.xdc"] and all(p.is_file() for p in added)
    assert tcl.records(STUBS % "100%", script, file)[0][-1] == "xc7a35tcpg236-1"
    assert tcl.records(STUBS % "100%", script, file, ["xc7z020"])[0][-1] == "xc7z020clg400-1"  # the first by name
    with pytest.raises(tcl.TclError, match="this Vivado has no part xc7k325t"):
        tcl.records(STUBS % "100%", script, file, ["xc7k325t"])
    with pytest.raises(tcl.TclError, match="synthesis failed"):
        tcl.records(STUBS % "40%", script, file)
    clock = tcl.records(STUBS % "", text(project, "accelerator.xdc"), file)
    assert clock == [["create_clock", "-name", "aclk", "-period", "5.000", "aclk"]]
