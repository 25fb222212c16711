"""What the importer knows of a tensor while it walks a graph: a constant, or positions of an edge behind a chain."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Closing
from fewbit.golden.numbers.elementwise import Chain, Op

__all__ = ["FLOAT32", "ON_HOST", "Closed", "Constant", "Data", "Digits", "Integers", "Move", "Tensor"]


FLOAT32 = "float32"  # the type that all is computed in
ON_HOST = "host "  # in front of the name of an edge: floats of it that exist on the host only
Move = Callable[[np.ndarray], np.ndarray]  # lays an array out anew, or picks values of it, and computes none


@dataclass(frozen=True, eq=False)
class Digits:
    """``integers == sum_p coefficients[p] * digits[p, codes]`` elementwise (`golden.numbers.coding`).

    ``codes`` and every one of the ``coefficients`` have the constant's shape; ``digits`` is (P, L).
    """

    codes: np.ndarray
    digits: np.ndarray
    coefficients: tuple[np.ndarray, ...]

    def moved(self, move: Move) -> "Digits":
        """Return the digits with ``move`` applied to all arrays of the constant's shape."""
        return Digits(move(self.codes), self.digits, tuple(move(c) for c in self.coefficients))


@dataclass(frozen=True, eq=False)
class Integers:
    """``array == scale * (codes - zero)`` elementwise: what a quantizer made of a constant. All of one shape.

    ``digits`` say how the codes of a non-uniform quantizer are written.
    """

    codes: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    digits: Digits | None = None

    def moved(self, move: Move) -> "Integers":
        """Return the integers with ``move`` applied to all arrays of the constant's shape."""
        digits = self.digits and self.digits.moved(move)
        return Integers(move(self.codes), move(self.scale), move(self.zero), digits)


@dataclass(frozen=True, eq=False)
class Constant:
    """A tensor that does not depend on the input; ``integers`` if a quantizer made it."""

    array: np.ndarray
    integers: Integers | None = None

    def reshaped(self, move: Move) -> "Constant":
        """Return the constant with ``move`` applied to its array and to what is known of it."""
        if self.integers is None:
            return Constant(move(self.array))
        return Constant(move(self.array), self.integers.moved(move))


@dataclass(frozen=True, eq=False)
class Data:
    """A tensor that depends on the input.

    Attributes
    ----------
    edge : str
        The name of the edge of integers; behind `ON_HOST` for what exists on the host only.
    index : int64 array of the tensor's shape, with a batch of 1
        The position of the edge (``pixel*channels + c``) that stands there.
    chain : Chain
        The operations from the edge's integers to the tensor's floats, their parameters by channel of the edge.
    dtype : str
        ONNX's name of the values' type. Those of an integer type are what QuantizeLinear gives, or an input that no
        Cast has made floats yet; the chain gives the same numbers as floats. Of other floats than float32 nothing is
        computed: only a Cast, or what moves values, may follow them.
    """

    edge: str
    index: np.ndarray
    chain: Chain = ()
    dtype: str = FLOAT32

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape, with a batch of one sample."""
        return self.index.shape

    @property
    def is_whole(self) -> bool:
        """Whether the values are of an integer type."""
        return "int" in self.dtype

    def reshaped(self, move: Move) -> "Data":
        """Return the same positions, laid out by ``move``."""
        return replace(self, index=move(self.index))

    def then(self, *ops: Op) -> "Data":
        """Return the tensor behind further operations."""
        return replace(self, chain=self.chain + ops)


@dataclass(frozen=True, eq=False)
class Closed:
    """A tensor behind an operation that only the host computes (Softmax, TopK): data and the closing functions.

    ``is_label`` says that it holds indices of classes, not floats.
    """

    data: Data
    closing: tuple[Closing, ...]
    shape: tuple[int, ...]
    is_label: bool = False

    def reshaped(self, move: Move) -> "Closed":
        """Return the tensor with each sample laid out anew.

        Raises
        ------
        ModelError
            If the samples would no longer be the first axis.
        """
        shape = move(np.empty(self.shape)).shape
        if shape[:1] != self.shape[:1]:
            raise ModelError(f"behind {self.closing[-1][0]} a shape must keep the batch axis, not become {shape}")
        step: Closing = ("Reshape", lambda y: y.reshape(len(y), *shape[1:]))
        return replace(self, closing=(*self.closing, step), shape=shape)


Tensor = Constant | Data | Closed
