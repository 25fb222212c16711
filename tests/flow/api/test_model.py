"""The Python API gives what the commands print as JSON, for samples in every form; bad input is a known exception."""

import json
import subprocess
import sys

import numpy as np
import pytest

import fewbit as package
from fewbit.places import HOME
from tests.support.graphs import Graph
from tests.support.small_network import SPEC, samples, small

DIGITS = HOME / "examples" / "digits"
MODEL, TEST, FLOATS = DIGITS / "w1a1.onnx", DIGITS / "test.npz", DIGITS / "float32.onnx"


def printed(fewbit, *arguments):
    status, out, err = fewbit(*arguments, "--json")
    assert status == 0, err
    return json.loads(out)


def as_json(result):
    """What `--json` would print of a result."""
    return json.loads(json.dumps(result.to_dict()))


@pytest.fixture(scope="module")
def model():
    return package.load(MODEL)


def test_import_is_light_and_names_what_there_is():
    code = "import sys, fewbit; assert not {'numpy', 'onnx', 'amaranth', 'typer'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert package.__version__[0].isdigit() and set(package.__all__) <= set(dir(package))
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        package.lode  # noqa: B018


@pytest.mark.slow
def test_predictions_are_those_of_run(fewbit, model):
    want = printed(fewbit, "run", MODEL, "--images", TEST, "--check")
    found = model.predict(TEST, check=True)
    assert as_json(found) == want and found.accuracy > 0.9
    arrays = dict(np.load(TEST))
    assert model.predict(arrays).accuracy == found.accuracy
    x = arrays["x"]
    for given in x, {"x": x}, x.tolist():
        assert np.array_equal(model.predict(given).outputs["logits"], found.outputs["logits"])
    assert np.array_equal(model.predict(x[7]).labels, found.labels[7:8])
    raw = (x * 16).astype(np.uint8) if x.dtype.kind == "f" else x
    assert np.array_equal(model.predict(raw).labels, found.labels)
    assert model.predict(frames=5).samples == 5  # those beside the model


def test_layers_are_those_of_the_manifest(model):
    rows = {row.layer: row for row in model.layers}
    assert list(rows) == ["fc1", "fc2", "logits"] and len(model.layers) == 3
    first = model.layers["fc1"]
    assert (first.inputs, first.neurons, first.parameters, first.macs) == (64, 64, 4096, 4096)
    assert (first.activations, first.weights, first.weight_bits) == ("uint5", "bipolar", 4096)
    assert model.layers[-1].neurons == 10
    with pytest.raises(KeyError, match="no layer 'conv0'; there are fc1"):
        model.layers["conv0"]


@pytest.mark.slow
def test_foldings_and_builds_are_those_of_the_commands(fewbit, model, scratch):
    want = printed(fewbit, "fold", MODEL, "--fps", "1000000", "-o", scratch / "fold.json")
    folded = model.fold(fps=1_000_000, file=scratch / "fold.json")
    assert as_json(folded) == want and folded.fps >= 1_000_000
    want = printed(fewbit, "build", MODEL, "--folding", scratch / "fold.json", "-o", scratch / "b")
    (scratch / "fold.json").write_text("{}")  # a folding is kept, whatever becomes of its file
    build = folded.build(scratch / "b")
    assert as_json(build) == want | {"up_to_date": True}
    assert build.verilog == (scratch / "b" / "verilog" / "accelerator.v").read_text()
    again = package.load_build(scratch / "b")
    assert again.manifest == build.manifest == json.loads((scratch / "b" / "manifest.json").read_text())
    assert model.build(scratch / "c", folding=folded.folding).manifest["build"] == build.manifest["build"]
    other = model.build(scratch / "d", ip=True)  # the default folding
    assert other.manifest["build"] != build.manifest["build"] and (scratch / "d" / "ip" / "component.xml").is_file()


@pytest.mark.slow
@pytest.mark.long
def test_quantization_is_that_of_the_commands(fewbit, scratch):
    floats, file = package.load(FLOATS), scratch / "q.onnx"
    options = ["--frames", "64", "--weights-of", "fc2=3"]
    want = printed(fewbit, "quantize", FLOATS, "--weights", "2", "-o", file, "--range", "minmax", *options)
    found = floats.quantize(TEST, weights=2, frames=64, weights_of={"fc2": 3}, ranges="minmax", file=file)
    assert as_json(found) == want
    assert [row.weights for row in found.load().layers] == ["ternary", "int3n", "ternary"]
    arrays = {name: array[:64] for name, array in np.load(TEST).items()}
    given = as_json(floats.quantize(arrays, weights=2, weights_of={"fc2": 3}, ranges="minmax", file=file))
    assert given["calibration"]["from"] == given["images"]["from"] == "samples"
    assert given | {"calibration": 0, "images": 0} == want | {"calibration": 0, "images": 0}
    want = printed(fewbit, "sensitivity", FLOATS, "--bits", "4", "--frames", "64")
    assert as_json(floats.sensitivity(TEST, bits="4", frames=64, jobs=2)) == want
    held = scratch / "held.npz"
    np.savez(held, **{name: array[64:128] for name, array in np.load(TEST).items()})
    command = ["search", FLOATS, "--max-drop", "20", "--formats", "w4a4,w2a2", "--frames", "64", "-o", scratch / "s",
               "--test", held]  # fmt: skip
    found = floats.search(TEST, max_drop=20, formats="w4a4,w2a2", test=held, frames=64, directory=scratch / "s")
    assert as_json(found) == printed(fewbit, *command)
    assert package.load(found.best.file).predict(held).accuracy == found.best.test.accuracy


def test_bad_input_is_a_known_exception(model, scratch):
    with pytest.raises(package.errors.ModelError, match="no such file; did you mean w1a1.onnx"):
        package.load(DIGITS / "w1a.onnx")
    with pytest.raises(package.errors.ImageError, match=r"samples: 'x' must be numbers of shape \(samples, 64\), not"):
        model.predict(np.zeros((3, 5)))
    with pytest.raises(package.errors.ImageError, match="samples: 'y' is no input of the model: it has x"):
        model.predict({"y": np.zeros((3, 64))})
    with pytest.raises(package.errors.ImageError, match="samples: 'x' is no array of numbers"):
        model.predict([[1, 2], [3]])
    with pytest.raises(TypeError, match=r"fold\(\) has no limit 'speed'; it has fps, max_cycles"):
        model.fold(speed=3)
    with pytest.raises(package.errors.FoldingError, match="no folding at 66,666,666 cycles a frame is within 4 LUTs"):
        model.fold(fps=3, max_luts=4, file=scratch / "f.json")
    with pytest.raises(package.errors.ModelError, match="already quantized|is quantized"):
        model.quantize(TEST)
    with pytest.raises(TypeError, match="there is no option 'range'; there are ranges, "):
        package.load(FLOATS).quantize(TEST, range="mse")
    with pytest.raises(ValueError, match="--jobs is of this machine and --cluster of others"):
        package.load(FLOATS).sensitivity(TEST, jobs=2, cluster="local:2")
    with pytest.raises(package.errors.HostError):
        package.load_build(scratch / "nothing")
    with pytest.raises(TypeError, match="unexpected keyword argument 'speed'"):
        model.build(scratch / "b", speed=3)
    folding = package.hw.Folding.of(fc1=(3, 5))
    with pytest.raises(package.errors.FoldingError, match="folding: layer 'fc2' is missing"):
        model.build(scratch / "b", folding=folding)
    assert not (scratch / "b").exists() and not (scratch / "f.json").exists()


def test_a_float_model_without_a_baseline(scratch):
    """It is loaded, as it can be quantized; what needs a network says why there is none."""
    graph, rng = Graph(["N", 6], named=True), np.random.default_rng(1)
    t = graph.op("Sigmoid", graph.op("MatMul", "input", rng.normal(0, 1, (6, 8)).astype(np.float32)))
    graph.end(graph.op("MatMul", t, rng.normal(0, 1, (8, 3)).astype(np.float32))).save(scratch / "m.onnx")
    model, x = package.load(scratch / "m.onnx"), rng.normal(0, 1, (40, 6)).astype(np.float32)
    for call in lambda: model.layers, lambda: model.predict(x), lambda: model.build(scratch / "b"):
        with pytest.raises(package.errors.ModelError, match="fewbit quantize makes a model of few bits of it"):
            call()
    assert "to be quantized first" in model._repr_html_()
    small_one = model.quantize({"input": x}, file=scratch / "q.onnx", bias_correction=False).load()
    assert [row.weights for row in small_one.layers] == ["int4n", "int4n"]
    with pytest.raises(package.errors.ModelError, match="no such file"):
        package.load(scratch / "n.onnx")


def test_a_declared_input(scratch):
    small(scratch / "m.onnx")
    model = package.load(scratch / "m.onnx", input=SPEC)
    assert repr(model) == f"<fewbit.Model {str(scratch / 'm.onnx')!r}, input={SPEC!r}>"
    assert model.predict(samples()).input == SPEC
