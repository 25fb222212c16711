"""What handlers of operators ask of a network that they add to, whether its numbers are integers or float32."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fewbit.golden.network.window import Window
from fewbit.golden.numbers.declaration import InputSpec, Normalization
from fewbit.golden.numbers.elementwise import Chain
from fewbit.golden.numbers.formats import Format

from .tensors import Constant, Data

__all__ = ["Builder", "InputForm"]

_UNKNOWN: Any = None  # the format and the encoding of an input until its first quantizer gives them


@dataclass(frozen=True, eq=False)
class InputForm:
    """How an input enters a network: as which values, and what makes the model's floats of them.

    Attributes
    ----------
    format, encode, text
        As of `golden.network.graph.NetworkInput`; format and encoding are None until a first quantizer gives them.
    chain : Chain
        The operations from the values that enter to the model's floats.
    normalization : Normalization or None
        What becomes of these floats then.
    """

    format: Format = _UNKNOWN
    encode: Callable[[np.ndarray], np.ndarray] = _UNKNOWN
    text: str = "codes"
    chain: Chain = ()
    normalization: Normalization | None = None


class Builder(ABC):
    """What makes nodes of numbers of one kind, and knows what stands behind them.

    `golden.importing.quantized_builder.QuantizedBuilder` makes exact integers,
    `golden.importing.float_builder.FloatBuilder` float32. A handler asks the builder of its import for what it wants
    and does not know which one it has. Every method raises `ModelError`, with what is wrong and without the node's
    name, where there is no hardware for what it is asked. Edges are named; a chain stands behind the edge beside it.
    """

    @abstractmethod
    def input_form(self, spec: InputSpec | None) -> InputForm:
        """Return how an input enters that is declared as ``spec``, or not declared."""

    @abstractmethod
    def coded(self, data: Data) -> Data:
        """Return data as branches and pools take it: on an edge of known codes where they are integers.

        Raises
        ------
        ModelError
            If its integers are not known.
        """

    @abstractmethod
    def settled(self, data: Data) -> Data:
        """Return data as it must be before its edge is looked at in another way, or left.

        Raises
        ------
        ModelError
            If its integers are not known, or its layer cannot end with what stands behind it.
        """

    @abstractmethod
    def origin(self, datas: Sequence[Data], *, joinable: bool) -> tuple[Data, list[Chain]] | None:
        """Return what all of ``datas`` are functions of, as far as that is the same, and each of them behind that.

        Parameters
        ----------
        datas : sequence of Data
            They are at the same positions of their edges.
        joinable : bool
            Whether a join of them is as cheap as a function of what they are made of.

        Returns
        -------
        (Data, list of Chain) or None
            None where they are functions of different edges, or are better joined.
        """

    @abstractmethod
    def order(self, data: Data) -> int | None:
        """Return 1 where the edge's integers are in the order of the data's floats, -1 where they are in the reverse
        one; None where there are no integers of one order for all channels.
        """

    @abstractmethod
    def are_for_the_host(self, datas: Sequence[Data]) -> bool:
        """Say whether ``datas`` are functions of one edge that no layer could read side by side, but the host can."""

    @abstractmethod
    def product(self, data: Data, weights: Constant, alpha: float) -> tuple[str, Chain]:
        """Append the product of each pixel of data and weights (K, N), times ``alpha``; return its edge and chain.

        Raises
        ------
        ModelError
            If data or weights are not quantized in a network of integers, or what stands between two layers of floats
            is not affine.
        """

    @abstractmethod
    def convolution(self, data: Data, weights: Constant, window: Window, groups: int) -> tuple[str, Chain]:
        """Append a convolution of an image and weights (N, K); return its edge and chain.

        Raises
        ------
        ModelError
            As `product`, or if no value of the data is zero where the window pads.
        """

    @abstractmethod
    def total(self, data: Data, divisor: int) -> tuple[str, Chain]:
        """Append the sum of the values of each pixel over ``divisor``, one value a pixel; return its edge and chain.

        Raises
        ------
        ModelError
            As `product`.
        """

    @abstractmethod
    def averaged(self, data: Data, window: Window, divisors: np.ndarray, *, signal: bool) -> Data:
        """Return the sum of each window of an image by channel over ``divisors``: one number, or one for each window.

        ``signal`` says that the result has one dimension, the width.

        Raises
        ------
        ModelError
            As `convolution`, or if ``divisors`` of floats differ.
        """

    @abstractmethod
    def powers(self, data: Data, p: int) -> Data:
        """Return the magnitudes of data to the power p.

        Raises
        ------
        ModelError
            If the data is not quantized, or has too many levels.
        """

    @abstractmethod
    def rising(self, data: Data, *, alike: bool = False) -> Data:
        """Return data on an edge of which, by channel, the largest number is the largest float.

        ``alike`` says that channels are compared with each other too.

        Raises
        ------
        ModelError
            If there is no such edge.
        """

    @abstractmethod
    def largest(self, data: Data, window: Window, where: str) -> tuple[str, Chain]:
        """Append the largest value of each window of an image by channel; return its edge and chain.

        ``where`` names the node in errors that show later.

        Raises
        ------
        ModelError
            If the floats have no order that the edge's numbers have.
        """

    @abstractmethod
    def with_level(self, data: Data, value: float) -> tuple[Data, float]:
        """Return data on an edge that can have a number for the float ``value``, and that number.

        Raises
        ------
        ModelError
            If there is no such number.
        """

    @abstractmethod
    def added(self, a: Data, b: Data) -> Data:
        """Return the sum of two tensors that are `coded`, at the same positions of edges of one size.

        Raises
        ------
        ModelError
            If the scales of both are too far apart, or the sum has too many bits.
        """

    @abstractmethod
    def subtracted(self, a: Data, b: Data) -> Data:
        """Return the difference of two tensors, as `added`.

        Raises
        ------
        ModelError
            As `added`, or if there is no subtraction of such numbers.
        """

    @abstractmethod
    def multiplied(self, a: Data, b: Data) -> Data:
        """Return the product of two tensors, value by value, as `added`.

        Raises
        ------
        ModelError
            If zero is at no simple fraction between two integers of a tensor, or the product has too many bits.
        """

    @abstractmethod
    def concatenated(self, datas: Sequence[Data], index: np.ndarray) -> Data:
        """Return data of ``index`` on an edge with the channels of the edges of ``datas`` side by side.

        Raises
        ------
        ModelError
            If one of them is not quantized in a network of integers, or has more behind its layer of floats than that
            can do.
        """
