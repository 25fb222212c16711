"""Import of the operators of qonnx whose data has its channels last."""

import numpy as np

from fewbit.golden.importing.ops import convolutions, elementwise, pools
from fewbit.golden.importing.registry import Role, handles

_DOMAIN = ("qonnx.custom_op.channels_last",)


@handles("Conv", domains=_DOMAIN, role=Role.PRODUCT)
def conv(importer, node, inputs, attributes):
    """Import QONNX ``Conv`` with channels last, those of its weights too."""
    x, weights, *bias = inputs
    turned = [x.reshaped(_second), weights.reshaped(_second), *bias]
    return [y.reshaped(_last) for y in convolutions.conv(importer, node, turned, attributes)]


@handles("MaxPool", domains=_DOMAIN, role=Role.MOVE)
def max_pool(importer, node, inputs, attributes):
    """Import QONNX ``MaxPool`` with channels last."""
    return [y.reshaped(_last) for y in pools.max_pool(importer, node, [inputs[0].reshaped(_second)], attributes)]


@handles("BatchNormalization", domains=_DOMAIN, role=Role.AFFINE)
def batch_normalization(importer, node, inputs, attributes):
    """Import QONNX ``BatchNormalization`` with channels last."""
    x, *parameters = inputs
    made = elementwise.batch_normalization(importer, node, [x.reshaped(_second), *parameters], attributes)
    return [y.reshaped(_last) for y in made]


def _second(array: np.ndarray) -> np.ndarray:
    """Return an array with its last axis as the second one."""
    return np.moveaxis(array, -1, 1)


def _last(array: np.ndarray) -> np.ndarray:
    """Return an array with its second axis as the last one."""
    return np.moveaxis(array, 1, -1)
