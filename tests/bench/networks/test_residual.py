"""Residual networks of CIFAR-10 have the layers that their depth says."""

from collections import Counter

import onnx
import pytest

from bench.networks.residual import residual_cifar


@pytest.mark.parametrize("depth", [8, 20])
def test_layers(depth, scratch):
    residual_cifar(scratch / "m.onnx", depth, size=16, width=4)
    model = onnx.load(scratch / "m.onnx")
    onnx.checker.check_model(model, full_check=True)  # shapes of sums fit, too
    kinds = Counter(node.op_type for node in model.graph.node)
    blocks = (depth - 2) // 2
    assert (kinds["Conv"], kinds["Add"], kinds["Gemm"]) == (1 + 2 * blocks + 2, blocks, 1)
    assert [d.dim_value for d in model.graph.output[0].type.tensor_type.shape.dim][1:] == [10]


@pytest.mark.parametrize("depth", [2, 18, 21])
def test_depths_that_there_are_not(depth, scratch):
    with pytest.raises(ValueError, match=rf"^Depth must be 6\*n \+ 2 .*, not {depth}$"):
        residual_cifar(scratch / "m.onnx", depth)
