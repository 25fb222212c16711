"""The builder of ONNX models: names, domains and versions, and what is left out."""

import numpy as np
import onnx
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file import exchange
from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.domains import EXCHANGE, ONNX, QONNX, QONNX_DOMAINS
from fewbit.golden.model_file.file import INPUT_KEY


def versions(model):
    return [(opset.domain, opset.version) for opset in model.opset_import]


def two_layers():
    """A model with a quantizer of each of the two domains, and a constant and a node that nothing needs."""
    builder = ModelBuilder(opset=15, name="two")
    x = builder.quant(builder.add_input("x", ["N", 3]), 0.5, 0, 4, signed=True)
    weights = builder.append(exchange.make_ternary_quant(builder.constant(np.eye(3), "w"), *ternary(builder), "wq"))
    y = builder.add("MatMul", x, *weights, y="y", name="product")
    builder.add("Relu", builder.constant([1.0], "idle"), y="unread")
    builder.add_output(y, ["N", 3])
    return builder


def ternary(builder):
    return [builder.constant(value, name) for name, value in (("delta", 0.5), ("positive", 1), ("negative", 1))]


def test_a_model_is_valid_and_can_be_imported(scratch):
    builder = two_layers()
    onnx.checker.check_model(builder.model())
    builder.save(scratch / "new" / "m.onnx", {INPUT_KEY: "int4*0.5"})
    assert import_model(scratch / "new" / "m.onnx").input_spec == "int4*0.5"


def test_domains_that_are_used_are_imported_in_one_order():
    assert versions(two_layers().model()) == [(ONNX, 15), (QONNX, 1), (EXCHANGE, 1)]
    builder = ModelBuilder()
    builder.add("My", "x", domain="my.ops")
    builder.bipolar_quant("x", 1.0, domain=QONNX_DOMAINS[1])
    builder.add("Relu", "x", domain="ai.onnx")
    assert versions(builder.model()) == [(ONNX, 13), (QONNX_DOMAINS[1], 1), ("my.ops", 1)]


def test_names_are_made_up_where_none_is_given():
    builder = ModelBuilder()
    x = builder.add("Add", "x", [1, 2])
    assert x == "Add0" and builder.nodes[0].name == "Add0" and list(builder.nodes[0].input) == ["x", "c0"]
    assert builder.constants["c0"].dtype == np.float32
    assert builder.add("Split", x, y=["a", "b"], name="", axis=1) == ["a", "b"] and builder.nodes[1].name == ""


def test_attributes_may_have_any_name():
    builder = ModelBuilder()
    builder.add("StochasticQuant", "x", 1.0, domain=EXCHANGE, kind="ternary")
    assert onnx.helper.get_node_attr_value(builder.nodes[0], "kind") == b"ternary"


def test_what_no_output_needs_can_be_left_out():
    whole, needed = two_layers().model(), two_layers().model(only_needed=True)
    assert {"idle"} == {t.name for t in whole.graph.initializer} - {t.name for t in needed.graph.initializer}
    assert [node.op_type for node in needed.graph.node] == ["Quant", "TernaryQuant", "MatMul"]


def test_a_constant_is_named_once():
    builder = ModelBuilder()
    builder.constant(1, "one")
    with pytest.raises(ValueError, match="Model already has a constant 'one'"):
        builder.constant(2, "one")


def test_the_same_calls_give_the_same_bytes(scratch):
    for name in ("a.onnx", "b.onnx"):
        two_layers().save(scratch / name, {"b": "2", "a": "1"}, producer="fewbit")
    assert (scratch / "a.onnx").read_bytes() == (scratch / "b.onnx").read_bytes()
