"""What commands leave in the folder of a build for its report, and what of it still counts later."""

import json
import os
import shutil

import numpy as np
import pytest

import fewbit as package
from fewbit.flow.api.progress import Told
from fewbit.flow.project.project import Project
from fewbit.flow.project.synthesized import Synthesized, Used
from fewbit.flow.report.kept import KeptFigures
from fewbit.flow.report.subject import Origin, ReportSubject
from fewbit.flow.report.write import PAGE, report_after_build
from tests.flow.report.test_sections import simulation
from tests.support.small_network import SPEC, samples, small


@pytest.fixture
def folder(built, scratch):
    """A copy of a build, with samples beside its model, as the end of ``fewbit build`` leaves it."""
    project, _ = built
    shutil.copytree(project.directory.parent, scratch, dirs_exist_ok=True, ignore=shutil.ignore_patterns("report"))
    np.savez(scratch / "test.npz", x=samples(), label=np.arange(20) % 3)
    copied = Project(scratch / "m.onnx", input_spec=SPEC, folding=project.folding, directory=scratch / "b")
    report_after_build(copied, Told(None))
    return scratch / "b"


def test_a_build_ends_in_a_report(fewbit, scratch):
    small(scratch / "m.onnx")
    status, out, err = fewbit("build", scratch / "m.onnx", "--input", SPEC, "-o", scratch / "b")
    assert status == 0 and f"report: {scratch / 'b' / PAGE}" in out, err
    assert "fewbit report" in (scratch / "b" / PAGE).read_text()


def test_the_report_after_a_build_has_what_takes_no_time(folder):
    text = (folder / PAGE).read_text()
    assert "m.onnx" in text and "samples are right" in text and "each family of parts takes" in text
    subject = ReportSubject(Project(folder / "model.onnx", directory=folder), whole=False)
    assert subject.origin == Origin(
        model=str(folder.parent / "m.onnx"), samples=str(folder.parent / "test.npz")
    )  # fmt: skip


def test_the_command_does_the_rest_and_is_json(fewbit, folder):
    status, out, err = fewbit("report", folder, "--frames", 7, "--clock", 100, "--json")
    assert status == 0, err
    found = json.loads(out)
    assert found["accuracy"]["samples"] == 7 and found["model"]["clock_mhz"] == 100
    assert found["parts"]["smallest"] and found["explorer"]["points"] and set(found["not_run"]) == {"formats"}
    status, out, _ = fewbit("report", folder)
    assert status == 0 and str(folder / PAGE) in out and "fewbit compare" in out


def test_what_is_wrong_is_one_line(fewbit, folder, scratch):
    for arguments, said in (
        ([scratch / "none"], "make it with `fewbit build"),
        ([folder, "--images", scratch / "none.npz"], "none.npz"),
        ([folder, "--clock", "fast"], "must be a number"),
    ):
        status, out, err = fewbit("report", *arguments)
        assert status == 2 and out == "" and said in err.splitlines()[-1]


def test_the_api_has_it(folder):
    build = package.load_build(folder)
    found = build.report(samples(9), clock=50.0)
    assert found.file == folder / PAGE and found.report.accuracy.samples == 9 and found.report.accuracy.accuracy is None
    assert found.report.headline.figures[0].value == 50e6 / build.manifest["cycles"]["interval"]


def test_what_is_of_another_verilog_does_not_count(folder):
    kept = KeptFigures(folder, "this")
    kept.put("origin", Origin(model="a"), "more")
    assert kept.get("origin", Origin, "more") == Origin(model="a")
    assert kept.get("origin", Origin) is None and KeptFigures(folder, "other").get("origin", Origin, "more") is None
    (folder / "report" / "origin.json").write_text('{"key": 1')
    assert kept.get("origin", Origin, "more") is None
    assert kept.once("origin", Origin, lambda: Origin(model="b")) == Origin(model="b") == kept.get("origin", Origin)


def test_synthesis_that_is_older_than_the_verilog_does_not_count(folder):
    project = Project(folder / "model.onnx", directory=folder)
    used = Used(lut=5, lutram=0, ff=0, carry4=0, carry8=0, muxf=0, bram18=0, bram36=0, dsp=0, path=None)
    found = Synthesized(directory=folder, written="synth.json", target="xilinx", part="xc7a35t", family="xc7",
                        total=used, use={}, assumed=[], stages={})  # fmt: skip
    (folder / "synth.json").write_text(json.dumps(found.to_dict()))
    assert ReportSubject(project).synthesized == found
    made = project.verilog.stat().st_mtime
    os.utime(folder / "synth.json", (made - 10, made - 10))
    assert ReportSubject(project).synthesized is None


def test_a_simulation_is_kept(folder):
    project = Project(folder / "model.onnx", directory=folder)
    KeptFigures(folder, project.design()).put("simulation", simulation(project))
    assert ReportSubject(project).simulation == simulation(project)
    project.verilog.write_text(project.verilog.read_text() + "\n// changed\n")
    assert ReportSubject(project).simulation is None


@pytest.mark.tools
@pytest.mark.slow
def test_a_simulation_ends_in_a_report_with_its_verdict(fewbit, folder, scratch):
    status, out, err = fewbit("sim", scratch / "m.onnx", "--input", SPEC, "-o", folder)
    assert status == 0 and f"report: {folder / PAGE}" in out, err
    text = (folder / PAGE).read_text()
    assert "20 frames, every bit equal to the golden model" in text
