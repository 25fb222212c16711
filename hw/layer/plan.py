"""Every number of a folded layer: derived once, for the hardware, the cycle model and the reports."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.hw.folding import LayerFolding
from fewbit.hw.memory.buffers import writable_placement
from fewbit.hw.memory.mapped import Buffer, Fifo, MappedMemory, RomTable, loadable_of, table_of
from fewbit.hw.memory.placement import Contents, Placement, placement_of
from fewbit.hw.plan import Plan
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .layout import MEMORY_LATENCY, start_contents, weight_columns, weight_contents
from .loadable import LoadableNumbers
from .number_kinds import numbers_of
from .shape import LayerShape

__all__ = ["LayerPlan"]

# Columns of weight memories that are known, by layer and what they depend on: millions of weights take seconds.
_COLUMNS: WeakKeyDictionary[Dense | FloatDense, dict[tuple, int]] = WeakKeyDictionary()


class LayerPlan(Plan):
    """A `Dense` or `FloatDense` node in a folding, and the activation behind it.

    Parameters
    ----------
    dense, act : golden nodes; ``act`` is a Threshold, Rescale, Score or None
    edges : dict of golden edges
    folding : hw.folding.LayerFolding
    order : int array or None
        Order in which the inputs come, as columns of the weights, if not from the first to the last.
    target : hw.targets.target.Target

    Attributes
    ----------
    shape : hw.layer.shape.LayerShape
        The plan has its numbers under the same names.
    numbers : hw.layer.number_kinds.IntegerNumbers or FloatNumbers
        What its kind of number decides.
    weights, starts : hw.memory.placement.Contents
        Contents of the memory of weights, and of the memory of what accumulators start a row with.
    loadable : bool
        Whether software may replace what the layer was trained to.
    memories : dict of str to hw.memory.placement.Contents
        Memories that are loadable, by name, in the order in which they are loaded.
    array, combine, activation : plans
        The array, what adds up its planes (``None`` where there are none), and what makes codes of its sums.
    latency : int
        Cycles from the issue of a row's last step to the write of its first codes into the output FIFO.
    dsps : int
        DSPs of the array and of what is behind it.
    memory : str or None
        Where the weights are, ``"luts"`` or ``"block"``; None is where they cost least.
    ram : str or None
        ``"ultra"`` if the memory that replays vectors is UltraRAM; None leaves it to synthesis.
    depth : int
        Entries of the output FIFO: a row reserves its room before it begins, and none waits if the reader does not.

    Raises
    ------
    ValueError
        If the folding does not fit the layer, or its weights come from where no hardware takes them; the layer's name
        is in the message.
    """

    tile = 1  # vectors that a row of neurons is computed for before the next one
    # Those of `hw.folding.WEIGHTS` that there is hardware for, and what decides their numbers.
    WEIGHTS: ClassVar[dict[str, Callable[[Any], Any]]] = {"fixed": numbers_of, "loadable": LoadableNumbers}

    def __init__(
        self,
        dense: Dense | FloatDense,
        act: Threshold | Rescale | Score | None,
        edges: Mapping[str, Edge],
        folding: LayerFolding,
        *,
        order: np.ndarray | None = None,
        target: Target = DEFAULT,
    ):
        if folding.weights not in self.WEIGHTS:
            raise ValueError(
                f"{dense.name}: weights {folding.weights!r} are not supported, only {', '.join(self.WEIGHTS)}"
            )
        self.dense, self.act, self.order, self.target = dense, act, order, target
        self.products, self.dsp, self.sums = folding.products, folding.products == "dsp", folding.products == "sums"
        self.loadable = folding.weights == "loadable"
        self.name, self.x, self.memory = dense.name, dense.x, _memory_of(dense.name, folding)
        self.ram: str | None = None
        self.y = act.y if act is not None else dense.y
        self.x_format, self.format = edges[dense.x].format, edges[self.y].format
        self.acc_edge = edges[dense.y]
        self.shape = LayerShape.of(dense, edges[dense.x], folding)
        self._take_shape(self.shape)
        self.numbers = found = self.WEIGHTS[folding.weights](self)
        self.whole = found.whole
        self.array, self.combine, self.activation = found.array, found.combine, found.activation
        units = [unit for unit in (self.array, self.combine, self.activation) if unit is not None]
        self.dsps = sum(unit.dsps for unit in units)
        self.latency = MEMORY_LATENCY + sum(unit.latency for unit in units)
        in_flight = -(-(self.steps + self.latency + self.row_beats + 3) // self.steps) + 1
        self.depth = self.row_beats * in_flight

    def _take_shape(self, shape: LayerShape) -> None:
        self.pixels, self.inputs, self.pe, self.simd = shape.pixels, shape.inputs, shape.pe, shape.simd
        self.parallel, self.vectors, self.neurons = shape.parallel, shape.vectors, shape.neurons
        self.steps, self.rows, self.cycles = shape.steps, shape.rows, shape.cycles
        self.lanes_in, self.lanes, self.row_beats = shape.lanes_in, shape.lanes, shape.row_beats
        self.beats_out, self.last_row_beats = shape.beats_out, shape.last_row_beats

    def mapped(self) -> Iterator[MappedMemory]:
        """Yield every memory as synthesis finds it: that which replays vectors, weights and starts, those behind the
        array, and the FIFO."""
        numbers = self.numbers
        yield from self._mapped_front()
        if not numbers.constant:
            yield from self._mapped_weights()
            if "init" in self.memories:
                yield from loadable_of(self.starts)
            else:
                yield table_of(self.starts.width, self.starts.words, self.target)
        for unit in (self.combine, self.activation):
            if unit is not None:
                yield from unit.mapped()
        yield Fifo(self.out_bits * self.lanes, self.depth)

    def _mapped_front(self) -> Iterator[MappedMemory]:
        """Yield what replays vectors."""
        if self.rows > 1 or (self.whole and self.steps > 1):
            yield Buffer(self.numbers.lane_format.bits * self.lanes_in, 2 * self.steps, self.ram)

    def _mapped_weights(self) -> Iterator[MappedMemory]:
        """Yield what holds the weights of a layer that has memories of them."""
        if "weights" in self.memories:
            yield from loadable_of(self.weights)
        else:
            yield self.weight_table

    @property
    def weight_table(self) -> RomTable:
        """The table of weights that are fixed and not constants of the array."""
        return RomTable(self._weight_columns, self.shape.words, self._weight_placement, self.target.netlists)

    @cached_property
    def _weight_columns(self) -> int:
        """Columns of the weight memory that are neither constant nor equal to another."""
        found = self.numbers
        known = _COLUMNS.setdefault(self.dense, {})
        order = None if self.order is None else self.order.tobytes()
        key = self.pe, self.simd, self.products, order
        if key not in known:
            known[key] = weight_columns(self.shape, found.codes, found.weight_bits, found.pad_weight)
        return known[key]

    @property
    def _weight_placement(self) -> Placement:
        return placement_of(self._weight_columns, self.shape.words, self.memory)

    @property
    def out_bits(self) -> int:
        """Bits of a code that leaves."""
        return self.format.bits

    @cached_property
    def weights(self) -> Contents:
        found = self.numbers
        return weight_contents(self.shape, found.codes, found.weight_bits, found.pad_weight, self.memory)

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return self.numbers.memories(self.weights, self.starts) if self.loadable else {}

    @cached_property
    def starts(self) -> Contents:
        return start_contents(self.shape, self.numbers.starts, self.numbers.array_shape.width)

    @property
    def products_in(self) -> str:
        """How products are made, in words."""
        return self.numbers.in_words

    @property
    def weights_in(self) -> str:
        """Where the weights are and what they take there, in words."""
        if self.numbers.constant:
            return "constants"
        if "weights" in self.memories:
            found = writable_placement(self.weights.width, len(self.weights.words))
            return f"{_taken(found)}, loadable"
        return _taken(self._weight_placement)


def _taken(found: Placement) -> str:
    """Return what a memory takes, in words."""
    return {"luts": f"{found.luts} LUTs", "block": f"{found.bram18} BRAM18"}.get(found.where, "constants")


def _memory_of(name: str, folding: LayerFolding) -> str | None:
    """Return where constant weights are to be; refuse memories that cannot hold constants, and weights that are not
    constant."""
    memory = folding.memory
    if memory is not None and folding.weights != "fixed":
        raise ValueError(
            f"{name}: memory {memory!r} is for weights that are fixed; where those that are {folding.weights} live "
            "follows from their size"
        )
    if memory == "ultra":
        raise ValueError(
            f"{name}: UltraRAM has no initial contents on UltraScale+ (UG901), so it cannot hold weights that are "
            'fixed: say "block" or "luts"; queues, windows and replayed vectors can be in it ("ultra" of a folding)'
        )
    if memory == "lutram":
        raise ValueError(
            f"{name}: weights that are fixed take fewer LUTs as tables, 64 bits each, than as distributed RAM: say "
            '"luts"'
        )
    return memory
