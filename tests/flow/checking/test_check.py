"""``run --check``: all outputs beside the model's own reference, and which differences are ties."""

import json

import ml_dtypes
import numpy as np
import pytest
from onnx import TensorProto, helper

from fewbit.flow.checking.check import check_with_reference, reference_for
from fewbit.flow.images import ImageError, Images, find_images, load_images, random_images
from fewbit.flow.project.project import Project
from fewbit.golden.importing.importer import ModelError
from fewbit.places import HOME
from tests.support.graphs import Graph
from tests.support.qdq_models import QdqGraph
from tests.support.small_network import SPEC, samples, small

BREVITAS = [HOME / "tests" / "models" / f"{name}.onnx" for name in ("tfc_w1a1", "tfc_w2a2", "mlp_w4a4_bias_perch")]


def checked(project, images):
    told = []
    found = check_with_reference(project, reference_for(project), images, project.execute(images.values), told.append)
    assert told == list(range(1, len(images) + 1))
    return found


def floats(project, *shape):
    """Return twenty samples as a model without a declaration takes them."""
    x = np.random.default_rng(3).normal(0, 1, (20, *shape)).astype(np.float32)
    np.savez(project.model.with_suffix(".npz"), x=x)
    return load_images(project.model.with_suffix(".npz"), project.network)


def averaged(path, scale, *, end=lambda graph, t: (t,)):
    """Means of four codes in the codes' own scale, so that about every second one is a tie; and samples of it."""
    graph = Graph(["N", 2, 4, 4])
    t = graph.quant(graph.op("AveragePool", graph.quant("input", scale), kernel_shape=[2, 2], strides=[2, 2]), scale)
    graph.end(*end(graph, graph.op("Flatten", t))).save(path)
    x = np.random.default_rng(3).integers(-8, 8, (24, 2, 4, 4)) * np.float32(scale)
    np.savez(path.with_suffix(".npz"), x=x)
    return path


@pytest.mark.parametrize("model", BREVITAS, ids=lambda p: p.stem)
def test_golden_equals_the_executor(model, scratch):
    project = Project(model, directory=scratch)
    found = checked(project, load_images(find_images(model), project.network))
    assert found.reference == "qonnx executor" and found.explained and found.codes == 0
    assert found.samples == found.labels_equal == 10 and found.outputs_equal >= 5 * ("tfc" in model.stem)


@pytest.mark.parametrize("options", [{}, {"batch": 4}, {"integers": True}, {"outputs": 2}], ids=str)
def test_it_takes_declared_raw_integers_any_batch_and_all_outputs(scratch, options):
    project = Project(small(scratch / "m.onnx", **options), input_spec=None if "integers" in options else SPEC)
    np.savez(scratch / "s.npz", x=samples())
    images = load_images(scratch / "s.npz", project.network)
    found = checked(project, images)
    assert (found.samples, found.labels_equal, found.ties, found.outputs_equal) == (20, 20, 0, 20)
    assert [o.values for o in found.outputs] == [60, 80][: options.get("outputs", 1)]
    wrong = checked(project, Images(31 - images.values, None, "", images.floats))
    assert wrong.labels_equal + wrong.ties < 18 and not wrong.explained, "the samples tell right from wrong"


@pytest.mark.parametrize(("scale", "ties"), [(0.3, True), (0.25, False)])
def test_differences_are_ties_where_a_mean_lies_between_two_codes(scratch, scale, ties):
    project = Project(averaged(scratch / "m.onnx", scale))
    images = load_images(scratch / "m.npz", project.network)
    found = checked(project, images)
    (output,) = found.outputs
    assert found.explained and bool(found.codes) == ties
    assert output.differing == output.ties == found.codes and len(output.frames) <= output.ties
    assert output.equal + output.differing == output.values == 24 * 8 and found.labels_equal + found.ties == 24
    # What is no tie is told from one: the same codes beside a reference that is given other floats.
    moved = checked(project, Images(images.values, None, "", images.floats + np.float32(scale)))
    assert moved.codes > moved.codes_tied and moved.outputs[0].differing > moved.outputs[0].ties


def test_codes_of_16_bits_are_ties_within_the_rounding_of_float_sums(scratch):
    """Levels are so close there that float32 sums miss some, which a note says; the check counts them."""
    graph = Graph(["N", 40], opset=21)
    t = graph.op("DequantizeLinear", *codes_of(graph, "input", 0.01))
    weights = graph.const(np.random.default_rng(8).integers(-128, 128, (40, 30)), np.int8)
    t = graph.op("MatMul", t, graph.op("DequantizeLinear", weights, 0.013))
    graph.end(graph.op("DequantizeLinear", *codes_of(graph, t, 0.0007, np.int16))).save(scratch / "m.onnx")
    np.savez(scratch / "m.npz", x=np.random.default_rng(9).normal(0, 0.5, (100, 40)).astype(np.float32))
    project = Project(scratch / "m.onnx")
    images = load_images(scratch / "m.npz", project.network)
    found = checked(project, images)
    assert project.network.notes and found.explained and found.codes == found.codes_tied > 0
    moved = checked(project, Images(images.values, None, "", images.floats + np.float32(0.01)))
    assert moved.codes > moved.codes_tied


@pytest.mark.parametrize("scale", [0.05, 0.25])
def test_averages_of_codes_are_added_as_floats(scratch, scale):
    """A ``QLinearAveragePool`` is the only operator on integers whose codes may be ties; a layer reads them here."""
    graph = Graph(["N", 2, 6, 6], opset=21)
    code, *parameters = codes_of(graph, "input", scale)
    one = graph.const(scale), graph.const(5, np.int8)
    code = graph.op("QLinearAveragePool", code, *parameters, *one, domain="com.microsoft", kernel_shape=[2, 2])
    weights = [graph.const(np.random.default_rng(6).integers(-9, 9, (3, 2, 5, 5)), np.int8), graph.const(0.02)]
    last = graph.const(0.1), graph.const(0, np.int8)
    code = graph.op("QLinearConv", code, *one, *weights, graph.const(0, np.int8), *last)
    graph.end(graph.op("DequantizeLinear", code, *last)).save(scratch / "m.onnx")
    x = np.random.default_rng(7).integers(-40, 40, (12, 2, 6, 6)) * np.float32(scale)
    np.savez(scratch / "m.npz", x=x.astype(np.float32))
    project = Project(scratch / "m.onnx")
    images = load_images(scratch / "m.npz", project.network)
    found = checked(project, images)
    assert found.explained and bool(found.codes) == (scale == 0.05)
    assert found.outputs[0].ties == found.outputs[0].differing
    moved = checked(project, Images(images.values, None, "", images.floats + np.float32(scale)))
    assert moved.codes > moved.codes_tied


def codes_of(graph, x, scale, dtype=np.int8):
    """Return the operands of a DequantizeLinear behind a quantizer."""
    operands = graph.const(scale), graph.const(0, dtype)
    return graph.op("QuantizeLinear", x, *operands), *operands


def test_ties_in_front_of_a_layer_explain_its_outputs_and_labels(scratch, fewbit):
    weights = np.random.default_rng(4).integers(-3, 4, (8, 3)) * 0.25

    def end(graph, t):
        logits = graph.op("MatMul", t, graph.quant(graph.const(weights), 0.25, bits=3))
        return logits, graph.op("ArgMax", logits, axis=1, keepdims=0)

    model = averaged(scratch / "m.onnx", 0.3, end=end)
    status, out, _ = fewbit("run", model, "--check", "--json")
    found = json.loads(out)["executor"]
    assert status == 0 and found["codes"] == found["codes_tied"] > 0
    logits, label = found["outputs"]
    assert logits["differing"] == logits["ties"] > 0 and label["differing"] == label["ties"]
    assert logits["frames"] and found["labels_equal"] + found["ties"] == found["samples"] == 24
    status, out, _ = fewbit("run", model, "--check")
    assert status == 0 and "are ties: the real value is at the boundary of both codes" in " ".join(out.split())


def test_plain_operators_are_checked_with_onnxruntime_and_initializers_may_be_inputs(scratch):
    model = Graph(["N", 6]).end("y")
    model.op("MatMul", "input", np.random.default_rng(5).normal(0, 1, (6, 3)))
    model.nodes[0].output[0] = "y"
    proto = model.model()
    weights = proto.graph.initializer[0]
    proto.graph.input.insert(0, helper.make_tensor_value_info(weights.name, TensorProto.FLOAT, weights.dims))
    (scratch / "m.onnx").write_bytes(proto.SerializeToString())
    project = Project(scratch / "m.onnx")
    found = checked(project, random_images(project.network, 7))
    assert found.reference == "onnxruntime" and found.explained and found.labels_equal == 7


def test_a_clip_of_codes_is_a_part_of_its_quantizer(scratch):
    """Codes beyond the Clip, which the reference has and golden has not, are no differences."""
    graph = QdqGraph((2, 4, 4))
    code, scale, zero = graph.quantize(scale=0.3, zero=1, dtype=np.uint8)
    code = graph.op("Clip", code, graph.const(0, np.uint8), graph.const(6, np.uint8))
    graph.x = graph.op("AveragePool", graph.op("DequantizeLinear", code, scale, zero), kernel_shape=[2, 2])
    graph.pair(scale=0.3)  # means of four codes in the codes' own scale: ties, so that codes are compared
    graph.finish().save(scratch / "m.onnx")
    project = Project(scratch / "m.onnx")
    found = checked(project, floats(project, 2, 4, 4))
    assert found.explained and 0 < found.codes_tied == found.codes < 400


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4])
def test_codes_of_four_bits_are_compared_as_bytes(dtype, scratch):
    graph = QdqGraph((12,))
    scale, zero = graph.const(0.5), graph.const(np.array(2).astype(dtype), dtype)
    t = graph.op("DequantizeLinear", graph.op("QuantizeLinear", "input", scale, zero), scale, zero)
    t = graph.op("MatMul", t, graph.weights((12, 5), around=0.01))
    graph.finish(graph.op("DequantizeLinear", graph.op("QuantizeLinear", t, scale, zero), scale, zero))
    graph.save(scratch / "m.onnx")
    project = Project(scratch / "m.onnx")
    found = checked(project, floats(project, 12))
    assert found.reference == "onnxruntime" and found.explained and found.labels_equal == 20


def test_an_operator_of_qonnx_is_that_of_the_models_version(scratch):
    """`Trunc` had no scale and zero point of its output in the first version."""
    graph = Graph(["N", 3, 4, 4])
    t = graph.op("AveragePool", graph.quant("input", 0.3), kernel_shape=[2, 2], strides=[2, 2])
    t = graph.op("Trunc", t, 0.3 / 4, 0.0, 6.0, 4.0, domain=graph.domain, rounding_mode="FLOOR")
    w = graph.quant(graph.const(np.random.default_rng(2).normal(0, 1, (12, 5))), 0.3)
    graph.end(graph.op("MatMul", graph.op("Flatten", t), w)).save(scratch / "m.onnx")
    project = Project(scratch / "m.onnx")
    found = checked(project, floats(project, 3, 4, 4))
    assert found.explained and found.labels_equal + found.ties == 20


def test_codes_are_refused_and_a_failure_is_one_error(scratch, monkeypatch):
    project = Project(small(scratch / "m.onnx"), directory=scratch)
    with pytest.raises(ImageError, match="--check needs the samples as the model takes them"):
        checked(project, random_images(project.network, 2))

    def fail(*_, **__):
        raise KeyError("no such tensor")

    monkeypatch.setattr("qonnx.core.onnx_exec.execute_onnx", fail)
    np.savez(scratch / "s.npz", x=samples() / 16)
    with pytest.raises(ModelError, match="qonnx executor cannot run it: 'no such tensor'"):
        checked(project, load_images(scratch / "s.npz", project.network))
