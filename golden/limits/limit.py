"""What one file may take of the machine: limits that are stated once, and that variables of the environment change."""

import math
import os
import re
from dataclasses import dataclass

__all__ = [
    "CYCLES_SECONDS",
    "IMAGE_BYTES",
    "IMPORT_BYTES",
    "IMPORT_SECONDS",
    "LIMITS",
    "Limit",
    "LimitError",
    "ModelError",
    "in_bytes",
    "one_line",
]

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LONGEST = 2000  # characters of a message: names in a file may be of any length


class ModelError(ValueError):
    """A model that cannot be imported; the message is one line: what, where, and what to do.

    Parameters
    ----------
    message : object
        The message or another exception, whose text becomes one line, which is cut where it is too long.
    """

    def __init__(self, message: object):
        text = " ".join(str(message).split())
        super().__init__(text if len(text) <= _LONGEST else text[:_LONGEST] + " …")


class LimitError(ModelError):
    """A model whose import takes more than a `Limit`."""


@dataclass(frozen=True)
class Limit:
    """A number that is read anew each time, so that a program may set it.

    Parameters
    ----------
    variable : str
        Name of the variable of the environment in which a user gives another value.
    usual : int
        The limit where that variable is not set.
    unit : str
        ``seconds``, or ``bytes``, which may be given with K, M, G or T behind them (powers of 1024).
    what : str
        What is limited, for ``--help``.
    """

    variable: str
    usual: int
    unit: str
    what: str

    @property
    def value(self) -> float:
        """The limit in its unit; bytes are an `int`.

        Raises
        ------
        ValueError
            If the variable holds no such number.
        """
        text = os.environ.get(self.variable, "").strip()
        if not text:
            return self.usual
        return self._seconds(text) if self.unit == "seconds" else self._bytes(text)

    def _seconds(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not 0 < value <= 1e9:
            raise ValueError(f"{self.variable} must be a number of seconds above 0, not {text!r}")
        return value

    def _bytes(self, text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,15})([KMGT]?)", text, re.ASCII)
        if not match or not int(match[1]):
            raise ValueError(f"{self.variable} must be a number of bytes above 0, as 8G, 500M or 1000000, not {text!r}")
        return int(match[1]) * _UNITS[match[2]]

    def __str__(self) -> str:
        return f"{self.value:g} seconds" if self.unit == "seconds" else in_bytes(self.value)

    @property
    def shown(self) -> str:
        """The limit in words, or the words that the variable holds no number."""
        try:
            return str(self)
        except ValueError:
            return "not a number"

    @property
    def advice(self) -> str:
        """The end of a message: what the limit is, and how to change it."""
        example = f"{max(600, 2 * self.value):g}" if self.unit == "seconds" else "16G"
        return f"the limit is {self}; set {self.variable}={example}, say, to raise it"


def one_line(error: object) -> str:
    """Return what an error of a library says as a part of one line, cut where it is too long."""
    return " ".join(str(error).split())[:200]


def in_bytes(count: float) -> str:
    """Return a number of bytes for people to read, as "1.5 GiB"."""
    for name in "TGMK":
        if count >= _UNITS[name]:
            return f"{count / _UNITS[name]:.4g} {name}iB"
    return f"{count} bytes"


IMPORT_SECONDS = Limit("FEWBIT_IMPORT_SECONDS", 300, "seconds", "time that the import of a model may take")
IMPORT_BYTES = Limit("FEWBIT_IMPORT_BYTES", 4 << 30, "bytes", "memory that the import of a model may take")
IMAGE_BYTES = Limit("FEWBIT_IMAGE_BYTES", 4 << 30, "bytes", "memory that a file of samples may take")
CYCLES_SECONDS = Limit("FEWBIT_CYCLES_SECONDS", 1800, "seconds", "time that a run of the cycle model may take")
LIMITS = (IMPORT_SECONDS, IMPORT_BYTES, IMAGE_BYTES, CYCLES_SECONDS)
