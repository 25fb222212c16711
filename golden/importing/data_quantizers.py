"""Quantizers of data: the first one of an undeclared input runs on the host, all others become thresholds."""

from dataclasses import replace

import numpy as np

from fewbit.golden.numbers.elementwise import Dequantize, apply

from .functions import add_function
from .layout import by_channel
from .tensors import Closed, Data

__all__ = ["quantized"]


def quantized(importer, data, quantizer):
    """The data behind ``quantizer``: a new edge of codes."""
    data, scale = by_channel(importer, data, quantizer.scale)
    data, zero = by_channel(importer, data, quantizer.zero)
    if zero.size == importer.channels(data) != scale.size > 1:  # the second of them made it flat
        data, scale = by_channel(importer, data, quantizer.scale)
    ends = Dequantize(scale.astype(np.float64), zero.astype(np.float64))
    if importer.result.input_format is None:
        return _on_the_host(importer, data, quantizer, scale, zero, ends)
    importer.known(data)
    edge = add_function(
        importer, data, lambda y: quantizer.codes(y, scale, zero), quantizer.format, parameters=(scale, zero)
    )
    return Data(edge, data.index, (ends,))


def _on_the_host(importer, data, quantizer, scale, zero, ends):
    """The first quantizer of an undeclared input runs on the host; the hardware takes its codes."""
    result, chain = importer.result, data.chain
    result.input_format = quantizer.format
    order = np.arange(importer.length(data)) if result.input_order is None else result.input_order
    channels = importer.channels(data)

    def encode(x):
        x = np.asarray(x, dtype=np.float32)
        y = apply(chain, x.reshape(len(x), len(order))[:, order].reshape(-1, channels))
        if not np.isfinite(y).all():
            raise ValueError("Input must not hold NaN or infinite values")
        codes = np.empty((len(x), len(order)), dtype=np.int64)
        codes[:, order] = quantizer.codes(y, scale, zero).reshape(len(x), len(order))
        return codes.reshape(x.shape)

    result.encode = encode
    # The floats in front of it exist on the host only: whoever else reads them gets an error, not the codes.
    for name, tensor in importer.tensors.items():
        if isinstance(tensor, Data) and tensor.edge == "input":
            importer.tensors[name] = replace(tensor, edge="")
        elif isinstance(tensor, Closed) and tensor.data.edge == "input":
            importer.tensors[name] = replace(tensor, data=replace(tensor.data, edge=""))
    return Data("input", data.index, (ends,))
