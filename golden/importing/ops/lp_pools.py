"""Import of pools of a norm: ``LpPool`` and ``GlobalLpPool``, the root of a sum of powers."""

import numpy as np

from fewbit.golden.importing.layout import image
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.windows import whole, window_of
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers import elementwise as ew

_POWERS = (1, 2)


@handles("LpPool", "GlobalLpPool", role=Role.AVERAGE)
def lp_pool(importer, node, inputs, attributes):
    """Import ONNX ``LpPool`` and ``GlobalLpPool`` of p 1 and 2: integers to the power p, their sum, and its root."""
    p = attributes.get("p", 2)
    if p not in _POWERS:
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
    y = importer.builder.averaged(importer.builder.powers(data, p), window, np.ones(1), signal=signal)
    root = np.float32(1 / p)
    return [y if p == 1 else y.then(ew.Call("Root", lambda x: np.power(x, root)))]
