"""Import of convolutions: windows, and a product for every output pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fewbit.golden.importing.float_layers import float_convolution
from fewbit.golden.importing.functions import integers
from fewbit.golden.importing.growing import GrowingNetwork
from fewbit.golden.importing.layout import by_channel, image
from fewbit.golden.importing.operands import constant, data_of
from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.pointwise import Rescale
from fewbit.golden.network.spatial import Windows
from fewbit.golden.network.window import Window
from fewbit.golden.numbers import elementwise as ew
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import format_for

from .matrix_products import coding_of, integer_weights, weighted

__all__ = ["add_windows", "spread_out", "window_of", "with_zero", "with_zero_pad"]

_MOST_FACTOR = 256  # by which codes may be spread so that zero becomes one of them
_FINE_FACTOR = 1 << 20  # where zero is at no simple fraction: the new codes are off by less than float32's rounding
_MOST_RECODED = 1 << 30  # between the values of a code that is made anew so that zero is one of them


@handles("Conv", role=Role.PRODUCT)
def conv(importer, node, inputs, attributes):
    """Import ONNX ``Conv`` of one or two dimensions."""
    data = data_of(inputs[0])
    if not isinstance(inputs[1], Constant):
        raise ModelError("weights must be a constant")
    constant(inputs[1], "weights")
    shape = inputs[1].array.shape
    if len(shape) != len(data.shape):
        raise ModelError(f"data of shape {data.shape} and weights of shape {shape} do not fit")
    if len(shape) not in (3, 4):
        raise ModelError(
            f"only convolutions of one or two dimensions are supported, not weights of shape {shape}; let channels "
            "hold the third, or use 2-D convolutions of each part"
        )
    groups = attributes.get("group", 1)
    if groups < 1 or data.shape[1] != shape[1] * groups or shape[0] % groups:
        raise ModelError(f"{groups} groups, data of shape {data.shape} and weights of shape {shape} do not fit")
    signal = len(shape) == 3
    data = image(importer, data)
    weights = inputs[1].reshaped(lambda w: _rows(w[:, :, None, :] if signal else w))
    window = window_of(data, (1, *shape[2:]) if signal else shape[2:], attributes, signal)
    edge, chain = convolution(importer, data, weights, window, groups)
    y = Data(edge, spread_out(window, shape[0], signal), chain)
    if len(inputs) > 2 and inputs[2] is not None:
        bias = constant(inputs[2], "bias").astype(np.float32)
        if bias.shape != shape[:1]:
            raise ModelError(f"a bias of shape {bias.shape} does not fit {shape[0]} channels")
        y, bias = by_channel(importer, y, bias.reshape(1, -1, *[1] * (len(shape) - 2)))
        y = y.then(ew.WithConstant("add", bias))
    return [y]


def _rows(weights: np.ndarray) -> np.ndarray:
    """Return weights (N, C, kh, kw) as (N, kh*kw*C), in the order of a window."""
    return weights.transpose(0, 2, 3, 1).reshape(len(weights), -1)


def spread_out(window: Window, channels: int, signal: bool) -> np.ndarray:
    """Return the index of the tensor whose pixels a window makes: (1, C, H, W), or (1, C, L) of a signal."""
    height, width = window.out_size
    index = np.arange(height * width * channels).reshape(height, width, channels).transpose(2, 0, 1)[None]
    return index[:, :, 0] if signal else index


def window_of(
    data: Data, kernel: Sequence[int], attributes: dict[str, Any], signal: bool, ceil: bool = False
) -> Window:
    """Return the `Window` of a node's attributes on an image.

    Parameters
    ----------
    data : Data
        The image, of shape (1, C, H, W).
    kernel : (int, int)
        Height and width of the kernel.
    attributes : dict
        The node's attributes as Python values.
    signal : bool
        Whether attributes are those of one dimension, the width.
    ceil : bool
        Whether the output size is rounded up.

    Raises
    ------
    ModelError
        If attributes contradict the kernel, or are none that a window can have.
    """

    def pair(name: str, default: int) -> tuple[int, ...]:
        """Return an attribute of one number for height and one for width."""
        values = tuple(attributes.get(name) or (default,) * (1 if signal else 2))
        return (default, *values) if signal else values

    size, stride, dilation = data.shape[2:], pair("strides", 1), pair("dilations", 1)
    named = attributes.get("kernel_shape")
    if named is not None and tuple(kernel) != ((1, *named) if signal else tuple(named)):
        raise ModelError(f"its kernel_shape {tuple(named)} is not that of its weights, {tuple(kernel)}")
    pads = tuple(attributes.get("pads") or (0,) * (2 if signal else 4))
    pads = (0, pads[0], 0, pads[1]) if signal else pads
    auto = attributes.get("auto_pad", "NOTSET")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        total = [max(0, (-(-n // s) - 1) * s + k - n) for n, s, k in zip(size, stride, spans, strict=True)]
        small, large = [t // 2 for t in total], [-(-t // 2) for t in total]
        pads = (*small, *large) if auto == "SAME_UPPER" else (*large, *small)
    elif auto == "VALID":
        pads = (0, 0, 0, 0)
    try:
        window = Window(size=size, kernel=tuple(kernel), stride=stride, dilation=dilation, pads=pads)
        return _rounded_up(window) if ceil else window
    except ValueError as error:
        raise ModelError(error) from None


def _rounded_up(window: Window) -> Window:
    """Return the window whose output size is rounded up; a patch that would begin behind the image is left out."""
    extra = []
    for axis in (0, 1):
        size, before = window.size[axis], window.pads[axis]
        stride, padded, span = window.stride[axis], window.padded_size[axis], window.span[axis]
        count = -(-(padded - span) // stride) + 1
        if (count - 1) * stride >= size + before:
            count -= 1
        extra.append(max(0, (count - 1) * stride + span - padded))
    top, left, bottom, right = window.pads
    return Window(
        size=window.size, kernel=window.kernel, stride=window.stride, dilation=window.dilation,
        pads=(top, left, bottom + extra[0], right + extra[1]),
    )  # fmt: skip


def add_windows(importer: GrowingNetwork, edge: str, window: Window, *, pad: float = 0, groups: int = 1) -> str:
    """Append `Windows`, unless they would lay out every pixel as itself; return the edge."""
    plain = window.kernel == (1, 1) and window.stride == (1, 1) and not any(window.pads)
    if plain:
        return edge
    name = importer.new("windows")
    return importer.add(Windows(name, edge, name, window, pad, groups))


def convolution(importer: GrowingNetwork, data: Data, b: Constant, window: Window, groups: int) -> tuple[str, Chain]:
    """Append a convolution of weights (N, K), of floats in a float model, and return its edge and chain."""
    if importer.is_float:
        return float_convolution(importer, data, b, window, groups)
    weights, scale = integer_weights(b)
    edge, x_scale, x_zero, pad = with_zero_pad(importer, data, window)
    edge = add_windows(importer, edge, window, pad=pad, groups=groups)
    coding = coding_of(b, transposed=False)
    taps = window.taps_count

    def per_tap(values: np.ndarray) -> np.ndarray:
        """Return one number a channel as one for each channel of a window, group by group."""
        return np.tile(np.reshape(values, (groups, 1, -1)), (1, taps, 1)).reshape(-1)

    return weighted(importer, edge, weights, scale, per_tap(x_scale), per_tap(x_zero), groups=groups,
                    coding=coding)  # fmt: skip


def with_zero_pad(importer: GrowingNetwork, data: Data, window: Window) -> tuple[str, np.ndarray, np.ndarray, int]:
    """Return data as `integers` does, and the pad: where the window pads, as `with_zero` does, else 0."""
    return with_zero(importer, data) if any(window.pads) else (*integers(importer, data), 0)


def with_zero(importer: GrowingNetwork, data: Data) -> tuple[str, np.ndarray, np.ndarray, int]:
    """Return data as `integers` does, on an edge in which the float zero is a value, and that value.

    Where the zero point is between two values (a raw pixel behind ``2x - 1``), or not the same in all channels, or not
    a value of the format, the codes are made anew.

    Raises
    ------
    ModelError
        If the data is not quantized, or no such codes can be made.
    """
    edge, scale, zero = integers(importer, data)
    x = importer.edge(edge)
    if (zero == zero[0]).all() and zero[0] == np.rint(zero[0]):
        pad = int(zero[0])
        if x.format.widened(pad) is not None:  # as `Windows` does
            return edge, scale, zero, pad
    factor = next((f for f in range(1, _MOST_FACTOR + 1) if (f * zero == np.rint(f * zero)).all()), _FINE_FACTOR)
    offset = np.rint(factor * zero).astype(np.int64)
    lo, hi = min(0, int((factor * x.lo - offset).min())), max(0, int((factor * x.hi - offset).max()))
    if hi - lo > _MOST_RECODED:
        raise ModelError("it pads with zeros, but its input has too many levels for codes that hold zero")
    name = importer.new("rescale")
    multiplier = np.full(x.channels, factor, dtype=np.int64)
    importer.add(Rescale(name, edge, name, multiplier, -offset, 0, format_for([lo, 0, hi])))
    return name, scale / factor, np.zeros_like(zero), 0
