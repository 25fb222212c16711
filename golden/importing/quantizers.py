"""What a quantizer of any dialect makes of a constant, and of data.

The first quantizer of an undeclared input runs on the host; all others become thresholds.
"""

from dataclasses import replace

import numpy as np

from fewbit.golden.numbers.elementwise import Dequantize, apply

from .code_quantizer import CodeQuantizer
from .fixed_point import add_line, is_fine
from .functions import add_function
from .growing import GrowingNetwork
from .layout import by_channel
from .operands import constant, data_of
from .tensors import Closed, Constant, Data, Integers, Tensor

__all__ = ["CodeQuantizer", "quantized", "quantized_constant", "quantized_data"]


def quantized(importer: GrowingNetwork, tensor: Tensor, quantizer: CodeQuantizer) -> Constant | Data:
    """Return the tensor behind a `CodeQuantizer`: a constant whose integers are known, or data on an edge of codes.

    Raises
    ------
    ModelError
        If the constant does not hold numbers, or the data cannot be quantized there.
    """
    if isinstance(tensor, Constant):
        return quantized_constant(constant(tensor, "the tensor that it quantizes"), quantizer)
    return quantized_data(importer, data_of(tensor), quantizer)


def quantized_constant(array: np.ndarray, quantizer: CodeQuantizer) -> Constant:
    """Return what a `CodeQuantizer` makes of a constant array: a `Constant` of the same shape, with its integers."""
    array = np.asarray(array, dtype=np.float32)
    scale = np.broadcast_to(quantizer.scale, array.shape).astype(np.float64)
    zero = np.broadcast_to(quantizer.zero, array.shape).astype(np.float64)
    codes = quantizer.codes(array)
    return Constant((scale * (codes - zero)).astype(np.float32), Integers(codes, scale, zero))


def quantized_data(importer: GrowingNetwork, data: Data, quantizer: CodeQuantizer) -> Data:
    """Return the data behind a `CodeQuantizer`: a new edge of codes.

    Raises
    ------
    ModelError
        If the data cannot be quantized there.
    """
    data, scale = by_channel(importer, data, quantizer.scale)
    data, zero = by_channel(importer, data, quantizer.zero)
    if zero.size == importer.channels(data) != scale.size > 1:  # the second of them made it flat
        data, scale = by_channel(importer, data, quantizer.scale)
    ends = Dequantize(scale.astype(np.float64), zero.astype(np.float64))
    if not importer.has_input:
        return _on_the_host(importer, data, quantizer, scale, zero, ends)
    importer.known(data)
    if is_fine(quantizer, importer.edge(data.edge)):
        edge = add_line(importer, data, quantizer, scale, zero)
    else:
        edge = add_function(
            importer, data, lambda y: quantizer.codes(y, scale, zero), quantizer.format, parameters=(scale, zero)
        )
    return Data(edge, data.index, (ends,))


def _on_the_host(
    importer: GrowingNetwork,
    data: Data,
    quantizer: CodeQuantizer,
    scale: np.ndarray,
    zero: np.ndarray,
    ends: Dequantize,
) -> Data:
    """Let the first quantizer of an undeclared input run on the host; the hardware takes its codes."""
    result, chain = importer.result, data.chain
    result.input_format = quantizer.format
    order = np.arange(importer.length(data)) if result.input_order is None else result.input_order
    channels = importer.channels(data)

    def encode(x: np.ndarray) -> np.ndarray:
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
