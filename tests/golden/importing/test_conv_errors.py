"""What of a convolutional network cannot be imported gives one line: the node, the reason and what is supported."""

import warnings

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from tests.support.conv_models import random_conv_case
from tests.support.graphs import Graph


def c(graph, values):
    return graph.const(values, np.int64)


def weights(graph, *shape):
    return graph.quant(graph.const(np.random.default_rng(0).normal(0, 1, shape)), 0.25)


def conv(graph, t, *shape, **attributes):
    return graph.op("Conv", t, weights(graph, *shape), **attributes)


SPOILED = {  # (graph, quantized images of 4 channels and 6x6 pixels) -> output
    "weights from data": (lambda g, d: g.op("Conv", d, d), "weights must be a constant"),
    "weights of another rank": (lambda g, d: conv(g, d, 3, 4, 2), "and weights of shape (3, 4, 2) do not fit"),
    "weights of other channels": (lambda g, d: conv(g, d, 3, 5, 2, 2), "1 groups, data of shape (1, 4, 6, 6)"),
    "groups": (lambda g, d: conv(g, d, 6, 1, 2, 2, group=3), "3 groups, data of shape (1, 4, 6, 6)"),
    "neurons of groups": (lambda g, d: conv(g, d, 3, 2, 2, 2, group=2), "2 groups"),
    "kernel too large": (lambda g, d: conv(g, d, 3, 4, 9, 2), "spans (9, 2) does not fit an image of (6, 6)"),
    "kernel shape": (lambda g, d: conv(g, d, 3, 4, 2, 2, kernel_shape=[3, 3]), "kernel_shape (3, 3) is not that of"),
    "negative padding": (lambda g, d: conv(g, d, 3, 4, 2, 2, pads=[-1, 0, 0, 0]), "pads must be whole numbers from 0"),
    "bias": (lambda g, d: g.op("Conv", d, weights(g, 3, 4, 2, 2), np.ones(2)), "bias of shape (2,) does not fit 3"),
    "unquantized weights": (
        lambda g, d: g.op("Conv", d, np.random.default_rng(1).normal(0, 1, (3, 4, 2, 2))),
        "its weights are not quantized",
    ),
    "transposed of other channels": (
        lambda g, d: g.op("ConvTranspose", d, weights(g, 3, 4, 2, 2)),
        "1 groups, data of shape (1, 4, 6, 6) and weights of shape (3, 4, 2, 2) do not fit",
    ),
    "transposed to nothing": (
        lambda g, d: g.op("ConvTranspose", d, weights(g, 4, 3, 1, 1), pads=[3, 0, 3, 0]),
        "leave nothing of its output",
    ),
    "no image": (lambda g, d: g.op("MaxPool", g.op("Flatten", d), kernel_shape=[2]), "must be of shape (batch, ch"),
    "indices": (
        lambda g, d: g.op("MaxPool", d, kernel_shape=[2, 2], count=2)[0],
        "indices of the largest values are not supported",
    ),
    "max pool of what does not rise": (
        lambda g, d: g.op("MaxPool", g.op("Sigmoid", conv(g, d, 3, 4, 3, 3)), kernel_shape=[2, 2]),
        "put a quantizer in front of the pool",
    ),
    "reduced samples": (lambda g, d: g.op("ReduceMean", d, axes=[0, 1]), "the batch cannot be reduced"),
    "axes that are not there": (lambda g, d: g.op("ReduceMax", d, axes=[4]), "axes [4] do not exist"),
    "sum of other shapes": (lambda g, d: g.op("Add", d, conv(g, d, 4, 4, 2, 2)), "cannot be added"),
    "sum of what is not even": (
        lambda g, d: conv(g, g.op("Add", d, g.op("Exp", d)), 3, 4, 2, 2),
        "not quantized to evenly spaced levels; put a quantizer in front of it",
    ),
    "concatenated samples": (lambda g, d: g.op("Concat", d, d, axis=0), "samples (axis 0) cannot stand side by side"),
    "concatenated sizes": (
        lambda g, d: g.op("Concat", d, conv(g, d, 4, 4, 2, 2), axis=1),
        "data of shapes (1, 4, 6, 6), (1, 4, 5, 5) cannot stand side by side",
    ),
    "concatenated constant": (lambda g, d: g.op("Concat", d, np.ones((1, 1, 6, 6)), axis=1), "constant beside data"),
    "cubic": (
        lambda g, d: g.op("Resize", d, "", np.float32([1, 1, 2, 2]), mode="cubic"),
        "only the modes nearest and linear",
    ),
    "linear in channels": (
        lambda g, d: g.op("Resize", d, "", np.float32([1, 2, 2, 1]), mode="linear"),
        "only height and width can be interpolated",
    ),
    "linear with values outside": (
        lambda g, d: g.op(
            "Resize",
            d,
            np.float32([0, 0, 0, 0, 1, 1, 1.5, 1]),
            "",
            c(g, [1, 4, 9, 6]),
            mode="linear",
            coordinate_transformation_mode="tf_crop_and_resize",
            extrapolation_value=9.0,
        ),
        "values outside of the image",
    ),
    "a reflection beyond the image": (
        lambda g, d: g.op("Pad", d, c(g, [0, 0, 6, 1, 0, 0, 1, 1]), mode="reflect"),
        "is too small to be reflected",
    ),
    "padded with no level": (
        lambda g, d: g.op("Pad", d, c(g, [0, 0, 1, 1, 0, 0, 1, 1]), 0.3),
        "it pads with 0.3, which is none of its input's levels",
    ),
    "padded samples": (lambda g, d: g.op("Pad", d, c(g, [1, 0, 0, 0, 0, 0, 0, 0])), "the batch axis cannot be padded"),
    "cropped away": (lambda g, d: g.op("Pad", d, c(g, [0, 0, -6, 0, 0, 0, 0, 0])), "leave nothing of its data"),
    "slice of the batch": (
        lambda g, d: g.op("Unsqueeze", g.op("Gather", d, c(g, 0), axis=0), c(g, [0])),
        "must leave the batch axis",
    ),
    "padding of unquantized data": (
        lambda g, d: conv(g, g.op("Add", conv(g, d, 4, 4, 3, 3), 0.123), 3, 4, 3, 3, pads=[1] * 4),
        "too many levels for codes that hold zero",
    ),
    "trunc of too many operands": (
        lambda g, d: g.op("Trunc", d, 1.0, 0.0, 4.0, domain=g.domain),
        "must have 5 or 6 inputs, not 4",
    ),
    "trunc rounding": (
        lambda g, d: g.op("Trunc", d, 1.0, 0.0, 4.0, 3.0, domain=g.domain, rounding_mode="x"),
        "rounding mode 'x' is not known",
    ),
    "trunc by channel": (
        lambda g, d: g.op("Trunc", d, np.ones((1, 4, 1, 1)), 0.0, 4.0, 3.0, domain=g.domain),
        "one number for the whole tensor",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_errors_name_the_node(what, scratch):
    make, message = SPOILED[what]
    graph = Graph(["N", 4, 6, 6], opset=13)
    output = make(graph, graph.quant("input", 0.5))
    with warnings.catch_warnings(), pytest.raises(ModelError) as error:
        warnings.simplefilter("error")
        import_model(graph.end(output).save(scratch / "m.onnx"))
    text = str(error.value)
    assert message in text and "\n" not in text and "cannot be imported" not in text
    assert text.startswith("node '")


def test_three_dimensions(scratch):
    graph = Graph(["N", 2, 4, 4, 4])
    graph.end(conv(graph, graph.quant("input", 0.5), 3, 2, 2, 2, 2))
    with pytest.raises(ModelError, match=r"only convolutions of one or two dimensions .* \(3, 2, 2, 2, 2\)"):
        import_model(graph.save(scratch / "m.onnx"))


def test_an_undeclared_input_says_what_to_declare(scratch):
    for kind in ("Conv", "MaxPool", "AveragePool", "Add"):
        graph = Graph(["N", 4, 6, 6])
        if kind == "Conv":
            t = conv(graph, "input", 3, 4, 2, 2)
        elif kind == "Add":
            t = graph.op("Add", "input", graph.quant("input", 0.5))
        else:
            t = graph.op(kind, "input", kernel_shape=[2, 2])
        graph.end(graph.quant(t, 0.5))
        with pytest.raises(ModelError, match="--input uint8/255"):
            import_model(graph.save(scratch / "m.onnx"))


@pytest.mark.parametrize("kind, message", [
    ("shift", "nothing may be added in front of a convolution that pads"),
    ("sigmoid", "may follow a Relu or affine operations that rise; fewbit quantize"),
    ("average", "must be over as many values everywhere"),
])  # fmt: skip
def test_float_models(kind, message, scratch):
    rng = np.random.default_rng(1)
    graph = Graph(["N", 4, 6, 6])
    w, pads = rng.normal(0, 1, (3, 4, 3, 3)), [1, 1, 1, 1]
    if kind == "shift":
        t = graph.op("Conv", graph.op("Sub", "input", 0.5), w, pads=pads)
    elif kind == "sigmoid":
        t = graph.op("MaxPool", graph.op("Sigmoid", graph.op("Conv", "input", w)), kernel_shape=[2, 2])
    else:
        t = graph.op("AveragePool", graph.op("Conv", "input", w), kernel_shape=[3, 3], pads=pads)
    with pytest.raises(ModelError, match=message) as error:
        import_model(graph.end(t).save(scratch / "m.onnx"))
    assert str(error.value).startswith("node '")


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files(seed, scratch):
    """With bytes changed at random, a file is imported or refused in one line; nothing else."""
    rng = np.random.default_rng(seed)
    case = random_conv_case(seed, samples=2, batch=0)
    data = np.frombuffer(case.graph.save(scratch / "a.onnx").read_bytes(), dtype=np.uint8)
    for _ in range(30):
        spoiled = data.copy()
        spoiled[rng.integers(0, len(data), rng.choice([1, 2, 20]))] ^= 1 << rng.integers(0, 8, dtype=np.uint8)
        (scratch / "b.onnx").write_bytes(spoiled.tobytes())
        try:
            import_model(scratch / "b.onnx", case.spec)
        except ModelError as error:
            assert "\n" not in str(error) and "cannot be imported" not in str(error)
