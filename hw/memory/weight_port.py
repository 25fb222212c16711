"""The weights of all external layers: one port to memory, and a ring for each layer."""

from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.ports import numbered
from fewbit.hw.streams import code_stream
from fewbit.hw.wires import members_of

from .external_plan import WeightPortPlan
from .read_master import ReadMaster
from .read_ports import ADDRESS_BITS, axi_read_ports
from .weight_buffer import WeightBuffer

__all__ = ["WeightPort", "weight_port_signature"]


def weight_port_signature(plan: WeightPortPlan) -> wiring.Signature:
    """Return what stands between the layers' rings and the shell: the bus ``axi`` (`hw.memory.read_master`), and

    - ``start`` : ``In(1)``, ``base`` : ``In(ADDRESS_BITS)``: whether there is an image in memory, and where;
    - ``failed`` : ``Out(1)``: a beat came with an error.
    """
    return wiring.Signature({
        "start": In(1), "base": In(ADDRESS_BITS), "failed": Out(1),
        "axi": Out(wiring.Signature(members_of(axi_read_ports(plan.bus)))),
    })  # fmt: skip


@component_of(WeightPortPlan)
class WeightPort(wiring.Component):
    """A source of the weights of several layers, each a stream of its own, that reads them from memory again and again.

    Parameters
    ----------
    plan : hw.memory.external_plan.WeightPortPlan

    Members
    -------
    memory : ``Out(weight_port_signature(plan))``
    o : ``Out(code_stream(channel.width, 1))``
        The weights of the layer, a step's a beat; of several layers ``o0``, ``o1``, …
    """

    def __init__(self, plan: WeightPortPlan):
        self.plan = plan
        self._names = numbered("o", len(plan.channels))
        streams = [Out(code_stream(channel.width, 1)) for channel in plan.channels]
        super().__init__({
            "memory": Out(weight_port_signature(plan)), **dict(zip(self._names, streams, strict=True)),
        })  # fmt: skip

    def elaborate(self, platform):
        m = Module()
        m.submodules.master = master = ReadMaster(self.plan)
        memory = self.memory
        wiring.connect(m, master.axi, wiring.flipped(memory.axi))
        m.d.comb += [master.start.eq(memory.start), master.base.eq(memory.base), memory.failed.eq(master.failed)]
        rings = []
        for k, (channel, name) in enumerate(zip(self.plan.channels, self._names, strict=True)):
            m.submodules[f"ring{k}"] = ring = WeightBuffer(channel)
            wiring.connect(m, ring.o, wiring.flipped(getattr(self, name)))
            m.d.comb += [
                getattr(master, f"index{k}").eq(ring.index), getattr(master, f"length{k}").eq(ring.length),
                ring.granted.eq(master.granted[k]), ring.write.eq(master.write[k]), ring.data.eq(master.data),
            ]  # fmt: skip
            rings.append(ring)
        m.d.comb += master.asks.eq(Cat(ring.asks for ring in rings))
        return m
