"""What quantizers of all dialects are to the rest of the import: functions from floats to integers."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Format

__all__ = ["CodeQuantizer", "HostQuantizer"]


class CodeQuantizer(Protocol):
    """A function from floats to integers, ``scale * (integer - zero)`` being the floats that a model goes on with.

    Attributes
    ----------
    scale, zero : float arrays that broadcast against the tensor
    format : Format
        The format of the integers.
    """

    @property
    def scale(self) -> np.ndarray: ...

    @property
    def zero(self) -> np.ndarray: ...

    @property
    def format(self) -> Format: ...

    def codes(self, x: np.ndarray, scale: np.ndarray | None = None, zero: np.ndarray | None = None) -> np.ndarray:
        """Return the integers (int64) of float32 ``x``.

        ``scale`` and ``zero`` replace the quantizer's own where ``x`` has been laid out anew.
        """


@dataclass(frozen=True, eq=False)
class HostQuantizer:
    """The first quantizer of an input: the operations in front of it, itself, and its arrays by channel.

    Exporters write one for each reader of an input; those that are the same give the same codes.
    """

    chain: Chain
    quantizer: CodeQuantizer
    arrays: tuple[np.ndarray, ...]

    def is_same(self, other: "HostQuantizer") -> bool:
        """Say whether both surely compute the same function."""
        mine, theirs = (vars(q.quantizer) | {"scale": None, "zero": None} for q in (self, other))  # they are in arrays
        return (
            len(self.chain) == len(other.chain)
            and all(a is b for a, b in zip(self.chain, other.chain, strict=True))
            and type(self.quantizer) is type(other.quantizer)
            and mine.keys() == theirs.keys()
            and all(np.array_equal(mine[name], theirs[name]) for name in mine)
            and len(self.arrays) == len(other.arrays)
            and all(np.array_equal(a, b) for a, b in zip(self.arrays, other.arrays, strict=True))
        )
