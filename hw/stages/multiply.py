"""Products of two branches."""

import numpy as np

from fewbit.hw.codes import value_of
from fewbit.hw.float32.units import FloatMul
from fewbit.hw.plan import component_of
from fewbit.hw.streams import counter
from fewbit.hw.wires import register

from .join import numbers_of_beat
from .multiply_plan import FloatMultipliersPlan, MultipliersPlan

__all__ = ["FloatMultipliers", "Multipliers"]


@component_of(FloatMultipliersPlan)
class FloatMultipliers:
    """Products of float32 codes, a multiplier of two DSPs a lane: part of a `hw.stages.join.Join`.

    Parameters
    ----------
    plan : hw.stages.multiply_plan.FloatMultipliersPlan
    """

    def __init__(self, plan: FloatMultipliersPlan):
        self.plan = plan

    def results(self, m, a, b, accept):
        """Yield the product of every lane of the beats ``a`` and ``b``."""
        for k in range(self.plan.join.lanes):
            m.submodules[f"mul{k}"] = mul = FloatMul()
            m.d.comb += [mul.a.eq(a[k]), mul.b.eq(b[k])]
            yield mul.o


@component_of(MultipliersPlan)
class Multipliers:
    """Products of integers behind multipliers and zero points: part of a `hw.stages.join.Join`.

    Registers one behind the other have codes, factors and products; a product in DSPs has a second one, that of their
    output.

    Parameters
    ----------
    plan : hw.stages.multiply_plan.MultipliersPlan
    """

    def __init__(self, plan: MultipliersPlan):
        self.plan = plan

    def results(self, m, a, b, accept):
        """Yield the product of every lane of the beats ``a`` and ``b``, which are taken where ``accept`` says so."""
        p, node = self.plan.join, self.plan.join.node
        if p.format.is_sign:
            for k in range(p.lanes):
                held = [register(m, codes[k], f"code{n}_{k}") for n, codes in enumerate((a, b))]
                yield register(m, ~(held[0] ^ held[1]), f"sign{k}")
            return
        beat, _ = counter(m, "beat", 1 if node.plain else p.beats_out, accept)
        numbers = [
            [numbers_of_beat(m, f"{name}{n}", beat, np.broadcast_to(rows[n], p.channels), p.lanes)
             for name, rows in (("multipliers", node.multipliers), ("zeros", node.zeros))]
            for n in range(2)
        ]  # fmt: skip
        for k in range(p.lanes):
            factors = []
            for n, codes in enumerate((a, b)):
                value = register(m, value_of(codes[k], p.formats[n]), f"value{n}_{k}")
                if not node.plain:
                    multipliers, zeros = numbers[n]
                    value = register(
                        m, _narrowed(value * multipliers[k] - zeros[k], self.plan.factors[n]), f"factor{n}_{k}"
                    )
                factors.append(value)
            y = register(m, (factors[0] * factors[1])[: p.format.bits], f"product{k}")
            yield register(m, y, f"result{k}") if self.plan.dsps else y


def _narrowed(value, shape):
    """Return the value, which is known to fit, in this shape."""
    value = value[: shape.width]
    return value.as_signed() if shape.signed else value
