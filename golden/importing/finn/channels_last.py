"""Import of the operators of qonnx whose data has its channels last."""

import numpy as np

from fewbit.golden.importing.ops.convolutions import conv
from fewbit.golden.importing.ops.elementwise import batch_normalization
from fewbit.golden.importing.ops.pools import max_pool
from fewbit.golden.importing.registry import Handler, Role, handles

_DOMAIN = ("qonnx.custom_op.channels_last",)


def _channels_last(handler: Handler, turned: int) -> Handler:
    """Return the handler of an operator whose output and whose first ``turned`` inputs have their channels last.

    ``handler`` takes, and gives, channels as the second axis.
    """

    def wrapped(importer, node, inputs, attributes):
        first = [tensor.reshaped(_second) for tensor in inputs[:turned]]
        return [y.reshaped(_last) for y in handler(importer, node, [*first, *inputs[turned:]], attributes)]

    return wrapped


def _second(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 1)


def _last(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, 1, -1)


handles("Conv", domains=_DOMAIN, role=Role.PRODUCT)(_channels_last(conv, 2))
handles("MaxPool", domains=_DOMAIN, role=Role.MOVE)(_channels_last(max_pool, 1))
handles("BatchNormalization", domains=_DOMAIN, role=Role.AFFINE)(_channels_last(batch_normalization, 1))
