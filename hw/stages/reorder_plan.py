"""The numbers of a unit that puts values into another order: what moves together, and which counters follow that."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import gcd
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.reorder import Reorder
from fewbit.hw.cost import Cost
from fewbit.hw.memory.buffers import buffer_cost, choice_luts, select_luts
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.packing import beats
from fewbit.hw.plan import Plan

from .register_plan import RegisterPlan
from .registry import cost_of, stage_of

__all__ = ["Loop", "ReorderPlan", "WiredPlan", "block_of", "cost_of_reorder", "frames_of", "loops_of", "plan_of"]

_COUNTER, _UNEVEN = 7.2, 10.2  # LUTs of all counters for a bit of an address; where words are no power of two
_FILLED, _FULL = 8, 3  # LUTs that say where nothing is read; that say whether a beat is held
_MOST_READERS = 32  # of copies of the memory; for more, a frame is wired from one beat to another


@dataclass(frozen=True, eq=False)
class Loop:
    """A counter, and what it adds to the place that each reader reads.

    Attributes
    ----------
    offsets : int64 array (count, readers)
    outside : bool array (count, readers)
        Where nothing is read, whatever the other loops say.
    """

    offsets: np.ndarray
    outside: np.ndarray

    @property
    def count(self) -> int:
        return len(self.offsets)

    def step(self, reader: int) -> int | None:
        """Return by what a reader's offset grows every time; None if it grows unevenly, or something is outside."""
        steps = np.unique(np.diff(self.offsets[:, reader]))
        return None if self.outside[:, reader].any() or len(steps) != 1 else int(steps[0])


def _divisors(n: int) -> list[int]:
    return [d for d in range(1, n + 1) if n % d == 0]


def frames_of(order: np.ndarray, length: int) -> int:
    """Return into how many equal parts a frame of ``length`` values falls, each of which is put into the same order."""
    for count in reversed(_divisors(gcd(order.size, length))):
        rows, part = order.reshape(count, -1), length // count
        within = np.where(rows < 0, -1, rows - np.arange(count)[:, None] * part)
        if (within == within[0]).all() and within[0].max() < part and within[0].min() >= -1:
            return count
    return 1


def block_of(order: np.ndarray, length: int) -> int:
    """Return how many values move together: blocks of so many, aligned in both orders."""
    for size in reversed(_divisors(gcd(order.size, length))):
        blocks = order.reshape(-1, size)
        first = blocks[:, :1]
        moved = (first % size == 0) & (blocks == first + np.arange(size))
        if (moved | (blocks < 0)).all(axis=1).all() and ((blocks < 0).all(axis=1) | moved.all(axis=1)).all():
            return size
    return 1


def loops_of(places: np.ndarray) -> tuple[np.ndarray, list[Loop]]:
    """Return first places (readers,) and loops, innermost first, whose offsets add up to ``places``.

    ``places`` is int64 (beats, readers), -1 for what is outside.
    """
    loops: list[Loop] = []
    rest = places
    while len(rest) > 1:
        loop, rest = next(found for count in _divisors(len(rest))[1:] if (found := _split(rest, count)) is not None)
        merged = _merged(loops[-1], loop) if loops else None
        if merged is None:
            loops.append(loop)
        else:
            loops[-1] = merged
    return rest[0], loops


def _split(places: np.ndarray, count: int) -> tuple[Loop, np.ndarray] | None:
    """Return the innermost loop of ``count`` steps and the places where it begins; None if they do not add up."""
    rows = places.reshape(-1, count, places.shape[1])
    there = rows >= 0
    starts, steps = (np.asarray(there.any(axis=axis)) for axis in (1, 0))  # (rows, readers), (count, readers)
    if (there != starts[:, None] & steps[None]).any():
        return None
    first = there.reshape(-1, places.shape[1]).argmax(axis=0)  # a place that is read
    row, step = np.divmod(first, count)
    readers = np.arange(places.shape[1])
    offsets = rows[row, :, readers].T - rows[row, step, readers]
    outer = rows[:, step, readers]
    if ((outer[:, None] + offsets[None] != rows) & there).any():
        return None
    offsets = np.where(steps, offsets, 0)
    base = np.where(starts, outer, -1)
    return Loop(offsets, ~steps), base


def _merged(inner: Loop, outer: Loop) -> Loop | None:
    """Return one loop for two where the outer one goes on as the inner one does."""
    for reader in range(inner.offsets.shape[1]):
        a, b = inner.step(reader), outer.step(reader)
        if a is None or b != a * inner.count:
            return None
    offsets = (outer.offsets[:, None] + inner.offsets[None]).reshape(-1, inner.offsets.shape[1])
    return Loop(offsets, np.zeros(offsets.shape, dtype=bool))


class _Codes(Plan):
    """What both forms know of the codes: formats, the code of what is outside, and how codes change their format."""

    lanes: int

    def __init__(self, node: Reorder, edges: Mapping[str, Edge]):
        self.name, self.x_format, self.format = node.name, edges[node.x].format, edges[node.y].format
        self.fill = int(self.format.encode(np.array([node.fill]))[0]) if (node.order < 0).any() else 0
        self.recode: list[int] | None = None
        if self.x_format != self.format:
            self.recode = self.format.encode(self.x_format.decode(np.arange(2**self.x_format.bits))).tolist()

    @property
    def _recoding(self) -> int:
        """LUTs that change the format of the codes of a beat."""
        return 0 if self.recode is None else self.lanes * self.format.bits


class WiredPlan(_Codes, RegisterPlan):
    """The numbers of a `Wired` unit: ``order`` of the ``lanes_in`` codes of every beat makes one of ``lanes``."""

    def __init__(self, node: Reorder, edges: Mapping[str, Edge], *, order: np.ndarray, length: int):
        super().__init__(node, edges)
        self.order, self.lanes_in, self.lanes = order, length, order.size

    @property
    def cost(self) -> Cost:
        """What it takes: who may move on, and codes in another format; the order itself is wires."""
        return Cost(_FULL + self._recoding)


class ReorderPlan(_Codes):
    """The numbers of a `Reorder` unit.

    Parameters
    ----------
    node : golden.network.reorder.Reorder
    edges : dict of golden edges
    order : int64 array
        The order of a part of the frame, as `frames_of` finds it.
    length : int
        Values of such a part of x.
    block : int
        Values that are read together; the order moves blocks of them.
    readers : int
        Blocks that leave in a beat, each from a copy of the memory.
    spread : int
        Blocks that enter in a beat, a power of two.

    Attributes
    ----------
    lanes_in, lanes : int
        Codes of a beat in and out.
    words, beats_out : int
        Beats in and out of such a part.
    depth : int
        Words of the memory, which holds two parts.
    attrs : dict of str
        Attributes of the memory.
    base : int64 array (readers,)
        The blocks that are read first.
    loops : list of Loop
        Counters, the innermost first.

    Raises
    ------
    ValueError
        If blocks, readers or ``spread`` do not fit the order.
    """

    def __init__(
        self,
        node: Reorder,
        edges: Mapping[str, Edge],
        *,
        order: np.ndarray,
        length: int,
        block: int,
        readers: int = 1,
        spread: int = 1,
    ):
        super().__init__(node, edges)
        if order.size % (block * readers) or block_of(order, length) % block:
            raise ValueError(f"{self.name}: {readers} blocks of {block} values do not fit its order")
        if spread < 1 or spread & (spread - 1):
            raise ValueError(f"{self.name}: spread must be a power of two, not {spread}")
        self.block, self.readers, self.spread = block, readers, spread
        self.attrs: dict[str, str] = {}
        self.lanes_in, self.lanes = block * spread, block * readers
        self.words, self.beats_out = beats(length, self.lanes_in), order.size // self.lanes
        self.depth = 2 * self.words
        self.blocks = length // block
        places = order.reshape(-1, block)[:, 0]
        self.base, self.loops = loops_of(np.where(places < 0, -1, places // block).reshape(-1, readers))

    def mapped(self) -> Iterator[Buffer]:
        """Yield a memory for each reader."""
        for _ in range(self.readers):
            yield Buffer(self.x_format.bits * self.lanes_in, self.depth, self.attrs.get("ram_style"))

    @property
    def cost(self) -> Cost:
        """What it takes: a memory a reader, counters and a place of about as many bits as an address, sums for the
        places of further readers, and the choice of a block in a word."""
        width, address = self.x_format.bits * self.lanes_in, (self.depth - 1).bit_length()
        memory, places = buffer_cost(width, self.depth), (self.depth * self.spread - 1).bit_length()
        counters = (_COUNTER if self.words & (self.words - 1) == 0 else _UNEVEN) * address
        sums = (self.readers - 1) * max(1, len(self.loops) - 1) * places
        each = choice_luts(width, self.depth) + self.block * self.x_format.bits * select_luts(self.spread)
        filled = self.readers * self.block * self.format.bits + _FILLED if self.padded else 0
        found = Cost(counters + sums + self.readers * each + filled + self._recoding)
        return sum([memory] * self.readers, found)

    @property
    def padded(self) -> bool:
        """Whether something of what leaves is no value of what enters."""
        return any(bool(loop.outside.any()) for loop in self.loops)


def plan_of(node: Reorder, edges: Mapping[str, Edge], *, bound: int) -> ReorderPlan | WiredPlan:
    """Return the plan of the least hardware whose beats are at most ``bound`` a frame, if there is one.

    With blocks that are wide enough one memory does; else copies of it are read side by side.
    """
    total = edges[node.x].length
    order, length, _, _ = _part_of(node, total)
    form = _form_of(node, total, bound)
    if form is None:
        return WiredPlan(node, edges, order=order, length=length)
    return ReorderPlan(node, edges, order=order, length=length, **form._asdict())


@cost_of(Reorder)
def cost_of_reorder(node: Reorder, edges: Mapping[str, Edge], cycles: int) -> Cost:
    """Return the cost of `plan_of`, which is worked out once for each of the node's forms."""
    x, y = edges[node.x], edges[node.y]
    known = _COSTS.setdefault(node, {})
    key = x.format, y.format, _form_of(node, x.length, cycles)
    if key not in known:
        known[key] = plan_of(node, edges, bound=cycles).cost
    return known[key]


_COSTS: WeakKeyDictionary[Reorder, dict[tuple, Cost]] = WeakKeyDictionary()  # by formats and form


class _Form(NamedTuple):
    """Parameters of a `ReorderPlan` that are chosen."""

    block: int
    readers: int = 1
    spread: int = 1


@lru_cache(maxsize=64)
def _part_of(node: Reorder, total: int) -> tuple[np.ndarray, int, int, int]:
    """Return the order of a part of a frame of ``total`` values, the part's values, how many parts there are, and how
    many values move together."""
    count = frames_of(node.order, total)
    order, length = node.order.reshape(count, -1)[0], total // count
    return order, length, count, block_of(order, length)


def _form_of(node: Reorder, total: int, bound: int) -> _Form | None:
    """Return the form of the least hardware; None if that is wires."""
    order, length, count, block = _part_of(node, total)

    def most(n: int) -> int:
        return max(order.size, length) * count // n

    for size in _divisors(block):
        if most(size) <= bound:
            return _Form(size)
    choices: Sequence[int] = _divisors(order.size // block)
    readers = next((r for r in choices if order.size * count // (block * r) <= bound), choices[-1])
    spread = 1
    while spread * block < length and beats(length, spread * block) * count > bound:
        spread *= 2
    if readers > _MOST_READERS or (spread * block >= length and readers == choices[-1]):
        return None
    return _Form(block, readers, spread)


@stage_of(Reorder)
def _(assembly, node):
    """Make a unit of as few codes a beat as are not the bottleneck."""
    plan = plan_of(node, assembly.edges, bound=assembly.bound)
    y = assembly.edges[node.y]
    part = plan.blocks * plan.block if isinstance(plan, ReorderPlan) else plan.lanes_in
    flow = assembly.streams.regrouped(assembly.streams.take(node.x), plan.lanes_in, part)
    unit = y.channels if y.channels % plan.lanes == 0 else plan.lanes
    assembly.make(node.y, plan, flow, lanes=plan.lanes, unit=unit)
