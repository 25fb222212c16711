"""The numbers of arrays whose products, or whose accumulators, are in DSP blocks."""

from collections import Counter
from typing import Any

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.pe_plans import PEPlan
from fewbit.hw.shapes import IntShape
from fewbit.hw.xilinx.dsp48 import sums_of
from fewbit.hw.xilinx.dsp_packing import PRODUCT_LATENCY, Packing
from fewbit.hw.xilinx.pe_plans import LutRowsPlan

from .integer_plan import IntegerArrayPlan

__all__ = ["DspArrayPlan", "DspSumArrayPlan"]


class DspArrayPlan(IntegerArrayPlan):
    """An array with its products in DSPs: neighbouring neurons of a group share multipliers.

    Parameters
    ----------
    packing : hw.xilinx.dsp_packing.Packing
    others : as of `hw.arrays.integer_plan.IntegerArrayPlan`
    """

    KINDS = ("the first neuron of a multiplier", "another neuron of a multiplier")

    def __init__(self, *, packing: Packing, **others: Any):
        self.packing = packing
        super().__init__(**others, weight_bits=packing.weight_bits)

    def _pe_of(self, kind: str) -> PEPlan:
        p = self.packing
        heights = Counter(dict.fromkeys(range(p.field), self.simd))
        heights[0] += self.simd * (p.signed and kind != self.KINDS[0])  # nothing is below the first
        return self.target.heap_pe(heights=dict(heights), acc_shape=self.acc_shape, feedback=self.steps > 1)

    @property
    def heap_latency(self) -> int:
        """Cycles from operands to the sum of their heap, the multiplier's registers included."""
        return PRODUCT_LATENCY + self.met.latency

    @property
    def dsps(self) -> int:
        """DSPs that it takes: multipliers whose products are not so narrow that synthesis makes them of LUTs."""
        return self.groups * self.packing.dsps(self.pe // self.groups) * self.simd


class DspSumArrayPlan(IntegerArrayPlan):
    """An array with its accumulators in DSPs, which begin at zero; parameters as of
    `hw.arrays.integer_plan.IntegerArrayPlan`, of a target with netlists."""

    def _plain_pe(self, x_format: Format, w_format: Format, acc_shape: IntShape) -> PEPlan:
        return LutRowsPlan(
            x_format=x_format, w_format=w_format, simd=self.simd, width=acc_shape.width, target=self.target
        )

    @property
    def dsps(self) -> int:
        """DSPs that it takes."""
        return -(-self.pe // sums_of(self.acc_shape.width))
