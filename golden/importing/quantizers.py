"""What a quantizer of any dialect makes of a constant, and of data.

The first quantizer of an undeclared input runs on the host; all others become thresholds.
"""

from collections.abc import Sequence

import numpy as np

from fewbit.golden.numbers.elementwise import Dequantize

from .code_quantizer import CodeQuantizer, HostQuantizer
from .fixed_point import add_line, is_fine
from .functions import add_function
from .host_input import quantized_on_host
from .layout import by_channels
from .onnx_import_state import OnnxImportState
from .operands import constant, data_of
from .tensors import ON_HOST, Constant, Data, Integers, Tensor

__all__ = ["quantized", "quantized_constant", "quantized_data"]


def quantized(importer: OnnxImportState, tensor: Tensor, quantizer: CodeQuantizer) -> Constant | Data:
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
    numbers = (np.asarray(number, dtype=np.float64) for number in (quantizer.scale, quantizer.zero))
    scale, zero = (np.broadcast_to(number, array.shape) for number in numbers)
    codes = quantizer.codes(array)
    return Constant((scale * (codes - zero)).astype(np.float32), Integers(codes, scale, zero))


def quantized_data(
    importer: OnnxImportState, data: Data, quantizer: CodeQuantizer, *, parameters: Sequence[np.ndarray] = ()
) -> Data:
    """Return the data behind a `CodeQuantizer`: a new edge of codes.

    ``parameters`` are further arrays that the quantizer holds by channel of the data's edge.

    Raises
    ------
    ModelError
        If the data cannot be quantized there.
    """
    singles = (np.asarray(p, dtype=np.float32) for p in (quantizer.scale, quantizer.zero))
    data, (scale, zero) = by_channels(importer, data, *singles)
    ends = Dequantize(scale.astype(np.float64), zero.astype(np.float64))
    asked = HostQuantizer(data.chain, quantizer, (scale, zero, *parameters))
    if not importer.declared(data):
        on_host = quantized_on_host(importer, data, lambda y: quantizer.codes(y, scale, zero), quantizer.format)
        importer.host_quantizers[on_host] = asked
        return Data(on_host, data.index, (ends,))
    given = data.edge.removeprefix(ON_HOST)
    if given != data.edge and given in importer.host_quantizers and importer.host_quantizers[given].is_same(asked):
        return Data(given, data.index, (ends,))
    importer.known(data)
    if not parameters and is_fine(quantizer, importer.edge(data.edge)):
        edge = add_line(importer, data, quantizer, scale, zero)
    else:
        edge = add_function(
            importer,
            data,
            lambda y: quantizer.codes(y, scale, zero),
            quantizer.format,
            parameters=(scale, zero, *parameters),
        )
    return Data(edge, data.index, (ends,))
