"""How raw integers become the model's floats: the declaration of ``--input`` and of the model's metadata."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .elementwise import Dequantize
from .formats import Bipolar, Format, Signed, Unsigned

__all__ = ["InputSpec", "parse_input"]

_FORM = "bipolar, uintN or intN (1 to 16 bits), then optionally fF (F fraction bits), *A or /A, and +B or -B"
_PATTERN = re.compile(
    r"(?:(?P<bipolar>bipolar)|(?P<sign>u?)int(?P<bits>\d{1,3}))(?:f(?P<fraction>\d{1,3}))?"
    r"(?:(?P<op>[*/])(?P<factor>[\d.eE]+(?:(?<=[eE])-\d+)?))?(?P<offset>[+-][\d.eE]+)?"
)


@dataclass(frozen=True)
class InputSpec:
    """How raw integers become floats: ``float = scale * integer + offset``, rounded once to float32.

    Attributes
    ----------
    text : str
        The declaration itself.
    format : Format
        The format of the integers.
    scale, offset : float
    """

    text: str
    format: Format
    scale: float
    offset: float

    def dequantize(self) -> Dequantize:
        """Return the elementwise operation that makes the model's float of an integer."""
        return Dequantize(np.array([self.scale]), np.array([-self.offset / self.scale]))

    def encode(self, x: ArrayLike) -> np.ndarray:
        """Return the integers (int64) that floats ``x``, as the model takes them, stand for, in the shape of ``x``.

        Raises
        ------
        ValueError
            If no integer of the format stands for one of the floats.
        """
        x = np.asarray(x, dtype=np.float32)
        values = np.rint((x.astype(np.float64) - self.offset) / self.scale)
        with np.errstate(invalid="ignore"):
            rounding = np.spacing(np.maximum(np.abs(x), np.float32(abs(self.offset))))
            far = np.abs(self.scale * values + self.offset - x) > 1e-4 * self.scale + rounding
        wrong = ~np.isfinite(x) | far
        if wrong.any():
            raise ValueError(f"Input must be integers of {self.text} (step {self.scale:g}), not {x[wrong].flat[0]}")
        values = values.astype(np.int64)
        self.format.encode(values)  # refuses what is out of range
        return values


def parse_input(text: str) -> InputSpec:
    """Return the `InputSpec` of a declaration such as ``uint8/255``, ``int16f10``, ``uint8/127.5-1`` or ``bipolar``.

    ``uint8/255`` is ``integer/255``; ``int16f10`` is ``integer/2**10``.

    Raises
    ------
    ValueError
        If the text is no declaration, or its numbers are out of range; the message shows the form.
    """
    match = _PATTERN.fullmatch(text.replace(" ", ""))
    if not match:
        raise ValueError(f"Input declaration must be {_FORM}; not {text!r}. Example: uint8/255")
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
        factor, offset = float(part["factor"] or 1), float(part["offset"] or 0)
        scale = (1 / factor if part["op"] == "/" else factor) / 2.0 ** int(part["fraction"] or 0)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise ValueError(f"Input declaration must be {_FORM}; not {text!r}") from None
    if not (1e-30 < scale < 1e30 and abs(offset) < 1e30):
        raise ValueError(
            f"Input declaration must have a positive factor, and numbers within 1e-30 to 1e30; not {text!r}"
        )
    return InputSpec(text, fmt, scale, offset)
