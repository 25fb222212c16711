"""What cannot be imported gives one line that names the node, its operation, the reason and what is supported."""

import collections
import warnings

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from fewbit.golden.importing.importer import ModelError, import_model
from tests.support.graphs import Graph, random_case


def dense_model(*, named=True):
    """A graph with a quantized input of 4 and quantized weights (4, 3), at hand for spoiling."""
    graph = Graph(["N", 4], opset=15, named=named)
    data = graph.quant("input", 0.5)
    return graph, data, graph.quant(graph.const(np.ones((4, 3))), 0.5)


SPOILED = {
    "unknown operation": (
        lambda g, d, w: g.op("Acosh", d),
        "node 'Acosh_2' (Acosh): operation Acosh is not supported on data",
    ),
    "invented operation": (lambda g, d, w: g.op("Frobnicate", d), "operation Frobnicate is not supported"),
    "unknown domain": (lambda g, d, w: g.op("Relu", d, domain="my.ops"), "operation Relu of domain 'my.ops'"),
    "quantizer of another domain": (
        lambda g, d, w: g.op("Quant", d, 1.0, 0.0, 4.0, domain="x", signed=1, narrow=0),
        "'x'",
    ),
    "other QONNX operation": (lambda g, d, w: g.op("FloatQuant", d, 1.0, domain=g.domain), "operation FloatQuant"),
    "constant of an unknown domain": (
        lambda g, d, w: g.op("MatMul", d, g.op("My", w, domain="my.ops")),
        "operation My",
    ),
    "attribute of another opset": (lambda g, d, w: g.op("Clip", d, min=0.0, max=1.0), "not valid in opset 15"),
    "too few operands": (lambda g, d, w: g.op("MatMul", d), "not valid in opset 15"),
    "quantizer with too few operands": (
        lambda g, d, w: g.op("Quant", d, 1.0, domain=g.domain),
        "must have 4 inputs, not 2",
    ),
    "bits 0": (lambda g, d, w: g.quant(d, 1.0, bits=0), "bit width must be 1 to 32"),
    "bits 17": (lambda g, d, w: g.quant(d, 1.0, bits=17), "codes of data may have 16 bits, not 17"),
    "bits 2.5": (lambda g, d, w: g.quant(d, 1.0, bits=2.5), "bit width must be a whole number, not 2.5"),
    "bits infinite": (lambda g, d, w: g.quant(d, 1.0, bits=np.inf), "bit width must be a whole number"),
    "scale 0": (lambda g, d, w: g.quant(d, 0.0), "scale must be finite and not 0, not 0.0"),
    "scale infinite": (lambda g, d, w: g.bipolar(d, np.inf), "scale must be finite and not 0, not inf"),
    "scale from data": (lambda g, d, w: g.op("BipolarQuant", d, d, domain=g.domain), "quantize statically"),
    "zero point fractional": (lambda g, d, w: g.quant(d, 1.0, 0.5), "zero point must be a whole number, not 0.5"),
    "zero point huge": (lambda g, d, w: g.op("MatMul", d, g.quant(w, 1.0, 1e20)), "zero point beyond"),
    "rounding": (lambda g, d, w: g.quant(d, 1.0, rounding_mode="NEAREST"), "rounding mode must be ROUND"),
    "signed missing": (
        lambda g, d, w: g.op("Quant", d, 1.0, 0.0, 4.0, domain=g.domain, narrow=1),
        "'signed' must be 0 or 1",
    ),
    "scale of another shape": (lambda g, d, w: g.quant(d, [1.0, 2.0]), "operands do not fit"),
    "unquantized weights": (
        lambda g, d, w: g.op("MatMul", d, np.random.default_rng(1).normal(0, 1, (4, 3))),
        "not quantized",
    ),
    "weights from data": (lambda g, d, w: g.op("MatMul", d, g.op("Transpose", d)), "one operand must be a constant"),
    "shapes": (
        lambda g, d, w: g.op("MatMul", d, g.op("Transpose", w)),
        "(1, 4) and weights of shape (3, 4) do not fit",
    ),
    "bias shape": (lambda g, d, w: g.op("Gemm", d, w, np.ones(5)), "operands do not fit"),
    "constant shape": (lambda g, d, w: g.op("Add", d, np.ones((2, 4))), "does not fit data of shape (1, 4)"),
    "reshape": (lambda g, d, w: g.op("Reshape", d, g.const([1, 5], np.int64)), "operands do not fit"),
    "perm": (lambda g, d, w: g.op("Transpose", d, perm=[0, 2]), "operands do not fit"),
    "batch norm shape": (lambda g, d, w: g.op("BatchNormalization", d, *np.ones((4, 3))), "one entry a channel"),
    "batch norm variance": (lambda g, d, w: g.op("BatchNormalization", d, *np.ones((3, 4)), -np.ones(4)), "negative"),
    "batch norm of training": (
        lambda g, d, w: g.op("BatchNormalization", d, *np.ones((4, 4)), count=3, training_mode=1)[0],
        "inference",
    ),
    "scale from the data": (
        lambda g, d, w: g.quant(
            d, g.op("Div", g.op("ReduceMax", g.op("Abs", g.op("MatMul", d, w)), keepdims=0), 7.0), bits=4
        ),
        "its scale is computed from the data of each frame; quantize statically",
    ),
    "division by zero": (lambda g, d, w: g.op("Div", d, [0.0]), "division by zero"),
    "gemm alpha": (lambda g, d, w: g.op("Gemm", d, w, alpha=0.0), "alpha not zero"),
    "behind softmax": (
        lambda g, d, w: g.op("Relu", g.op("Softmax", g.op("MatMul", d, w))),
        "only the end of the model",
    ),
    "k too large": (lambda g, d, w: g.top_k(g.op("MatMul", d, w), 4)[1], "k must be 1 to 3"),
    "argmax over the batch": (
        lambda g, d, w: g.op("ArgMax", g.op("MatMul", d, w), axis=0),
        "axis must be one that holds classes",
    ),
    "nothing to compute": (lambda g, d, w: d, "without a layer"),
    "constant output": (lambda g, d, w: w, "does not depend on the input"),
    "arithmetic in float16": (
        lambda g, d, w: g.op("Relu", g.op("Cast", d, to=TensorProto.FLOAT16)),
        "is of type float16, and only float32 is computed",
    ),
    "cast to an integer": (lambda g, d, w: g.op("Cast", d, to=TensorProto.INT32), "data may be Cast to float32 only"),
    "infinite constant": (lambda g, d, w: g.op("Add", d, [np.inf]), "NaN or infinite"),
    "NaN by folding": (
        lambda g, d, w: g.op("Add", d, g.op("Div", g.op("Sub", w, w), g.op("Sub", w, w))),
        "NaN or infinite",
    ),
    "square root of what can be negative": (lambda g, d, w: g.quant(g.op("Sqrt", d), 1.0), "its input can be NaN"),
    "raw input read twice": (lambda g, d, w: g.op("Add", d, g.op("MatMul", "input", w)), "--input uint8/255"),
    "two quantizers on the input": (lambda g, d, w: g.op("Add", d, g.quant("input", 0.7)), "--input uint8/255"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_errors_name_the_node(what, scratch):
    make, message = SPOILED[what]
    graph, data, weights = dense_model()
    output = make(graph, data, weights)
    with warnings.catch_warnings(), pytest.raises(ModelError) as error:
        warnings.simplefilter("error")
        import_model(graph.end(output).save(scratch / "m.onnx"))
    text = str(error.value)
    assert message in text and "\n" not in text and "cannot be imported" not in text
    maker = next((n for n in graph.nodes if output in n.output), None)
    assert maker is None or "node '" in text or "output '" in text


def test_a_float_input_that_reaches_a_product_says_what_to_declare(scratch):
    graph = Graph(["N", 4])
    graph.end(graph.op("MatMul", "input", graph.bipolar(np.ones((4, 3)))))
    with pytest.raises(ModelError, match=r"node 'MatMul_1' \(MatMul\): input 'input' .* --input uint8/255"):
        import_model(graph.save(scratch / "m.onnx"))
    with pytest.raises(ModelError, match="Input declaration must be"):
        import_model(graph.save(scratch / "m.onnx"), "uint8//2")


def test_nodes_without_names_are_named_by_their_output(scratch):
    graph, data, weights = dense_model(named=False)
    graph.end(graph.op("Acosh", data))
    with pytest.raises(ModelError, match="node Acosh that makes 't2': operation Acosh"):
        import_model(graph.save(scratch / "m.onnx"))


def spoil_cycle(model):
    node = next(n for n in model.graph.node if n.op_type == "Relu")
    node.input[0] = node.output[0]


def spoil_nan(model):
    big = next(t for t in model.graph.initializer if len(t.dims) == 2)
    array = numpy_helper.to_array(big).copy()
    array[0, 0] = np.nan
    big.CopyFrom(numpy_helper.from_array(array, big.name))


def spoil_sizes(model):
    next(t for t in model.graph.initializer if len(t.dims) == 2).dims[0] = 5


def set_input(kind, shape):
    def spoil(model):
        model.graph.input[0].CopyFrom(helper.make_tensor_value_info("input", kind, shape))

    return spoil


BROKEN = {
    "no nodes": (lambda m: m.graph.ClearField("node"), "the graph is empty"),
    "no outputs": (lambda m: m.graph.ClearField("output"), "the graph is empty"),
    "empty graph": (lambda m: m.ClearField("graph"), "empty"),
    "no input": (lambda m: m.graph.ClearField("input"), "the model has no input"),
    "a cycle": (spoil_cycle, "its input 't3' is made by no node (or the graph has a cycle)"),
    "an input from nowhere": (lambda m: m.graph.initializer.pop(0), "is made by no node"),
    "an output from nowhere": (
        lambda m: setattr(m.graph.output[0], "name", "lost"),
        "output 'lost' is made by no node",
    ),
    "an output made twice": (lambda m: m.graph.node.append(m.graph.node[0]), "is made a second time"),
    "NaN weights": (spoil_nan, "holds NaN or infinite values"),
    "weights of another size": (spoil_sizes, "cannot be read"),
    "no opset": (lambda m: m.ClearField("opset_import"), "which ONNX opset"),
    "double input": (set_input(TensorProto.DOUBLE, [1, 4]), "is of type double, and only float32 is computed"),
    "boolean input": (set_input(TensorProto.BOOL, [1, 4]), "not of ONNX type bool"),
    "opset of 2017": (lambda m: setattr(m.opset_import[0], "version", 6), "of ONNX opset 6, and 7 to 25 are supported"),
    "opset to come": (lambda m: setattr(m.opset_import[0], "version", 26), "convert_version(onnx.load(path), 25)"),
    "unknown sizes": (set_input(TensorProto.FLOAT, ["N", "M"]), "with known sizes"),
    "no batch": (set_input(TensorProto.FLOAT, [4]), "must have the shape (batch, ...)"),
    "no shape": (set_input(TensorProto.FLOAT, None), "has no shape"),
    "too large": (set_input(TensorProto.FLOAT, [1, 10**9, 10**9]), "at most 16777216 values"),
    "raw integers": (set_input(TensorProto.INT8, [1, 4]), "a Cast or DequantizeLinear must make it floats"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_models(what, scratch):
    spoil, message = BROKEN[what]
    graph, data, weights = dense_model()
    model = graph.end(graph.op("Relu", graph.op("MatMul", data, weights))).model()
    import_model(_written(scratch / "good.onnx", model.SerializeToString()))
    spoil(model)
    with pytest.raises(ModelError) as error:
        import_model(_written(scratch / "m.onnx", model.SerializeToString()))
    assert message in str(error.value) and "\n" not in str(error.value)


def _written(path, data):
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data", [b"", b"hello, this is no model", bytes(100), b"PK\3\4" + bytes(50)], ids=["empty", "text", "zeros", "zip"]
)
def test_files_that_are_no_models(data, scratch):
    with pytest.raises(ModelError, match="not (a readable|an) ONNX file"):
        import_model(_written(scratch / "m.onnx", data))


def test_missing_files(scratch):
    with pytest.raises(ModelError, match="no such file"):
        import_model(scratch / "nothing.onnx")
    with pytest.raises(ModelError, match="a folder, not an ONNX or TFLite file"):
        import_model(scratch)
    graph, data, weights = dense_model()
    path = graph.end(graph.op("MatMul", data, weights)).save(scratch / "m.onnx", external=True)
    import_model(path)
    (scratch / "m.onnx.data").unlink()
    with pytest.raises(ModelError, match="external data of its tensors cannot be read"):
        import_model(path)
    with pytest.raises(ModelError, match="output must be auto or label, not 'x'"):
        import_model(path, output="x")


@pytest.mark.sampled(4)
@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
def test_damaged_files(seed, scratch):
    """Cut anywhere or with bytes changed at random, a file is imported or refused in one line; nothing else."""
    rng = np.random.default_rng(seed)
    case = random_case(seed * 17, samples=2)
    data = np.frombuffer(case.graph.save(scratch / "a.onnx").read_bytes(), dtype=np.uint8)
    outcomes = collections.Counter()
    for trial in range(60):
        spoiled = data[: rng.integers(len(data))] if trial % 4 == 0 else data.copy()
        if trial % 4:
            at = rng.integers(0, len(data), rng.choice([1, 2, 20]))
            spoiled[at] = rng.integers(0, 256, len(at))
        try:
            import_model(
                _written(scratch / "b.onnx", spoiled.tobytes()), case.spec, output=rng.choice(["auto", "label"])
            )
            outcomes["imported"] += 1
        except ModelError as error:
            assert "\n" not in str(error)
            outcomes["cannot be imported" if "cannot be imported" in str(error) else "refused"] += 1
    assert outcomes["refused"] > 20 and outcomes["cannot be imported"] == 0, outcomes
