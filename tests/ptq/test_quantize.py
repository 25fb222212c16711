"""Quantized models: what fewbit imports of them is what qonnx's executor and onnxruntime make of them."""

import numpy as np
import onnx
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import INPUT_KEY
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.places import HOME
from fewbit.ptq.calibrate import calibrate
from fewbit.ptq.correction import mean_outputs
from fewbit.ptq.emit import QuantizationPlan, TensorQuantizer, plain_model, qonnx_model
from fewbit.ptq.measure import noise, scores_of, sqnr
from fewbit.ptq.quantize import Bits, Options, quantize
from fewbit.ptq.reader import read_model
from fewbit.ptq.runtime import Session
from fewbit.ptq.sites import find_sites
from tests.support.executor import Executor, compare, raw_network
from tests.support.float_models import random_float_case
from tests.support.graphs import Graph

DIGITS = HOME / "examples" / "digits"


def all_at(model, weights, activations):
    return {layer.name: Bits(weights, activations) for layer in model.layers}


@pytest.fixture(scope="module")
def digits():
    """The float network of the digits, what it does on the test images, and these."""
    with np.load(DIGITS / "test.npz") as file:
        x, label = file["x"], file["label"]
    model = read_model(DIGITS / "float32.onnx")
    return model, calibrate(model, x, declared=True), x, label


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "seed, weights, activations", [(k, *(8, 8, 4, 4, 1, 2, 2, 1)[2 * (k % 4) :][:2]) for k in range(12)]
)
def test_random_models_are_imported_as_the_executor_runs_them(scratch, seed, weights, activations):
    """Convolutions, groups, pools, residual sums, concatenations: every code, output and label of golden, qonnx and
    the form in standard operations."""
    case, path = random_float_case(seed), scratch / "m.onnx"
    model = read_model(case.graph.save(path))
    plan = quantize(model, calibrate(model, case.x, declared=False), all_at(model, weights, activations), Options())
    path.write_bytes(qonnx_model(model, plan, {}).SerializeToString())
    proto = onnx.load(str(path))
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(case.x)
    executor = Executor(proto, case.x)
    counts = compare(import_model(path), raw_network(path), executor, case.x)
    assert counts["samples"] > 0
    found = Session(plain_model(model, plan, model.outputs), model.file).run(case.x)
    for name, wanted in zip(model.outputs, executor.outputs, strict=True):
        assert found[name].shape == wanted.shape
        assert np.abs(found[name] - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())


def test_a_corrected_bias_has_the_mean_of_the_float_layer(digits):
    model, calibration, x, _ = digits
    bits = all_at(model, 3, 3)
    corrected, plain = (quantize(model, calibration, bits, Options(correct=c)) for c in (True, False))
    for layer in model.layers:
        wanted = calibration.means[layer.name]
        near, far = (np.abs(mean_outputs(model, p, layer, x) - wanted).max() for p in (corrected, plain))
        assert near < 1e-5 < 0.01 < far
    assert noise(calibration.scores, scores_of(model, corrected, x)) < noise(
        calibration.scores, scores_of(model, plain, x)
    )


def test_quantizing_twice_gives_the_same_bytes(digits):
    model, calibration, x, _ = digits
    made = []
    for _ in range(2):
        plan = quantize(model, calibrate(model, x, declared=True), all_at(model, 4, 4), Options(activations="kl"))
        made.append(qonnx_model(model, plan, {INPUT_KEY: "uint5/16"}).SerializeToString(deterministic=True))
    assert made[0] == made[1]


def test_scales_of_weights_per_channel_and_per_tensor(digits):
    model, calibration, *_ = digits
    plans = [quantize(model, calibration, all_at(model, 4, None), Options(per_channel=c)) for c in (True, False)]
    sizes = [[plan.weights[layer.name].scale.size for layer in model.layers] for plan in plans]
    assert sizes == [[64, 64, 1], [1, 1, 1]]
    first = model.layers[0]
    by_channel, by_tensor = (sqnr(first.weights, p.weights[first.name](first.weights)) for p in plans)
    assert by_channel > by_tensor + 0.5


def test_a_layer_alone_leaves_the_others_float(digits):
    model, calibration, x, _ = digits
    plan = quantize(model, calibration, {"fc2": Bits(2, 3)}, Options())
    assert list(plan.weights) == ["fc2"] and list(plan.biases) == ["fc2"]
    assert {t: str(q.format) for t, q in plan.activations.items()} == {"relu1": "uint3"}
    assert 0 < noise(calibration.scores, scores_of(model, plan, x)) < 1


def test_declared_integers_stay_unless_bits_are_asked_for(digits):
    model, calibration, x, _ = digits
    assert "x" not in quantize(model, calibration, {"fc1": Bits(4, None)}, Options()).activations
    assert quantize(model, calibration, {"fc1": Bits(4, 2)}, Options()).activations["x"].format == Unsigned(2)
    undeclared = calibrate(model, x, declared=False)
    assert [site.raw for site in undeclared.sites] == [False, False, False]


def branches(scratch):
    """Two layers side by side by a Concat, a sum with a skipped tensor, an average, a last layer."""
    rng = np.random.default_rng(1)
    g = Graph(["N", 2, 6, 6])
    a, b = (g.op("Relu", g.op("Conv", "input", rng.normal(0, s, (3, 2, 1, 1)))) for s in (1, 5))
    joined = g.op("MaxPool", g.op("Concat", a, b, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    branch = g.op("Conv", joined, rng.normal(0, 1, (6, 6, 1, 1)))
    total = g.op("Relu", g.op("Add", branch, joined))
    mean = g.op("Flatten", g.op("GlobalAveragePool", total))
    model = read_model(g.end(g.op("MatMul", mean, rng.normal(0, 1, (6, 3)))).save(scratch / "m.onnx"))
    return model, rng.normal(0, 1, (40, 2, 6, 6)).astype(np.float32)


def test_where_quantizers_stand(scratch):
    model, x = branches(scratch)
    calibration = calibrate(model, x, declared=False)
    names = [layer.name for layer in model.layers]
    found = {site.tensors: (site.layers, site.sums) for site in calibration.sites}
    relu, other, branch, total, mean = "t1", "t3", "t6", "t8", "t9"
    assert found == {
        ("input",): ((names[0], names[1]), False),  # both branches read it
        (relu, other): ((names[2],), False),  # one scale in front of the concatenation, and of the pool behind it
        (branch,): ((), True),
        (total,): ((names[3],), False),  # an average sums it, with the bits of the layer that reads the average
        (mean,): ((names[3],), False),
    }
    plan = quantize(model, calibration, {n: Bits(4, k + 2) for k, n in enumerate(names)}, Options(sums=7))
    formats = {t: str(q.format) for t, q in plan.activations.items()}
    assert formats == {"input": "int3n", relu: "uint4", other: "uint4", branch: "int7n", total: "uint5", mean: "uint5"}
    assert plan.activations[relu] is plan.activations[other]


def test_what_is_side_by_side_in_front_of_a_batch_norm_or_averaged_at_the_end(scratch):
    """As in a DenseNet: a Concat that only a batch norm reads, and an average that no layer reads."""
    rng = np.random.default_rng(2)
    g = Graph(["N", 2, 6, 6])
    a = g.op("Relu", g.op("Conv", "input", rng.normal(0, 1, (3, 2, 3, 3)), pads=[1] * 4))
    b = g.op("Relu", g.op("Conv", a, rng.normal(0, 1, (2, 3, 1, 1))))
    both = g.op("Concat", a, b, axis=1)
    norm = g.op("BatchNormalization", both, *(rng.uniform(0.5, 2, 5) for _ in range(4)))
    t = g.op("Relu", g.op("Conv", g.op("Relu", norm), rng.normal(0, 1, (4, 5, 3, 3))))
    path = g.end(g.op("Flatten", g.op("GlobalAveragePool", t))).save(scratch / "m.onnx")
    x = rng.normal(0, 1, (20, 2, 6, 6)).astype(np.float32)
    model = read_model(path)
    calibration = calibrate(model, x, declared=False)
    names = [layer.name for layer in model.layers]
    assert {site.tensors: (site.layers, site.sums) for site in calibration.sites} == {
        ("input",): ((names[0],), False), (a, b): ((names[1], names[2]), False), ("t6",): ((names[2],), False),
        (t,): ((), True),
    }  # fmt: skip
    plan = quantize(model, calibration, all_at(model, 4, 4), Options())
    path.write_bytes(qonnx_model(model, plan, {}).SerializeToString())
    proto = onnx.load(str(path))
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = len(x)
    assert compare(import_model(path), raw_network(path), Executor(proto, x), x)["samples"] > 15


def test_functions_of_several_nodes_have_no_quantizers_inside(scratch):
    """GELU adds a tensor to a function of it, and SiLU multiplies by one: no sums of branches."""
    graph = Graph(["N", 6])
    x = graph.op("MatMul", "input", np.random.default_rng(0).normal(0, 1, (6, 8)))
    inner = graph.op("Add", x, graph.op("Mul", graph.op("Pow", x, 3.0), 0.044715))
    x = graph.op("Mul", x, graph.op("Add", graph.op("Tanh", inner), 1.0))
    y = graph.op("MatMul", x, np.random.default_rng(1).normal(0, 1, (8, 5)))
    y = graph.op("Mul", y, graph.op("Sigmoid", y))
    graph.end(graph.op("MatMul", y, np.random.default_rng(2).normal(0, 1, (5, 4))))
    model = read_model(graph.save(scratch / "m.onnx"))
    assert [site.tensors for site in find_sites(model, False)] == [("input",), (x,), (y,)]


def test_quantizers_are_qonnx_s():
    """Ties go to the even code, and one bit is a sign."""
    x = np.float32([-9, -1.5, -0.5, 0, 0.5, 1.5, 2.5, 9])
    assert TensorQuantizer(Signed(3, narrow=True), np.float32(1))(x).tolist() == [-3, -2, 0, 0, 0, 2, 2, 3]
    assert TensorQuantizer(Bipolar(), np.float32(0.5))(x).tolist() == [-0.5, -0.5, -0.5, 0.5, 0.5, 0.5, 0.5, 0.5]


def test_signal_to_noise():
    assert sqnr([3.0, 4.0], [3.0, 4.5]) == pytest.approx(20) and sqnr([1.0], [1.0]) is None
    assert noise(np.float32([[3, 4]]), np.float32([[3, 4.5]])) == pytest.approx(0.01)


def test_without_quantizers_the_model_is_float(digits):
    model, calibration, x, label = digits
    assert np.array_equal(scores_of(model, QuantizationPlan(), x), calibration.scores)
    assert (calibration.scores.argmax(1) == label).mean() == pytest.approx(0.9944, abs=1e-4)
