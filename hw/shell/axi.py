"""The AXI4-Stream shell: what drops into a block design."""

from functools import partial, reduce
from operator import and_, or_

from amaranth.hdl import Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.buffers import LOAD_BITS
from fewbit.hw.memory.loadable import load_bus
from fewbit.hw.memory.read_ports import ADDRESS_BITS, axi_read_ports
from fewbit.hw.pipeline.accelerator import Accelerator
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.streams import code_stream, counter
from fewbit.hw.wires import members_of

from .block_ports import WEIGHT_BUS, clock_ports, stream_ports, weight_bus_ports
from .frame_hold import FrameHold
from .ports import clocked, passed
from .stream_names import input_streams
from .weight_loader import WeightLoader

__all__ = ["AxiAccelerator", "FrameGuard", "Shell"]


class FrameGuard(wiring.Component):
    """A guard that makes every frame exactly ``beats`` beats long, so that a damaged one never shifts the next.

    A short frame is filled up with zero codes, what a long one has too much is dropped; ``bad`` is high with the last
    beat of either. Good frames pass without latency.

    Raises
    ------
    ValueError
        If beats are below 1.

    Members
    -------
    i : ``In(code_stream)``, i_last : ``In(1)``
    o : ``Out(code_stream)``
    done : ``Out(1)``
        The last beat of a frame passes in this cycle.
    bad : ``Out(1)``
    """

    def __init__(self, *, bits: int, lanes: int, beats: int):
        if beats < 1:
            raise ValueError(f"Beats must be at least 1, not {beats!r}")
        self._beats = beats
        super().__init__({
            "i": In(code_stream(bits, lanes)), "i_last": In(1), "o": Out(code_stream(bits, lanes)),
            "done": Out(1), "bad": Out(1),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        passed = Signal()
        m.d.comb += [passed.eq(self.o.valid & self.o.ready)]
        _, at_end = counter(m, "beat", self._beats, passed)
        m.d.comb += self.done.eq(passed & at_end)
        with m.FSM():
            with m.State("PASS"):
                m.d.comb += [
                    self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready), self.o.p.eq(self.i.p),
                    self.bad.eq(~self.i_last),
                ]  # fmt: skip
                with m.If(passed & at_end & ~self.i_last):
                    m.next = "DROP"
                with m.Elif(passed & ~at_end & self.i_last):
                    m.next = "FILL"
            with m.State("FILL"):
                m.d.comb += [self.o.valid.eq(1), self.bad.eq(1)]
                with m.If(passed & at_end):
                    m.next = "PASS"
            with m.State("DROP"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & self.i_last):
                    m.next = "PASS"
        return m


class Shell(wiring.Component):
    """A shell: the accelerator between AXI4-Streams, in the domain ``sync``.

    While that is in reset, what it offers and takes has no meaning.

    Lanes are packed from bit 0 upwards without gaps, TDATA is padded with zeros to whole bytes. TLAST ends a frame. A
    result one of whose inputs had a frame that was too short or too long has TUSER high on its last beat. ``frames``
    counts results sent, ``bad_frames`` those that were marked.

    Parameters
    ----------
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    probes : bool
        Whether it has the member ``stalls``.

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tlast : ``In``, s_axis_tready : ``Out(1)``
        One such stream for each input, as `hw.shell.stream_names.input_streams` names them. One from another device
        has ``s_axis_tuser : In(1)``, that of the other's ``m_axis``: its marks are passed on.
    m_axis_tdata, m_axis_tvalid, m_axis_tlast, m_axis_tuser : ``Out``, m_axis_tready : ``In(1)``
    frames, bad_frames : ``Out(32)``
    m_axi_weights_araddr, … : see `hw.memory.read_ports.axi_read_ports`
        With external weights: where they are read from.
    weights_image_valid, weights_image_base : ``In``, weights_image_failed : ``Out(1)``
        With external weights: as of `hw.memory.weight_port.weight_port_signature`.
    hold : ``In(1)``, drained : ``Out(1)``
        Where weights are loadable: see `hw.shell.frame_hold.FrameHold`.
    load : ``In(hw.memory.loadable.load_bus())``
        Likewise: see `hw.pipeline.accelerator.Accelerator`.
    stalls : ``Out(number of stages)``
        See `hw.pipeline.accelerator.Accelerator`.
    """

    def __init__(self, plan: AcceleratorPlan, *, probes: bool = False):
        self.plan, self._probes = plan, probes
        super().__init__(self._members())

    def _members(self):
        stalls = {"stalls": Out(len(self.plan.stages))} if self._probes else {}
        weights: dict[str, wiring.Member] = {}
        if self.plan.weight_port is not None:
            weights = {"valid": In(1), "base": In(ADDRESS_BITS), "failed": Out(1)}
            weights = {f"weights_image_{name}": member for name, member in weights.items()}
        loading = self._loading_members() if self.plan.memories else {}
        own = {"frames": Out(32), "bad_frames": Out(32)}
        ports = members_of(stream_ports(self.plan) | weight_bus_ports(self.plan))
        return ports | weights | own | loading | stalls

    def _loading_members(self):
        return {"hold": In(1), "drained": Out(1), "load": In(load_bus())}

    def elaborate(self, platform):
        m = Module()
        p, running = self.plan, self._running(m)
        if p.memories:
            m.submodules.hold = self._hold = FrameHold(inputs=len(p.entries), frames=p.frames_inside + 2)

        guards = [self._guarded(m, k, running) for k in range(len(p.entries))]
        m.submodules.accelerator = accelerator = Accelerator(p, probes=self._probes)
        for guard, stream in zip(guards, accelerator.inputs, strict=True):
            wiring.connect(m, guard.o, stream)
        if p.weight_port is not None:
            self._weights(m, accelerator.weights)
        if self._probes:
            m.d.comb += self.stalls.eq(accelerator.stalls)
        if p.memories:
            wiring.connect(m, self._loads(m), accelerator.load)
        marks = [self._marks(m, k, guard) for k, guard in enumerate(guards)]
        entered, bad = reduce(and_, [mark.r_rdy for mark in marks]), reduce(or_, [mark.r_data for mark in marks])

        sent, known = Signal(), Signal()
        _, at_end = counter(m, "beat", p.beats_out, sent)
        m.d.comb += [
            sent.eq(self.m_axis_tvalid & self.m_axis_tready),
            self.m_axis_tdata.eq(accelerator.o.p), self.m_axis_tvalid.eq(accelerator.o.valid & known),
            accelerator.o.ready.eq(self.m_axis_tready & known),
            # A result may leave before the end of its frame, which it did not need; its last beat waits for that.
            known.eq(~at_end | entered),
            self.m_axis_tlast.eq(at_end), self.m_axis_tuser.eq(at_end & bad),
        ]  # fmt: skip
        if p.memories:
            m.d.comb += self._hold.ended.eq(sent & at_end)
        for mark in marks:
            m.d.comb += mark.r_en.eq(sent & at_end)
        with m.If(sent & at_end):
            m.d.sync += self.frames.eq(self.frames + 1)
            with m.If(bad):  # an enable: what comes late out of a memory is not in front of a carry chain
                m.d.sync += self.bad_frames.eq(self.bad_frames + 1)
        return m

    def _weights(self, m, port):
        """Connect the port to memory outside."""
        m.d.comb += [
            port.start.eq(self.weights_image_valid), port.base.eq(self.weights_image_base),
            self.weights_image_failed.eq(port.failed),
            *passed(members_of(axi_read_ports(self.plan.weight_port.bus)),
                    lambda name: getattr(self, f"{WEIGHT_BUS}_{name}"), partial(getattr, port.axi)),
        ]  # fmt: skip

    def _guarded(self, m, number, running):
        """Return the `FrameGuard` behind the stream of an input."""
        name, entry = input_streams(self.plan.network)[number], self.plan.entries[number]
        guard = FrameGuard(bits=entry.format.bits, lanes=entry.lanes, beats=entry.beats)
        m.submodules[f"guard{number or ''}"] = guard
        data, last, valid, ready = (getattr(self, f"{name}_t{port}") for port in ("data", "last", "valid", "ready"))
        if self.plan.memories:
            hold, running = self._hold, running & self._hold.open[number]
            m.d.comb += [
                hold.offered[number].eq(valid), hold.taken[number].eq(valid & ready), hold.last[number].eq(last),
            ]  # fmt: skip
        m.d.comb += [
            Value.cast(guard.i.p).eq(data), guard.i_last.eq(last),
            guard.i.valid.eq(valid & running), ready.eq(guard.i.ready & running),
        ]  # fmt: skip
        return guard

    def _loads(self, m):
        """Connect the hold, and return the words for the accelerator's memories."""
        m.d.comb += [self._hold.hold.eq(self.hold), self.drained.eq(self._hold.drained)]
        return wiring.flipped(self.load)

    def _marks(self, m, number, guard):
        """Return the FIFO of marks of an input's frames, which say whether they were bad.

        There is one for each frame inside, so there is always room, and it needs no back-pressure.
        """
        m.submodules[f"marks{number or ''}"] = marks = SyncFIFO(width=1, depth=self.plan.frames_inside)
        bad = guard.bad
        if self.plan.link is not None:  # the device in front of it marks the last beat
            bad = bad | getattr(self, f"{input_streams(self.plan.network)[number]}_tuser")
        m.d.comb += [marks.w_data.eq(bad), marks.w_en.eq(guard.done)]
        return marks

    def _running(self, m):
        """Return what is low while in reset, if that must close the streams."""
        return Const(1)


class AxiAccelerator(Shell):
    """`Shell` as a block of its own, with ports that Vivado groups into interfaces by their names.

    Members
    -------
    aclk, aresetn : ``In(1)``
        Reset is synchronous and active low.
    s_axis_weights_tdata, s_axis_weights_tvalid, s_axis_weights_tlast : ``In``, s_axis_weights_tready : ``Out(1)``
        Where weights are loadable: their words, and with TLAST the checksum, see `hw.shell.weight_loader`.
    weights_failed : ``Out(1)``, weights_loaded : ``Out(32)``
        Likewise: the last words were refused; the checksum of those that the memories hold, 0 before any.
    others : as `Shell`, without ``hold``, ``drained`` and ``load``
    """

    def _members(self):
        return members_of(clock_ports()) | super()._members()

    def _loading_members(self):
        return {
            "s_axis_weights_tdata": In(LOAD_BITS), "s_axis_weights_tvalid": In(1), "s_axis_weights_tlast": In(1),
            "s_axis_weights_tready": Out(1), "weights_failed": Out(1), "weights_loaded": Out(32),
        }  # fmt: skip

    def _loads(self, m):
        m.submodules.loader = loader = WeightLoader.of(self.plan)
        words = loader.words
        m.d.comb += [
            words.p.data.eq(self.s_axis_weights_tdata), words.p.last.eq(self.s_axis_weights_tlast),
            words.valid.eq(self.s_axis_weights_tvalid), self.s_axis_weights_tready.eq(words.ready),
            self._hold.hold.eq(loader.hold), loader.drained.eq(self._hold.drained),
            self.weights_failed.eq(loader.failed), self.weights_loaded.eq(loader.loaded),
        ]  # fmt: skip
        return loader.bus

    def _running(self, m):
        m.d.comb += clocked(m, self)
        return self.aresetn
