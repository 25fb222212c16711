"""The complete IP block: the accelerator between AXI4-Streams with its registers on AXI4-Lite."""

from functools import partial

from amaranth.hdl import Cat, ClockDomain, ClockSignal, DomainRenamer, Module, Mux, ResetSignal, Signal
from amaranth.lib import wiring

from fewbit.hw.memory.read_ports import axi_read_ports
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.wires import members_of

from .axi import Shell
from .block_ports import WEIGHT_BUS, axilite_ports, ip_ports
from .event_counters import EventCounters
from .frame_timer import FrameTimer
from .ports import clocked, passed
from .read_guard import ReadGuard
from .register_file import RegisterFile
from .registers import RegisterMap
from .stream_gate import StreamGate
from .stream_names import input_streams
from .weight_loader import WeightLoader

__all__ = ["AcceleratorIP"]

_PORTS = ("data", "last", "valid", "ready")  # of a stream of frames


class AcceleratorIP(wiring.Component):
    """`hw.shell.axi.AxiAccelerator` with registers: who it is, what it does, how long it takes, where it waits; soft
    reset and an interrupt. Streams pass without further latency.

    Parameters
    ----------
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    registers : hw.shell.registers.RegisterMap

    Members
    -------
    aclk, aresetn : ``In(1)``
        Reset is synchronous and active low.
    s_axi_control_awaddr, … : AXI4-Lite, see `hw.shell.block_ports.axilite_ports`
    s_axis_tdata, s_axis_tvalid, s_axis_tlast : ``In``, s_axis_tready : ``Out(1)``
        One such stream for each input, as `hw.shell.stream_names.input_streams` names them.
    m_axis_tdata, m_axis_tvalid, m_axis_tlast, m_axis_tuser : ``Out``, m_axis_tready : ``In(1)``
    m_axi_weights_araddr, … : with external weights, see `hw.memory.read_ports.axi_read_ports`
    interrupt : ``Out(1)``
        High as long as a bit of INTERRUPT_STATUS is set that INTERRUPT_ENABLE names.
    """

    def __init__(self, plan: AcceleratorPlan, registers: RegisterMap):
        self.plan, self.registers, self._streams = plan, registers, input_streams(plan.network)
        super().__init__(members_of(ip_ports(plan, registers)))

    def elaborate(self, platform):
        m = Module()
        clock_and_reset = clocked(m, self)
        m.domains.core = ClockDomain()  # the same clock, with the gate's reset
        members = self.signature.members
        m.submodules.gate = gate = StreamGate(
            bits_in=[members[f"{name}_tdata"].shape for name in self._streams],
            bits_out=members["m_axis_tdata"].shape, beats_out=self.plan.beats_out, frames=self.plan.frames_inside + 2,
        )  # fmt: skip
        m.d.comb += [
            *clock_and_reset,
            ClockSignal("core").eq(self.aclk), ResetSignal("core").eq(gate.core_reset),
        ]  # fmt: skip
        self._outside(m, gate)

        core = Shell(self.plan, probes=True)
        m.submodules.core = DomainRenamer("core")(core)
        for name, (_, core_i) in zip(self._streams, gate.inputs, strict=True):
            data, last, valid, ready = (getattr(core, f"{name}_t{port}") for port in _PORTS)
            m.d.comb += [data.eq(core_i.p.data), last.eq(core_i.p.last), valid.eq(core_i.valid), core_i.ready.eq(ready)]
        m.d.comb += [
            gate.core_o.p.data.eq(core.m_axis_tdata), gate.core_o.p.last.eq(core.m_axis_tlast),
            gate.core_o.p.user.eq(core.m_axis_tuser), gate.core_o.valid.eq(core.m_axis_tvalid),
            core.m_axis_tready.eq(gate.core_o.ready),
        ]  # fmt: skip

        m.submodules.file = file = RegisterFile(self.registers)
        ports = members_of(axilite_ports(self.registers.address_bits))
        m.d.comb += passed(ports, lambda name: getattr(self, f"s_axi_control_{name}"), partial(getattr, file.bus))
        clear = self._commands(m, file, gate)
        self._frames(m, file, gate, clear)
        self._waits(m, file, gate, core, clear)
        if self.plan.memories:
            self._loads(m, file, core)
        if self.plan.weight_port is not None:
            self._weights(m, file, gate, core)
        return m

    def _weights(self, m, file, gate, core):
        """Connect the port to memory outside, which bursts leave that a soft reset finds under way."""
        port = self.plan.weight_port
        m.submodules.reads = reads = ReadGuard(bus=port.bus, outstanding=port.outstanding)
        ports = members_of(axi_read_ports(port.bus))
        control = _bits(self.registers["WEIGHTS_CONTROL"], file.weights_control)
        status = _bits(self.registers["WEIGHTS_STATUS"], file.weights_status)
        m.d.comb += [
            *passed(ports, lambda name: getattr(self, f"{WEIGHT_BUS}_{name}"), partial(getattr, reads.axi)),
            *passed(ports, partial(getattr, reads.core), lambda name: getattr(core, f"{WEIGHT_BUS}_{name}")),
            reads.reset.eq(gate.core_reset), core.weights_image_valid.eq(control["VALID"]),
            core.weights_image_base.eq(Cat(file.weights_base, file.weights_base_high)),
            status["READING"].eq(reads.busy), status["FAILED"].eq(core.weights_image_failed),
        ]  # fmt: skip

    def _outside(self, m, gate):
        o = gate.o
        for name, (i, _) in zip(self._streams, gate.inputs, strict=True):
            data, last, valid, ready = (getattr(self, f"{name}_t{port}") for port in _PORTS)
            m.d.comb += [i.p.data.eq(data), i.p.last.eq(last), i.valid.eq(valid), ready.eq(i.ready)]
        m.d.comb += [
            self.m_axis_tdata.eq(o.p.data), self.m_axis_tlast.eq(o.p.last), self.m_axis_tuser.eq(o.p.user),
            self.m_axis_tvalid.eq(o.valid), o.ready.eq(self.m_axis_tready),
        ]  # fmt: skip

    def _commands(self, m, file, gate):
        """Connect CONTROL and soft reset; return the bit CLEAR."""
        bits = _bits(self.registers["CONTROL"], file.control)
        m.d.comb += [
            gate.request.eq(bits["SOFT_RESET"]), gate.source_reset.eq(bits["SOURCE_RESET"]),
            gate.sink_reset.eq(bits["SINK_RESET"]),
            _bits(self.registers["CONTROL"], file.control_reads)["SOFT_RESET"].eq(gate.stopping | gate.cleaning),
        ]  # fmt: skip
        return bits["CLEAR"]

    def _frames(self, m, file, gate, clear):
        """Connect what is counted and timed by frame, STATUS, and the interrupt."""
        m.submodules.timer = timer = FrameTimer(depth=self.plan.frames_inside + 1)
        ended, marked, bad, cut = Signal(), Signal(), Signal(), Signal()
        o = gate.core_o
        m.d.sync += [  # a cycle later, all of them, and from where the streams' paths are short
            timer.begin.eq(gate.begins),
            timer.end.eq(o.valid & o.ready & o.p.last), bad.eq(o.p.user),
            cut.eq(gate.cleaning & gate.sending & gate.o.ready & gate.o.p.last),
        ]  # fmt: skip
        m.d.comb += [
            timer.forget.eq(gate.cleaning), timer.clear.eq(clear),
            ended.eq(timer.end | cut), marked.eq((timer.end & bad) | cut),
        ]  # fmt: skip
        for name in ("cycles", "latency", "latency_min", "latency_max", "interval", "interval_min", "interval_max"):
            m.d.comb += getattr(file, name).eq(getattr(timer, name))
        frames, bad_frames = Signal(32), Signal(32)
        m.d.sync += [frames.eq(frames + ended), bad_frames.eq(bad_frames + marked)]
        with m.If(clear):
            m.d.sync += [frames.eq(0), bad_frames.eq(0)]
        m.d.comb += [file.frames.eq(frames), file.bad_frames.eq(bad_frames)]

        status = _bits(self.registers["STATUS"], file.status)
        shown = {"RECEIVING": gate.receiving, "SENDING": gate.sending, "OCCUPIED": timer.inside,
                 "STOPPING": gate.stopping, "CLEANING": gate.cleaning}  # fmt: skip
        events = _bits(self.registers["INTERRUPT_STATUS"], file.interrupt_status_set)
        m.d.comb += [status[name].eq(value) for name, value in shown.items()]
        m.d.comb += [events["RESULT"].eq(ended), events["BAD"].eq(marked)]
        m.d.sync += self.interrupt.eq((file.interrupt_status & file.interrupt_enable).any())

    def _waits(self, m, file, gate, core, clear):
        """Connect the counters of cycles in which a beat waits, or is waited for."""
        (first, _), *others = gate.inputs
        names = self.registers.events
        m.submodules.waits = waits = EventCounters(count=len(names))
        high = [first.valid & ~first.ready, ~first.valid & first.ready, gate.o.valid & ~gate.o.ready, *core.stalls]
        for i, _ in others:
            high += [i.valid & ~i.ready, ~i.valid & i.ready]
        assert len(high) == len(names)  # in the order of the registers
        seen = Signal(len(names))  # a register, so that no stream's path gets longer
        m.d.sync += seen.eq(Cat(high))
        m.d.comb += [
            waits.events.eq(seen), waits.clear.eq(clear), waits.number.eq(file.event),
            file.event_count.eq(waits.value),
        ]  # fmt: skip

    def _loads(self, m, file, core):
        """Connect the loader of weights to its registers; a soft reset leaves it, and the memories, as they are."""
        m.submodules.loader = loader = WeightLoader.of(self.plan)
        wiring.connect(m, loader.bus, core.load)
        status = _bits(self.registers["LOAD_STATUS"], file.load_status)
        shown = {"CLOSED": loader.hold, "WAITING": loader.waiting, "FAILED": loader.failed}
        m.d.comb += [
            core.hold.eq(loader.hold), loader.drained.eq(core.drained),
            loader.begin.eq(_bits(self.registers["LOAD_CONTROL"], file.load_control)["BEGIN"]),
            loader.words.p.data.eq(Mux(file.load_check_written, file.load_check, file.load_data)),
            loader.words.p.last.eq(file.load_check_written),
            loader.words.valid.eq(file.load_data_written | file.load_check_written),
            *(status[name].eq(value) for name, value in shown.items()),
            file.load_taken.eq(loader.taken), file.load_checksum.eq(loader.checksum), file.loaded.eq(loader.loaded),
        ]  # fmt: skip


def _bits(register, signal):
    """Return the bits of a register's signal by the names of its fields."""
    return {field.name: signal[field.bit] for field in register.fields}
