"""The loader of weights: it lets the accelerator run empty, takes words to its memories, and checks them."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.buffers import LOAD_BITS
from fewbit.hw.memory.load_layout import LoadLayout
from fewbit.hw.memory.loadable import load_bus
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

__all__ = ["WeightLoader", "word_stream"]


def word_stream() -> stream.Signature:
    """Return the signature of a stream of words; the one with ``last`` is the checksum of those before it."""
    return stream.Signature(StructLayout({"data": LOAD_BITS, "last": 1}))


class WeightLoader(wiring.Component):
    """A loader of ``count`` words and their checksum, CRC-32 (IEEE 802.3) of their bytes, the lowest byte first.

    A ``begin``, or a word that is offered, closes the accelerator: no frame enters any more. When those inside have
    left, words are taken, one every other cycle. If they were ``count`` and the checksum is theirs, frames go on; so
    they do behind a checksum of no words at all, which is 0, if no words have come since the last good ones. Else the
    accelerator stays closed, ``failed``, until all words have come again. A reset in the middle of words ends
    so too.

    Parameters
    ----------
    count : int
        Words of all memories.
    stops : int
        Stages that words go through: their registers must have emptied before frames go on.

    Members
    -------
    words : ``In(word_stream())``
    begin : ``In(1)``
        Start anew; words that came before are forgotten, and must come again.
    bus : ``Out(load_bus())``
    hold : ``Out(1)``
        No frame may enter.
    drained : ``In(1)``
        No frame is inside, or can enter.
    waiting : ``Out(1)``
        Words are taken, and written.
    failed : ``Out(1)``
        The last words were too few or too many, or had another checksum.
    taken, checksum : ``Out(32)``
        Words since the start, and their checksum.
    loaded : ``Out(32)``
        Checksum of the words that the memories hold; 0 before any.

    Raises
    ------
    ValueError
        If ``count`` or ``stops`` is less than 1.
    """

    def __init__(self, *, count: int, stops: int):
        if count < 1 or stops < 1:
            raise ValueError(f"Count and stops must be at least 1, not {count!r} and {stops!r}")
        self._count, self._stops = count, stops
        super().__init__({
            "words": In(word_stream()), "begin": In(1), "bus": Out(load_bus()), "hold": Out(1), "drained": In(1),
            "waiting": Out(1), "failed": Out(1), "taken": Out(32), "checksum": Out(32), "loaded": Out(32),
        })  # fmt: skip

    @classmethod
    def of(cls, plan: AcceleratorPlan) -> "WeightLoader":
        """Return the loader of an accelerator's memories."""
        return cls(count=LoadLayout(plan.memories).count, stops=len(plan.loadable))

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = CRC32_ISO_HDLC(data_width=LOAD_BITS).create()
        word, took, begins = self.words.p, Signal(), Signal()
        wanted, rest = Signal(32), Signal(range(self._stops + 4))
        # Memories keep what they hold through a reset, and so does what is known of them: whether it is an image that
        # has not come in whole, and the checksum of the last that has.
        mixed, loaded = Signal(reset_less=True), Signal(32, reset_less=True)
        held, rests = Signal(), Signal()
        m.d.comb += [
            self.hold.eq(held | mixed), self.loaded.eq(loaded),
            # Behind the register of the words, so that little stands in front of the checksum.
            crc.data.eq(self.bus.data), crc.valid.eq(self.bus.valid), crc.start.eq(self.bus.start),
            self.checksum.eq(crc.crc),
            took.eq(self.words.valid & self.words.ready & ~word.last),
        ]  # fmt: skip
        m.d.sync += [
            self.bus.start.eq(begins), self.bus.valid.eq(took), self.bus.data.eq(word.data), rests.eq(took | begins),
        ]  # fmt: skip
        with m.If(took):
            m.d.sync += mixed.eq(1)
            with m.If(~self.taken.all()):
                m.d.sync += self.taken.eq(self.taken + 1)
        with m.If(begins):
            m.d.sync += self.taken.eq(0)
        with m.FSM():
            with m.State("OPEN"):
                with m.If(mixed):
                    m.d.sync += [held.eq(1), self.failed.eq(1)]
                    m.next = "FAILED"
                with m.Elif(self.begin | self.words.valid):
                    m.d.sync += held.eq(1)
                    m.next = "DRAIN"
            with m.State("DRAIN"):
                with m.If(self.drained):
                    m.next = "START"
            with m.State("START"):
                m.d.comb += begins.eq(1)
                m.d.sync += self.failed.eq(0)
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.comb += [self.waiting.eq(1), self.words.ready.eq(~rests)]
                m.d.sync += wanted.eq(word.data)
                with m.If(self.begin):
                    m.next = "START"
                with m.Elif(self.words.valid & self.words.ready & word.last):
                    m.next = "CHECK"
            with m.State("CHECK"):
                m.d.sync += rest.eq(self._stops + 3)
                good, none = Signal(), Signal()
                m.d.comb += [none.eq((self.taken == 0) & ~mixed), good.eq(self.checksum == wanted)]
                with m.If(good & (none | (self.taken == self._count))):
                    with m.If(~none):
                        m.d.sync += [loaded.eq(wanted), mixed.eq(0)]
                    m.next = "SETTLE"
                with m.Else():
                    m.d.sync += self.failed.eq(1)
                    m.next = "FAILED"
            with m.State("SETTLE"):
                m.d.sync += rest.eq(rest - 1)
                with m.If(rest == 0):
                    m.d.sync += held.eq(0)
                    m.next = "OPEN"
            with m.State("FAILED"):
                with m.If(self.begin | self.words.valid):
                    m.next = "DRAIN"
        return m
