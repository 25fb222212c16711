"""Functions that a model computes by several nodes of one tensor, against the qonnx executor."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import ModelError, import_model
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.branching import Fixed, Together
from fewbit.golden.numbers.elementwise import Dequantize, WithConstant, clip, direction, mapped, relu
from tests.support.executor import agree
from tests.support.graphs import Graph

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning:qonnx")

INPUTS = np.random.default_rng(0).normal(0, 1, (40, 6)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(0, 1, (6, 5))
GAMMAS = np.array([1.25, -1.5, 0.5, 2.0, -0.75])


def gelu(g, x):
    half = g.op("Mul", x, g.op("Add", g.op("Erf", g.op("Div", x, 1.4142135)), 1.0))
    return g.op("Mul", half, 0.5)


def gelu_by_tanh(g, x):
    inner = g.op("Add", x, g.op("Mul", g.op("Pow", x, 3.0), 0.044715))
    return g.op("Mul", g.op("Mul", x, 0.5), g.op("Add", g.op("Tanh", g.op("Mul", inner, 0.7978846)), 1.0))


FUNCTIONS = {
    "SiLU": lambda g, x: g.op("Mul", x, g.op("Sigmoid", x)),
    "HardSwish": lambda g, x: g.op("Div", g.op("Mul", g.clip(g.op("Add", x, 3.0), 0.0, 6.0), x), 6.0),
    "GELU": gelu,
    "GELU by Tanh": gelu_by_tanh,
    "Mish": lambda g, x: g.op("Mul", x, g.op("Tanh", g.op("Softplus", x))),
    "square": lambda g, x: g.op("Mul", x, x),
    "leaky": lambda g, x: g.op("Max", x, g.op("Mul", x, 0.1)),
    "ReLU6 by Min": lambda g, x: g.op("Min", g.op("Max", x, np.zeros((1, 5))), np.full(5, 1.5)),
    "three": lambda g, x: g.op("Max", g.op("Mul", x, -0.5), -0.25, x),
    "Where": lambda g, x: g.op("Where", g.op("GreaterOrEqual", x, 0.25), x, g.op("Mul", x, np.linspace(-1, 1, 5))),
    "truth": lambda g, x: g.op(
        "Where", g.op("Or", g.op("Less", x, -0.5), g.op("Not", g.op("LessOrEqual", x, 1.0))), 1.0, x
    ),
    "over": lambda g, x: g.op("Div", np.linspace(-1, 1, 5), g.op("Add", g.op("Abs", x), 1.0)),
    "power": lambda g, x: g.op("Pow", g.op("Abs", x), np.array([1, 2, 0.5, 3, 1])),
    "exponent": lambda g, x: g.op("Pow", 2.0, x),
    "difference": lambda g, x: g.op("Sub", g.op("Relu", x), g.op("Exp", x)),
    "quotient": lambda g, x: g.op("Div", x, g.op("Add", g.op("Abs", x), 1.0)),
    "thresholds between": lambda g, x: g.op("Mul", x, g.quant(g.op("Sigmoid", x), 1 / 16, signed=0)),
    "both behind thresholds": lambda g, x: g.op("Mul", g.quant(x, 0.25), g.quant(g.op("Sigmoid", x), 1 / 8)),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("channels", ["one scale", "by channel"])
def test_functions_of_one_tensor(name, channels, scratch):
    """All of them become one threshold behind the layer, rising, falling or both."""
    graph = Graph([len(INPUTS), 6])
    x = graph.op("MatMul", graph.quant("input", 0.25), graph.quant(graph.const(WEIGHTS), 0.25))
    if channels == "by channel":
        x = graph.op("BatchNormalization", x, GAMMAS, np.linspace(-1, 1, 5), *np.ones((2, 5)))
    x = graph.quant(FUNCTIONS[name](graph, x), 0.125, 1.0)
    network = agree(graph.end(graph.op("MatMul", x, graph.bipolar(graph.const(WEIGHTS.T)))), INPUTS, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Dense, Threshold, Dense]


def test_on_the_host(scratch):
    """Behind the last layer the host computes them, and in front of the first quantizer as well."""
    graph = Graph([len(INPUTS), 6])
    x = graph.quant(FUNCTIONS["SiLU"](graph, "input"), 0.25)
    x = graph.op("MatMul", x, graph.quant(graph.const(WEIGHTS), 0.25))
    network = agree(graph.end(FUNCTIONS["Mish"](graph, x)), INPUTS, scratch / "m.onnx")
    assert [type(n) for n in network.nodes] == [Dense]


def test_constants_that_differ_between_pixels(scratch):
    """A product for every pixel of an image with a constant and with a function of itself."""
    images = INPUTS.reshape(len(INPUTS), 1, 2, 3)
    graph = Graph([len(INPUTS), 1, 2, 3])
    x = graph.op("Conv", graph.quant("input", 0.25), graph.quant(graph.const(WEIGHTS[:2, :1, None, None]), 0.25))
    x = graph.op("Max", graph.op("Mul", x, graph.op("Sigmoid", x)), x, np.linspace(-1, 1, 12).reshape(1, 2, 2, 3))
    agree(graph.end(graph.quant(x, 0.125)), images, scratch / "m.onnx")


def test_what_is_no_function_of_one_tensor(scratch):
    """Two layers, and two positions of one, are different tensors."""
    graph = Graph([1, 6])
    x = graph.quant("input", 0.25)
    a, b = (graph.op("MatMul", x, graph.quant(graph.const(w), 0.25)) for w in (WEIGHTS, -WEIGHTS))
    with pytest.raises(ModelError, match="Pow.*different tensors of data"):
        import_model(graph.end(graph.quant(graph.op("Pow", a, b), 0.5)).save(scratch / "m.onnx"))
    graph = Graph([1, 6])
    x = graph.op("MatMul", graph.quant("input", 0.25), graph.quant(graph.const(WEIGHTS), 0.25))
    turned = graph.op("Gather", x, graph.const([4, 3, 2, 1, 0], np.int64), axis=1)
    with pytest.raises(ModelError, match="different tensors of data"):
        import_model(graph.end(graph.quant(graph.op("Where", graph.op("Less", x, 0.0), x, turned), 0.5)).save(
            scratch / "m.onnx"
        ))  # fmt: skip


def test_directions():
    """Sums and the larger of rising functions rise; what rises and falls has no direction."""
    x = (Dequantize(np.array([0.5, -0.5]), np.zeros(1)),)

    def together(name, *chains):
        return (*x, Together(name, np.add, chains))

    halved, turned = (WithConstant("mul", np.float32([0.5])),), (WithConstant("rsub", np.float32([1])),)
    assert direction(together("Max", (), halved)).tolist() == [1, -1]
    assert direction(together("Add", (relu(),), (Fixed(np.float32([3])),))).tolist() == [1, -1]
    assert direction(together("Sub", (), turned)).tolist() == [1, -1]
    assert direction(together("Min", (clip(0, 1),), turned)) is None
    assert direction(together("Mul", (), ())) is None
    op = together("Add", halved, (Fixed(np.float32([1, 2])),))[-1]
    assert op.monotone and [c.tolist() for c in op.coefficients] == [[0.5], [1, 2]]
    (moved,) = mapped((op,), lambda p: p[::-1])
    assert moved(np.zeros((1, 2))).tolist() == [[2, 1]]
