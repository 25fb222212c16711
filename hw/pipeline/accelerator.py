"""The accelerator: a folded network as a pipeline of stages, joined by streams."""

import re

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, ResetSignal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.loadable import LoadableUnit, load_bus
from fewbit.hw.memory.weight_port import WeightPort, weight_port_signature
from fewbit.hw.shared import ModuleLibrary
from fewbit.hw.streams import code_stream

from .accelerator_plan import AcceleratorPlan
from .views import VIEW, view_module

__all__ = ["Accelerator"]


class Accelerator(wiring.Component):
    """The accelerator: codes of frames come in, codes of results leave.

    Members
    -------
    i : ``In(code_stream(entry.format.bits, entry.lanes))``
        The stream of ``plan.entries``; of several, ``i0``, ``i1``, …
    o : ``Out(code_stream(output bits, plan.lanes_out))``
    weights : ``Out(weight_port_signature(plan.weight_port))``
        With external weights: the port to memory, `hw.memory.weight_port`.
    load : ``In(hw.memory.loadable.load_bus())``
        Words of the plan's memories, if it has some; no frame may be inside.
    stalls : ``Out(number of stages)``
        With ``probes``: which stages offer a beat that is not taken in this cycle; at any of its outputs, if a stage
        has several.
    """

    def __init__(self, plan: AcceleratorPlan, *, probes: bool = False):
        self.plan, self._probes = plan, probes
        streams = [In(code_stream(entry.format.bits, entry.lanes)) for entry in plan.entries]
        port = plan.weight_port
        super().__init__({
            **dict(zip(plan.ports, streams, strict=True)),
            **({} if port is None else {"weights": Out(weight_port_signature(port))}),
            "o": Out(code_stream(plan.format.bits, plan.lanes_out)),
        } | ({"load": In(load_bus())} if plan.memories else {})
          | ({"stalls": Out(len(plan.stages))} if probes else {}))  # fmt: skip

    @property
    def inputs(self) -> tuple[wiring.PureInterface, ...]:
        """The streams of frames."""
        return tuple(getattr(self, name) for name in self.plan.ports)

    def elaborate(self, platform):
        m = Module()
        units = []
        for stage in self.plan.stages:
            m.submodules[stage.name] = unit = stage.plan.make()
            for k, (number, port) in enumerate(stage.inputs):
                source = wiring.flipped(self.inputs[port]) if number < 0 else _port(units[number], "o", port)
                wiring.connect(m, source, _port(unit, "i", k))
            units.append(unit)
            if isinstance(platform, ModuleLibrary) and platform.viewing and stage.name in self.plan.results:
                self._view(m, platform, stage.name, unit)
            if isinstance(unit, WeightPort):
                wiring.connect(m, unit.memory, wiring.flipped(self.weights))
        wiring.connect(m, units[-1].o, wiring.flipped(self.o))
        if self.plan.memories:
            self._load(m, [unit for unit in units if isinstance(unit, LoadableUnit)])
        if self._probes:
            # Weights that wait are fetched ahead: that stalls nobody.
            m.d.comb += self.stalls.eq(
                Cat(_stalls(u) if stage.inputs else Const(0) for u, stage in zip(units, self.plan.stages, strict=True))
            )
        return m

    def _view(self, m, library, name, unit):
        """Add the view of a stage's results, for waveforms."""
        flow = self.plan.results[name]
        stream = _port(unit, "o", flow.source[1])
        m.submodules[f"{VIEW}{name}"] = Instance(
            library.with_text(f"{VIEW}{name}", lambda module: view_module(module, flow)), i_clk=ClockSignal(),
            i_rst=ResetSignal(), i_valid=stream.valid, i_ready=stream.ready, i_payload=Value.cast(stream.p),
        )  # fmt: skip

    def _load(self, m, units):
        """Connect the way of words from unit to unit."""
        before = wiring.flipped(self.load)
        for unit in units:
            wiring.connect(m, before, unit.load)
            before = unit.load_on


def _stalls(unit):
    """Return whether a unit offers a beat that is not taken, at any of its streams out."""
    outputs = [getattr(unit, name) for name in unit.signature.members if re.fullmatch(r"o\d*", name)]
    return Cat(o.valid & ~o.ready for o in outputs).any()


def _port(unit, side, k):
    """Return stream ``k`` of a side: units with one have it as ``i`` or ``o``, others as ``i0``, ``i1``, …"""
    return getattr(unit, side if hasattr(unit, side) else f"{side}{k}")
