"""The first quantizer of an undeclared input, which runs on the host: the hardware takes its codes."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fewbit.golden.numbers.elementwise import apply
from fewbit.golden.numbers.formats import Format

from .import_state import ImportState
from .tensors import ON_HOST, Closed, Data

__all__ = ["quantized_on_host"]


def quantized_on_host(
    importer: ImportState, data: Data, function: Callable[[np.ndarray], np.ndarray], fmt: Format
) -> str:
    """Let the host compute the chain of data of an input, and the codes of what it gives: they are the input now.

    Parameters
    ----------
    importer : ImportState
    data : Data
        Data of an input that is not declared.
    function : callable
        Maps float32 values ``(n, C)`` behind the data's chain to int64 codes.
    fmt : Format
        The format of the codes.

    Returns
    -------
    str
        The input's edge.
    """
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
        codes[:, order] = function(y).reshape(len(x), len(order))
        return codes.reshape(x.shape)

    importer.set_input(given, format=fmt, encode=encode)
    # The floats in front of it exist on the host only: whoever else reads them gets an error, not the codes.
    for name, tensor in importer.tensors.items():
        if isinstance(tensor, Data) and tensor.edge == given.edge:
            importer.tensors[name] = replace(tensor, edge=ON_HOST + given.edge)
        elif isinstance(tensor, Closed) and tensor.data.edge == given.edge:
            importer.tensors[name] = replace(tensor, data=replace(tensor.data, edge=ON_HOST + given.edge))
    return given.edge
