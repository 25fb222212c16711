"""The command line: what it prints, and that bad input gives one line, status 2, and nothing half-written."""

import json
import sys
import warnings

import numpy as np
import pytest

from fewbit.flow.commands import cli
from fewbit.flow.commands.options import Making
from fewbit.places import HOME
from tests.support.small_network import SPEC, samples, small

ROOT = HOME
MODEL = ROOT / "examples" / "digits" / "w1a1.onnx"
SAMPLES = ROOT / "examples" / "digits" / "test.npz"


@pytest.fixture
def fewbit(monkeypatch, capfd):
    """Call the command; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["fewbit", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended, warnings.catch_warnings(record=True) as caught:
            cli.main()
        out, err = capfd.readouterr()
        shown = [w for w in caught if not issubclass(w.category, (DeprecationWarning, ImportWarning, ResourceWarning))]
        return ended.value.code or 0, out, err + "".join(f"{w.message}\n" for w in shown)

    monkeypatch.chdir(ROOT)
    return call


def files_in(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_build_prints_json_alone_and_again_is_up_to_date(fewbit, scratch):
    status, out, err = fewbit("build", MODEL, "-o", scratch / "a", "--json")
    first = json.loads(out)
    assert status == 0 and not first["up_to_date"] and "made" in err
    assert first["inputs"][0]["declaration"] == "uint5/16" and list(first["layers"]) == ["fc1", "fc2", "logits"]
    assert files_in(scratch / "a" / "verilog") == [
        "README.md", "accelerator.v", "accelerator.xdc", "accelerator_tb.in.hex", "accelerator_tb.out.hex",
        "accelerator_tb.v", "modules.json", "vivado.tcl",
    ]  # fmt: skip
    times = {p: p.stat().st_mtime_ns for p in (scratch / "a").rglob("*") if p.is_file()}
    status, out, err = fewbit("build", MODEL, "-o", scratch / "a", "--json")
    assert status == 0 and json.loads(out) == first | {"up_to_date": True} and "up to date" in err
    assert {p: p.stat().st_mtime_ns for p in (scratch / "a").rglob("*") if p.is_file()} == times


@pytest.mark.tools
@pytest.mark.slow
def test_synthesis_layer_by_layer(fewbit, scratch):
    folder = scratch / "a"
    assert fewbit("build", MODEL, "-o", folder, "--target", "xilinx")[0] == 0
    status, out, _ = fewbit("synth", folder, "--part", "xc7z020", "--json")
    found = json.loads(out)
    assert status == 0 and json.loads((folder / "synth.json").read_text()) == found
    assert (found["target"], found["part"]) == ("xilinx", "XC7Z020")
    stages = found["stages"]
    assert {"fc1", "fc2", "logits", "the rest"} <= stages.keys()
    assert stages["fc1"]["lut"] > stages["fc2"]["lut"] > stages["logits"]["lut"] > 100
    # Boundaries that are kept cost a little.
    assert found["total"]["lut"] <= sum(row["lut"] for row in stages.values()) <= 1.2 * found["total"]["lut"]
    assert found["use"]["lut"] == round(found["total"]["lut"] / 53_200, 4)
    assert len(found["assumed"]) == 3 and "behind each counter is a register" in found["assumed"][-1]
    shown = fewbit("synth", folder)[1]
    assert shown.count("fc2") == 1 and "assumed: before place and route" in shown


@pytest.mark.tools
@pytest.mark.slow
def test_synthesis_for_ultrascale(fewbit, scratch):
    folder, model = scratch / "a", small(scratch / "small.onnx")
    assert fewbit("build", model, "--input", SPEC, "-o", folder, "--target", "ultrascale")[0] == 0
    assert "set part xczu3eg" in (folder / "verilog" / "vivado.tcl").read_text()
    status, out, _ = fewbit("synth", folder, "--part", "xczu3eg", "--json")
    found = json.loads(out)
    assert status == 0 and (found["target"], found["family"]) == ("ultrascale", "xcup")
    layer = next(iter(json.loads((folder / "manifest.json").read_text())["layers"]))
    for row in found["total"], found["stages"][layer]:
        assert row["carry8"] > 0 and row["lut"] > 0 and row["path"]["lut"] > 0
    assert "CARRY8" in fewbit("synth", folder, "--part", "xczu3eg")[1]
    status, out, err = fewbit("synth", folder, "--part", "xc7z020")
    assert (status, out) == (2, "") and "made of CARRY8, which XC7Z020 does not have" in err


def test_synthesis_needs_a_build_and_a_part(fewbit, scratch):
    status, out, err = fewbit("synth", scratch)
    assert (status, out) == (2, "") and err.startswith(f"fewbit: {scratch} is no build: make one with `fewbit build")
    assert fewbit("build", MODEL, "-o", scratch / "a")[0] == 0
    assert "there is no part 'xc7z02'; near to it: xc7z020, " in fewbit("synth", scratch / "a", "--part", "xc7z02")[2]
    status, out, err = fewbit("synth", scratch / "a", "--part", "LFE5U-45F-6BG381C")
    assert (status, out) == (2, "") and "LFE5U-45F has no cells that fewbit synth can count" in err
    assert "(xc7a35t, xc7a100t, xc7a200t, xc7z020, xc7z045, xczu3eg)" in err


def test_the_cycles_of_a_folding_are_those_of_its_build(fewbit, scratch):
    status, out, _ = fewbit("fold", MODEL, "--max-cycles", "160", "-o", scratch / "fold.json", "--json")
    assert status == 0
    folded = json.loads(out)
    status, out, _ = fewbit("build", MODEL, "-o", scratch / "a", "--folding", scratch / "fold.json", "--json")
    assert status == 0
    cycles = json.loads((scratch / "a" / "manifest.json").read_text())["cycles"]
    assert cycles == {name: folded[name] for name in ("latency", "interval", "bound")}


@pytest.mark.long
def test_a_folding_goes_out_and_comes_back(fewbit, scratch):
    assert fewbit("build", MODEL, "-o", scratch / "a")[0] == 0
    folding = json.loads((scratch / "a" / "folding.json").read_text())
    folding["layers"]["fc1"] = {"pe": 3, "simd": 5}
    (scratch / "mine.json").write_text(json.dumps(folding))
    status, out, _ = fewbit("build", MODEL, "-o", scratch / "b", "--folding", scratch / "mine.json", "--json")
    layer = json.loads(out)["layers"]["fc1"]
    assert status == 0 and (layer["pe"], layer["simd"], layer["cycles"]) == (3, 5, 22 * 13)
    assert json.loads((scratch / "b" / "folding.json").read_text()) == folding


def test_run_gives_labels_and_equals_the_executor(fewbit):
    status, out, _ = fewbit("run", MODEL, "--images", SAMPLES, "--frames", 25, "--check", "--json")
    result = json.loads(out)
    assert status == 0 and len(result["labels"]) == result["samples"] == 25
    executor = result["executor"]
    assert (executor["samples"], executor["labels_equal"], executor["outputs_equal"]) == (25, 25, 25)
    assert [(o["values"], o["differing"]) for o in executor["outputs"]] == [(250, 0)] and executor["codes"] == 0
    with np.load(SAMPLES) as file:
        assert result["accuracy"] == (file["label"][:25] == result["labels"]).mean()
    status, out, _ = fewbit("run", MODEL, "--frames", 3)
    assert status == 0 and "accuracy" in out


@pytest.mark.tools
def test_sim_prints_json_alone_and_reuses_what_is_up_to_date(fewbit, scratch):
    model = small(scratch / "m.onnx")
    np.savez(scratch / "s.npz", x=samples())
    command = ["sim", model, "--input", SPEC, "--images", scratch / "s.npz", "-o", scratch / "out", "--json"]
    status, out, err = fewbit(*command)
    first = json.loads(out)
    assert status == 0 and first["ok"] and (first["frames"], first["mismatches"]) == (20, 0)
    assert first["latency"]["simulated"] == first["latency"]["predicted"] and first["cycles_exact"]
    assert [line.split()[:3] for line in err.splitlines()] == [
        ["fewbit:", "Verilog:", "made"], ["fewbit:", "simulator:", "made"]
    ]  # fmt: skip
    kept = [scratch / "out" / "sim" / "accelerator", scratch / "out" / "verilog" / "accelerator.v"]
    times = [p.stat().st_mtime_ns for p in kept]
    status, out, err = fewbit(*command, "--stall", "0.5", "--frames", "5")
    stalled = json.loads(out)
    assert status == 0 and stalled["frames"] == 5 and stalled["stall"] == 0.5 and stalled["cycles_exact"] is None
    assert err.count("up to date, ") == err.count("\n") == 2
    status, out, _ = fewbit(*command[:-1], "--frames", "1")
    assert status == 0 and "1, all equal to golden" in out
    assert [p.stat().st_mtime_ns for p in kept] == times


def test_random_samples_are_said_to_be_so(fewbit, scratch):
    model = small(scratch / "m.onnx")
    status, out, err = fewbit("run", model, "--frames", 7, "--json")
    assert status == 0 and json.loads(out)["samples"] == 7 and json.loads(out)["accuracy"] is None
    assert err == "fewbit: no samples beside the model and no --images: 7 random ones, seeded\n"
    status, out, err = fewbit("run", model, "--frames", 0)
    assert (status, out) == (2, "") and "'--frames': must be a whole number from 1 to" in err and err.count("\n") == 1


@pytest.mark.long
def test_label_output(fewbit, scratch):
    _, labels, _ = fewbit("run", MODEL, "--frames", 20, "--json")
    status, out, _ = fewbit("run", MODEL, "--frames", 20, "--output", "label", "--json")
    result = json.loads(out)
    assert status == 0 and result["labels"] == json.loads(labels)["labels"]
    assert result["integers"] == [[n] for n in result["labels"]]
    status, out, _ = fewbit("verilog", MODEL, "--output", "label", "-o", scratch / "l", "--json")
    assert status == 0 and json.loads(out)["output"]["meaning"] == "label"


def bad_folding(text):
    def make(folder):
        (folder / "f.json").write_text(text)
        return ["build", MODEL, "--folding", folder / "f.json"]

    return make


def folded(pe=1, simd=1, name="logits"):
    layers = {n: {"pe": 1, "simd": 1} for n in ("fc1", "fc2", "logits")} | {name: {"pe": pe, "simd": simd}}
    return bad_folding(json.dumps({"layers": layers}))


def bad_images(**arrays):
    def make(folder):
        np.savez(folder / "s.npz", **arrays)
        return ["sim", MODEL, "--images", folder / "s.npz"]

    return make


def with_file(name, content, *command):
    def make(folder):
        (folder / name).write_bytes(content)
        return [c if c != "FILE" else folder / name for c in command]

    return make


GOOD = np.zeros((2, 64))
BAD = {
    "no model": (lambda _: ["build", "no/such.onnx"], "no/such.onnx"),
    "no ONNX": (with_file("m.onnx", b"hello", "build", "FILE"), "m.onnx"),
    "empty model": (with_file("m.onnx", b"", "build", "FILE"), "m.onnx"),
    "a folder": (lambda folder: ["build", folder], ""),
    "no folding": (lambda _: ["build", MODEL, "--folding", "no.json"], "no.json: no such file"),
    "folding is no JSON": (bad_folding("{"), "must be JSON like"),
    "folding is a list": (bad_folding("[1]"), "must be JSON like"),
    "unknown layer": (folded(name="dense7"), "'dense7' is not in the model; the model has fc1, fc2, logits"),
    "PE 0": (folded(pe=0), "logits: pe must be a whole number from 1 to 10, not 0"),
    "PE is a fraction": (folded(pe=2.0), "logits: pe must be a whole number from 1 to 10, not 2.0"),
    "folding without SIMD": (bad_folding('{"layers": {"fc1": {"pe": 1}}}'), "fc1: has no 'simd'"),
    "folding without end": (bad_folding("[" * 200_000), "must be JSON like"),
    "folding is a folder": (lambda folder: ["build", MODEL, "--folding", folder], "a folder, not a folding file"),
    "PE beyond": (folded(pe=11), "from 1 to 10, not 11"),
    "PE is true": (folded(pe=True), "not True"),
    "SIMD is text": (folded(simd="8"), "logits: simd must be a whole number from 1 to 64, not '8'"),
    "no images": (lambda _: ["sim", MODEL, "--images", "no.npz"], "no.npz: no such file"),
    "images without x": (bad_images(y=GOOD), "has no array 'x'"),
    "shape": (bad_images(x=GOOD[:, :63]), "(samples, 64)"),
    "NaN": (bad_images(x=GOOD * np.nan), "s.npz"),
    "not of the sensor": (bad_images(x=GOOD + 0.01), "s.npz"),
    "beyond float32": (bad_images(x=GOOD + 1e300), "numbers beyond float32"),
    "beyond the format": (bad_images(x=np.full((2, 64), 99)), "s.npz"),
    "labels": (bad_images(x=GOOD, label=np.zeros(3)), "2 samples but 3 labels"),
    "damaged images": (with_file("s.npz", b"PK\3\4junk", "sim", MODEL, "--images", "FILE"), "s.npz"),
    "frames": (
        lambda _: ["sim", MODEL, "--frames", "0"],
        "Invalid value for '--frames': must be a whole number from 1 to ",
    ),
    "input": (lambda _: ["build", MODEL, "--input", "uint99/3"], "uint99/3"),
    "output": (lambda _: ["build", MODEL, "--output", "best"], "output must be auto or label, not 'best'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(fewbit, scratch, case):
    make, text = BAD[case]
    command = make(scratch)
    if command[0] != "run":
        command += ["-o", scratch / "out"]
    before = files_in(scratch)
    status, out, err = fewbit(*command)
    assert (status, out) == (2, "")
    assert err.startswith("fewbit: ") and err.count("\n") == 1 and text in err
    assert files_in(scratch) == before and not (scratch / "out").exists()


def test_a_directory_that_cannot_be(fewbit, scratch):
    (scratch / "file").write_text("mine")
    status, out, err = fewbit("build", MODEL, "-o", scratch / "file" / "build")
    assert (status, out) == (2, "") and err.startswith("fewbit: ") and err.count("\n") == 1
    assert files_in(scratch) == ["file"] and (scratch / "file").read_text() == "mine"


def test_bad_input_leaves_an_earlier_build_as_it_was(fewbit, scratch):
    model = small(scratch / "m.onnx")
    assert fewbit("build", model, "-o", scratch / "out")[0] == 0
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in scratch.rglob("*") if p.is_file()}
    (scratch / "cut.onnx").write_bytes(model.read_bytes()[:200])
    for bad in ["cut.onnx"], ["m.onnx", "--input", "uint0"], ["m.onnx", "--folding", "none.json"], ["none.onnx"]:
        assert fewbit("build", scratch / bad[0], *bad[1:], "-o", scratch / "out")[0] == 2
    (scratch / "cut.onnx").unlink()
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in scratch.rglob("*") if p.is_file()} == before
    assert "up to date" in fewbit("build", model, "-o", scratch / "out")[2]


USAGE = {
    "fewbit: Missing argument 'MODEL.onnx' (see fewbit build --help)\n": ["build"],
    "fewbit: No such command 'nonsense' (see fewbit --help)\n": ["nonsense"],
    "fewbit: Invalid value for '--stall': ": ["sim", MODEL, "--stall", "2"],
    "fewbit: Invalid value for '--frames': ": ["run", MODEL, "--frames", "few"],
    "fewbit: No such option: --imagse; did you mean --images? ": ["run", MODEL, "--imagse", SAMPLES],
}


@pytest.mark.parametrize("begin", USAGE)
def test_wrong_usage(fewbit, begin):
    status, out, err = fewbit(*USAGE[begin])
    assert (status, out) == (2, "") and err.startswith(begin) and err.count("\n") == 1


def test_help(fewbit):
    for command in [], ["--help"], ["sim", "--help"]:
        status, out, err = fewbit(*command)
        assert (status, err) == (0, "") and "Usage: fewbit" in out


def test_interruption(fewbit, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Making, "project", interrupt)
    said = "interrupted; nothing was finished that is kept: the same command begins again"
    assert fewbit("build", MODEL) == (130, "", f"fewbit: {said}\n")


@pytest.mark.slow
def test_mnist(fewbit):
    model = ROOT / "tests" / "models" / "tfc_w1a1.onnx"
    status, out, _ = fewbit(
        "run", model, "--images", "mnist", "--frames", 60, "--input", "uint8/255", "--check", "--json"
    )
    result = json.loads(out)
    assert status == 0 and result["executor"]["labels_equal"] == 60 and len(set(result["labels"])) > 2
