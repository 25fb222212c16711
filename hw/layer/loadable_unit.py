"""The matrix-vector unit of a layer whose trained numbers are loadable."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from fewbit.hw.memory.loadable import LoadableMemory, LoadLayout, LoadPort, connect_writes, load_bus

from .matrix_vector_unit import MatrixVectorUnit
from .plan import LayerPlan

__all__ = ["LoadableMatrixVectorUnit"]


class LoadableMatrixVectorUnit(MatrixVectorUnit):
    """A `MatrixVectorUnit` whose memories are written while no frame is inside.

    Parameters
    ----------
    plan : hw.layer.plan.LayerPlan
        Of a layer with loadable memories.

    Members
    -------
    i, o : as of `MatrixVectorUnit`
    load : ``In(load_bus())``, load_on : ``Out(load_bus())``
        Words for this layer and those behind it; words for those behind it.
    """

    def __init__(self, plan: LayerPlan):
        self._layout = LoadLayout(plan.memories)
        super().__init__(plan, load=In(load_bus()), load_on=Out(load_bus()))

    def elaborate(self, platform):
        self._port = LoadPort(self._layout)
        m = super().elaborate(platform)
        m.submodules.load_port = self._port
        wiring.connect(m, wiring.flipped(self.load), self._port.i)
        wiring.connect(m, self._port.o, wiring.flipped(self.load_on))
        return m

    def _memory(self, m, name, contents):
        place = self._layout.places.get(name)
        if place is None:
            return super()._memory(m, name, contents)
        memory = LoadableMemory(contents)
        connect_writes(m, memory.writes, self._port.writes, place)
        return memory

    def _activation(self, m):
        unit = super()._activation(m)
        places = [place for name, place in self._layout.places.items() if name.startswith("activation.")]
        if places:
            connect_writes(m, unit.writes, self._port.writes, slice(places[0].start, places[-1].stop))
        return unit
