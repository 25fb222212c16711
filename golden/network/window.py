"""Where the taps of a kernel fall on an image: the geometry that convolutions and pools share."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["Window"]

_MOST_TAPS = 1 << 26  # of a whole image; more are a damaged file


@dataclass(frozen=True, kw_only=True)
class Window:
    """The taps of a kernel: output pixel ``(oy, ox)`` reads pixels ``(oy*sy + ky*dy - top, ox*sx + kx*dx - left)``.

    Parameters
    ----------
    size, kernel, stride, dilation : (int, int)
        Height and width of the image, of the kernel, and of what lies between windows and between taps. A signal of one
        dimension has the height 1.
    pads : (top, left, bottom, right)
        Pixels around the image; what they are worth is the node's affair. An average that rounds its output size up may
        read beyond them; such pads are counted here too.

    Raises
    ------
    ValueError
        If a number is too small, the kernel does not fit the padded image, or there are too many taps.
    """

    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        for name, least in ("size", 1), ("kernel", 1), ("stride", 1), ("dilation", 1), ("pads", 0):
            values = getattr(self, name)
            if len(values) != (4 if name == "pads" else 2) or any(v < least for v in values):
                raise ValueError(f"Window {name} must be whole numbers from {least}, not {values}")
        if any(o < 1 for o in self.out_size):
            raise ValueError(f"A kernel that spans {self.span} does not fit an image of {self.padded_size}")
        if max(math.prod(self.padded_size), self.out_pixels * self.taps_count) > _MOST_TAPS:
            raise ValueError(f"A kernel of {self.kernel} on an image of {self.padded_size} is more than can be built")

    @property
    def span(self) -> tuple[int, ...]:
        """Height and width that the dilated kernel covers."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    @property
    def padded_size(self) -> tuple[int, ...]:
        """Height and width of the image with its pads."""
        top, left, bottom, right = self.pads
        return self.size[0] + top + bottom, self.size[1] + left + right

    @property
    def out_size(self) -> tuple[int, ...]:
        """Height and width of the output: how many windows there are."""
        return tuple((p - k) // s + 1 for p, k, s in zip(self.padded_size, self.span, self.stride, strict=True))

    @property
    def taps_count(self) -> int:
        """Taps of one window."""
        return self.kernel[0] * self.kernel[1]

    @property
    def pixels(self) -> int:
        """Pixels of the image, without its pads."""
        return self.size[0] * self.size[1]

    @property
    def out_pixels(self) -> int:
        """Pixels of the output."""
        return self.out_size[0] * self.out_size[1]

    def taps(self) -> np.ndarray:
        """Return the pixel that each tap reads, -1 where it is padding: int64 ``(out pixels, taps)``, row-major."""
        rows, columns = self._places()
        rows, columns = rows[:, None, :, None], columns[None, :, None, :]
        taps = np.where((rows >= 0) & (columns >= 0), rows * self.size[1] + columns, -1)
        return taps.reshape(self.out_pixels, self.taps_count)

    def _places(self) -> list[np.ndarray]:
        """Return the row that each tap of each row of outputs reads, -1 where it is padding, and likewise the column:
        two arrays int64 ``(outputs, taps)``.
        """
        parts = zip(self.size, self.out_size, self.stride, self.kernel, self.dilation, self.pads[:2], strict=True)
        places = ((n, np.arange(o)[:, None] * s + np.arange(k) * d - pad) for n, o, s, k, d, pad in parts)
        return [np.where((at >= 0) & (at < n), at, -1) for n, at in places]

    @property
    def padded_taps(self) -> np.ndarray:
        """Whether each tap ever reads padding: booleans ``(taps,)``."""
        rows, columns = (np.asarray((places < 0).any(axis=0)) for places in self._places())
        return (rows[:, None] | columns).reshape(-1)

    def gather(self, x: np.ndarray, pad: float | np.ndarray) -> np.ndarray:
        """Return patches ``(B, out pixels, taps, C)`` of images ``(B, pixels, C)``.

        ``pad`` is the value of the pixels around an image, one number or one a channel.
        """
        count, _, channels = x.shape
        top, left, bottom, right = self.pads
        image = np.empty((count, *self.padded_size, channels), dtype=x.dtype)
        image[:] = pad
        height, width = self.size
        image[:, top : top + height, left : left + width] = x.reshape(count, height, width, channels)
        view = np.lib.stride_tricks.sliding_window_view(image, self.span, axis=(1, 2))
        view = view[:, :: self.stride[0], :: self.stride[1], :, :: self.dilation[0], :: self.dilation[1]]
        return np.moveaxis(view, 3, 5).reshape(count, self.out_pixels, self.taps_count, channels)
