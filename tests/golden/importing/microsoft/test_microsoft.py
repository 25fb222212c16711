"""onnxruntime's own operators on floats: codes behind them are its own, but at ties of its float sums."""

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError
from tests.support.qdq_models import QdqGraph, compared

BIAS = np.linspace(-1, 1, 8).astype(np.float32)


def samples(*shape, count=40):
    return np.random.default_rng(5).normal(0, 2, (count, *shape)).astype(np.float32)


def checked(graph, scratch, shape, *, ties=0):
    found = compared(graph.finish().save(scratch / "model.onnx"), samples(*shape))
    assert found[0] > 600 and found[1] <= ties, found


@pytest.mark.parametrize("kind, options", [
    ("Gelu", {}), ("FastGelu", {}), ("FastGelu", {"bias": True}), ("BiasGelu", {"bias": True}),
    ("QuickGelu", {"alpha": 1.5}),
])  # fmt: skip
def test_functions(kind, options, scratch):
    graph = QdqGraph((12,))
    bias = [graph.const(BIAS)] if options.get("bias") else []
    graph.pair()
    graph.pair(graph.op("MatMul", graph.x, graph.weights((12, 8), axis=1)), zero=-3)
    attributes = {k: v for k, v in options.items() if k != "bias"}
    graph.pair(graph.microsoft(kind, graph.x, *bias, **attributes))
    checked(graph, scratch, (12,))


@pytest.mark.parametrize("activation, parameters, added", [
    ("Relu", [], False), ("Relu", [], True), ("LeakyRelu", [0.2], True), ("Clip", [0.0, 3.0], True),
    ("HardSigmoid", [0.3, 0.4], False), ("Sigmoid", [], False), ("Tanh", [], False), ("", [], True),
])  # fmt: skip
def test_convolutions_with_an_activation(activation, parameters, added, scratch):
    graph = QdqGraph((3, 5, 5))
    x = graph.pair()
    given = [graph.pair(graph.op("Conv", x, graph.weights((4, 3, 3, 3), axis=0)))] if added else []
    attributes = {"activation": activation} if activation else {}
    if parameters:
        attributes["activation_params"] = parameters
    graph.pair(graph.microsoft("FusedConv", x, graph.weights((4, 3, 3, 3), axis=0), graph.const(BIAS[:4]), *given,
                               kernel_shape=[3, 3], **attributes), scale=0.01)  # fmt: skip
    checked(graph, scratch, (3, 5, 5), ties=2)


@pytest.mark.parametrize("activation", ["Relu", "LeakyRelu"])
def test_matrix_products_with_an_activation(activation, scratch):
    graph = QdqGraph((12,))
    more = {"activation_alpha": 0.25} if activation == "LeakyRelu" else {}
    x = graph.pair()
    graph.pair(graph.microsoft("FusedGemm", x, graph.weights((8, 12), axis=0), graph.const(BIAS), transB=1,
                               activation=activation, **more))  # fmt: skip
    checked(graph, scratch, (12,))


def test_matrices_may_be_turned_and_scaled(scratch):
    graph = QdqGraph((3, 12))
    x = graph.pair()
    graph.pair(graph.microsoft("FusedMatMul", x, graph.weights((8, 12), axis=0), transB=1, alpha=0.5))
    checked(graph, scratch, (3, 12))


def packed(graph, columns, block, *, bits=4, zero=True):
    """Return operands of ``MatMulNBits`` with eight rows of weights."""
    blocks = -(-columns // block)
    codes = graph.const(graph.rng.integers(0, 256, (8, blocks, block * bits // 8)), np.uint8)
    scales = graph.const(graph.scale(8 * blocks, around=0.05))
    sizes = dict(K=columns, N=8, bits=bits, block_size=block)
    zeros = graph.const(graph.rng.integers(0, 256, 8 * -(-blocks * bits // 8)), np.uint8) if zero else ""
    return [codes, scales, zeros], sizes


@pytest.mark.parametrize("columns, block, bits, zero", [(32, 16, 4, True), (48, 16, 4, True), (40, 16, 4, False),
                                                        (32, 32, 8, True)])  # fmt: skip
def test_weights_in_packed_blocks(columns, block, bits, zero, scratch):
    graph = QdqGraph((columns,))
    given, sizes = packed(graph, columns, block, bits=bits, zero=zero)
    x = graph.pair()
    graph.pair(graph.microsoft("MatMulNBits", x, *given, "", graph.const(BIAS), **sizes), scale=0.1)
    checked(graph, scratch, (columns,), ties=2)


def test_what_is_refused(scratch):
    graph = QdqGraph((32,))
    given, sizes = packed(graph, 32, 16)
    graph.x = graph.microsoft("MatMulNBits", graph.pair(), *given, accuracy_level=4, **sizes)
    with pytest.raises(ModelError, match="MatMulNBits.*accuracy_level"):
        import_model(graph.finish().save(scratch / "model.onnx"))

    graph = QdqGraph((12,))
    graph.x = graph.microsoft("FusedGemm", graph.pair(), graph.weights((12, 8)), graph.const(BIAS), activation="Magic")
    with pytest.raises(ModelError, match="FusedGemm.*activation must be one of"):
        import_model(graph.finish().save(scratch / "model.onnx"))
