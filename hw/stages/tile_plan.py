"""The numbers of a unit that gives tiles once for every row of neurons, and the order of what comes of them."""

from collections.abc import Iterator, Mapping

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.reorder import Reorder as ReorderNode
from fewbit.hw.layer.external import ExternalPlan
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.plan import Plan

from .reorder_plan import ReorderPlan

__all__ = ["TileRepeatPlan", "tile_order"]


class TileRepeatPlan(Plan):
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
