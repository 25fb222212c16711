"""Tiles of vectors: each is given once for every row of neurons, and what a layer makes of them comes back in order."""

from collections.abc import Iterator, Mapping

import numpy as np
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.memory import Memory

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.reorder import Reorder as ReorderNode
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.streams import StreamUnit, at_least, counter, keep_flag

from .reorder_plan import ReorderPlan

__all__ = ["TileRepeat", "TileRepeatPlan", "tile_order"]


class TileRepeatPlan:
    """The numbers of a `TileRepeat`.

    Parameters
    ----------
    name : str
    bits, lanes : int
        Bits of a code; codes of a beat.
    beats, rows : int
        Beats of a tile; times that it is given.
    attrs : dict of str
        Attributes of the memory.

    Attributes
    ----------
    depth : int
        Beats of the memory, which holds two tiles.

    Raises
    ------
    ValueError
        If a number is below 1.
    """

    def __init__(
        self, *, name: str, bits: int, lanes: int, beats: int, rows: int, attrs: Mapping[str, str] | None = None
    ):
        self.attrs = dict(attrs or {})
        for what, value in ("Bits", bits), ("Lanes", lanes), ("Beats", beats), ("Rows", rows):
            if value < 1:
                raise ValueError(f"{what} must be at least 1, not {value!r}")
        self.name, self.bits, self.lanes, self.beats, self.rows = name, bits, lanes, beats, rows
        self.depth = 2 * beats

    def mapped(self) -> Iterator[Buffer]:
        """Yield its memory as synthesis finds it."""
        yield Buffer(self.bits * self.lanes, self.depth, self.attrs.get("ram_style"))


class TileRepeat(StreamUnit):
    """A unit that gives every tile of ``beats`` beats ``rows`` times, while it takes the next one.

    Latency of three cycles from a beat to its first way out; one beat a cycle either way.

    Parameters
    ----------
    plan : TileRepeatPlan

    Members
    -------
    i, o : ``code_stream(plan.bits, plan.lanes)``
    """

    def __init__(self, plan: TileRepeatPlan):
        super().__init__(plan, i=(plan.bits, plan.lanes))

    def elaborate(self, platform):
        m = Module()
        p = self.plan
        accept, issue, moves, release = Signal(), Signal(), Signal(), Signal()
        place, _ = counter(m, "place", p.depth, accept)
        beat, beat_last = counter(m, "beat", p.beats, issue)
        _, row_last = counter(m, "row", p.rows, issue & beat_last)
        half, first_row = Signal(), Signal(init=1)
        with m.If(issue & beat_last):
            m.d.sync += first_row.eq(row_last)
            with m.If(row_last):
                m.d.sync += half.eq(~half)
        full, held = Signal(), Signal()
        ahead = at_least(m, "ahead", 1, most=p.depth, init=0, change=accept - (issue & first_row))
        m.d.comb += [
            accept.eq(self.i.valid & self.i.ready), release.eq(issue & row_last),
            self.i.ready.eq(at_least(m, "free", 1, most=p.depth, init=p.depth, change=release - accept)),
            moves.eq(held & (self.o.ready | ~full)), issue.eq((~first_row | ahead) & (moves | ~held)),
            self.o.valid.eq(full),
        ]  # fmt: skip
        keep_flag(m, held, comes=issue, goes=moves)
        keep_flag(m, full, comes=moves, goes=self.o.ready)

        m.submodules.memory = memory = Memory(shape=p.bits * p.lanes, depth=p.depth, init=[], attrs=p.attrs)
        write, read = memory.write_port(), memory.read_port()
        out = Signal(p.bits * p.lanes, reset_less=True)
        m.d.comb += [
            write.addr.eq(place), write.data.eq(self.i.p), write.en.eq(accept),
            read.addr.eq(beat + Mux(half, p.beats, 0)), read.en.eq(issue),
            Value.cast(self.o.p).eq(out),
        ]  # fmt: skip
        with m.If(moves):
            m.d.sync += out.eq(read.data)
        return m


def tile_order(plan: ExternalPlan, edges: Mapping[str, Edge]) -> ReorderPlan:
    """Return the plan of a `hw.stages.reorder.Reorder` that puts a layer's results into the order of pixels.

    They come row by row, each row for all vectors of a tile, with what pads the last row.
    """
    vector, beat = np.arange(plan.tile)[:, None], np.arange(plan.shape.beats_out)
    row, at = beat // plan.row_beats, beat % plan.row_beats
    blocks = (row * plan.tile + vector) * plan.row_beats + at  # (vectors, beats of each)
    order = (blocks.reshape(-1, 1) * plan.lanes + np.arange(plan.lanes)).reshape(-1)
    length = plan.tile * plan.rows * plan.row_beats * plan.lanes
    node = ReorderNode(f"order_{plan.name}", plan.y, plan.y, order)
    found = ReorderPlan(node, edges, order=order, length=length, block=plan.lanes)
    found.attrs = {} if plan.tiles.behind is None else plan.tiles.behind.attrs
    return found
