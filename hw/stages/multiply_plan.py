"""The numbers of products of two branches: their factors, and what they take."""

import numpy as np

from fewbit.golden.network import joins
from fewbit.hw.cost import Cost, product_luts
from fewbit.hw.float32.timing import MULTIPLY
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape
from fewbit.hw.xilinx.dsp_packing import DSP_BITS

from .join_plan import JoinPlan, cost_of_join, cost_of_numbers, function_of_join, is_one_number, make_join
from .registry import cost_of, stage_of

__all__ = ["FloatMultipliersPlan", "MultipliersPlan"]

_PART_BITS = 17  # bits of a factor, its sign left out, that one DSP takes
# LUTs of a factor's bit where a zero point is taken off: one for all, or one by channel of a product in LUTs or a DSP.
_ZERO, _ZERO_IN_SUM, _ZERO_BEHIND_DSP = 0.42, 0.3, 0.7

stage_of(joins.Multiply, joins.FloatMultiply)(make_join)
cost_of(joins.Multiply)(cost_of_join)


@function_of_join(joins.FloatMultiply)
class FloatMultipliersPlan(Plan):
    """Products of float32 codes, a multiplier of two DSPs a lane."""

    latency = MULTIPLY

    def __init__(self, join: JoinPlan):
        self.join, self.dsps = join, 2 * join.lanes

    def numbers(self) -> list[np.ndarray]:
        return []


@function_of_join(joins.Multiply)
class MultipliersPlan(Plan):
    """Products of integers behind multipliers and zero points: registers of codes, of factors, and of products.

    Two bipolar codes are a XNOR. Factors that are codes as they are need no register of their own; a product in DSPs
    has a second one, which is that of their output.

    Attributes
    ----------
    factors : list of hw.shapes.IntShape
        Shapes of both factors.
    dsps : int
        DSPs of all lanes, at most.
    """

    def __init__(self, join: JoinPlan):
        self.join, node = join, join.node
        self.factors = [IntShape.holding(lo.min(), hi.max()) for lo, hi in node.operands(*join.edges)]
        self.dsps = 0 if join.format.is_sign else join.lanes * self._dsps_of_a_lane()
        self.latency = 2 + (not node.plain) + (self.dsps > 0)

    def _dsps_of_a_lane(self) -> int:
        """Return the DSPs of a product: synthesis makes one of few bits of LUTs."""
        a, b = (shape.width for shape in self.factors)
        if min(a, b) < 2 or a + b < DSP_BITS:
            return 0
        parts = [-(-(shape.width - shape.signed) // _PART_BITS) for shape in self.factors]
        return parts[0] * parts[1]

    def numbers(self) -> list[np.ndarray]:
        node = self.join.node
        if self.join.format.is_sign or node.plain:
            return []
        return [
            np.broadcast_to(row, self.join.channels) for n in range(2) for row in (node.multipliers[n], node.zeros[n])
        ]

    @property
    def counts(self) -> bool:
        """Whether some channels have other multipliers or zero points than others."""
        rows = (*self.join.node.multipliers, *self.join.node.zeros)
        return not all(is_one_number(row) for row in rows)

    @property
    def cost(self) -> Cost:
        """An XNOR, or a product in LUTs or a DSP, and what makes factors of codes."""
        p = self.join
        if p.format.is_sign:
            return Cost(p.lanes)
        a, b = (shape.width for shape in self.factors)
        in_dsp = self.dsps and p.format.bits >= DSP_BITS
        found = Cost(dsp=self.dsps) if in_dsp else Cost(p.lanes * product_luts(a, b))
        return sum((self._cost_of_factor(n) for n in range(2)), found)

    def _cost_of_factor(self, n):
        """Return what the factors of input ``n`` take: products with their multipliers, and zero points."""
        p, node, bits = self.join, self.join.node, self.join.formats[n].bits
        multipliers, zeros = (np.broadcast_to(row, p.channels) for row in (node.multipliers[n], node.zeros[n]))
        found = sum((cost_of_numbers(row, p.lanes, p.beats_out) for row in (multipliers, zeros)), Cost())
        by = int(np.abs(multipliers).max()).bit_length()
        in_dsp = not is_one_number(multipliers) and bits + by + 1 >= DSP_BITS
        if zeros.any():
            each = _ZERO if is_one_number(zeros) else _ZERO_BEHIND_DSP if in_dsp else _ZERO_IN_SUM
            found += Cost(p.lanes * self.factors[n].width * each)
        if is_one_number(multipliers):
            return found + Cost(p.lanes * max(0, int(abs(multipliers[0])).bit_count() - 1) * (bits + 2))
        return found + (Cost(dsp=p.lanes) if in_dsp else Cost(p.lanes * product_luts(bits, by)))
