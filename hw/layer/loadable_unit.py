"""The matrix-vector unit of a layer whose trained numbers are loadable."""

from fewbit.hw.memory.loadable import LoadableUnit
from fewbit.hw.plan import component_of

from .matrix_vector_unit import MatrixVectorUnit
from .plan import LayerPlan

__all__ = ["LoadableMatrixVectorUnit"]


class LoadableMatrixVectorUnit(LoadableUnit, MatrixVectorUnit):
    """A `MatrixVectorUnit` whose memories are written while no frame is inside.

    Parameters
    ----------
    plan : hw.layer.plan.LayerPlan
        Of a layer with loadable memories.

    Members
    -------
    i, o : as of `MatrixVectorUnit`
    load, load_on : as of `hw.memory.loadable.LoadableUnit`
    """

    def __init__(self, plan: LayerPlan):
        super().__init__(plan, **self.LOADING)

    def _memory(self, m, name, contents):
        return self.loadable_memory(m, name) if name in self.plan.memories else super()._memory(m, name, contents)

    def _activation(self, m):
        unit = super()._activation(m)
        if self.plan.activation.memories:
            self.connect_part(m, unit.writes, "activation.")
        return unit


@component_of(LayerPlan)
def _(plan):
    """Make a unit whose memories are written, if the plan has such."""
    return LoadableMatrixVectorUnit(plan) if plan.memories else MatrixVectorUnit(plan)
