"""Transposed convolutions as convolutions whose channels are the pixels of a block, ``stride`` times ``stride``.

Output pixel ``o`` of an axis takes input pixel ``i`` by tap ``k`` where ``o = i*stride + k*dilation - pad``. With
``o + pad = q*stride + r`` that is ``i = q - (k*dilation - r)/stride``, so pixels of one remainder ``r`` are those of an
ordinary convolution over ``q``, and no product with an inserted zero is computed. What stands where is the index's
affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import gcd

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.window import Window

__all__ = ["TransposedAxis", "TransposedWindow"]


@dataclass(frozen=True, kw_only=True)
class TransposedAxis:
    """One axis of a transposed convolution: sizes in and out, taps, stride, dilation, and what is cut off in front."""

    size: int
    out: int
    taps: int
    stride: int
    dilation: int
    pad: int

    @cached_property
    def offsets(self) -> list[tuple[int, int, int]]:
        """``(r, k, e)``: output pixels of the remainder r read input pixel ``q - e`` by tap k."""
        found = []
        for k in range(self.taps):
            place = k * self.dilation
            found.append((place % self.stride, k, place // self.stride))
        return found

    @property
    def most(self) -> int:
        """The largest offset, which the first tap of a window reads."""
        return max(e for _, _, e in self.offsets)

    @property
    def step(self) -> int:
        """What all offsets are a multiple of: the dilation of the windows."""
        return gcd(*(e for _, _, e in self.offsets)) or 1

    @property
    def kernel(self) -> int:
        """Taps of a window, the last of which reads the offset 0."""
        return self.most // self.step + 1

    @property
    def first(self) -> int:
        """The ``q`` of the first window: that of the first output pixel, or an earlier one without padding."""
        return min(self.pad // self.stride, self.most)

    @property
    def pads(self) -> tuple[int, int]:
        """Pixels in front of and behind the image."""
        last = (self.out - 1 + self.pad) // self.stride
        return self.most - self.first, max(0, last - (self.size - 1))

    def tap(self, r: int, t: int) -> int:
        """Return the model's tap that tap ``t`` of a window is for the remainder ``r``; -1 if it is none."""
        offset = self.most - t * self.step
        return next((k for rest, k, e in self.offsets if (rest, e) == (r, offset)), -1)

    def place(self, o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the window, and the remainder, of output pixels."""
        q, r = np.divmod(o + self.pad, self.stride)
        return q - self.first, r


@dataclass(frozen=True, eq=False)
class TransposedWindow:
    """What a transposed convolution of an image is as a convolution.

    Attributes
    ----------
    axes : (TransposedAxis, TransposedAxis)
        Height and width.
    groups : int
    """

    axes: Sequence[TransposedAxis]
    groups: int = 1

    @cached_property
    def window(self) -> Window:
        """The convolution's window over the input.

        Raises
        ------
        ModelError
            If the image with its padding is smaller than the window.
        """
        try:
            return Window(
                size=tuple(a.size for a in self.axes),
                kernel=tuple(a.kernel for a in self.axes),
                dilation=tuple(a.step for a in self.axes),
                pads=tuple(a.pads[end] for end in (0, 1) for a in self.axes),
            )
        except ValueError as error:
            raise ModelError(error) from None

    @property
    def blocks(self) -> int:
        """Pixels of a block."""
        return self.axes[0].stride * self.axes[1].stride

    def rows(self, w: np.ndarray) -> np.ndarray:
        """Return weights (C, N/groups, kh, kw) as rows (groups * blocks * N/groups, taps * C/groups).

        What stands where a window has a tap more than the model is any weight: see `there`.
        """
        ky, kx = self._taps
        picked = w[:, :, np.maximum(ky, 0)][..., np.maximum(kx, 0)]  # C, N/groups, ry, ty, rx, tx
        picked = picked.reshape(self.groups, -1, *picked.shape[1:])
        picked = picked.transpose(0, 3, 5, 2, 4, 6, 1)  # group, ry, rx, neuron, ty, tx, channel
        return np.ascontiguousarray(picked).reshape(int(np.prod(picked.shape[:4])), -1)

    def there(self, shape: Sequence[int]) -> np.ndarray:
        """Return which of the `rows` of weights of that shape are weights of the model."""
        ky, kx = self._taps
        there = ((ky >= 0)[:, None, :, None] & (kx >= 0)[None, :, None, :])[None, :, :, None, :, :, None]
        full = (self.groups, *there.shape[1:3], shape[1], *there.shape[4:6], shape[0] // self.groups)
        return np.broadcast_to(there, full).reshape(int(np.prod(full[:4])), -1)

    @cached_property
    def _taps(self) -> tuple[np.ndarray, np.ndarray]:
        """The model's tap for each remainder and each tap of a window, by axis; -1 where it has none."""
        ky, kx = (np.array([[a.tap(r, t) for t in range(a.kernel)] for r in range(a.stride)]) for a in self.axes)
        return ky, kx

    def index(self, neurons: int) -> np.ndarray:
        """Return where output pixels stand on the edge of the convolution: (1, groups * neurons, H, W)."""
        (qy, ry), (qx, rx) = (a.place(np.arange(a.out)) for a in self.axes)
        shape = *self.window.out_size, self.groups, self.axes[0].stride, self.axes[1].stride, neurons
        places = np.arange(np.prod(shape)).reshape(shape)
        picked = places[qy[:, None], qx[None, :], :, ry[:, None], rx[None, :]]  # H, W, group, neuron
        return picked.reshape(*picked.shape[:2], -1).transpose(2, 0, 1)[None]
