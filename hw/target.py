"""What a design is made of: operators that any tool maps, or primitives of Xilinx devices."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["DEFAULT", "USUAL", "Luts", "Target"]


class Luts(Enum):
    """How the arrays of integer layers are written."""

    OPERATORS = "portable"  # for any synthesis
    INSTANCES = "xilinx"  # LUT6_2, CARRY4, MUXF7 and MUXF8: 7-series
    ULTRASCALE = "ultrascale"  # with CARRY8 for CARRY4: UltraScale and UltraScale+
    MODELS = "models"  # the same structure as expressions, for Amaranth's simulator

    @property
    def instances(self):
        """Whether arrays and tables are made of a device's primitives."""
        return self in (Luts.INSTANCES, Luts.ULTRASCALE)


@dataclass(frozen=True)
class Target:
    """Attributes
    ----------
    luts : Luts
    dsp : bool
        Whether float32 products may use DSP blocks; without, they are built from LUTs on purpose.
    """

    luts: Luts = Luts.OPERATORS
    dsp: bool = True


DEFAULT = Target()
USUAL = Target(luts=Luts.INSTANCES)  # what the commands make unless told otherwise
