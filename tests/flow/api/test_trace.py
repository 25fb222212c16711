"""Every tensor of a model by its own name is what the model's own executor has there, to the bit."""

import numpy as np
import onnx
import pytest

import fewbit
from fewbit.flow.checking.check import reference_for
from fewbit.flow.images import load_images
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.places import HOME
from tests.support.executor import Executor
from tests.support.qdq_models import QdqGraph
from tests.support.tflite_models import TfliteBuilder, reference_tensors

EXAMPLES = HOME / "examples"


def exact(path, x, **options):
    """Compare the trace of a model with the reference of its world, sample by sample; returns the trace."""
    found, project = fewbit.load(path, **options).trace(x), FoldedModel(path, input_spec=options.get("input"))
    reference, name = reference_for(project), project.network.inputs[0].name
    for number in range(len(x)):
        want = reference.run(number, {name: x[number : number + 1]})
        for tensor in found:
            mine, theirs = found[tensor][number : number + 1], np.asarray(want[tensor])
            assert mine.dtype == theirs.dtype and mine.shape == theirs.shape, tensor
            assert np.array_equal(mine, theirs), tensor
    made = {name for node in reference.file.nodes for name in node.output if name in reference.data}
    assert set(found) == {name, *made}  # no tensor is left out
    return found


@pytest.mark.parametrize("example", ["digits/w1a1", "digits/w4a4", "digits/ternary", "digits-cnn/w2a2"])
def test_a_qonnx_model(example):
    path = EXAMPLES / f"{example}.onnx"
    found = exact(path, floats_of(path, 3))
    assert len(found) >= 8 and any(found.integers(name) is not None for name in found)


def floats_of(path, count):
    """The first test images of an example, as its model takes them."""
    return load_images(path.with_name("test.npz"), FoldedModel(path).network).floats[:count]


def test_the_qonnx_executors_own_quantizers():
    path = EXAMPLES / "digits" / "w1a1.onnx"
    x, proto = floats_of(path, 1), onnx.load(path)
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    executor, found = Executor(proto, x), fewbit.load(path).trace(x)
    quantized = [(node.output[0], codes) for _, codes, node in executor.quantized if node.output[0] in found]
    assert len(quantized) >= 2
    for name, codes in quantized:
        assert np.array_equal(found[name], executor.tensors[name])
        assert np.array_equal(found.integers(name), codes)


def test_a_model_of_codes(scratch):
    """Scales are powers of two, so that onnxruntime's sums of floats are exact too."""
    graph = QdqGraph([2, 6, 6])
    graph.pair(scale=np.float32(1 / 32), zero=3, dtype=np.uint8)
    for count, shape in enumerate([(3, 2, 3, 3), (4, 3, 3, 3)]):
        codes = graph.const(graph.codes(shape, np.int8), np.int8)
        w = graph.op("DequantizeLinear", codes, graph.const(np.float32(1 / 64)))
        graph.x = graph.op("Relu", graph.op("Conv", graph.x, w, pads=[1, 1, 1, 1]))
        graph.pair(scale=np.float32(0.25 * 4**count), zero=-2 if count else 0)
    graph.finish().save(scratch / "m.onnx")
    found = exact(scratch / "m.onnx", np.random.default_rng(3).normal(0, 1, (3, 2, 6, 6)).astype(np.float32))
    assert {found[name].dtype.name for name in found} == {"float32", "uint8", "int8"}
    whole = [name for name in found if found[name].dtype == np.int8]
    assert len(whole) == 2 and all(np.array_equal(found[name], found.integers(name)) for name in whole)
    assert all(len(np.unique(found[name])) > 8 for name in whole)


def test_a_tflite_model(scratch):
    rng, model = np.random.default_rng(1), TfliteBuilder()
    given = model.tensor((1, 12), np.float32)
    x = model.tensor((1, 12), np.int8, scale=0.05, zero=3)
    model.operator("QUANTIZE", [given], [x])
    w = model.tensor((6, 12), np.int8, scale=0.01, data=rng.integers(-127, 128, (6, 12)))
    bias = model.tensor((6,), np.int32, scale=np.float32(0.05) * np.float32(0.01), data=rng.integers(-900, 900, 6))
    hidden = model.tensor((1, 6), np.int8, scale=0.08, zero=-4)
    model.operator("FULLY_CONNECTED", [x, w, bias], [hidden], table="FullyConnectedOptions")
    v = model.tensor((4, 6), np.int8, scale=0.02, data=rng.integers(-127, 128, (4, 6)))
    y = model.tensor((1, 4), np.int8, scale=0.1, zero=2)
    model.operator("FULLY_CONNECTED", [hidden, v], [y], table="FullyConnectedOptions")
    end = model.tensor((1, 4), np.float32)
    model.operator("DEQUANTIZE", [y], [end])
    model.inputs, model.outputs = [given], [end]
    (scratch / "m.tflite").write_bytes(model.content())
    samples = rng.normal(0, 2, (5, 12)).astype(np.float32)
    found = fewbit.load(scratch / "m.tflite").trace(samples)
    assert list(found) == [f"t{n}" for n in (given, x, hidden, y, end)]
    for number, sample in enumerate(samples):
        want = reference_tensors(model.content(), sample[None])
        for n in given, x, hidden, y, end:
            mine = found[f"t{n}"][number : number + 1]
            assert mine.dtype == want[n].dtype and np.array_equal(mine, want[n]), n
    assert np.array_equal(found.integers(f"t{hidden}"), found[f"t{hidden}"]) and found.integers(f"t{given}") is None


def test_a_float_model():
    path = EXAMPLES / "digits" / "float32.onnx"
    found = exact(path, floats_of(path, 2))
    assert found.keys()[0] == "x" and found.integers("logits") is None


def test_what_is_shown():
    found = fewbit.load(EXAMPLES / "digits" / "w1a1.onnx").trace(frames=2)
    with pytest.raises(KeyError, match="no tensor 'fc9' that depends on the input; there are x, fc1"):
        found["fc9"]
    rows = {row["tensor"]: row for row in found.summary()["tensors"]}
    assert rows["act1.quant"] == {"tensor": "act1.quant", "shape": "2 x 64", "type": "float32", "least": -1.0,
                                  "most": 1.0, "edge": found.tensors["act1.quant"].edge}  # fmt: skip
    assert found.to_dict()["tensors"]["x"]["values"] == found["x"].tolist()
