"""Windows over images: what the attributes of a node say of them, and where what they make stands."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.spatial import Windows
from fewbit.golden.network.window import Window

from .import_state import ImportState
from .tensors import Data

__all__ = ["add_windows", "spread_out", "whole", "window_of"]


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


def whole(data: Data) -> Window:
    """Return the window that is the whole image, data of shape (1, C, H, W)."""
    return Window(size=data.shape[2:], kernel=data.shape[2:])


def add_windows(importer: ImportState, edge: str, window: Window, *, pad: float = 0, groups: int = 1) -> str:
    """Append `Windows`, unless they would lay out every pixel as itself; return the edge."""
    plain = window.kernel == (1, 1) and window.stride == (1, 1) and not any(window.pads)
    if plain:
        return edge
    name = importer.new("windows")
    return importer.add(Windows(name, edge, name, window, pad, groups))
