"""What lies beside the Verilog: ports, packing, worked frame, and scripts that a Tcl interpreter accepts."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from flow.images import load_images
from flow.project import Project
from sim.packing import unpack_beats
from sim.runner import environment

ROOT = Path(__file__).resolve().parents[2]
DIGITS = ROOT / "examples" / "digits"


@pytest.fixture(scope="module", params=["w1a1", "w4a4"])
def project(request):
    folder = ROOT / "build" / "test" / f"vivado-{request.param}"
    shutil.rmtree(folder, ignore_errors=True)
    project = Project(DIGITS / f"{request.param}.onnx", directory=folder)
    project.generate()
    yield project
    shutil.rmtree(folder, ignore_errors=True)


def text(project, name):
    return (project.directory / "verilog" / name).read_text()


def test_ports_are_those_of_the_verilog(project):
    top = re.search(r"^module accelerator\(.*?^endmodule", text(project, "accelerator.v"), re.S | re.M).group()
    ports = {}
    for direction, width, name in re.findall(r"^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+);", top, re.M):
        ports[name] = (direction[:-3], int(width or 0) + 1)
    table = {name: (way, int(bits)) for name, way, bits in
             re.findall(r"^\| `(\w+)` \| (in|out) \| (\d+) \|", text(project, "README.md"), re.M)}  # fmt: skip
    assert table == ports and len(ports) == 13


def test_the_worked_frame(project):
    sent, got = re.findall(r"```\n([0-9a-f\n]+)\n```", text(project, "README.md"))
    plan, images = project.plan, load_images(DIGITS / "test.npz", project.network).first(1)
    want = project.hardware_values(project.execute(images.values))
    for lines, fmt, lanes, length, values in (
        (sent, plan.x_format, plan.lanes_in, plan.length, images.values),
        (got, plan.format, plan.lanes_out, plan.length_out, want),
    ):
        data = np.array([list(bytes.fromhex(line)[::-1]) for line in lines.split()], dtype=np.uint8)[None]
        assert fmt.decode(unpack_beats(data, fmt.bits, lanes, length)).tolist() == values.reshape(1, -1).tolist()


def test_manifest_gives_the_models_output(project):
    images = load_images(DIGITS / "test.npz", project.network).first(20)
    result = project.execute(images.values)
    o = project.manifest()["output"]
    y = np.array(o["scale"]) * project.hardware_values(result) + np.array(o["offset"])
    outputs = next(iter(result.outputs.values()))
    assert np.allclose(y, outputs.reshape(y.shape), rtol=1e-5, atol=1e-5)
    assert (y.argmax(axis=1) == result.labels).all() and len(set(result.labels)) > 4
    assert (project.finish(project.hardware_values(result)) == outputs).all()


def test_verilog_2005(project):
    command = ["verilator", "--lint-only", "--language", "1364-2005", "-Wno-fatal", "-Wno-lint", "-Wno-style",
               "--top-module", "accelerator", str(project.verilog)]  # fmt: skip
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "%Error" not in done.stderr, done.stderr


STUBS = """
set argv {%s}
set called {}
foreach name {create_project add_files set_property update_compile_order launch_runs wait_on_run open_run
              report_utilization report_timing_summary create_clock} {
    proc $name args "lappend ::called \\[list $name {*}\\$args\\]"
}
proc current_fileset args {return sources_1}
proc get_runs args {return [lindex $args 0]}
proc get_ports args {return [lindex $args 0]}
proc get_property args {return "%s"}
"""


def tcl(script, file, argv="", progress="100%"):
    """Run a script with Vivado's commands replaced; returns what was called."""
    tkinter = pytest.importorskip("tkinter", reason="needs Python's Tcl")
    interpreter = tkinter.Tcl()
    interpreter.eval(STUBS % (argv, progress))
    interpreter.eval("rename info _info")
    interpreter.eval(f'proc info {{args}} {{ if {{$args eq "script"}} {{return {{{file}}}}}; uplevel _info $args }}')
    interpreter.eval(script)
    return [interpreter.splitlist(c) for c in interpreter.splitlist(interpreter.getvar("called"))]


def test_scripts(project):
    file = project.directory / "verilog" / "vivado.tcl"
    script = file.read_text()
    called = tcl(script, file, argv="xc7z020clg400-1")
    names = [c[0] for c in called]
    assert called[0][-1] == "xc7z020clg400-1" and names[-2:] == ["report_utilization", "report_timing_summary"]
    assert names.index("launch_runs") < names.index("wait_on_run") < names.index("open_run")
    added = [Path(c[-1]) for c in called if c[0] == "add_files"]
    assert [p.name for p in added] == ["accelerator.v", "accelerator.xdc"] and all(p.is_file() for p in added)
    with pytest.raises(Exception, match="synthesis failed"):
        tcl(script, file, progress="40%")
    clock = tcl(text(project, "accelerator.xdc"), file)
    assert clock == [("create_clock", "-name", "aclk", "-period", "5.000", "aclk")]
