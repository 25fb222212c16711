"""Formats of floats."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .format import Format

__all__ = ["Float32"]


@dataclass(frozen=True)
class Float32(Format):
    """IEEE-754 single precision, for the baseline; a code is the bit pattern. Subnormals count as zero."""

    bits = 32
    lo = -np.inf
    hi = np.inf
    TEXT = "float32"

    def encode(self, values: ArrayLike) -> np.ndarray:
        return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).astype(np.int64)

    def decode(self, codes: ArrayLike) -> np.ndarray:
        return np.asarray(codes).astype(np.uint32).view(np.float32)

    def describe(self) -> str:
        return "an IEEE-754 single"

    def widened(self, value: float) -> Format:
        return self

    def sample(self, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32)

    def __str__(self) -> str:
        return "float32"

    @classmethod
    def examples(cls) -> "list[Float32]":
        return [cls()]
