"""Loadable weights on the command line: a build, images for it, and one line for what does not fit."""

import json
import shutil

import pytest

from fewbit.host.memory_image import ImageKind, MemoryImage
from fewbit.places import HOME
from tests.support.small_network import SPEC, small


@pytest.fixture(autouse=True)
def in_root(monkeypatch):
    monkeypatch.chdir(HOME)


@pytest.fixture
def built(fewbit, scratch):
    model = small(scratch / "m.onnx")
    status, out, err = fewbit("build", model, "--input", SPEC, "--weights", "loadable", "-o", scratch / "a", "--json")
    assert status == 0, err
    return json.loads(out)


def test_an_image(fewbit, scratch, built):
    assert all(layer["weights_in"].endswith(", loadable") for layer in built["layers"].values())
    said = json.loads((scratch / "a" / "folding.json").read_text())["layers"]
    assert {layer["weights"] for layer in said.values()} == {"loadable"}
    other = small(scratch / "m2.onnx", seed=2)
    for name in "w.npz", "w.bin":
        status, out, err = fewbit("weights", other, "--build", scratch / "a", "-o", scratch / name, "--json")
        found = json.loads(out)
        image = MemoryImage.read(scratch / name)
        assert status == 0 and found["words"] == len(image.words) == built["loadable"]["words"], err
        assert found["checksum"] == image.checksum and found["structure"] == built["loadable"]["structure"]
        assert image.kind == ImageKind.LOADABLE and image.details["model"] == "m2.onnx"
        assert image.details["output"]["format"] == built["output"]["format"]
    own = MemoryImage.read(scratch / "a" / "weights.npz")
    assert fewbit("weights", scratch / "m.onnx", "--build", scratch / "a", "-o", scratch / "m.bin")[0] == 0
    again = MemoryImage.read(scratch / "m.bin")
    assert again.payload == own.payload != image.payload and again.structure == own.structure
    assert fewbit("weights", other, "--build", scratch / "a")[1].count("\n") == 2
    assert (scratch / "m2.weights.npz").is_file()


def test_wrong_use_is_one_line(fewbit, scratch, built):
    model = scratch / "m.onnx"
    fixed = scratch / "fixed"
    assert fewbit("build", model, "--input", SPEC, "-o", fixed)[0] == 0
    assert "loadable" not in json.loads((fixed / "manifest.json").read_text())
    biased = small(scratch / "wide.onnx", shape=(2, 3))
    broken = scratch / "broken"
    shutil.copytree(scratch / "a", broken)
    (broken / "folding.json").write_text((fixed / "folding.json").read_text())
    unknown = scratch / "f.json"
    unknown.write_text((scratch / "a" / "folding.json").read_text().replace("loadable", "flash", 1))
    nobody = scratch / "g.json"
    nobody.write_text((scratch / "a" / "folding.json").read_text().replace('"MatMul_3"', '"MatMul_9"', 1))
    for arguments, reason in (
        (("weights", model, "--build", fixed), ": no layer of this build has loadable weights; build it"),
        (("weights", biased, "--build", scratch / "a"), "wide.onnx: cannot be loaded into the build of model.onnx"),
        (("weights", model, "--build", scratch / "none"), "make it with `fewbit build MODEL.onnx`"),
        (("weights", model, "--build", broken), "is not as it was built"),
        (("weights", scratch / "none.onnx", "--build", scratch / "a"), "none.onnx"),
        (("build", model, "--input", SPEC, "--folding", unknown), "must be one of fixed, loadable, external, not 'fl"),
        (("build", model, "--input", SPEC, "--folding", nobody), "layer 'MatMul_3' is missing; the model has MatMul_3"),
        (("build", model, "--input", SPEC, "--weights", "flash", "-o", scratch / "b"), "flash"),
        (("build", "examples/digits/float32.onnx", "--weights", "loadable", "-o", scratch / "b"),
         "fc1: weights of a float32 layer cannot be loadable; leave it fixed"),
        (("sim", model, "--input", SPEC, "--load", biased, "-o", scratch / "b"), "no layer of this build has loadable"),
        (("sim", model, "--input", SPEC, "--weights", "loadable", "--load", biased, "--frames", 2, "-o", scratch / "b"),
         "the bench that loads weights needs 3 samples or more, not 2"),
        (("board", "ulx3s", scratch / "a"), "has loadable weights, which the serial port of ulx3s does not take"),
    ):  # fmt: skip
        status, out, err = fewbit(*arguments)
        last = err.strip().splitlines()[-1]
        assert (status, out) == (2, ""), (arguments, err)
        assert reason in last, (arguments, last)
    assert not (scratch / "b" / "verilog").exists()


def test_a_folding_for_loadable_weights(fewbit, scratch):
    model = small(scratch / "m.onnx")
    estimates = {}
    for weights in "fixed", "loadable":
        file = scratch / f"{weights}.json"
        status, out, err = fewbit("fold", model, "--input", SPEC, "--weights", weights, "-o", file, "--json")
        assert status == 0, err
        estimates[weights] = json.loads(out)["estimate"]["lut"]
        layers = json.loads(file.read_text())["layers"].values()
        assert {layer.get("weights", "fixed") for layer in layers} == {weights}
    assert estimates["loadable"] > estimates["fixed"]


def test_design_tools_see_the_registers(fewbit, scratch):
    model = small(scratch / "m.onnx")
    status, _, err = fewbit("verilog", model, "--input", SPEC, "--weights", "loadable", "-o", scratch / "a")
    assert status == 0, err
    ip = scratch / "a" / "ip"
    for edition in "component.xml", "component-2014.xml":
        text = (ip / edition).read_text()
        for name, access in ("LOAD_DATA", "write-only"), ("LOAD_CHECK", "write-only"), ("LOAD_TAKEN", "read-only"):
            register = text[text.index(f">{name}<") :]
            assert f">{access}<" in register[: register.index("register>")]
    header = (ip / "fewbit.h").read_text()
    assert "#define FEWBIT_LOAD_DATA 0x068u" in header and "#define FEWBIT_LOAD_STATUS_WAITING (1u << 1)" in header
    assert "LOAD_CHECKSUM" in (ip / "registers.md").read_text()
    assert "register $block LOAD_DATA 0x68 write-only" in (ip / "package_ip.tcl").read_text()
    bare = scratch / "a" / "verilog"
    assert "`s_axis_weights_tdata` | in | 32 |" in (bare / "README.md").read_text()
    assert ".s_axis_weights_tvalid(1'b0)" in (bare / "accelerator_tb.v").read_text()


@pytest.mark.tools
@pytest.mark.slow
def test_simulated(fewbit, scratch):
    model, other = small(scratch / "m.onnx"), small(scratch / "m2.onnx", seed=2)
    options = ("--input", SPEC, "--weights", "loadable", "--load", other, "-o", scratch / "a")
    status, out, err = fewbit("sim", model, *options, "--json")
    found = json.loads(out)
    assert status == 0 and found["ok"] and found["refused"] == 4 and found["frames"] == 72, err
    status, out, _ = fewbit("sim", model, *options)
    assert status == 0 and "72, all equal to golden" in out and "none lost, none of both" in out
    status, out, err = fewbit("sim", model, "--input", SPEC, "--weights", "loadable", "-o", scratch / "b", "--json")
    assert status == 0 and json.loads(out)["cycles_exact"], err  # the bare block, to which nothing is loaded
    options = ("--input", SPEC, "--weights", "loadable", "-o", scratch / "b", "--simulator", "icarus", "--frames", 4)
    status, out, err = fewbit("sim", model, *options, "--json")
    assert status == 0 and json.loads(out)["cycles_exact"], err
