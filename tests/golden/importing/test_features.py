"""Import of single features against the qonnx executor, each on values that reach every code and tie."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.model_file.file import INPUT_KEY
from fewbit.golden.network import execute
from fewbit.golden.network.argmax import ArgMax
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.golden.numbers.elementwise import apply
from fewbit.golden.numbers.formats import Bipolar, Unsigned
from tests.support.executor import Executor, agree
from tests.support.graphs import ROUNDINGS, Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

GRID = (np.random.default_rng(0).integers(-20, 21, (48, 4)) / 8).astype(np.float32)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("narrow", [0, 1])
def test_quantizers(rounding, signed, narrow, scratch):
    """All widths, of activations and weights, ties included: 0.125 steps through a scale of 0.25."""
    for bits in range(1, 9):
        zero = float(bits % 3) if signed and bits > 2 else 0.0
        graph = Graph([len(GRID), 4])
        args = {"bits": bits, "signed": signed, "narrow": narrow, "rounding_mode": rounding}
        t = graph.quant("input", 0.25, zero, **args)
        w = graph.quant(graph.const(GRID[:4] / 2), 0.25, zero, **args)
        t = graph.op("MatMul", t, w)
        graph.end(graph.quant(t, 0.125, zero, **args))
        network = agree(graph, GRID, scratch / "m.onnx")
        reached = len(np.unique(execute.run(network, network.encode(GRID)).outputs["t3"]))
        assert reached >= (1 if bits == 1 and narrow and not signed else 2), "a vacuous case: one value only"


@pytest.mark.parametrize("attributes", [
    {}, {"transB": 1}, {"transA": 1}, {"transA": 1, "transB": 1}, {"alpha": 0.25}, {"alpha": -3.0, "beta": 0.5},
    {"beta": 0.0}, {"transB": 1, "alpha": 0.1, "beta": -2.0},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("swapped", [False, True])
def test_gemm(attributes, swapped, scratch):
    """Data on either side: weights @ column is exported by nobody but is a matrix product all the same."""
    rng = np.random.default_rng(3)
    x = rng.normal(0, 1, (1, 6)).astype(np.float32)
    graph = Graph([1, 6])
    data = graph.bipolar("input")
    weights = graph.quant(graph.const(rng.normal(0, 1, (6, 3))), 0.25, bits=4)
    if swapped:  # (3, 6) @ (6, 1)
        a, b = graph.op("Transpose", weights, perm=[1, 0]), graph.op("Transpose", data, perm=[1, 0])
        bias = rng.normal(0, 1, (3, 1))
    else:
        a, b, bias = data, weights, rng.normal(0, 1, 3)
    a = graph.op("Transpose", a, perm=[1, 0]) if attributes.get("transA") else a
    b = graph.op("Transpose", b, perm=[1, 0]) if attributes.get("transB") else b
    y = graph.op("Gemm", a, b, bias, **attributes)
    graph.end(graph.op("Transpose", y, perm=[1, 0]) if swapped else y)
    network = import_model(graph.save(scratch / "m.onnx"))
    executor = Executor(graph.model(), x)
    assert np.allclose(
        execute.run(network, network.encode(x)).outputs[graph.outputs[0].name], executor.outputs[0], rtol=1e-6
    )


@pytest.mark.parametrize("bits", [4, 8])
def test_what_has_no_sign_change_is_turned(bits, scratch):
    """Negative gammas: falling channels get negated weights, so that all thresholds rise and need no table."""
    rng = np.random.default_rng(bits)
    x = rng.normal(0, 1, (64, 20)).astype(np.float32)
    graph = Graph([64, 20])
    t = graph.op(
        "MatMul",
        graph.quant("input", 0.25, bits=4),
        graph.quant(graph.const(rng.normal(0, 1, (20, 8))), 0.25, narrow=1),
    )
    gamma = np.array([1, -1, 2, -2, 0.5, -0.5, 1, -1])
    t = graph.op("BatchNormalization", t, gamma, rng.normal(0, 1, 8), rng.normal(0, 1, 8), rng.uniform(4, 9, 8))
    graph.end(graph.quant(graph.op("Relu", t), 6 / 2**bits, bits=bits, signed=0))
    network = agree(graph, x, scratch / "m.onnx")
    assert [type(n) for n in network.nodes][0] is Dense
    assert getattr(network.nodes[1], "codes", None) is None
    assert isinstance(network.nodes[1], Threshold if bits == 4 else Rescale)


@pytest.mark.parametrize(
    "kind", ["Sigmoid", "Tanh", "HardSigmoid", "Elu", "Abs", "Exp", "Neg", "Softplus", "HardSwish"]
)
def test_other_activation_functions(kind, scratch):
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (64, 10)).astype(np.float32)
    graph = Graph([64, 10], opset=15)
    t = graph.op("MatMul", graph.quant("input", 0.25), graph.quant(graph.const(rng.normal(0, 1, (10, 6))), 0.25))
    graph.end(graph.quant(graph.op(kind, t), 0.0625, bits=6))
    agree(graph, x, scratch / "m.onnx")


def test_relu_behind_a_quantizer(scratch):
    """QKeras writes it so: the codes that the next product reads are those behind the ReLU."""
    rng = np.random.default_rng(6)
    x = rng.normal(0, 1, (64, 10)).astype(np.float32)
    graph = Graph([64, 10])
    t = graph.op("Relu", graph.quant("input", 0.3))
    graph.end(graph.op("MatMul", t, graph.quant(graph.const(rng.normal(0, 1, (10, 4))), 0.25)))
    network = import_model(graph.save(scratch / "m.onnx"))
    (y,), reference = execute.run(network, network.encode(x)).outputs.values(), Executor(graph.model(), x).outputs[0]
    assert np.allclose(y, reference, atol=1e-5)
    assert network.edges()[network.nodes[0].y].format == Unsigned(3)


def test_scaled_weights_keep_their_integers(scratch):
    """A scale that the exporter left as Mul or Div behind the quantizer, per output channel."""
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (32, 5)).astype(np.float32)
    graph = Graph([32, 5])
    w = graph.op("Mul", graph.bipolar(graph.const(rng.normal(0, 1, (5, 3)))), rng.uniform(0.5, 2, (1, 3)))
    w = graph.op("Div", w, 3.0)
    graph.end(graph.op("MatMul", graph.bipolar("input"), w))
    network = agree(graph, x, scratch / "m.onnx")
    assert network.nodes[0].weight_format == Bipolar()


def test_constant_nodes_identity_cast_and_dropout(scratch):
    rng = np.random.default_rng(8)
    x = rng.normal(0, 1, (16, 5)).astype(np.float32)
    graph = Graph([16, 5])
    value = numpy_helper.from_array(rng.normal(0, 1, (5, 3)).astype(np.float32))
    w = graph.quant(graph.op("Constant", value=value), graph.op("Sqrt", graph.op("Pow", [0.3], [2.0])))
    t = graph.op("Cast", graph.op("Identity", graph.quant("input", 0.5)), to=TensorProto.FLOAT)
    t = graph.op("Min", graph.op("MatMul", graph.op("Dropout", t), w), 3.0)
    graph.end(graph.op("Identity", t))
    agree(graph, x, scratch / "m.onnx")


def test_integer_input(scratch):
    """A model whose input is of an integer type needs no declaration."""
    x = np.random.default_rng(9).integers(0, 256, (16, 2, 3)).astype(np.uint8)
    graph = Graph([16, 2, 3], elem_type=TensorProto.UINT8)
    t = graph.op("Cast", graph.op("Flatten", "input"), to=TensorProto.FLOAT)
    t = graph.op("Sub", graph.op("Div", t, 127.5), 1.0)
    graph.end(graph.op("MatMul", t, graph.bipolar(np.random.default_rng(1).normal(0, 1, (6, 3)))))
    network = agree(graph, x, scratch / "m.onnx")
    assert network.inputs[0].format == Unsigned(8) and len(network.nodes) == 1
    with pytest.raises(ModelError, match="cannot be declared as 'uint8/255'"):
        import_model(scratch / "m.onnx", "uint8/255")


def test_declaration_in_the_metadata(scratch):
    graph = Graph(["N", 4])
    graph.end(graph.op("MatMul", "input", graph.bipolar(np.eye(4) - 0.5)))
    path = graph.save(scratch / "m.onnx", **{INPUT_KEY: "int16f10"})
    assert import_model(path).input_spec == "int16f10"
    assert import_model(path, "uint8").input_spec == "uint8"
    assert np.array_equal(import_model(path).encode(np.float32([[0.5, -1, 0, 31]])), [[512, -1024, 0, 31744]])


def test_fixed_batch_in_a_reshape(scratch):
    """Some exporters write the batch into the shape."""
    x = np.random.default_rng(2).normal(0, 1, (8, 2, 3)).astype(np.float32)
    graph = Graph([8, 2, 3])
    t = graph.op("Reshape", graph.bipolar("input"), graph.const([8, 6], np.int64))
    graph.end(graph.op("MatMul", t, graph.bipolar(np.random.default_rng(1).normal(0, 1, (6, 3)))))
    agree(graph, x, scratch / "m.onnx")


def test_local_functions_are_inlined(scratch):
    """PyTorch's first dynamo exporter left its operations in functions of the model."""
    rng = np.random.default_rng(4)
    x = rng.normal(0, 1, (16, 5)).astype(np.float32)
    graph = Graph([16, 5])
    graph.end(graph.op("MatMul", graph.bipolar("input"), graph.bipolar(rng.normal(0, 1, (5, 3)))))
    reference = Executor(graph.model(), x).outputs[0]
    model = graph.model()
    inner = helper.make_node("MatMul", ["a", "b"], ["c"])
    model.functions.append(
        helper.make_function("pkg", "linear", ["a", "b"], ["c"], [inner], [helper.make_opsetid("", 13)])
    )
    next(n for n in model.graph.node if n.op_type == "MatMul").CopyFrom(
        helper.make_node("linear", ["t0", "t1"], ["t2"], domain="pkg")
    )
    model.opset_import.append(helper.make_opsetid("pkg", 1))
    onnx.save(model, str(scratch / "m.onnx"))
    network = import_model(scratch / "m.onnx")
    assert np.array_equal(next(iter(execute.run(network, network.encode(x)).outputs.values())), reference)


# The float baseline, outputs


def test_float_model(scratch):
    rng = np.random.default_rng(1)
    graph = Graph(["N", 2, 4])
    t = graph.op("Mul", graph.flatten("input", "chain", 8), 0.5)
    t = graph.op("Gemm", t, rng.normal(0, 1, (6, 8)), rng.normal(0, 1, 6), transB=1)
    t = graph.op("BatchNormalization", t, *rng.normal(0, 1, (3, 6)), rng.uniform(0.5, 2, 6))
    t = graph.op("Add", graph.op("MatMul", graph.op("Relu", t), rng.normal(0, 1, (6, 3))), rng.normal(0, 1, 3))
    path = graph.end(t).save(scratch / "m.onnx")
    x = rng.normal(0, 1, (20, 2, 4)).astype(np.float32)
    network = import_model(path)
    assert [type(n) for n in network.nodes] == [FloatDense, FloatDense] and network.outputs[0].chain == ()
    (y,) = execute.run(network, network.encode(x)).outputs.values()
    graph.inputs[0].type.tensor_type.shape.dim[0].dim_value = 20
    assert np.allclose(y, Executor(graph.model(), x).outputs[0], rtol=1e-4, atol=1e-5)
    label = import_model(path, output="label")
    assert isinstance(label.nodes[-1], ArgMax)
    assert np.array_equal(execute.run(label, x).labels, y.argmax(axis=1))


def test_quantizers_that_change_nothing_are_dropped(scratch):
    """Several in a row, as exporters leave them behind one another."""
    x = np.random.default_rng(10).normal(0, 1, (16, 4)).astype(np.float32)
    graph = Graph([16, 4])
    t = graph.op("MatMul", graph.quant("input", 0.5), graph.bipolar(np.eye(4)[:, :3] - 0.5))
    for _ in range(4):
        t = graph.quant(t, 0.5)
    network = agree(graph.end(t), x, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Dense, Threshold]


def test_dead_nodes_do_not_matter(scratch):
    graph = Graph(["N", 4])
    data, weights = graph.quant("input", 0.5), graph.quant(graph.const(np.ones((4, 3))), 0.5)
    graph.op("Sin", data)
    network = import_model(graph.end(graph.op("MatMul", data, weights)).save(scratch / "m.onnx"))
    assert len(network.nodes) == 1


def test_chain_of_the_output_is_the_models_own(scratch):
    """Floats of a closing affine are computed in the model's order, in float32."""
    graph = Graph(["N", 4])
    data, weights = graph.quant("input", 0.5), graph.quant(graph.const(np.ones((4, 3))), 0.5)
    t = graph.op("Add", graph.op("Div", graph.op("MatMul", data, weights), 3.0), 0.1)
    (output,) = import_model(graph.end(t).save(scratch / "m.onnx")).outputs
    x = np.arange(-8, 8)[:, None]
    expected = np.float32(x * 0.25) / np.float32(3) + np.float32(0.1)
    assert np.array_equal(apply(output.chain, x), np.broadcast_to(expected, (16, 3)))


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.DOUBLE])
@pytest.mark.parametrize("softmax", [False, True])
def test_outputs_may_be_of_another_type(kind, softmax, scratch):
    """As a conversion to float16 or double leaves it: only the first and the last node are of that type."""
    graph = Graph([30, 6], elem_type=kind)
    t = graph.quant(graph.op("Cast", "input", to=TensorProto.FLOAT), 0.21)
    t = graph.op("MatMul", t, graph.quant(np.random.default_rng(1).normal(0, 1, (6, 4)), 0.1))
    t = graph.op("Cast", graph.op("Softmax", t, axis=-1) if softmax else t, to=kind)
    graph.add_output(t, None, helper.tensor_dtype_to_np_dtype(kind))
    network = import_model(graph.save(scratch / "m.onnx"))
    x = np.random.default_rng(2).normal(0, 1, (30, 6)).astype(helper.tensor_dtype_to_np_dtype(kind))
    (y,) = execute.run(network, network.encode(x)).outputs.values()
    (wanted,) = Executor(graph.model(), x).outputs
    assert wanted.dtype == x.dtype and len(np.unique(y)) > 20
    assert np.abs(y - wanted).max() <= (2e-3 if kind == TensorProto.FLOAT16 else 1e-6)
    assert kind == TensorProto.DOUBLE or np.array_equal(y, y.astype(np.float16))
