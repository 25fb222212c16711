"""Sums of products of uint8 and int8 that onnxruntime gives exactly, whatever the processor."""

import numpy as np
import onnx
import pytest

from fewbit.golden.model_file.file import evaluate
from fewbit.golden.model_file.saturation import unsaturated
from tests.support.qdq_models import QdqGraph, reference

X = np.full((1, 16), 255, dtype=np.uint8)
WEIGHTS = np.full((16, 3), 127, dtype=np.int8)
EXACT = 16 * 255 * 127  # two products alone are more than 16 bits hold


class Opset:
    opset = 21


@pytest.mark.parametrize("zero", [None, 5])
def test_sum_of_operands_is_exact(zero):
    names = ["x", "w", "", "z"] if zero else ["x", "w"]
    operands = [X, WEIGHTS, None, np.int8(zero)] if zero else [X, WEIGHTS]
    node = onnx.helper.make_node("MatMulInteger", names, ["y"])
    (found,) = evaluate(Opset, node, operands)
    assert (found == EXACT - 16 * 255 * (zero or 0)).all()


def model():
    graph = QdqGraph((16,))
    code, scale, zero = graph.quantize(scale=1.0, zero=0, dtype=np.uint8)
    weights = graph.const(WEIGHTS, np.int8)
    operands = [graph.const(1.0), graph.const(np.int8(0), np.int8)]
    # The sum is halved 14 times, so that it fits.
    out = [graph.const(np.float32(1 << 14)), graph.const(np.uint8(0), np.uint8)]
    graph.op("QLinearMatMul", code, scale, zero, weights, *operands, *out)
    return graph.finish(graph.op("QLinearMatMul", code, scale, zero, weights, *operands, *out)).model()


def test_sums_of_a_model_are_exact():
    (found,) = reference(model(), {"input": X.astype(np.float32)}, [model().graph.output[0].name]).values()
    assert found.tolist() == [[round(EXACT / (1 << 14))] * 3]


def test_what_two_nodes_share_is_changed_in_both_and_inputs_of_others_are_kept():
    changed = model()
    before = {one.name: one.raw_data for one in changed.graph.initializer}
    unsaturated(changed)
    products = [node for node in changed.graph.node if node.op_type == "QLinearMatMul"]
    kinds = {one.name: one.data_type for one in changed.graph.initializer}
    assert len(products) == 2
    assert {kinds[node.input[k]] for node in products for k in (3, 5)} == {onnx.TensorProto.UINT8}
    assert {one.name: one.raw_data for one in changed.graph.initializer if one.name in before} == before


def test_signed_activations_stay_as_they_are():
    graph = QdqGraph((16,))
    code, scale, zero = graph.quantize(dtype=np.int8)
    weights = [graph.const(WEIGHTS, np.int8), graph.const(1.0), graph.const(np.int8(0), np.int8)]
    kept = graph.finish(graph.op("QLinearMatMul", code, scale, zero, *weights, scale, zero)).model()
    before = kept.SerializeToString()
    unsaturated(kept)
    assert kept.SerializeToString() == before
