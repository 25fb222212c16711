"""A processing element whose weights are codes: decoded in front of its products, in one heap or several."""

from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib.wiring import In, Out

from fewbit.hw.plan import component_of
from fewbit.hw.shared import SharedComponent
from fewbit.hw.wires import Lanes, delayed, register, shape_of

from .coded_plan import CodedPEPlan

__all__ = ["CodedPE"]


@component_of(CodedPEPlan)
class CodedPE(SharedComponent):
    """A processing element with a heap for every part, the sums side by side in ``o``: part p from bit ``p*width`` on.

    Parameters
    ----------
    plan : hw.arrays.coded_plan.CodedPEPlan

    Members
    -------
    as `hw.heap.pe.IntegerPE`; with one part ``init`` counts, else it is ignored.
    """

    def __init__(self, plan):
        self.plan, acc = plan, shape_of(plan.acc_shape)
        super().__init__({
            "x": In(Lanes(unsigned(plan.simd), plan.x_bits)),
            "w": In(Lanes(unsigned(plan.simd), plan.w_bits)),
            "init": In(acc), "load": In(1), "enable": In(1), "o": Out(acc),
        })  # fmt: skip

    @property
    def definition(self):
        return self.plan.definition

    def circuit(self):
        m = Module()
        p = self.plan
        x, found = [self._late(m, plane, f"x{k}") for k, plane in enumerate(self.x)], {}
        for n, (column, own) in enumerate(p.columns.items()):
            found[column] = self._late(m, self.w[own] if own is not None else self._decoded(column), f"w{n}")
        units = [unit.make() for unit in p.units]
        for n, (part, unit) in enumerate(zip(p.parts, units, strict=True)):
            m.submodules[f"part{n}"] = unit
            wait = p.met.wait(f"part {n}")
            x_planes, w_planes = Cat(x[k] for k in part.x_bits), Cat(found[column] for column in p.columns_of(part))
            m.d.comb += [
                Value.cast(unit.x).eq(delayed(m, x_planes, wait, f"part{n}_x")),
                Value.cast(unit.w).eq(delayed(m, w_planes, wait, f"part{n}_w")),
                unit.load.eq(self.load), unit.enable.eq(self.enable),
            ]  # fmt: skip
            if len(p.parts) == 1:
                m.d.comb += unit.init.eq(self.init)
        m.d.comb += Value.cast(self.o).eq(Cat(Value.cast(unit.o) for unit in units))
        return m

    def _late(self, m, value, name):
        return register(m, value, name) if self.plan.registered else value

    def _decoded(self, column):
        """Return a function of every lane's code, given as its table ``column``, as a vector with a bit per lane."""
        size = len(self.w[0])
        total = Const(0, size)
        for code, value in enumerate(column):
            if value:
                term = Const((1 << size) - 1, size)
                for k in range(self.plan.w_bits):
                    term = term & (self.w[k] if code >> k & 1 else ~self.w[k])
                total = total | term
        return total
