"""Primitives of Xilinx's 7 series."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from fewbit.hw.xilinx.dsp48 import DSP48E1, Dsp48
from fewbit.hw.xilinx.models import models_of

from ..part_list import parts_of
from ..parts import SERIES_7_DEVICES, Part
from ..target import Target, register

if TYPE_CHECKING:
    from amaranth.hdl import Module, Value

    from fewbit.golden.numbers.format import Format
    from fewbit.hw.heap.pe_plans import PEPlan
    from fewbit.hw.shapes import IntShape
    from fewbit.hw.xilinx.netlist import Netlist
    from fewbit.hw.xilinx.primitives import Primitives

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
    parts: ClassVar[tuple[Part, ...]] = parts_of("xc7", "xcup")  # Yosys maps a CARRY4 to UltraScale's cells, too
    ip_families: ClassVar[tuple[str, ...]] = SERIES_7_DEVICES
    vivado_part = "xc7a35tcpg236-1"
    assumed = (
        "a slice's fourth carry position gives its sum, into a flip-flop, and the carry at once: behind each counter "
        "is a register",
    )
    _dsp48: ClassVar[Dsp48] = DSP48E1

    @property
    def made_of(self) -> str:
        return "expressions" if self.as_expressions else self.summary

    @property
    def instances(self) -> bool:
        return not self.as_expressions

    @property
    def dsp48(self) -> Dsp48 | None:
        return None if self.as_expressions else self._dsp48

    @property
    def multiplier_port(self) -> int:
        return self._dsp48.d_bits

    @property
    def _primitives(self) -> "Primitives":
        from fewbit.hw.xilinx.primitives import EXPRESSIONS, SERIES_7

        return EXPRESSIONS if self.as_expressions else SERIES_7

    def integer_pe(self, *, x_format: "Format", w_format: "Format", **common: Any) -> "PEPlan":
        from fewbit.hw.heap.partial_products import product_terms
        from fewbit.hw.heap.pe_plans import IntegerPEPlan
        from fewbit.hw.xilinx.pe_plans import LutIntegerPEPlan

        kind = LutIntegerPEPlan if product_terms(x_format, w_format).in_sum else IntegerPEPlan
        return kind(x_format=x_format, w_format=w_format, target=self, **common)

    def heap_pe(
        self, *, heights: Mapping[int, int], acc_shape: "IntShape", feedback: bool, fan_in: int = 1
    ) -> "PEPlan":
        from fewbit.hw.xilinx.pe_plans import LutHeapPEPlan

        return LutHeapPEPlan(heights=heights, acc_shape=acc_shape, feedback=feedback, target=self)

    def place(self, m: "Module", netlist: "Netlist", bits: "dict[int, Value]", *, keep: bool = False) -> None:
        from fewbit.hw.xilinx.primitives import place

        place(m, netlist, bits, self._primitives, keep=keep)

    def models(self, *, sums: bool = False) -> str:
        return "" if self.as_expressions else models_of(sums=sums)
