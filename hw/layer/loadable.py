"""The numbers of a layer whose trained numbers are loadable: structure that holds for any of them.

The layer's nodes are those of `golden.network.loadable`. Nothing that the hardware is made of reads their weights,
thresholds, multipliers or addends; only the contents of memories do.
"""

from typing import Any

import numpy as np

from fewbit.golden.network.loadable import LoadableDense, LoadableRescale, LoadableScore, LoadableThreshold
from fewbit.golden.numbers.format import Format
from fewbit.hw.activation.loadable_plans import (
    LoadableAffinePlan,
    LoadableSearchPlan,
    LoadableSignPlan,
    LoadableWholePlan,
)
from fewbit.hw.activation.plans import ActivationPlan
from fewbit.hw.memory.placement import Contents
from fewbit.hw.shapes import IntShape

from .accumulators import Accumulators
from .arithmetic import Arithmetic, Plain
from .layout import padded, padded_rows
from .number_kinds import IntegerNumbers, NumberedLayer
from .shape import LayerShape

__all__ = ["LoadableAccumulators", "LoadableNumbers", "loadable_line"]

_PRODUCTS = (None, "plain", "dsp", "sums")  # the others are made for what weights there are


class LoadableAccumulators(Accumulators):
    """Accumulators wide enough for any weights of the layer's format, and any thresholds."""

    def _heaps(self, pads):
        found = self._arithmetic
        dense = found.dense
        if not isinstance(dense, LoadableDense):
            return super()._heaps(pads)
        values = dense.held.values
        ends = [found.terms.heap(end, values) for end in (found.x_format.lo, found.x_format.hi)]
        inputs = dense.weights.shape[1]
        lo, hi = (np.full(len(self.base), inputs * end + pads * found.pad_heap)
                  for end in (int(np.min(ends)), int(np.max(ends))))  # fmt: skip
        return lo, hi, np.zeros(len(self.base), dtype=np.int64)

    def _limited(self, limit, lo, hi):
        least, most = int(lo.min()), int(hi.max())
        return np.clip(limit, least, most + 1), IntShape.holding(least - most - 1, most - least)

    def _rests(self):
        return np.arange(self.scale)[:, None]


class LoadableNumbers(IntegerNumbers):
    """`hw.layer.number_kinds.IntegerNumbers` of any weights of a format.

    Raises
    ------
    ValueError
        If the layer or its activation has no loadable form, or products are to be made in a way that depends on the
        weights; the layer's name is in the message.
    """

    ACCUMULATORS = LoadableAccumulators

    def __init__(self, layer: NumberedLayer):
        if not layer.x_format.integral:
            raise ValueError(f"{layer.name}: weights of a float32 layer cannot be loadable")
        if layer.products not in _PRODUCTS:
            raise ValueError(f"{layer.name}: products {layer.products!r} are made for the weights that there are; "
                             "loadable weights take plain, dsp or sums")  # fmt: skip
        if layer.act is not None and not isinstance(layer.act, LoadableThreshold | LoadableRescale | LoadableScore):
            raise ValueError(f"{layer.name}: its activation {layer.act.name} is not loadable")
        super().__init__(layer)

    def memories(self, weights: Contents, starts: Contents) -> dict[str, Contents]:
        """Return the layer's loadable memories, of which ``weights`` and ``starts`` may be."""
        found = {}
        if isinstance(self._layer.dense, LoadableDense):
            found["weights"] = weights
        if self.sign or self._layer.act is None:
            found["init"] = starts
        return found | {f"activation.{name}": contents for name, contents in self.activation.memories.items()}

    def _is_constant(self) -> bool:
        return False

    def _chosen(self) -> Arithmetic:
        layer = self._layer
        return super()._chosen() if layer.dsp or layer.sums else Plain(layer.dense, layer.x_format)

    def _activation(self, sums: Accumulators, common: dict[str, Any]) -> ActivationPlan:
        layer, act = self._layer, self._layer.act
        shape, fmt = layer.shape, layer.format
        common = {"acc_shape": sums.acc_shape, **common}
        if self.sign:
            return LoadableSignPlan(flips=sums.flips, **common)
        common["bits"] = fmt.bits
        if act is None:
            return LoadableWholePlan(scale=sums.scale, rests=padded(shape, sums.base % sums.scale), **common)
        if isinstance(act, LoadableThreshold):
            return LoadableSearchPlan(width=int(sums.most + 1).bit_length(), **_search(shape, act, fmt, sums), **common)
        assert isinstance(act, LoadableRescale | LoadableScore)
        return LoadableAffinePlan(**_line(shape, act, fmt, sums), **common)


def _search(
    shape: LayerShape, act: LoadableThreshold, fmt: Format, sums: Accumulators
) -> dict[str, Any]:  # fmt: skip
    """Return the arguments of a `LoadableSearchPlan`: for each neuron ``2**n - 1`` rising thresholds, and what an index
    becomes."""
    count, never = len(sums.base), sums.most + 1
    thresholds = np.broadcast_to(act.thresholds, (count, act.thresholds.shape[1]))
    thresholds = np.clip(sums.thresholds_of(thresholds), 0, never)
    table = np.broadcast_to(fmt.encode(act.table()), (count, thresholds.shape[1] + 1))
    if act.most is not None:
        size = 2 ** max(1, int(act.most).bit_length())
        rows = np.pad(thresholds, ((0, 0), (0, size - 1 - thresholds.shape[1])), constant_values=never)
        codes = np.pad(table, ((0, 0), (0, size - table.shape[1])), mode="edge")
        return dict(thresholds=padded_rows(shape, rows).tolist(), codes=padded_rows(shape, codes).tolist())
    size = 2**fmt.bits
    xor = size // 2 if fmt.signed else 0
    index = table ^ xor  # rises, or falls, with the accumulator
    falls = index[:, 0] > index[:, -1]
    index = np.where(falls[:, None], size - 1 - index, index)
    ends = np.hstack([np.zeros((count, 1), dtype=np.int64), thresholds, np.full((count, 1), never)])
    first = np.stack([np.searchsorted(row, np.arange(1, size)) for row in index])  # the first code that is as much
    rows = np.take_along_axis(ends, first, axis=1)
    return dict(
        thresholds=padded_rows(shape, rows).tolist(), xor=xor, flips=padded(shape, falls.astype(np.int64))
    )  # fmt: skip


def _line(
    shape: LayerShape, act: LoadableRescale | LoadableScore, fmt: Format, sums: Accumulators
) -> dict[str, Any]:  # fmt: skip
    """Return the arguments of a `LoadableAffinePlan`."""
    found = loadable_line(act, fmt, scale=sums.scale, base=sums.base, most=sums.most)
    return found | {
        "multipliers": padded(shape, found["multipliers"], filler=1), "addends": padded(shape, found["addends"]),
    }  # fmt: skip


def loadable_line(
    act: LoadableRescale | LoadableScore, fmt: Format, *, scale: int, base: np.ndarray | int, most: int
) -> dict[str, Any]:
    """Return the arguments of a `LoadableAffinePlan` of an activation, its multipliers and addends by channel.

    Parameters
    ----------
    act : golden.network.loadable.LoadableRescale or LoadableScore
    fmt : golden format of the codes
    scale, base : int, and int or int array (channels,)
        The activation reads ``scale*x + base`` of what the hardware has as x.
    most : int
        The largest x, or -x.
    """
    addend = act.addend.astype(object) + act.multiplier.astype(object) * base
    width = act.factor_bits + scale.bit_length() - 1
    bound = (1 << width) * (most + 1)  # more than any product
    found: dict[str, Any] = {"multipliers": scale * act.multiplier, "factor_shape": IntShape(width + 1, signed=True)}
    if isinstance(act, LoadableScore):
        bound += 1 << fmt.bits
    else:
        lo, hi = (end - fmt.origin for end in act.ends)
        bound += 1 << fmt.bits + 1 + act.shift
        addend = np.clip(addend - (fmt.origin << act.shift), -bound, bound)  # beyond, every code is that at an end
        found |= {"shift": act.shift, "limits": (lo, hi)}
    return found | {"addends": addend, "addend_bits": bound.bit_length() + 1}
