"""Import of ``Resize`` and ``Upsample``: pixels that are repeated or picked, and weighted sums of them."""

from dataclasses import replace

import numpy as np

from fewbit.golden.importing.functions import add_function
from fewbit.golden.importing.layout import image
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.qdq.operands import PLAIN, format_of_type
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import FLOAT32, Data
from fewbit.golden.importing.windows import spread_out
from fewbit.golden.model_file.file import ModelError, evaluate
from fewbit.golden.network.spatial import Upsample
from fewbit.golden.network.window import Window
from fewbit.golden.numbers.elementwise import Dequantize

from .interpolation import interpolated

_MOST_PLACES = 1 << 24  # which float32 can count


@handles("Upsample", "Resize", role=Role.MOVE, takes_integers=True)
def resize(importer, node, inputs, attributes):
    """Import ONNX ``Resize``, ``Upsample`` in old opsets, of the modes nearest and linear, also of integers."""
    given = inputs[0]
    mode = attributes.get("mode", "nearest")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    whole = isinstance(given, Data) and given.is_whole
    picked = isinstance(given, Data) and mode == "nearest"  # values of any type
    data = replace(given, dtype=FLOAT32) if whole or picked else data_of(given)
    operands = [None if t is None else constant(t, "scales and sizes", infinite=True) for t in inputs[1:]]
    if len(operands) == 3 and operands[2] is not None and len(operands[2]) and operands[2][0] == importer.file.batch:
        operands[2] = np.array([1, *operands[2][1:]])  # sizes of a model that was exported for a fixed batch
    operands += [None] * (len(node.input) - 1 - len(operands))

    def resized(x: np.ndarray) -> np.ndarray:
        return evaluate(importer.file, node, [x.astype(np.float32), *operands])[0]

    if mode == "linear":
        y = interpolated(importer, data, resized)
        return [_truncated(importer, y, given.dtype) if whole and y is not data else y]
    if mode != "nearest":
        raise ModelError(f"only the modes nearest and linear are supported, not {mode}")
    if data.index.size > _MOST_PLACES:
        raise ModelError(f"only up to {_MOST_PLACES} values can be resized, not {data.index.size}")
    ramp = np.arange(data.index.size).reshape(data.shape)
    places = resized(ramp).astype(np.int64)
    if places.shape[:1] != data.shape[:1]:
        raise ModelError(f"it must leave the batch axis of data of shape {data.shape} as it is")
    factors = _whole_factors(ramp, places)
    if factors is None:
        return [given.reshaped(lambda i: i.reshape(-1)[places])]
    return [given if max(factors) == 1 else replace(_repeated(importer, data, factors), dtype=given.dtype)]


def _truncated(importer: OnnxImportState, y: Data, dtype: str) -> Data:
    """Return interpolated integers of a type, from which onnxruntime cuts off the fraction: towards zero.

    Raises
    ------
    ModelError
        If the weights are no fractions that float32 has, so that its sum may lie on either side of an integer.
    """
    (mean,) = y.chain
    if not isinstance(mean, Dequantize) or (np.frexp(mean.scale)[0] != 0.5).any():
        raise ModelError(
            "integers that are interpolated lose their fraction, and with weights that are no binary fractions a float "
            "sum may lie on either side of an integer; put DequantizeLinear in front of it, and a quantizer behind it"
        )
    edge = add_function(importer, y, lambda v: np.trunc(v).astype(np.int64), format_of_type(dtype))
    return Data(edge, y.index, PLAIN, dtype)


def _whole_factors(ramp: np.ndarray, places: np.ndarray) -> tuple[int, ...] | None:
    """Return by which whole factors height and width grow; None if that is not all that happens."""
    factors = [b // a for a, b in zip(ramp.shape, places.shape, strict=True)]
    if ramp.ndim not in (3, 4) or factors[:2] != [1, 1] or min(factors) < 1:
        return None
    want = ramp
    for axis, factor in enumerate(factors):
        want = want.repeat(factor, axis=axis)
    return tuple(factors[2:]) if np.array_equal(want, places) else None


def _repeated(importer, data: Data, factors: tuple[int, ...]) -> Data:
    """Return an image whose pixels are repeated."""
    signal = len(data.shape) == 3
    data = image(importer, data)
    factors = (1, *factors) if signal else factors
    data = importer.builder.settled(data)
    name = importer.new("upsample")
    importer.add(Upsample(name, data.edge, name, data.shape[2:], factors))
    size = tuple(n * f for n, f in zip(data.shape[2:], factors, strict=True))
    return Data(name, spread_out(Window(size=size, kernel=(1, 1)), data.shape[1], signal), data.chain)
