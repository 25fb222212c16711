"""Import of pools of a norm: ``LpPool`` and ``GlobalLpPool``, the root of a sum of powers."""

import numpy as np

from fewbit.golden.importing.functions import add_function
from fewbit.golden.importing.layout import image
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.formats import format_for

from .convolutions import window_of, with_zero
from .pools import averaged, whole

_POWERS = (1, 2)
_MOST_LEVELS = 1 << 10  # of the integers whose powers are summed


@handles("LpPool", "GlobalLpPool", role=Role.AVERAGE)
def lp_pool(importer, node, inputs, attributes):
    """Import ONNX ``LpPool`` and ``GlobalLpPool`` of p 1 and 2: integers to the power p, their sum, and its root."""
    p = attributes.get("p", 2)
    if p not in _POWERS or importer.is_float:
        raise ModelError(f"only p 1 and 2 of quantized data are supported, not p {p}; use AveragePool or MaxPool")
    data = data_of(inputs[0])
    signal = len(data.shape) == 3
    data = image(importer, data)
    if node.op_type == "GlobalLpPool":
        window = whole(data)
    else:
        kernel = attributes["kernel_shape"]
        kernel = (1, *kernel) if signal else tuple(kernel)
        window = window_of(data, kernel, attributes, signal, ceil=bool(attributes.get("ceil_mode", 0)))
    y = averaged(importer, _powers(importer, data, p), window, np.ones(1), signal)
    root = np.float32(1 / p)
    return [y if p == 1 else y.then(ew.Call("Root", lambda x: np.power(x, root)))]


def _powers(importer, data: Data, p: int) -> Data:
    """Return the magnitudes of data to the power p, whose integers are those of the data's to the power p."""
    edge, scale, zero, _ = with_zero(importer, data)
    x = importer.edge(edge)
    if x.format.levels > _MOST_LEVELS:
        raise ModelError(f"its input has {x.format.levels} levels, and powers of up to {_MOST_LEVELS} are summed")
    far = int(max(np.abs(x.lo - zero).max(), np.abs(x.hi - zero).max()))
    powers = (ew.Dequantize(np.ones(1), zero), ew.Call("Power", lambda v: np.abs(v) ** p, monotone=False))
    name = add_function(importer, Data(edge, data.index, powers), lambda v: v.astype(np.int64), format_for([0, far**p]))
    return Data(name, data.index, (ew.Dequantize(scale**p, np.zeros(1)),))
