"""The numbers of where streams part and meet: forks, queues, and two branches side by side."""

import math
from collections.abc import Iterator, Mapping

from fewbit.golden.network import joins
from fewbit.golden.network.graph import Edge
from fewbit.hw.memory.buffers import RAM_WORDS, queue_luts, ultra_style
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.plan import Plan

from .registry import stage_of

__all__ = ["ConcatPlan", "ForkPlan", "QueuePlan"]


class ForkPlan(Plan):
    """The numbers of a `Fork`: ``count`` copies of a stream of ``lanes`` codes of ``bits`` bits.

    Raises
    ------
    ValueError
        If there are fewer than two copies.
    """

    def __init__(self, *, bits: int, lanes: int, count: int):
        if count < 2:
            raise ValueError(f"Count must be at least 2, not {count!r}")
        self.bits, self.lanes, self.count = bits, lanes, count


class QueuePlan(Plan):
    """The numbers of a `Queue` of ``depth`` beats of ``lanes`` codes of ``bits`` bits.

    With ``ultra`` its memory is in UltraRAM where it takes less there; ``ram`` is its ``ram_style``, None where
    synthesis chooses.

    Raises
    ------
    ValueError
        If the depth is below 2.
    """

    def __init__(self, *, bits: int, lanes: int, depth: int, ultra: bool = False):
        if depth < 2:
            raise ValueError(f"Depth must be at least 2, not {depth!r}")
        self.bits, self.lanes, self.depth, self.ultra = bits, lanes, depth, ultra
        self.ram: str | None = ultra_style(self.width, depth - 1) if ultra else None

    def of_depth(self, depth: int) -> "QueuePlan":
        """Return the plan of the same queue with another depth."""
        found = QueuePlan(bits=self.bits, lanes=self.lanes, depth=depth, ultra=self.ultra)
        if not self.ultra:
            found.ram = self.ram
        return found

    @property
    def width(self) -> int:
        """Bits of a beat."""
        return self.bits * self.lanes

    def mapped(self) -> Iterator[Buffer]:
        """Yield its memory as synthesis finds it; an entry is in a register."""
        yield Buffer(self.width, self.depth - 1, self.ram)

    def cheaper_than(self, depth: int) -> Iterator[int]:
        """Yield the depths below ``depth`` from which on the memory takes less, the greatest first."""
        cost = queue_luts(self.width, depth - 1)  # an entry is in a register
        for words in range((depth - 2) // RAM_WORDS * RAM_WORDS, 0, -RAM_WORDS):
            if (less := queue_luts(self.width, words)) < cost:
                yield words + 1
                cost = less


class ConcatPlan(Plan):
    """The numbers of a `Concat`, which joins the channels of several streams.

    Parameters
    ----------
    node : golden.network.joins.Concat
    edges : dict of golden edges
    lanes : int or None
        Lanes of every beat, which are those of each input's beats in turn; they divide all channels. ``None``: a pixel
        is one beat, and so is each input's.

    Attributes
    ----------
    lanes_in : list of int
        Lanes of each input's beats.
    turns : list of int
        Beats that each input gives of a pixel; one of each at a time where a pixel is one beat.

    Raises
    ------
    ValueError
        If lanes do not divide the channels of every input.
    """

    def __init__(self, node: joins.Concat, edges: Mapping[str, Edge], *, lanes: int | None = None):
        self.name, self.format = node.name, node.format
        self.formats = [edges[x].format for x in node.inputs]
        channels = [edges[x].channels for x in node.inputs]
        if lanes is not None and any(c % lanes for c in channels):
            raise ValueError(f"{self.name}: lanes must divide {channels}, not {lanes}")
        self.whole = lanes is None
        self.lanes = sum(channels) if lanes is None else lanes
        self.lanes_in = channels if lanes is None else [lanes] * len(channels)
        self.turns = [1] if lanes is None else [c // lanes for c in channels]
        self.channels, self.pixels = sum(channels), edges[node.y].pixels


@stage_of(joins.Concat)
def _(assembly, node):
    """Make a `Concat` of the fewest channels at a time that divide those of every input and keep to the bound, or of
    whole pixels if none do.
    """
    y = assembly.edges[node.y]
    common = math.gcd(*(assembly.edges[x].channels for x in node.inputs))
    lanes = [n for n in range(1, common + 1) if common % n == 0 and y.length // n <= assembly.bound]
    plan = ConcatPlan(node, assembly.edges, lanes=lanes[0] if lanes else None)
    flows = assembly.gathered(node, plan.lanes_in)
    assembly.make(node.y, plan, *flows, lanes=plan.lanes, unit=y.channels)
