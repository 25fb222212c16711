"""Operators say for themselves what they are: every one is documented by its specification, and declared once."""

import pytest
from onnx import defs, helper

from fewbit.golden.importing.operators import (
    Role,
    every_operator,
    is_of_floats,
    is_quantizer,
    operator_of,
    role_of,
)
from fewbit.golden.importing.registry import DECLARED, handles
from fewbit.golden.model_file import exchange
from fewbit.golden.model_file.domains import EXCHANGE, MICROSOFT, ONNX, QONNX, QONNX_DOMAINS

CHANNELS_LAST = "qonnx.custom_op.channels_last"
SPECIFICATIONS = {
    ONNX: "ONNX", QONNX: "QONNX", CHANNELS_LAST: "QONNX", EXCHANGE: "exchange", MICROSOFT: "onnxruntime's",
}  # fmt: skip


def node(name, domain=ONNX):
    return helper.make_node(name, ["x"], ["y"], domain=domain)


@pytest.mark.parametrize("operator", every_operator(), ids=lambda operator: operator.name)
def test_a_handler_names_the_operator_and_its_specification(operator):
    text = operator.handler.__doc__
    assert f"``{operator.name}``" in text and SPECIFICATIONS[operator.domain] in text.replace("``", " ").split()


def test_dialects_are_onnx_qonnx_and_our_own():
    assert {EXCHANGE, MICROSOFT, CHANNELS_LAST, *QONNX_DOMAINS} == {domain for domain, _ in DECLARED} - {ONNX}
    names = {domain: {o.name for o in every_operator() if o.domain == domain} for domain in SPECIFICATIONS}
    assert names[QONNX] == {"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold", "XnorPopcountMatMul"}
    assert names[CHANNELS_LAST] == {"Conv", "MaxPool", "BatchNormalization"}
    ours = {name for name, kind in vars(exchange).items() if isinstance(kind, type) and name in exchange.__all__}
    assert names[EXCHANGE] == ours
    assert {name for name in names[ONNX] if not defs.has(name)} == {"HardTanh", "Hardtanh"}


def test_quantizers_are_those_of_the_dialects():
    quantizers = {o.name for o in every_operator() if o.role is Role.QUANTIZER}
    assert quantizers == {
        "Quant", "IntQuant", "BipolarQuant", "LevelQuant", "BasisQuant", "TernaryQuant", "StochasticQuant",
        "QuantizeLinear", "DequantizeLinear", "MultiThreshold",
    }  # fmt: skip
    assert all(is_quantizer(node(name, "anybody's")) and not is_of_floats(node(name)) for name in quantizers)
    assert not is_of_floats(node("Trunc")) and not is_quantizer(node("Trunc"))
    assert is_quantizer(node("QLinearConv", MICROSOFT)) and not is_of_floats(node("QLinearConv"))
    assert is_of_floats(node("Conv")) and is_of_floats(node("Frobnicate"))


def test_an_operator_is_known_by_its_domain_and_its_name():
    for domain in (*QONNX_DOMAINS, ONNX, "ai.onnx"):
        assert operator_of(node("Quant", domain)) is DECLARED[QONNX, "Quant"]
    assert operator_of(node("Quant", EXCHANGE)) is None and role_of(node("Relu", QONNX)) is None
    assert role_of(node("Relu", "ai.onnx")) is Role.FUNCTION


def test_roles_cover_what_rewriting_a_model_asks_for():
    by_role = {role: {o.name for o in every_operator() if o.role is role and o.is_of_floats} for role in Role}
    assert by_role[Role.PRODUCT] == {"Conv", "ConvTranspose", "Einsum", "Gemm", "MatMul"}
    assert by_role[Role.AFFINE] == {
        "Add",
        "Sub",
        "Sum",
        "Mul",
        "Div",
        "Neg",
        "BatchNormalization",
        "Cast",
        "CastLike",
        "Mean",
    }
    assert by_role[Role.AVERAGE] == {
        "AveragePool",
        "GlobalAveragePool",
        "LpPool",
        "GlobalLpPool",
        "ReduceL1",
        "ReduceL2",
        "ReduceMean",
        "ReduceSum",
        "ReduceSumSquare",
    }
    assert by_role[Role.LABEL] == {"ArgMax", "ArgMin", "TopK"}
    assert all(names for role, names in by_role.items() if role is not Role.QUANTIZER)


def test_declaring_an_operator_twice_is_refused():
    with pytest.raises(ValueError, match="Operator Relu of domain '' is declared twice"):
        handles("Relu", role=Role.FUNCTION)(lambda importer, node, inputs, attributes: [])
