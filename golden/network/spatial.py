"""Nodes that move pixels: windows of a kernel, the largest of a window, repetition, and another view of an edge.

A convolution is two nodes: `Windows` lays the patch of every output pixel out as the channels of one pixel, and a
`Dense` works on that. So is an average, whose weights are ones, and a pool, `Windows` and `Largest`.
"""

import math
from dataclasses import dataclass

import numpy as np

from fewbit.golden.numbers.formats import Format

from .graph import Edge, Node
from .registry import execution_of
from .window import Window

__all__ = ["Largest", "Repeat", "Upsample", "View", "Windows"]


@dataclass(frozen=True, eq=False)
class Windows(Node):
    """The patch of every output pixel becomes one pixel: an image ``(pixels, C)`` becomes ``(out pixels, taps*C)``.

    The channels of x are ``groups`` slices. A pixel of y holds them one after the other, and of each slice tap by tap
    its channels: ``y[g, ky, kx, c]``. What lies outside the image counts as ``pad``. Where the format of x has no such
    value, that of y does: bipolar codes become ternary, a table of levels gets one more (`Format.widened`).
    """

    window: Window
    pad: float = 0
    groups: int = 1

    def format_of(self, x: Format) -> Format:
        """Return the format of y for the format of x.

        Raises
        ------
        ValueError
            If no format holds ``pad`` beside the values of x.
        """
        found = x.widened(self.pad) if any(self.window.pads) else x
        if found is None:
            raise ValueError(f"{self.name}: padding of {self.pad} is not a value of {x}")
        return found

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Return one number a channel of x as one a channel of y."""
        return np.tile(np.reshape(values, (self.groups, 1, -1)), (1, self.window.taps_count, 1)).reshape(-1)

    def out(self, x: Edge) -> Edge:
        if x.size != self.window.size:
            raise ValueError(f"{self.name}: its input is an image of {self.window.size}, not {x.size}")
        padded = np.repeat(self.window.padded_taps, x.channels // self.groups)
        padded = np.tile(padded, self.groups)
        lo, hi = self.spread(x.lo), self.spread(x.hi)
        lo, hi = np.where(padded, np.minimum(lo, self.pad), lo), np.where(padded, np.maximum(hi, self.pad), hi)
        return Edge(self.format_of(x.format), lo, hi, self.window.out_size)


@execution_of(Windows)
def _(node: Windows, x: np.ndarray) -> np.ndarray:
    patches = node.window.gather(x, node.pad)  # (B, out pixels, taps, C)
    patches = patches.reshape(*patches.shape[:3], node.groups, patches.shape[3] // node.groups)
    count, pixels, taps, groups, channels = patches.shape
    return patches.swapaxes(2, 3).reshape(count, pixels, groups * taps * channels)


@dataclass(frozen=True, eq=False)
class Largest(Node):
    """``y[c] = max_k x[c, k]`` of every pixel, over slices of ``taps`` channels.

    It stands behind `Windows` that have a group for every channel.
    """

    taps: int

    def out(self, x: Edge) -> Edge:
        lo, hi = (end.reshape(-1, self.taps).max(axis=1) for end in (x.lo, x.hi))
        return Edge(x.format, lo, hi, x.size)


@execution_of(Largest)
def _(node: Largest, x: np.ndarray) -> np.ndarray:
    return x.reshape(*x.shape[:-1], x.shape[-1] // node.taps, node.taps).max(axis=-1)


@dataclass(frozen=True, eq=False)
class Upsample(Node):
    """Every pixel stands ``factors[0]`` times below itself and ``factors[1]`` times beside itself (nearest neighbour).

    ``size`` is the height and width of x.
    """

    size: tuple[int, ...]
    factors: tuple[int, ...]

    def out(self, x: Edge) -> Edge:
        if x.size != self.size:
            raise ValueError(f"{self.name}: its input is an image of {self.size}, not {x.size}")
        return Edge(x.format, x.lo, x.hi, tuple(n * f for n, f in zip(x.size, self.factors, strict=True)))


@execution_of(Upsample)
def _(node: Upsample, x: np.ndarray) -> np.ndarray:
    image = x.reshape(len(x), *node.size, x.shape[2])
    image = image.repeat(node.factors[0], axis=1).repeat(node.factors[1], axis=2)
    return image.reshape(len(x), image.shape[1] * image.shape[2], x.shape[2])


@dataclass(frozen=True, eq=False)
class Repeat(Node):
    """Every channel stands ``count`` times beside itself: ``y[c*count + k] = x[c]`` of every pixel."""

    count: int

    def out(self, x: Edge) -> Edge:
        return Edge(x.format, x.lo.repeat(self.count), x.hi.repeat(self.count), x.size)


@execution_of(Repeat)
def _(node: Repeat, x: np.ndarray) -> np.ndarray:
    return x.repeat(node.count, axis=2)


@dataclass(frozen=True, eq=False)
class View(Node):
    """The same values in the same order, seen as an image of ``size``, or as one vector. It costs no hardware."""

    size: tuple[int, ...] = ()

    def out(self, x: Edge) -> Edge:
        pixels = math.prod(self.size)
        if x.length % pixels:
            raise ValueError(f"{self.name}: {x.length} values are no image of {self.size}")
        lo, hi = (np.tile(end, x.pixels).reshape(pixels, -1) for end in (x.lo, x.hi))
        return Edge(x.format, lo.min(axis=0), hi.max(axis=0), self.size)


@execution_of(View)
def _(node: View, x: np.ndarray) -> np.ndarray:
    pixels = math.prod(node.size)
    return x.reshape(len(x), pixels, x.shape[1] * x.shape[2] // pixels)
