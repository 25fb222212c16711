"""A layer whose weights come as a stream, from memory outside the device: its plan and its matrix-vector unit.

Weights that are read anew for every pixel would ask too much of that memory. So a layer takes its pixels in *tiles*:
a row of neurons is computed for all vectors of a tile before the next row's weights are needed. Codes come in that
order from a `hw.stages.tile.TileRepeat`, and results are put back into the order of pixels behind the layer.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.pointwise import Rescale, Score, Threshold
from fewbit.hw.cost import Cost
from fewbit.hw.folding import LayerFolding
from fewbit.hw.memory.buffers import PlacedBuffer, placed_buffer
from fewbit.hw.memory.external_plan import ChannelPlan, check_bus
from fewbit.hw.memory.mapped import MappedMemory
from fewbit.hw.packing import pack
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .number_kinds import numbers_of
from .plan import LayerPlan
from .shape import LayerShape

__all__ = ["ExternalPlan", "TileBuffers", "channel_of", "check_external", "checked_tile", "least_tile", "tiles_of"]


def tiles_of(shape: LayerShape) -> list[int]:
    """Return how many vectors a tile of a layer may have, rising: a frame is whole tiles."""
    return [n for n in range(1, shape.pixels + 1) if shape.pixels % n == 0]


def channel_of(shape: LayerShape, weight_bits: int, *, tile: int, bus: int) -> ChannelPlan:
    """Return how the weights of a layer come.

    Parameters
    ----------
    shape : hw.layer.shape.LayerShape
    weight_bits : int
        Bits of a weight.
    tile : int
        Vectors of a tile.
    bus : int
        Data bits of the port.
    """
    return ChannelPlan(
        name=shape.name,
        bus=bus,
        width=shape.pe * shape.simd * weight_bits,
        steps=shape.steps,
        rows=shape.rows,
        tile=tile,
    )


def least_tile(shape: LayerShape, weight_bits: int, bus: int) -> int:
    """Return the fewest vectors of a tile with which a layer that has the port for itself computes without a pause, or
    all of a frame's where none are enough."""
    tiles = tiles_of(shape)
    beats = channel_of(shape, weight_bits, tile=1, bus=bus).row_beats
    return next((tile for tile in tiles if beats <= tile * shape.steps), tiles[-1])


def checked_tile(shape: LayerShape, folding: LayerFolding, weight_bits: int, bus: int) -> int:
    """Return the vectors of a tile: those that the folding says, or `least_tile`.

    Raises
    ------
    ValueError
        If the folding's do not divide the layer's pixels.
    """
    if folding.tile is None:
        return least_tile(shape, weight_bits, bus)
    if folding.tile not in tiles_of(shape):
        raise ValueError(f"{shape.name}: tile must divide its {shape.pixels} pixels, not {folding.tile!r}")
    return folding.tile


def check_external(name: str, *, integral: bool, groups: int, together: int, words: int) -> None:
    """Check that a layer's weights can come from memory outside.

    Raises
    ------
    ValueError
        If they cannot; the line has the layer's name and the reason.
    """
    why = None
    if not integral:
        why = "are float32, whose sums need a row's weights in consecutive cycles"
    elif groups > 1:
        why = f"have {groups} groups, each of which has few and needs them for every pixel"
    elif together > 1:
        why = f"are needed for {together} pixels at a time; give it a PE of at most its neurons"
    elif words == 1:
        why = "are all used in every cycle; give it a smaller PE or SIMD"
    if why is not None:
        raise ValueError(f"{name}: its weights cannot be external: they {why}")


@dataclass(frozen=True)
class TileBuffers:
    """The buffers of a layer's tiles: two of codes in front of the array, and two of results behind it.

    Where a layer has one row of neurons there is none in front, and with tiles of one vector none behind.
    """

    front: PlacedBuffer | None
    behind: PlacedBuffer | None

    @classmethod
    def of(cls, shape: LayerShape, tile: int, bits: int, out_bits: int, *, ultra: bool) -> "TileBuffers":
        """Return the buffers for tiles of ``tile`` vectors, of codes of ``bits`` in front and ``out_bits`` behind."""
        front = placed_buffer(shape.lanes_in * bits, 2 * tile * shape.steps, ultra=ultra)
        behind = placed_buffer(shape.lanes * out_bits, 2 * tile * shape.rows * shape.row_beats, ultra=ultra)
        return cls(front if shape.rows > 1 else None, behind if tile > 1 else None)

    @property
    def cost(self) -> Cost:
        """What they take, without the counters of their places."""
        return sum((buffer.cost for buffer in (self.front, self.behind) if buffer is not None), Cost())


class ExternalPlan(LayerPlan):
    """A layer with external weights; parameters are those of `LayerPlan`, and

    Parameters
    ----------
    bus : int
        Data bits of the port to memory.
    ultra : bool
        Whether tiles may be in UltraRAM.

    Attributes
    ----------
    tile : int
        Vectors of a tile: those that the folding says, or `least_tile`.
    tiles : TileBuffers
        The buffers of tiles in front of the array and behind.
    channel : hw.memory.external_plan.ChannelPlan
        How its weights come.

    Raises
    ------
    ValueError
        If weights of this layer cannot be external, or the tile does not divide its pixels.
    """

    WEIGHTS: ClassVar[dict[str, Callable[[Any], Any]]] = {"external": numbers_of}

    def __init__(
        self,
        dense: Dense | FloatDense,
        act: Threshold | Rescale | Score | None,
        edges: Mapping[str, Edge],
        folding: LayerFolding,
        *,
        bus: int,
        ultra: bool = False,
        order: np.ndarray | None = None,
        target: Target = DEFAULT,
    ):
        x = edges[dense.x]
        shape = LayerShape.of(dense, x, folding)
        check_external(
            dense.name, integral=x.format.integral, groups=dense.groups, together=shape.together, words=shape.words
        )
        check_bus(bus)
        self.tile = checked_tile(shape, folding, dense.weight_format.bits, bus)
        super().__init__(dense, act, edges, folding, order=order, target=target)
        self.channel = channel_of(self.shape, self.numbers.weight_bits, tile=self.tile, bus=bus)
        self.tiles = TileBuffers.of(self.shape, self.tile, self.x_format.bits, self.out_bits, ultra=ultra)
        if self.tile > 1:  # padding stays until results are put into order
            self.last_row_beats, self.beats_out = self.row_beats, self.rows * self.row_beats

    @property
    def region(self) -> bytes:
        """Its weights as they lie in memory outside: row by row, each row in whole lines of the ring."""
        channel, words = self.channel, self.weights.words
        size, parts = channel.word_bits * channel.words // 8, []
        for row in range(channel.rows):
            own = words[row * channel.steps : (row + 1) * channel.steps]
            for at in range(0, channel.steps, channel.words):
                parts.append(pack(own[at : at + channel.words], channel.word_bits).to_bytes(size, "little"))
        return b"".join(parts)

    @property
    def beats_frame(self) -> int:
        """Beats of the port that its weights take for a frame."""
        return self.pixels // self.tile * self.channel.pass_beats

    def _mapped_front(self) -> Iterator[MappedMemory]:
        return iter(())  # a `hw.stages.tile.TileRepeat` in front of it replays tiles

    def _mapped_weights(self) -> Iterator[MappedMemory]:
        return iter(())  # rings are of the `hw.memory.external_plan.WeightPortPlan`

    @property
    def weights_in(self) -> str:
        return f"memory outside, {self.pixels // self.tile} x a frame"
