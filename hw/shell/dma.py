"""Between DMA engines, which move words of memory, and an accelerator's beats."""

from collections.abc import Sequence
from functools import partial

from amaranth.hdl import Module, ResetSignal, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from fewbit.hw.gearbox import Gearbox
from fewbit.hw.packing import beats
from fewbit.hw.streams import counter
from fewbit.hw.wires import members_of

from .block_ports import clock_ports
from .ports import clocked, passed

__all__ = ["DmaBridge", "DmaBridgeShell", "WORD"]

WORD = 8  # bytes, as the memory ports of a Zynq have them
_PORTS = ("data", "last", "valid", "ready")  # of an AXI4-Stream


class DmaBridge(wiring.Component):
    """A bridge that makes beats of the words of a batch of frames, and words of the beats of results.

    In memory every frame and every result begins at a word; the bytes that fill its last one are ignored in frames and
    zero in results. A transfer is a batch of any number of frames: its TLAST comes back with the last word of the last
    frame's result. Frames get their own TLAST by counting. A transfer that ends within a frame is filled up with zeros.
    One word a cycle each way, or one beat if that is wider. Names are as Vivado infers interfaces from them.

    Every input has a DMA of its own, which moves a batch of as many frames; that of the first one ends the transfer.

    Parameters
    ----------
    inputs : sequence of (int, int)
        Beats of a frame and bytes of a beat, by input.
    beats_out, bytes_out : int
        Beats of a result, and bytes of each beat.
    frames : int
        Frames that may be inside the accelerator; more wait at the bridge.

    Raises
    ------
    ValueError
        If a number is below 1.

    Members
    -------
    s_dma_tdata, s_dma_tkeep, s_dma_tlast, s_dma_tvalid : ``In``, s_dma_tready : ``Out(1)``
        The words of the first input; those of the others at ``s_dma1``, …
    m_frames_tdata, m_frames_tlast, m_frames_tvalid : ``Out``, m_frames_tready : ``In(1)``
        The frames of the first input; those of the others at ``m_frames1``, …
    s_results_tdata, s_results_tvalid : ``In``, s_results_tready : ``Out(1)``
    m_dma_tdata, m_dma_tkeep, m_dma_tlast, m_dma_tvalid : ``Out``, m_dma_tready : ``In(1)``
    """

    def __init__(self, *, inputs: Sequence[tuple[int, int]], beats_out: int, bytes_out: int, frames: int):
        sizes = [(name, size) for given in inputs for name, size in zip(("Beats in", "Bytes in"), given, strict=True)]
        for name, value in (*sizes, ("Beats out", beats_out), ("Bytes out", bytes_out), ("Frames", frames)):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        self.inputs = tuple(inputs)
        self.bytes_out, self.result, self._frames = bytes_out, beats_out * bytes_out, frames
        members: dict[str, wiring.Member] = {}
        for k, (_, bytes_in) in enumerate(inputs):
            s, m = (f"{name}{k or ''}" for name in ("s_dma", "m_frames"))
            members |= {
                f"{s}_tdata": In(8 * WORD), f"{s}_tkeep": In(WORD), f"{s}_tlast": In(1), f"{s}_tvalid": In(1),
                f"{s}_tready": Out(1),
                f"{m}_tdata": Out(8 * bytes_in), f"{m}_tlast": Out(1), f"{m}_tvalid": Out(1), f"{m}_tready": In(1),
            }  # fmt: skip
        super().__init__(members | {
            "s_results_tdata": In(8 * bytes_out), "s_results_tvalid": In(1), "s_results_tready": Out(1),
            "m_dma_tdata": Out(8 * WORD), "m_dma_tkeep": Out(WORD), "m_dma_tlast": Out(1), "m_dma_tvalid": Out(1),
            "m_dma_tready": In(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        # Which frames are the last of their transfer; it holds a frame's last word back when it is full.
        m.submodules.ends = ends = SyncFIFOBuffered(width=1, depth=self._frames)
        for k, (beats_in, bytes_in) in enumerate(self.inputs):
            self._frames_in(m, k, beats_in, bytes_in, ends)
        self._results_out(m, ends)
        return m

    def _frames_in(self, m, number, beats_in, bytes_in, ends):
        """Make frames of the words of an input; the first one tells ``ends`` which frames end a transfer."""
        data, last, valid, ready = (getattr(self, f"s_dma{number or ''}_t{port}") for port in _PORTS)
        out_data, out_last, out_valid, out_ready = (getattr(self, f"m_frames{number or ''}_t{port}") for port in _PORTS)
        size = beats_in * bytes_in
        m.submodules[f"wide{number or ''}"] = wide = Gearbox(bits=8, a=WORD, b=bytes_in, length=size)
        filling, took = Signal(), Signal()
        _, at_last = counter(m, "word", beats(size, WORD), took)
        free = ~ResetSignal() & (~at_last | ends.w_rdy) if number == 0 else ~ResetSignal()
        m.d.comb += [
            Value.cast(wide.i.p).eq(data), wide.i.valid.eq((valid | filling) & free),
            ready.eq(wide.i.ready & free & ~filling), took.eq(wide.i.valid & wide.i.ready),
        ]  # fmt: skip
        if number == 0:
            m.d.comb += [ends.w_en.eq(took & at_last), ends.w_data.eq(last | filling)]
        with m.If(filling):
            m.d.comb += Value.cast(wide.i.p).eq(0)
        with m.If(took & at_last):
            m.d.sync += filling.eq(0)
        with m.Elif(took & last):
            m.d.sync += filling.eq(1)

        sent = Signal()
        _, last_beat = counter(m, "beat", beats_in, sent)
        m.d.comb += [
            out_data.eq(Value.cast(wide.o.p)), out_valid.eq(wide.o.valid),
            wide.o.ready.eq(out_ready), out_last.eq(last_beat),
            sent.eq(wide.o.valid & wide.o.ready),
        ]  # fmt: skip

    def _results_out(self, m, ends):
        m.submodules.narrow = narrow = Gearbox(bits=8, a=self.bytes_out, b=WORD, length=self.result)
        sent = Signal()
        _, at_last = counter(m, "result_word", beats(self.result, WORD), sent)
        # A short result may be complete before its frame has entered in full.
        known = ~at_last | ends.r_rdy
        m.d.comb += [
            Value.cast(narrow.i.p).eq(self.s_results_tdata), narrow.i.valid.eq(self.s_results_tvalid),
            self.s_results_tready.eq(narrow.i.ready),
            self.m_dma_tdata.eq(Value.cast(narrow.o.p)), self.m_dma_tkeep.eq(-1),
            self.m_dma_tvalid.eq(narrow.o.valid & known), narrow.o.ready.eq(self.m_dma_tready & known),
            self.m_dma_tlast.eq(at_last & ends.r_data), sent.eq(self.m_dma_tvalid & self.m_dma_tready),
            ends.r_en.eq(sent & at_last),
        ]  # fmt: skip


class DmaBridgeShell(wiring.Component):
    """A `DmaBridge` with its clock and its synchronous, active low reset as the ports ``aclk`` and ``aresetn``."""

    def __init__(self, bridge: DmaBridge):
        self._bridge = bridge
        super().__init__(members_of(clock_ports()) | dict(bridge.signature.members.items()))

    def elaborate(self, platform):
        m = Module()
        m.d.comb += clocked(m, self)
        m.submodules.bridge = self._bridge
        members = dict(self._bridge.signature.members.items())
        m.d.comb += passed(members, partial(getattr, self), partial(getattr, self._bridge))
        return m
