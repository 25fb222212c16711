"""Sums of two branches."""

import numpy as np
from amaranth.hdl import Signal

from fewbit.hw.codes import value_of
from fewbit.hw.float32.units import FloatAdd, float_relu
from fewbit.hw.plan import component_of
from fewbit.hw.streams import counter
from fewbit.hw.wires import register

from .add_plan import AddersPlan, FloatAddersPlan, LoadableAddersPlan
from .join import numbers_of_beat

__all__ = ["Adders", "FloatAdders", "LoadableAdders"]


@component_of(FloatAddersPlan)
class FloatAdders:
    """Sums of float32 codes, an adder a lane, and their ReLU where the node has one: part of a `hw.stages.join.Join`.

    Parameters
    ----------
    plan : hw.stages.add_plan.FloatAddersPlan
    """

    def __init__(self, plan: FloatAddersPlan):
        self.plan = plan

    def results(self, m, a, b, accept):
        """Yield the sum of every lane of the beats ``a`` and ``b``."""
        for k in range(self.plan.join.lanes):
            m.submodules[f"add{k}"] = add = FloatAdd()
            m.d.comb += [add.a.eq(a[k]), add.b.eq(b[k])]
            yield float_relu(add.o) if self.plan.join.node.relu else add.o


@component_of(AddersPlan)
class Adders:
    """Sums of integers times whole numbers: part of a `hw.stages.join.Join`.

    Three registers one behind the other have values and multipliers, products, and sums.

    Parameters
    ----------
    plan : hw.stages.add_plan.AddersPlan
    """

    def __init__(self, plan: AddersPlan):
        self.plan = plan

    def results(self, m, a, b, accept):
        """Return the sum of every lane of the beats ``a`` and ``b``, which are taken where ``accept`` says so."""
        p = self.plan.join
        beat, _ = counter(m, "beat", p.beats_out, accept)
        factors = [
            numbers_of_beat(m, f"factors{n}", beat, np.broadcast_to(p.node.multipliers[n], p.channels), p.lanes)
            for n in range(2)
        ]
        return self._sums(m, a, b, factors)

    def _sums(self, m, a, b, factors):
        """Yield the sum of every lane, of values times ``factors``, by input and lane, that are there a cycle later."""
        p = self.plan.join
        for k in range(p.lanes):
            products = []
            for n, codes in enumerate((a, b)):
                held = register(m, value_of(codes[k], p.formats[n]), f"value{n}_{k}")
                products.append(register(m, held * factors[n][k], f"product{n}_{k}"))
            total = Signal(p.format.bits, name=f"sum{k}", reset_less=True)
            m.d.sync += total.eq(products[0] + products[1])
            yield total


@component_of(LoadableAddersPlan)
class LoadableAdders(Adders):
    """`Adders` whose multipliers are loaded: part of a `hw.stages.join.LoadableJoin`."""

    def loaded(self, m, a, b, accept, memory):
        """Return the sum of every lane of the beats ``a`` and ``b``; ``memory(name)`` makes a memory."""
        p = self.plan.join
        beat, _ = counter(m, "beat", p.beats_out, accept)
        m.submodules.factors = factors = memory("factors")
        m.d.comb += factors.address.eq(beat)
        each = [factors.data[n * self.plan.bits : (n + 1) * self.plan.bits].as_signed() for n in range(2 * p.lanes)]
        return self._sums(m, a, b, [each[: p.lanes], each[p.lanes :]])
