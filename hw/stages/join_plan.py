"""The numbers of a join of two branches, a function of a code of each, and its place in a pipeline."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.registry import ByClass
from fewbit.hw.cost import Cost, counter_luts
from fewbit.hw.memory.buffers import fifo_luts
from fewbit.hw.memory.mapped import Fifo, MappedMemory, loadable_of, table_of
from fewbit.hw.memory.placement import LARGE, Contents, tables_of
from fewbit.hw.packing import beats, channels_at_once, check_lanes, pack
from fewbit.hw.plan import Plan
from fewbit.hw.targets.named import DEFAULT

__all__ = [
    "JoinPlan",
    "cost_of_join",
    "cost_of_numbers",
    "function_of_join",
    "is_one_number",
    "make_join",
    "plan_of_join",
    "words_of_beats",
]

_CONTROL = 20  # LUTs around the memory of the FIFO


_FEW_BEATS = 4


# A `hw.plan.Plan` with a constructor ``(plan)``, of a `JoinPlan`, and the attributes ``latency`` and ``dsps``. One of
# integers has its `Cost` as ``cost``, and ``counts`` says whether it counts beats; ``numbers()`` are the numbers, one a
# channel, that it has a memory of where they differ. Loadable memories are its ``memories``. What it makes has a method
# ``results(m, a, b, accept)``: it yields, lane by lane, the codes of what a node makes of the beats ``a`` and ``b``,
# ``latency`` cycles after those are taken, which ``accept`` says; or, with loadable memories, ``loaded``.
function_of_join = ByClass("function of a join")


class JoinPlan(Plan):
    """The numbers of a `Join`: a golden join of two streams of ``lanes`` codes a beat.

    Parameters
    ----------
    node : golden.network.joins
        A node for which a `function_of_join` is registered.
    edges : dict of golden edges
    lanes : int
        Channels at a time; it divides all of them.

    Attributes
    ----------
    beats_out : int
        Beats of a pixel.
    latency, depth : int
        Cycles from a pair of beats to its write into the output FIFO; entries of that.
    dsps : int
        DSPs that its multipliers take, at most.
    memories : dict of str to hw.memory.placement.Contents
        Its loadable memories, by name.
    function : object
        The `function_of_join`.

    Raises
    ------
    ValueError
        If lanes do not divide the channels.
    """

    def __init__(self, node: Any, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.node, self.lanes = node.name, node, lanes
        self.edges = [edges[x] for x in node.inputs]
        self.formats = [edge.format for edge in self.edges]
        self.format, self.channels = edges[node.y].format, edges[node.y].channels
        self.pixels = edges[node.y].pixels
        check_lanes(self.name, self.channels, lanes)
        self.beats_out = beats(self.channels, lanes)
        self.function = function_of_join.of(node)(self)
        self.latency, self.dsps = self.function.latency, self.function.dsps
        self.memories: dict[str, Contents] = getattr(self.function, "memories", {})
        self.depth = self.latency + 3

    def mapped(self) -> Iterator[MappedMemory]:
        """Yield its memories as synthesis finds them: of its FIFO, of numbers that differ between channels, and those
        that are loadable."""
        yield Fifo(self.lanes * self.format.bits, self.depth)
        for contents in self.memories.values():
            yield from loadable_of(contents)
        for numbers in self.function.numbers():
            if not is_one_number(numbers):
                yield table_of(*words_of_beats(numbers, self.lanes), DEFAULT)

    @property
    def cost(self) -> Cost:
        """What it takes: its function, the FIFO, and what enters by credit."""
        counter = counter_luts(self.beats_out) if self.function.counts else 0
        return self.function.cost + Cost(_CONTROL + fifo_luts(self.lanes * self.format.bits) + counter)


def words_of_beats(numbers: np.ndarray, lanes: int) -> tuple[int, list[int]]:
    """Return the bits of a word, and the words, of a memory of ``lanes`` numbers a beat, two's complement."""
    bits = max(int(abs(n)).bit_length() for n in numbers) + 1
    return bits * lanes, [pack(numbers[b : b + lanes], bits) for b in range(0, len(numbers), lanes)]


def is_one_number(numbers: np.ndarray) -> bool:
    """Return whether all channels have the same number, which is then a constant of the hardware."""
    return bool((numbers == numbers[0]).all())


def cost_of_numbers(numbers: np.ndarray, lanes: int, beats: int) -> Cost:
    """Return what `numbers_of_beat` takes of numbers that are one a channel: a LUT for each bit of a word.

    Of few beats, the LUTs that read the numbers make them too.
    """
    if is_one_number(numbers) or beats <= _FEW_BEATS:
        return Cost()
    columns = lanes * (int(np.abs(numbers).max()).bit_length() + bool((numbers < 0).any()))
    if columns * beats >= LARGE:
        return Cost(bram18=-(-columns // 36) * -(-beats // 512))
    return Cost(columns * tables_of(beats))


def make_join(assembly, node):
    """Make a `Join` of the fewest channels at a time whose beats are not the bottleneck."""
    plan = plan_of_join(node, assembly.edges, assembly.bound)
    flows = assembly.gathered(node, [plan.lanes] * 2)
    assembly.make(node.y, plan, *flows, lanes=plan.lanes, unit=plan.channels)


def plan_of_join(node: Any, edges: Mapping[str, Edge], bound: int) -> JoinPlan:
    """Return the plan of the fewest channels at a time whose beats are at most ``bound`` a frame."""
    y = edges[node.y]
    return JoinPlan(node, edges, lanes=channels_at_once(y.channels, lambda n: y.length // n, bound))


def cost_of_join(node: Any, edges: Mapping[str, Edge], cycles: int) -> Cost:
    """Return the cost of a join, as `hw.stages.registry.cost_of` registers it."""
    return plan_of_join(node, edges, cycles).cost
