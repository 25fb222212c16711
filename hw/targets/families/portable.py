"""Operators, which any synthesis maps to any FPGA."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..part_list import parts_of
from ..parts import SERIES_7_DEVICES, ULTRASCALE_DEVICES
from ..target import Target, register

if TYPE_CHECKING:
    from fewbit.hw.heap.pe_plans import HeapPEPlan, IntegerPEPlan

__all__ = ["Portable"]


@register
@dataclass(frozen=True)
class Portable(Target):
    """Operators alone; what becomes of them is up to synthesis."""

    name, form, summary, title = "portable", "OPERATORS", "operators", "any family"
    parts = parts_of("xc7", "xcup")
    ip_families = SERIES_7_DEVICES + ULTRASCALE_DEVICES
    vivado_part = "xc7a35tcpg236-1"

    def integer_pe(self, **parameters: Any) -> "IntegerPEPlan":
        from fewbit.hw.heap.pe_plans import IntegerPEPlan

        return IntegerPEPlan(target=self, **parameters)

    def heap_pe(self, **parameters: Any) -> "HeapPEPlan":
        from fewbit.hw.heap.pe_plans import HeapPEPlan

        return HeapPEPlan(**parameters)
