"""What a quantizer of any dialect makes of a constant, and of data.

The first quantizer of an undeclared input runs on the host; all others become thresholds.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from fewbit.golden.numbers.elementwise import Dequantize, apply
from fewbit.golden.numbers.formats import Format

from .fixed_point import add_line, is_fine
from .functions import add_function
from .growing import GrowingNetwork
from .layout import by_channels
from .operands import constant, data_of
from .tensors import ON_HOST, Closed, Constant, Data, Integers, Tensor

__all__ = ["CodeQuantizer", "quantized", "quantized_constant", "quantized_data"]


class CodeQuantizer(Protocol):
    """A function from floats to integers, ``scale * (integer - zero)`` being the floats that a model goes on with.

    Attributes
    ----------
    scale, zero : float arrays that broadcast against the tensor
    format : Format
        The format of the integers.
    """

    @property
    def scale(self) -> np.ndarray: ...

    @property
    def zero(self) -> np.ndarray: ...

    @property
    def format(self) -> Format: ...

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the integers (int64) of float32 ``x``.

        ``scale`` and ``zero`` replace the quantizer's own where ``x`` has been laid out anew.
        """


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


def quantized_data(
    importer: GrowingNetwork, data: Data, quantizer: CodeQuantizer, *, parameters: Sequence[np.ndarray] = ()
) -> Data:
    """Return the data behind a `CodeQuantizer`: a new edge of codes.

    ``parameters`` are further arrays that the quantizer holds by channel of the data's edge.

    Raises
    ------
    ModelError
        If the data cannot be quantized there.
    """
    parameters = (np.asarray(p, dtype=np.float32) for p in (quantizer.scale, quantizer.zero))
    data, (scale, zero) = by_channels(importer, data, *parameters)
    ends = Dequantize(scale.astype(np.float64), zero.astype(np.float64))
    if not importer.declared(data):
        return _on_the_host(importer, data, quantizer, scale, zero, ends)
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


def _on_the_host(
    importer: GrowingNetwork,
    data: Data,
    quantizer: CodeQuantizer,
    scale: np.ndarray,
    zero: np.ndarray,
    ends: Dequantize,
) -> Data:
    """Let the first quantizer of an undeclared input run on the host; the hardware takes its codes."""
    given, chain = importer.input_on(data.edge), data.chain
    assert given is not None  # only an input can be unknown
    order = np.arange(given.length) if given.order is None else given.order
    channels = importer.channels(data)

    def encode(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, dtype=np.float32)
        y = apply(chain, x.reshape(len(x), len(order))[:, order].reshape(-1, channels))
        if not np.isfinite(y).all():
            raise ValueError("Input must not hold NaN or infinite values")
        codes = np.empty((len(x), len(order)), dtype=np.int64)
        codes[:, order] = quantizer.codes(y, scale, zero).reshape(len(x), len(order))
        return codes.reshape(x.shape)

    importer.set_input(given, format=quantizer.format, encode=encode)
    # The floats in front of it exist on the host only: whoever else reads them gets an error, not the codes.
    for name, tensor in importer.tensors.items():
        if isinstance(tensor, Data) and tensor.edge == given.edge:
            importer.tensors[name] = replace(tensor, edge=ON_HOST + given.edge)
        elif isinstance(tensor, Closed) and tensor.data.edge == given.edge:
            importer.tensors[name] = replace(tensor, data=replace(tensor.data, edge=ON_HOST + given.edge))
    return Data(given.edge, data.index, (ends,))
