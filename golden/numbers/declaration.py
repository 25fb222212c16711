"""How raw integers become the model's floats: the declaration of ``--input`` and of the model's metadata."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .elementwise import Dequantize
from .formats import Bipolar, Format, Signed, Unsigned

__all__ = ["UNDECLARED", "InputSpec", "join_inputs", "parse_input", "parse_inputs"]

UNDECLARED = ("codes", "float32")  # what stands for a declaration where there is none

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
