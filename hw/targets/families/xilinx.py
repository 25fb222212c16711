"""Primitives of Xilinx's 7 series."""

from dataclasses import dataclass

from fewbit.hw.xilinx.dsp48 import DSP48E1
from fewbit.hw.xilinx.models import models_of

from ..parts import SERIES_7, SERIES_7_DEVICES, ULTRASCALE_PLUS
from ..target import Target, register

__all__ = ["Xilinx"]


@register
@dataclass(frozen=True)
class Xilinx(Target):
    """LUT6_2, CARRY4, MUXF7 and MUXF8, DSP48E1.

    Parameters
    ----------
    as_expressions : bool
        Whether netlists become expressions that do what the primitives do: the same structure for Amaranth's own
        simulator, which has no models of them.
    """

    as_expressions: bool = False

    name, form, summary, title = "xilinx", "INSTANCES", "LUT6_2 and CARRY4", "7 series"
    netlists = True
    own_cells = "CARRY4"
    parts = SERIES_7 + ULTRASCALE_PLUS  # Yosys maps a CARRY4 to UltraScale's cells, too
    ip_families = SERIES_7_DEVICES
    vivado_part = "xc7a35tcpg236-1"
    assumed = (
        "a slice's fourth carry position gives its sum, into a flip-flop, and the carry at once: behind each counter "
        "is a register",
    )
    _dsp48 = DSP48E1

    @property
    def dsp48(self):
        return None if self.as_expressions else self._dsp48

    @property
    def _primitives(self):
        from fewbit.hw.xilinx.primitives import EXPRESSIONS, SERIES_7

        return EXPRESSIONS if self.as_expressions else SERIES_7

    def integer_pe(self, *, x_format, w_format, **common):
        from fewbit.hw.heap.partial_products import product_terms
        from fewbit.hw.heap.pe_plans import IntegerPEPlan
        from fewbit.hw.xilinx.pe_plans import LutIntegerPEPlan

        kind = LutIntegerPEPlan if product_terms(x_format, w_format).in_sum else IntegerPEPlan
        return kind(x_format=x_format, w_format=w_format, target=self, **common)

    def heap_pe(self, *, heights, acc_shape, feedback, fan_in=1):
        from fewbit.hw.xilinx.pe_plans import LutHeapPEPlan

        return LutHeapPEPlan(heights=heights, acc_shape=acc_shape, feedback=feedback, target=self)

    def place(self, m, netlist, bits, *, keep=False):
        from fewbit.hw.xilinx.primitives import place

        place(m, netlist, bits, self._primitives, keep=keep)

    def models(self, *, sums=False):
        return "" if self.as_expressions else models_of(sums=sums)
