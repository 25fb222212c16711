"""Names of nodes: short, safe, the only ones of their kind, and the model's."""

import re

import numpy as np
import onnx
import pytest

from fewbit.golden.importing.importer import import_model, walked
from fewbit.golden.importing.model_names import MOST_LETTERS, OperatorNames, short_name, with_model_names
from fewbit.golden.importing.tensors import ON_HOST, Data
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.execute import run
from fewbit.golden.network.graph import Network, NodeOrigin
from tests.conftest import ROOT

EXAMPLES, MODELS = ROOT / "examples", ROOT / "tests" / "models"
FILES = [*sorted(EXAMPLES.rglob("*.onnx")), *sorted(MODELS.glob("*.onnx"))]


@pytest.mark.parametrize(("name", "operator", "short"), [
    ("fc1", "MatMul", "fc1"),
    ("/layer1/layer1.0/conv1/Conv", "Conv", "layer1_0_conv1"),
    ("/features.2/MatMul", "MatMul", "features_2"),
    ("/head/MatMul_1", "MatMul", "head_MatMul_1"),
    ("model/dense/MatMul;model/dense/BiasAdd", "FULLY_CONNECTED", "model_dense_MatMul"),
    ("/Conv", "Conv", "Conv"), ("Conv_3", "Conv", "Conv_3"), ("7", "Gemm", "n7"), ("größe", "Conv", "gr_e"),
    ("", "Conv", "Conv"), ("..", "Conv", "Conv"), ("wire", "Conv", "wire_0"), ("Queue_2", "Conv", "Queue_2_0"),
    ("a.very.long.backbone.of.stage4.block12.conv2", "Conv", "of_stage4_block12_conv2"),
    ("x" * 60, "Conv", "x" * MOST_LETTERS),
])  # fmt: skip
def test_short_names(name, operator, short):
    assert short_name(name, operator) == short


def test_operators_without_names_are_numbered_by_kind():
    names = OperatorNames()
    seen = [names.next(*one) for one in (("Conv",), ("Relu",), ("Conv", "mine"), ("Conv",))]
    assert seen == [("Conv_0", "Conv"), ("Relu_0", "Relu"), ("mine", "Conv"), ("Conv_2", "Conv")]


@pytest.mark.parametrize(
    "path", [*sorted(EXAMPLES.rglob("*.onnx")), *sorted(MODELS.glob("*.onnx"))], ids=lambda p: p.stem
)
def test_every_layer_has_the_name_of_a_node_of_the_model(path):
    network = import_model(path)
    names = [node.name for node in network.nodes]
    assert len({name.lower() for name in names}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) and "__" not in name for name in names)
    assert all(node.name == node.y for node in network.nodes)
    known = {node.name: node.op_type for node in onnx.load(path).graph.node}
    assert network.origins and all(known[origin.name] == origin.operator for origin in network.origins.values())
    for node in network.nodes:
        if isinstance(node, Dense | FloatDense):
            assert len(node.name) <= MOST_LETTERS
            assert node.name == short_name(network.origins[node.name].name, network.origins[node.name].operator)


def test_the_examples_layers():
    assert [n.name for n in import_model(EXAMPLES / "digits" / "w1a1.onnx").nodes if isinstance(n, Dense)] == [
        "fc1", "fc2", "logits",
    ]  # fmt: skip
    layers = [n for n in import_model(MODELS / "resnet_w4a4.onnx").nodes if isinstance(n, Dense)]
    assert [n.name for n in layers][:3] == ["c0", "c1", "c2"] and layers[-1].name == "fc"
    network = import_model(EXAMPLES / "digits-cnn" / "w1a1.onnx")
    windows = [n.name for n in network.nodes if type(n).__name__ == "Windows"]
    assert "conv1_windows" in windows and network.origins["conv1_windows"].name == "conv1"
    assert network.aliases["dense0"] == "conv1"


def test_a_name_may_be_the_old_one_of_another_node():
    """Two layers, of which the first is called as the second was: nothing is mixed up."""
    before = import_model(EXAMPLES / "digits" / "w1a1.onnx")
    names = {"fc1": "dense1", "fc2": "dense0", "logits": "dense1.x"}
    origins = {
        name: NodeOrigin(name=names.get(name, name), operator="MatMul", known_as=name) for name in before.origins
    }
    after = with_model_names(Network(before.name, before.inputs, before.nodes, before.outputs, origins=origins))
    assert [n.name for n in after.nodes if isinstance(n, Dense)] == ["dense1", "dense0", "dense1_x"]
    values = before.inputs[0].format.sample(np.random.default_rng(1), (4, *before.input_shape))
    one, other = (run(network, values).outputs for network in (before, after))
    assert all((one[name] == other[name]).all() for name in one)
    assert "dense0" not in after.aliases and "dense1" not in after.aliases


def test_the_trace_has_the_same_names():
    walk = walked(SourceFile.of(EXAMPLES / "digits" / "w1a1.onnx"))
    used = {tensor.edge for tensor in walk.tensors.values() if isinstance(tensor, Data)}
    assert {"fc1", "fc2", "logits"} <= used
    assert {edge.removeprefix(ON_HOST) for edge in used} <= walk.network.edges().keys()
