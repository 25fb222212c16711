"""Weights that stream from memory outside the device: how they lie there, and what of them is held, in plain Python.

The image of a network is one *region* for each of its layers, in their order, each beginning at `ALIGNED` bytes. A
region has the words of a layer's weights row by row; a layer reads its region from end to end, in bursts, once for
every tile of its pixels, and begins anew. All layers share one port.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from fewbit.hw.cost import Cost
from fewbit.hw.plan import Plan

from .buffers import PlacedBuffer, placed_buffer, select_luts
from .mapped import Buffer

__all__ = ["ALIGNED", "BUS_BITS", "ChannelPlan", "DEFAULT_BUS", "OUTSTANDING", "WeightPortPlan", "check_bus"]

BUS_BITS = (64, 128, 256, 512)
"""Data bits that the AXI4 port may have."""
DEFAULT_BUS = 128
"""Data bits of the port where nobody says: those of a Zynq UltraScale+'s ports to its memory."""
ALIGNED = 4096
"""Bytes that no burst of AXI4 may cross a multiple of; regions begin at them."""
OUTSTANDING = 16
"""Bursts that are asked for and have not come, at most."""
_BURST = 1024  # bytes of a burst, unless a region ends before
_WAIT = 128  # cycles that a row may take to come, beside those of its beats
_LINES = 512  # of a block RAM in its widest shape: fewer lines take no less


def check_bus(bits: int, where: str = "bus") -> int:
    """Return ``bits``, checked to be a width that the port may have; errors begin with ``where``.

    Raises
    ------
    ValueError
        If it is another number.
    """
    if isinstance(bits, bool) or bits not in BUS_BITS:
        raise ValueError(f"{where}: must be {', '.join(map(str, BUS_BITS[:-1]))} or {BUS_BITS[-1]} bits, not {bits!r}")
    return bits


@dataclass(frozen=True, kw_only=True)
class ChannelPlan:
    """The weights of one layer on their way from the port to its array: a ring of *lines* that the port fills.

    A line is a beat of the port with one word or several in it, or a word of several beats. The layer reads a row's
    ``steps`` words once for every vector of a tile. A line may be overwritten once it was read for the tile's last
    vector, so the next rows come while this one is used.

    Attributes
    ----------
    name : str
        The layer.
    bus : int
        Bits of a beat.
    width : int
        Bits of a word, all weights of a step.
    steps, rows, tile : int
        Words of a row; rows; vectors of a tile.

    Raises
    ------
    ValueError
        If a number is less than 1, or `check_bus` refuses the bus.
    """

    name: str
    bus: int
    width: int
    steps: int
    rows: int
    tile: int

    def __post_init__(self):
        check_bus(self.bus, self.name)
        for what in "width", "steps", "rows", "tile":
            if getattr(self, what) < 1:
                raise ValueError(f"{self.name}: {what} must be at least 1, not {getattr(self, what)!r}")

    @cached_property
    def words(self) -> int:
        """Words of a line, a power of two; 1 where a word has several beats."""
        words = 1
        while 2 * words * self.width <= self.bus:
            words *= 2
        return words

    @property
    def beats(self) -> int:
        """Beats of a line; 1 where a beat has several words."""
        return -(-self.width // self.bus)

    @property
    def word_bits(self) -> int:
        """Bits that a word takes in memory: a line is ``words`` of them."""
        return self.beats * self.bus // self.words

    @property
    def row_lines(self) -> int:
        """Lines of a row, the last one padded."""
        return -(-self.steps // self.words)

    @property
    def row_beats(self) -> int:
        """Beats of a row."""
        return self.row_lines * self.beats

    @property
    def pass_beats(self) -> int:
        """Beats of all rows, which a tile takes."""
        return self.rows * self.row_beats

    @property
    def size(self) -> int:
        """Bytes of the region, without what aligns the next one."""
        return self.pass_beats * self.bus // 8

    @property
    def burst(self) -> int:
        """Beats of a burst; the last one of a region may have fewer."""
        return min(_BURST * 8 // self.bus, self.pass_beats)

    @property
    def bursts(self) -> int:
        """Bursts of a region."""
        return -(-self.pass_beats // self.burst)

    @property
    def last_burst(self) -> int:
        """Beats of the region's last burst."""
        return self.pass_beats - (self.bursts - 1) * self.burst

    @cached_property
    def held_rows(self) -> int:
        """Rows that the ring holds.

        They are two bursts at least; the row that is used, and those that are used while the next one is asked for and
        comes; and as many as a block RAM has room for anyway.
        """
        cycles = self.row_beats + self.burst + _WAIT
        fewest = max(1 + -(-cycles // (self.tile * self.steps)), -(-2 * self.burst // self.row_beats))
        least = placed_buffer(self.kept_bits, fewest * self.row_lines)
        return max(fewest, _LINES // self.row_lines) if least.style == "block" else fewest

    @property
    def kept_bits(self) -> int:
        """Bits of a line that are kept: of a word of several beats only those that are weights."""
        return self.width if self.words == 1 else self.bus

    @property
    def memory(self) -> PlacedBuffer:
        """Where the ring goes."""
        return placed_buffer(self.kept_bits, self.depth)

    @property
    def depth(self) -> int:
        """Lines of the ring."""
        return self.held_rows * self.row_lines

    @property
    def cost(self) -> Cost:
        """What the ring and its counters take."""
        chosen = self.width * select_luts(self.words)
        return self.memory.cost + Cost(60 + 6 * (self.depth - 1).bit_length() + chosen)


class WeightPortPlan(Plan):
    """The port that all layers with external weights share: who may ask for a burst is decided in turn.

    A layer asks for its next burst when its ring has room for all of it, so what comes is always taken. Of those that
    ask, the next one in the order of ``channels`` behind the one that had its turn last is served, so none waits for
    one whose ring is full.

    Parameters
    ----------
    channels : sequence of ChannelPlan
        One for each layer, all of the same bus.
    latency : int
        Cycles from a burst that the memory accepts to its first beat, of a memory that never stalls: what the cycle
        model and the memory of simulations have.

    Attributes
    ----------
    offsets : tuple of int
        Where each region begins, in bytes from the beginning of the image.
    size : int
        Bytes of the image.
    outstanding : int
        Bursts that are asked for and have not come, at most.

    Raises
    ------
    ValueError
        If there is no channel, their buses differ, or the latency is below 1.
    """

    name = "weights"

    def __init__(self, channels: Sequence[ChannelPlan], *, latency: int = 64):
        if not channels or len({channel.bus for channel in channels}) != 1:
            raise ValueError("Channels must be at least one, all of the same bus")
        if latency < 1:
            raise ValueError(f"Latency must be at least 1, not {latency!r}")
        self.channels, self.latency, self.bus = tuple(channels), latency, channels[0].bus
        starts, at = [], 0
        for channel in channels:
            starts.append(at)
            at += -(-channel.size // ALIGNED) * ALIGNED
        self.offsets, self.size, self.outstanding = tuple(starts), at, OUTSTANDING

    def of_latency(self, latency: int) -> "WeightPortPlan":
        """Return the same port with a memory of another latency."""
        return WeightPortPlan(self.channels, latency=latency)

    @property
    def cost(self) -> Cost:
        """What the arbiter takes: an address and a length of every channel, of which one is chosen."""
        return Cost(180 + 14 * len(self.channels) + self.bus // 4)

    def mapped(self) -> Iterator[Buffer]:
        """Yield the memories of all rings as synthesis finds them: one for each beat of a line.

        Of distributed RAM that has several words in a line, synthesis leaves out the bits between them.
        """
        for channel in self.channels:
            style = channel.memory.style
            kept = channel.words * channel.width if style == "distributed" else channel.kept_bits
            for k in range(channel.beats):
                yield Buffer(min(channel.bus, kept - k * channel.bus), channel.depth, style)

    # Numbers of the cycle model, a list over the channels each (`sim.cycles.machines.weights`).

    def of_channels(self, name: str) -> list[int]:
        """Return an attribute of every channel's plan."""
        return [getattr(channel, name) for channel in self.channels]

    @property
    def numbers(self) -> list[int]:
        """All numbers of all channels, nine of each, as the compiled cycle model reads them."""
        names = ("words", "beats", "steps", "rows", "tile", "depth", "burst", "bursts", "last_burst")
        return [getattr(channel, name) for channel in self.channels for name in names]
