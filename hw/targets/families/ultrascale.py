"""Primitives of Xilinx's UltraScale and UltraScale+."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fewbit.hw.xilinx.dsp48 import DSP48E2

from ..part_list import parts_of
from ..parts import ULTRASCALE_DEVICES
from ..target import register
from .xilinx import Xilinx

if TYPE_CHECKING:
    from fewbit.hw.xilinx.primitives import Primitives

__all__ = ["UltraScale"]


@register
@dataclass(frozen=True)
class UltraScale(Xilinx):
    """As the 7 series, with CARRY8 for CARRY4 and DSP48E2 for DSP48E1."""

    name, form, summary, title = "ultrascale", "ULTRASCALE", "LUT6_2 and CARRY8", "UltraScale+"
    own_cells = "CARRY8"
    parts = parts_of("xcup")
    ip_families = ULTRASCALE_DEVICES
    vivado_part = "xczu3eg-sbva484-1-e"
    _dsp48 = DSP48E2

    @property
    def _primitives(self) -> "Primitives":
        from fewbit.hw.xilinx.primitives import EXPRESSIONS, ULTRASCALE

        return EXPRESSIONS if self.as_expressions else ULTRASCALE
