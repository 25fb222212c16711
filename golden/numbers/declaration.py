"""How raw integers become the model's floats: the declaration of ``--input`` and of the model's metadata."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .elementwise import Dequantize
from .formats import Bipolar, Format, Signed, Unsigned

__all__ = ["UNDECLARED", "InputSpec", "Normalization", "join_inputs", "parse_input", "parse_inputs"]

UNDECLARED = ("codes", "float32")  # what stands for a declaration where there is none

_FORM = (
    "bipolar, uintN or intN (1 to 16 bits), then optionally fF (F fraction bits), *A, *A/B or /A, +B or -B, and "
    "normalize MEAN:STD, each one number or one a channel with commas"
)
_NUMBER = r"[\d.eE]+(?:(?<=[eE])-\d+)?"
_PATTERN = re.compile(
    r"(?:(?P<bipolar>bipolar)|(?P<sign>u?)int(?P<bits>\d{1,3}))(?:f(?P<fraction>\d{1,3}))?"
    rf"(?:/(?P<divisor>{_NUMBER})|\*(?P<factor>{_NUMBER})(?:/(?P<below>{_NUMBER}))?)?(?P<offset>[+-][\d.eE]+)?"
)
_NORMALIZE = "normalize"
_MOST_CHANNELS = 4096  # that a declaration may list
_WAYS = "give the raw integers themselves, declare what the floats are (--input), or round them to these steps"


@dataclass(frozen=True)
class Normalization:
    """``(y - mean) / std`` in float32, each of the two operations rounded: what torchvision's ``Normalize`` does.

    Attributes
    ----------
    mean, std : tuple of float
        One number, or one a channel.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def placed(self, shape: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and std, float32, each of one number or as broadcasts with samples ``(B, *shape)``.

        Channels are the first axis of ``shape`` where that is as long as the list, else the last.

        Raises
        ------
        ValueError
            If neither axis is.
        """
        count = max(len(self.mean), len(self.std))
        if count > 1 and (not shape or count not in (shape[0], shape[-1])):
            raise ValueError(f"Input declaration normalizes {count} channels, which a sample of shape {shape} has not")
        first = count > 1 and shape[0] == count
        place = (1, -1, *(1,) * (len(shape) - 1)) if first else (-1,)
        mean, std = (np.asarray(numbers, dtype=np.float32).reshape(place if len(numbers) > 1 else -1)
                     for numbers in (self.mean, self.std))  # fmt: skip
        return mean, std


@dataclass(frozen=True)
class InputSpec:
    """How raw integers become floats: ``y = scale * integer + offset``, rounded once to float32, and its normalization.

    Attributes
    ----------
    text : str
        The declaration itself.
    format : Format
        The format of the integers.
    scale, offset : float
    normalization : Normalization or None
        What becomes of ``y`` then.
    """

    text: str
    format: Format
    scale: float
    offset: float
    normalization: Normalization | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the integers themselves are the model's floats."""
        return (self.scale, self.offset, self.normalization) == (1, 0, None)

    def dequantize(self) -> Dequantize:
        """Return the elementwise operation that makes ``y`` of an integer."""
        return Dequantize(np.array([self.scale]), np.array([-self.offset / self.scale]))

    def floats(self, values: ArrayLike) -> np.ndarray:
        """Return the model's floats (float32) for integers ``(B, *shape)`` of samples."""
        values = np.asarray(values)
        y = self.dequantize()(values)
        if self.normalization is None:
            return y
        mean, std = self.normalization.placed(values.shape[1:])
        return (y - mean) / std

    def encode(self, x: ArrayLike) -> np.ndarray:
        """Return the integers (int64) that floats ``x``, as the model takes them, stand for, in the shape of ``x``.

        Raises
        ------
        ValueError
            If no integer of the format stands for one of the floats; the message says what there is to do.
        """
        x, steps, wrong = self._steps(x)
        if wrong.any():
            raise ValueError(
                f"Input must be integers of {self.text} (step {self.scale:g}), not {x[wrong].flat[0]}: {_WAYS}"
            )
        values = np.rint(steps).astype(np.int64)
        self.format.encode(values)  # refuses what is out of range
        return values

    def nearest(self, x: ArrayLike) -> tuple[np.ndarray, int]:
        """Return the integers (int64) of the format nearest to floats ``x``, and how many floats are not such integers.

        Raises
        ------
        ValueError
            If ``x`` holds NaN or infinite values.
        """
        x, steps, wrong = self._steps(x)
        if not np.isfinite(x).all():
            raise ValueError("Input must not hold NaN or infinite values")
        known = self.format.values
        above = np.clip(np.searchsorted(known, steps), 1, len(known) - 1)
        below = known[above - 1]
        near = np.where(steps - below < known[above] - steps, below, known[above]).astype(np.int64)
        return near, int((wrong | (near != np.rint(steps))).sum())

    def _steps(self, x: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return ``x`` in float32, its distance from ``offset`` in steps, and where that is no whole number."""
        x = np.asarray(x, dtype=np.float32)
        y, rounding = x.astype(np.float64), np.spacing(np.maximum(np.abs(x), np.float32(abs(self.offset))))
        if self.normalization is not None:
            mean, std = (numbers.astype(np.float64) for numbers in self.normalization.placed(x.shape[1:]))
            y, rounding = y * std + mean, 2 * rounding * std + np.spacing(np.abs(mean).astype(np.float32))
        with np.errstate(invalid="ignore"):
            steps = (y - self.offset) / self.scale
            far = np.abs(self.scale * np.rint(steps) + self.offset - y) > 1e-4 * self.scale + rounding
        return x, steps, ~np.isfinite(x) | far


def parse_input(text: str) -> InputSpec:
    """Return the `InputSpec` of a declaration such as ``uint8/255``, ``int16f10``, ``uint8/127.5-1`` or ``bipolar``.

    ``uint8/255`` and ``uint8*1/255`` are ``integer/255``; ``int16f10`` is ``integer/2**10``;
    ``uint8/255 normalize 0.485,0.456,0.406:0.229,0.224,0.225`` is ``(integer/255 - mean)/std``, channel by channel.

    Raises
    ------
    ValueError
        If the text is no declaration, or its numbers are out of range; the message shows the form.
    """
    refused = ValueError(f"Input declaration must be {_FORM}; not {text!r}. Example: uint8/255")
    integers, word, numbers = text.partition(_NORMALIZE)
    match = _PATTERN.fullmatch(integers.replace(" ", ""))
    if not match or not text.isprintable():
        raise refused
    part = match.groupdict()
    fmt: Format
    if part["bipolar"]:
        fmt = Bipolar()
    else:
        bits = int(part["bits"])
        if not (1 if part["sign"] else 2) <= bits <= 16:
            raise ValueError(f"Input declaration must have 1 to 16 bits (a signed one 2 to 16); not {text!r}")
        fmt = Unsigned(bits) if part["sign"] else Signed(bits)
    try:
        over, under = float(part["factor"] or 1), float(part["divisor"] or part["below"] or 1)
        scale, offset = over / under / 2.0 ** int(part["fraction"] or 0), float(part["offset"] or 0)
        normalization = _normalization(numbers) if word else None
    except (ValueError, OverflowError, ZeroDivisionError):
        raise refused from None
    if not (1e-30 < scale < 1e30 and abs(offset) < 1e30):
        raise ValueError(
            f"Input declaration must have a positive factor, and numbers within 1e-30 to 1e30; not {text!r}"
        )
    return InputSpec(text, fmt, scale, offset, normalization)


def _normalization(text: str) -> Normalization:
    """Return the normalization ``MEAN:STD``; raise `ValueError` if the text is none."""
    mean, std = ([float(number) for number in numbers.split(",")] for numbers in text.replace(" ", "").split(":"))
    counts = {len(mean), len(std)} - {1}
    finite = all(abs(number) < 1e30 for number in mean) and all(1e-30 < number < 1e30 for number in std)
    if len(counts) > 1 or max(len(mean), len(std)) > _MOST_CHANNELS or not finite:
        raise ValueError("no normalization")
    return Normalization(tuple(mean), tuple(std))


def parse_inputs(text: str, names: Sequence[str]) -> dict[str, str]:
    """Return the declaration of each input that has one, by its name.

    One declaration, such as ``uint8/255``, is that of every input; ``image=uint8/255; features=int16f10`` declares
    inputs by name, and a part without a name is for those that are not named.

    Parameters
    ----------
    text : str
    names : sequence of str
        The inputs of the model.

    Raises
    ------
    ValueError
        If a name is that of no input, or an input is declared twice.
    """
    found: dict[str, str] = {}
    rest = None
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, own = next(((n, m[1]) for n in names if (m := re.match(rf"{re.escape(n)}\s*=(.*)", part))), (None, part))
        if name is None and "=" in part:
            raise ValueError(f"Input declaration {part!r} must name an input of the model: {', '.join(names)}")
        if (name in found) if name is not None else rest is not None:
            raise ValueError(f"Input declaration {text!r} has two for {name or 'inputs without a name'}")
        if name is None:
            rest = own
        else:
            found[name] = own.strip()
    return found if rest is None else {name: found.get(name, rest) for name in names}


def join_inputs(texts: Sequence[tuple[str, str]]) -> str:
    """Return the text of the declarations of inputs, ``(name, declaration)`` each, as `parse_inputs` takes it."""
    return texts[0][1] if len(texts) == 1 else "; ".join(f"{name}={text}" for name, text in texts)
