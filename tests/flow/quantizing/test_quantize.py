"""The command ``quantize``: its files run, are equal to the executor's, and build."""

import json

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from tests.support.graphs import Graph
from tests.support.small_float_models import convolutional, dense


@pytest.mark.sampled(2)
@pytest.mark.parametrize("make", [dense, convolutional])
def test_what_is_written_runs_as_the_executor_runs_it(fewbit, scratch, make):
    model = make(scratch / "m.onnx")
    made, samples = scratch / "q.onnx", scratch / "samples.npz"
    status, out, _ = fewbit("quantize", model, "--weights", 4, "--activations", 3, "--calibration", samples, "-o", made,
                            "--json")  # fmt: skip
    assert status == 0
    found = json.loads(out)
    assert found["accuracy"]["float"] == 1 and found["file"] == str(made) and found["input"] == "uint5/16"
    assert [row["bits"] for row in found["layers"]] == [4, 4, 4]
    assert [row["input"]["format"] for row in found["layers"]] == ["uint5", "uint3", "uint3"]
    assert found["weight_bits"] * 8 == found["float_weight_bits"]
    assert [s["format"] for s in found["sums"]] == (["int8n"] if make is convolutional else [])
    status, out, _ = fewbit("run", made, "--images", samples, "--check", "--json")
    run = json.loads(out)
    assert status == 0 and run["executor"]["labels_equal"] == run["samples"] == len(run["labels"])
    assert run["accuracy"] == found["accuracy"]["quantized"]
    written = made.read_bytes()
    assert fewbit("quantize", model, "--activations", 3, "--calibration", samples, "-o", made)[0] == 0
    assert made.read_bytes() == written


@pytest.mark.tools
@pytest.mark.slow
def test_a_quantized_convolutional_model_is_exact_in_verilator(fewbit, scratch):
    model, made = convolutional(scratch / "m.onnx"), scratch / "q.onnx"
    assert fewbit("quantize", model, "--weights", 3, "--images", scratch / "samples.npz", "-o", made)[0] == 0
    status, out, _ = fewbit("sim", made, "--images", scratch / "samples.npz", "-o", scratch / "build", "--json")
    found = json.loads(out)
    assert status == 0 and found["mismatches"] == 0 and found["cycles_exact"]


def formats(fewbit, *options):
    status, out, err = fewbit("quantize", *options, "--json")
    assert status == 0, err
    return [(row["bits"], row["input"]["format"]) for row in json.loads(out)["layers"]]


def test_bits_of_some_layers(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    common = (model, "--images", scratch / "samples.npz", "-o", scratch / "q.onnx", "--weights", 2, "--activations", 2)
    assert formats(fewbit, *common) == [(2, "uint5"), (2, "uint2"), (2, "uint2")]
    assert formats(fewbit, *common, "--first", 8, "--last", 6) == [(8, "uint5"), (2, "uint2"), (6, "uint6")]
    more = (
        "--weights-of",
        "1=5",
        "--weights-of",
        "last=1",
        "--activations-of",
        "first=3",
        "--activations-of",
        "MatMul_3=1",
    )
    assert formats(fewbit, *common, *more) == [(2, "uint3"), (5, "uint1"), (1, "uint2")]
    layers = [node for node in import_model(scratch / "q.onnx").nodes if hasattr(node, "weights")]
    assert [str(layer.weight_format) for layer in layers] == ["ternary", "int5n", "bipolar"]


def test_ranges_change_the_steps(fewbit, scratch):
    model, found = dense(scratch / "m.onnx"), []
    common = (model, "--images", scratch / "samples.npz", "-o", scratch / "q.onnx", "--activations", 3, "--json")
    for method in ("minmax", "percentile", "mse", "kl"):
        out = fewbit("quantize", *common, "--range", method, "--percent", 95)[1]
        found.append(json.loads(out)["layers"][2]["input"])
    assert len({f["range"][1] for f in found}) == 4 and max(f["range"][1] for f in found) == found[0]["range"][1]
    assert max(f["sqnr"] for f in found) == found[2]["sqnr"]


def test_a_table_for_people(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    status, out, _ = fewbit("quantize", model, "--images", scratch / "samples.npz", "-o", scratch / "q.onnx")
    assert status == 0 and "MatMul_0" in out and "as declared" in out and "8.0 times less than float32" in out
    assert "accuracy: float32 100.00 %, quantized " in out


def test_raw_integers_and_floats_are_the_same_samples(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    with np.load(scratch / "samples.npz") as file:
        np.savez(scratch / "floats.npz", x=(file["x"] / 16).astype(np.float32))
    made = []
    for name in ("samples", "floats"):
        assert fewbit("quantize", model, "--calibration", scratch / f"{name}.npz", "-o", scratch / "q.onnx")[0] == 0
        made.append((scratch / "q.onnx").read_bytes())
    assert made[0] == made[1]


def test_an_input_without_declaration_gets_a_quantizer(fewbit, scratch):
    graph = Graph(["N", 4])
    model = graph.end(graph.op("MatMul", "input", np.eye(4) * [1, 2, 3, 4])).save(scratch / "m.onnx")
    np.savez(scratch / "x.npz", x=np.random.default_rng(1).normal(0, 1, (50, 4)).astype(np.float32))
    common = (model, "--calibration", scratch / "x.npz", "-o", scratch / "q.onnx")
    assert formats(fewbit, *common) == [(4, "int4n")]
    assert import_model(scratch / "q.onnx").input_spec == "codes"


def test_mistakes_are_one_line_and_nothing_is_written(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    np.savez(scratch / "wide.npz", x=np.zeros((3, 7), dtype=np.float32))
    graph = Graph(["N", 4])
    odd = graph.end(graph.op("Hardmax", graph.op("MatMul", "input", np.eye(4)))).save(scratch / "odd.onnx")
    np.savez(scratch / "four.npz", x=np.ones((3, 4), dtype=np.float32))
    graph = Graph(["N", 4])
    gate = graph.op("Relu", graph.op("MatMul", "input", np.eye(4)))
    gated = graph.end(graph.op("MatMul", gate, graph.op("Transpose", gate, perm=[1, 0]))).save(scratch / "gated.onnx")
    given = scratch / "samples.npz"
    wrong = {
        (model,): "no samples beside it; give some with --calibration or --images FILE.npz",
        (model, "--calibration", scratch / "none.npz"): "none.npz: no such file",
        (model, "--calibration", scratch / "wide.npz"): "'x' must be numbers of shape (samples, 6), not float32 (3, 7)",
        (model, "--calibration", given, "--weights-of", "fc=4"): "has no layer 'fc'; its layers are MatMul_0, MatMul_3",
        (model, "--calibration", given, "--weights-of", "first"): "LAYER=BITS, for example first=8, not 'first'",
        (model, "--calibration", given, "--weights-of", "first=9"): "bits must be 1 to 8, not 9",
        (model, "--calibration", given, "--range", "median"): "'median' is not one of",
        (model, "--calibration", given, "--input", "uint5/x"): "Input declaration must be",
        (odd, "--calibration", scratch / "four.npz"): "node 'Hardmax_1' (Hardmax): cannot be quantized: operation",
        (gated, "--calibration", scratch / "four.npz"): "its second be the weights",
    }  # fmt: skip
    for arguments, message in wrong.items():
        status, out, err = fewbit("quantize", *arguments, "-o", scratch / "q.onnx")
        assert (status, out) == (2, "") and message in err and err.count("\n") == 1, (arguments, err)
    assert not (scratch / "q.onnx").exists()
