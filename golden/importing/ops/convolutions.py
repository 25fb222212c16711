"""Import of convolutions: windows, and a product for every output pixel."""

import numpy as np

from fewbit.golden.importing.layout import by_channel, image
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.importing.windows import spread_out, window_of
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew


@handles("Conv", role=Role.PRODUCT)
def conv(importer, node, inputs, attributes):
    """Import ONNX ``Conv`` of one or two dimensions."""
    data = data_of(inputs[0])
    if not isinstance(inputs[1], Constant):
        raise ModelError("weights must be a constant")
    constant(inputs[1], "weights")
    shape = inputs[1].array.shape
    if len(shape) != len(data.shape):
        raise ModelError(f"data of shape {data.shape} and weights of shape {shape} do not fit")
    if len(shape) not in (3, 4):
        raise ModelError(
            f"only convolutions of one or two dimensions are supported, not weights of shape {shape}; let channels "
            "hold the third, or use 2-D convolutions of each part"
        )
    groups = attributes.get("group", 1)
    if groups < 1 or data.shape[1] != shape[1] * groups or shape[0] % groups:
        raise ModelError(f"{groups} groups, data of shape {data.shape} and weights of shape {shape} do not fit")
    signal = len(shape) == 3
    data = image(importer, data)
    weights = inputs[1].reshaped(lambda w: _rows(w[:, :, None, :] if signal else w))
    window = window_of(data, (1, *shape[2:]) if signal else shape[2:], attributes, signal)
    edge, chain = importer.builder.convolution(data, weights, window, groups)
    y = Data(edge, spread_out(window, shape[0], signal), chain)
    if len(inputs) > 2 and inputs[2] is not None:
        bias = constant(inputs[2], "bias").astype(np.float32)
        if bias.shape != shape[:1]:
            raise ModelError(f"a bias of shape {bias.shape} does not fit {shape[0]} channels")
        y, bias = by_channel(importer, y, bias.reshape(1, -1, *[1] * (len(shape) - 2)))
        y = y.then(ew.WithConstant("add", bias))
    return [y]


def _rows(weights: np.ndarray) -> np.ndarray:
    """Return weights (N, C, kh, kw) as (N, kh*kw*C), in the order of a window."""
    return weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)
