"""The accumulators of a layer of integers: what they start with, what they can reach, and what they mean."""

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.golden.numbers.format import Format
from fewbit.hw.shapes import IntShape

from .arithmetic import Arithmetic
from .layout import padded
from .shape import LayerShape

__all__ = ["Accumulators"]


class Accumulators:
    """What accumulators start with, hold and mean, by neuron, padded as `hw.layer.layout.padded` has them.

    The model's accumulator is ``scale*acc + base`` of what the hardware accumulates, which starts where the activation
    behind it is least work: a sign at minus its threshold, a search at zero or above.

    Parameters
    ----------
    shape : hw.layer.shape.LayerShape
    arithmetic : hw.layer.arithmetic.Arithmetic
    edge : golden edge
        The model's accumulators.
    act : golden node or None
        The activation behind them.
    flip_format : golden format or None
        Format of the codes, if each is the sign of an accumulator.

    Attributes
    ----------
    starts : list of int
        What a row starts with.
    acc_shape : hw.shapes.IntShape
        Shape of an accumulator.
    array_shape : hw.shapes.IntShape
        Shape of what the array accumulates for a neuron: the sums of all planes side by side, or the accumulator.
    scale : int
        What an accumulator is multiplied by to be the model's.
    base : int array (neurons,)
        What is added to that product, by neuron.
    most : int
        The largest accumulator, where a search follows.
    flips : list of int
        Whether a sign is inverted, where it is the code.

    Raises
    ------
    ValueError
        If codes are signs, and the code of a neuron changes at more than one threshold.
    """

    def __init__(
        self,
        shape: LayerShape,
        arithmetic: Arithmetic,
        edge: Edge,
        act: Threshold | Rescale | Score | None,
        flip_format: Format | None = None,
    ):
        self._shape, self._arithmetic, self._edge = shape, arithmetic, edge
        self.scale = arithmetic.scale
        pads = shape.steps * shape.simd - shape.inputs
        self.base = arithmetic.offsets - self.scale * pads * arithmetic.pad_heap
        lo, hi, start = self._heaps(pads)
        if flip_format is not None:
            self._start_at_thresholds(act, flip_format, lo, hi)
        elif act is None:
            self._start_at_base()
        else:
            self.base, self.most = self.base - self.scale * start, int((hi + start).max())
            self.starts = padded(shape, start)
            self.acc_shape = IntShape.holding(0, self.most)
        self.array_shape = self.acc_shape
        if arithmetic.coefficients is not None:
            each = shape.steps * shape.simd * sum(1 << e for e in arithmetic.exponents)
            self.array_shape = IntShape(each.bit_length() * arithmetic.coefficients.shape[1])

    def _heaps(self, pads):
        """Return the smallest and largest heap of every neuron, and what makes none of them negative."""
        found = self._arithmetic
        if found.coefficients is None:
            lo, hi = (end + pads * found.pad_heap for end in found.ends)
            return lo, hi, np.zeros(len(self.base), dtype=np.int64)
        lo, hi = ((end - self.base) // self.scale for end in (self._edge.lo, self._edge.hi))
        return lo, hi, np.maximum(0, -lo)  # some planes may count negatively

    def _start_at_base(self):
        """Let the accumulator be the result, but for its scale and what that leaves of the base."""
        self.starts, rest = padded(self._shape, self.base // self.scale), self._rests()
        lo, hi = ((end - rest) // self.scale for end in (self._edge.lo, self._edge.hi))
        self.acc_shape = IntShape.holding(lo.min(), hi.max())

    def _rests(self):
        """Return what is left of the base, ``(neurons,)``, or all that may be, ``(rests, 1)``."""
        return self.base % self.scale

    def _start_at_thresholds(self, act, flip_format, lo, hi):
        """Let the accumulator start at minus its threshold, so that its sign is the code of one bit.

        Raises
        ------
        ValueError
            If the code of a neuron changes at more than one threshold.
        """
        count = len(self.base)
        table = np.broadcast_to(flip_format.encode(act.table()), (count, act.thresholds.shape[1] + 1))
        thresholds = np.broadcast_to(act.thresholds, (count, table.shape[1] - 1))
        if table.shape[1] > 2 and (np.abs(np.diff(table, axis=1)).sum(axis=1) > 1).any():
            raise ValueError(f"{act.name}: a one-bit code that changes more than once is not supported")
        changes = np.diff(table, axis=1) != 0
        at = np.where(changes.any(axis=1), changes.argmax(axis=1), 0) if changes.shape[1] else np.zeros(count, int)
        never = self._edge.hi + 1
        where = thresholds[np.arange(count), at] if changes.shape[1] else never
        limit = self.thresholds_of(np.where(changes.any(axis=1), where, never))
        limit, self.acc_shape = self._limited(limit, lo, hi)
        self.flips = padded(self._shape, table[:, 0])
        self.starts = padded(self._shape, -limit)

    def _limited(self, limit, lo, hi):
        """Return the thresholds that accumulators begin below, and their shape."""
        return limit, IntShape.holding((lo - limit).min(), (hi - limit).max())

    def thresholds_of(self, thresholds: np.ndarray) -> np.ndarray:
        """Return thresholds of the model's accumulator, ``scale*acc + base >= t``, as thresholds of the hardware's."""
        base = self.base if thresholds.ndim == 1 else self.base[:, None]
        return -((base - thresholds) // self.scale)
