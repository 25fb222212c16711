"""Import of what stands at the end of a model: ``SOFTMAX`` and ``ARG_MAX``, which the host computes."""

import numpy as np

from fewbit.golden.importing.tensors import Closed
from fewbit.golden.model_file.file import ModelError

from .kernels import softmax
from .operands import format_of, kernel


@kernel("SOFTMAX")
def soft_max(importer, node, operands, outputs):
    """Import ``SOFTMAX`` of int8 codes."""
    x, out = operands[0], outputs[0]
    if x.tensor.type != "INT8" or out.type != "INT8" or out.quantization != (np.float32(1 / 256), -128):
        raise ModelError("SOFTMAX is supported from int8 codes to int8 codes of the scale 1/256 and zero point -128")
    beta, scale = node.option("Beta", 1.0), x.tensor.quantization[0]
    return [Closed(x.data, (("Softmax", lambda codes: softmax(codes, beta, scale)),), x.data.shape)]


@kernel("ARG_MAX")
def arg_max(importer, node, operands, outputs):
    """Import ``ARG_MAX`` over the last axis."""
    x = operands[0]
    data, closing = (x.value.data, x.value.closing) if isinstance(x.value, Closed) else (x.data, ())
    axis = int(operands[1].constant.reshape(())) % data.index.ndim
    if axis != data.index.ndim - 1 or data.index.size != data.shape[-1]:
        raise ModelError(f"its axis must hold the classes, not axis {axis} of data of shape {data.shape}")
    format_of(x.tensor)
    function = ("ArgMax", lambda y: y.argmax(axis=-1))
    return [Closed(data, (*closing, function), data.shape[:-1], is_label=True)]
