"""Import of what stands at the end of a model: ``SOFTMAX`` and ``ARG_MAX``, which the host computes."""

import numpy as np

from fewbit.golden.importing.tensors import Closed
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.closings import AlongAxis

from .kernels import softmax
from .operands import format_of, kernel
from .sixteen_bits import softmax16

_SOFTMAX = {  # by the type of codes: the function, and scale and zero point of its result
    "INT8": (softmax, (np.float32(1 / 256), -128)),
    "INT16": (softmax16, (np.float32(1 / 32768), 0)),
}


@kernel("SOFTMAX")
def soft_max(importer, node, operands, outputs):
    """Import ``SOFTMAX`` of int8 and int16 codes."""
    x, out = operands[0], outputs[0]
    if x.tensor.type not in _SOFTMAX or out.type != x.tensor.type:
        raise ModelError(f"SOFTMAX is supported for codes of int8 and int16, not from {x.tensor.type} to {out.type}")
    function, quantization = _SOFTMAX[x.tensor.type]
    if out.quantization != quantization:
        raise ModelError(
            f"SOFTMAX of {out.type} must have the scale {quantization[0]} and zero point {quantization[1]}"
        )
    beta, scale = node.option("Beta", 1.0), x.tensor.quantization[0]
    return [Closed(x.data, (("Softmax", lambda codes: function(codes, beta, scale)),), x.data.shape)]


@kernel("ARG_MAX", "ARG_MIN")
def arg_max(importer, node, operands, outputs):
    """Import ``ARG_MAX`` and ``ARG_MIN`` over any axis but the batch, as of every pixel of an image."""
    x = operands[0]
    data, closing = (x.value.data, x.value.closing) if isinstance(x.value, Closed) else (x.data, ())
    rank, given = data.index.ndim, int(operands[1].constant.reshape(()))
    axis = given + rank if given < 0 else given
    if not 1 <= axis < rank:
        raise ModelError(f"its axis must hold the classes, not axis {given} of data of shape {data.shape}")
    format_of(x.tensor)
    largest = node.name == "ARG_MAX"
    found = AlongAxis(lambda y, axis: (y.argmax if largest else y.argmin)(axis=axis), axis)
    function = ("ArgMax" if largest else "ArgMin", found)
    shape = data.shape[:axis] + data.shape[axis + 1 :]
    return [Closed(data, (*closing, function), shape, is_label=True)]
