"""Import of onnxruntime's pool of integers whose channels are behind: ``NhwcMaxPool``."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.ops.pools import max_pool
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32
from fewbit.golden.model_file.domains import MICROSOFT

from .operands import integer_data


@handles("NhwcMaxPool", domains=(MICROSOFT,), role=Role.MOVE, takes_integers=True, is_quantized=True)
def nhwc_max_pool(importer, node, inputs, attributes):
    """Import onnxruntime's ``NhwcMaxPool``, the ``MaxPool`` of integers in images whose channels are the last axis."""
    data = integer_data(inputs[0])
    first = replace(data.reshaped(lambda i: np.moveaxis(i, -1, 1)), dtype=FLOAT32)
    (y,) = max_pool(importer, node, [first], attributes)
    return [replace(y.reshaped(lambda i: np.moveaxis(i, 1, -1)), dtype=data.dtype)]
