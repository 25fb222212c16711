"""What a layer's kind of number decides: the memories' contents, the array, and what is behind it.

`IntegerNumbers` and `FloatNumbers` have the same members:

Attributes
----------
lane_format : golden format
    Format of what enters the array, and ``x_table``: its code for every code of the stream, or ``None`` if they are
    equal.
weight_bits, pad_weight : int
    Bits of a weight in memory; the code of padding.
codes : int array (neurons, inputs)
    Weights as the memory has them.
starts : list of int
    What accumulators start a row with, by neuron and padded; ``array_shape`` is their `hw.shapes.IntShape`.
array, combine, activation : plans
    ``combine`` is ``None`` where there are no planes to add up.
constant : bool
    Whether every weight is a constant of the hardware, which then shares sums.
whole : bool
    Whether a row needs its steps in consecutive cycles.
in_words : str
    How products are made.
"""

from functools import cached_property
from typing import Any, Protocol

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import Float32
from fewbit.hw.activation.plans import ActivationPlan, FloatReluPlan
from fewbit.hw.arrays.constant_plan import ConstantArrayPlan
from fewbit.hw.arrays.float32_plan import FloatArrayPlan
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.target import Target

from .accumulators import Accumulators
from .activations import activation_of, combine_of
from .arithmetic import Arithmetic, Plain
from .layout import padded
from .product_forms import Dsp, Summed, chosen, options_of
from .shape import LayerShape

__all__ = ["FloatNumbers", "IntegerNumbers", "numbers_of"]

_MOST_CONSTANT = 1 << 24  # bit products of constant weights: minutes of planning, and more LUTs than a part has


class NumberedLayer(Protocol):
    """What the numbers of a layer are made of; a `hw.layer.plan.LayerPlan` says what each of these is."""

    name: str
    dense: Any  # a FloatDense where ``x_format`` is float32, else a Dense
    act: Threshold | Rescale | Score | None
    x_format: Format
    format: Format
    acc_edge: Edge
    order: np.ndarray | None
    target: Target
    shape: LayerShape
    products: str | None
    dsp: bool
    sums: bool
    pe: int
    lanes: int
    neurons: int
    parallel: int
    tile: int


def numbers_of(layer: NumberedLayer) -> "IntegerNumbers | FloatNumbers":
    """Return what the kind of number of a layer decides.

    Raises
    ------
    ValueError
        If products cannot be made as asked for; the layer's name is in the message.
    """
    return (IntegerNumbers if layer.x_format.integral else FloatNumbers)(layer)


def _folding(shape):
    """Return the parameters of an array's plan that are its folding."""
    return dict(pe=shape.pe, simd=shape.simd, steps=shape.steps, lanes=shape.lanes, groups=shape.parallel)


def _behind(layer):
    """Return the parameters that plans of what is behind an array share."""
    found = dict(lanes=layer.lanes, beats=layer.shape.places, target=layer.target)
    return found | (dict(row_beats=layer.shape.row_beats, times=layer.tile) if layer.tile > 1 else {})


def _ordered(codes, order):
    """Return the codes of the weights, ``(neurons, inputs)``, in the order in which inputs come."""
    return codes if order is None else codes[:, order]


class FloatNumbers:
    """Float32: weights and bias are as they are, and their sums are results."""

    whole, constant, sign = True, False, False
    weight_bits, pad_weight, x_table, combine, arithmetic = 32, 0, None, None, None
    acc_shape = array_shape = IntShape(32)

    def __init__(self, layer: NumberedLayer):
        dense = layer.dense
        self.lane_format = layer.x_format
        self.codes = _ordered(Float32().encode(dense.weights), layer.order)
        self.starts = padded(layer.shape, Float32().encode(dense.bias))
        self.array = FloatArrayPlan(dsp=layer.target.dsp, **_folding(layer.shape))
        self.activation = FloatReluPlan(relu=dense.relu, **_behind(layer))
        self.in_words = "DSPs" if layer.target.dsp else "LUTs"


class IntegerNumbers:
    """Integers: how products are made is chosen among `hw.layer.product_forms`.

    Attributes
    ----------
    arithmetic : hw.layer.arithmetic.Arithmetic
    accumulators : hw.layer.accumulators.Accumulators
    sign : bool
        Whether a code is the sign of an accumulator that began at minus its threshold.

    Raises
    ------
    ValueError
        If products cannot be made as asked for; the layer's name is in the message.
    """

    whole = False
    ACCUMULATORS = Accumulators

    def __init__(self, layer: NumberedLayer):
        self._layer = layer
        self.constant = self._is_constant()
        self.arithmetic = found = self._chosen()
        if found.starts_at_zero and layer.act is None:
            raise ValueError(f"{layer.name}: sums in DSPs begin at zero, which needs an activation behind them")
        self.lane_format, self.x_table, self.in_words = found.lane_format, found.x_table, found.in_words
        self.weight_bits, self.pad_weight = found.weight_bits, found.pad_weight
        self.sign = isinstance(layer.act, Threshold) and layer.format.bits == 1 and not found.starts_at_zero
        sums = self.accumulators = self.ACCUMULATORS(
            layer.shape, found, layer.acc_edge, layer.act, layer.format if self.sign else None
        )
        self.acc_shape, self.array_shape = sums.acc_shape, sums.array_shape
        self.array = self._array()
        self.combine = combine_of(layer.shape, found, sums, _behind(layer))
        self.activation = self._activation(sums, _behind(layer))
        # Planes start with nothing: what is behind the array adds what the accumulator starts with.
        self.starts = sums.starts if self.combine is None else [0] * len(sums.starts)

    def _is_constant(self) -> bool:
        layer = self._layer
        return layer.shape.words == 1 and layer.products is None and layer.target.netlists

    def _activation(self, sums: Accumulators, common: dict[str, Any]) -> ActivationPlan:
        layer = self._layer
        return activation_of(layer.shape, layer.act, layer.format, sums, common, sign=self.sign)

    @cached_property
    def codes(self) -> np.ndarray:
        return _ordered(self.arithmetic.codes, self._layer.order)

    def _chosen(self) -> Arithmetic:
        layer = self._layer
        dense, pe = layer.dense, layer.pe
        try:
            if layer.dsp:
                places = np.arange(len(dense.weights)) % layer.neurons % pe % (pe // layer.parallel)
                return Dsp(dense, layer.x_format, places)
            if layer.sums:
                return Summed(dense, layer.x_format)
            if self.constant:
                return Plain(dense, layer.x_format)
            return chosen(options_of(dense, layer.x_format), layer.shape, layer.acc_edge.format.bits, layer.products)
        except ValueError as error:
            raise ValueError(f"{layer.name}: {error}") from None

    def _array(self) -> ConstantArrayPlan | IntegerArrayPlan:
        layer, found = self._layer, self.arithmetic
        common: dict[str, Any] = dict(acc_shape=self.array_shape, target=layer.target)
        if self.constant:
            products = self.codes.size * self.lane_format.bits * self.weight_bits
            if products > _MOST_CONSTANT:
                raise ValueError(
                    f"{layer.name}: sums that neurons share cannot be looked for in {products:,} bit products, only "
                    f"in {_MOST_CONSTANT:,}; give it a smaller PE or SIMD, or the products {Plain.name!r}"
                )
            return ConstantArrayPlan(
                x_format=self.lane_format, w_format=layer.dense.weight_format,
                weights=found.w_format.decode(self.codes), init=self.accumulators.starts, groups=layer.parallel,
                **common,
            )  # fmt: skip
        return found.array(**common, **_folding(layer.shape))
