"""FPGAs: families of devices as Vivado names them, and parts with their resources."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["SERIES_7", "SERIES_7_DEVICES", "ULTRASCALE_DEVICES", "ULTRASCALE_PLUS", "Part", "ResourceCounts"]

SERIES_7_DEVICES = ("artix7", "kintex7", "spartan7", "virtex7", "zynq")
ULTRASCALE_DEVICES = ("kintexu", "virtexu", "zynquplus", "kintexuplus", "virtexuplus", "artixuplus")


class ResourceCounts(Protocol):
    """What a design takes, as a synthesis counts it (`flow.eda.synth.Resources`)."""

    @property
    def lut(self) -> int: ...

    @property
    def ff(self) -> int: ...

    @property
    def dsp(self) -> int: ...

    @property
    def bram18(self) -> int: ...

    @property
    def bram36(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Part:
    """An FPGA and its resources.

    Attributes
    ----------
    name : str
        Name of the device, without package and speed grade.
    lut, ff, dsp, bram18 : int
        LUTs, flip-flops, DSP blocks, and block RAMs of 18 Kbit; one of 36 Kbit counts as two.
    family : str
        Name of the family, as Yosys's ``synth_xilinx`` has it.
    """

    name: str
    lut: int
    ff: int
    dsp: int
    bram18: int
    family: str = "xc7"

    def use(self, resources: ResourceCounts) -> dict[str, float]:
        """Return the share of each resource that a design takes, by the resource's name; 1 is all of them."""
        return {
            "lut": resources.lut / self.lut,
            "ff": resources.ff / self.ff,
            "dsp": resources.dsp / self.dsp,
            "bram18": (resources.bram18 + 2 * resources.bram36) / self.bram18,
        }


# The numbers are those of the data sheets DS180 and DS190.
SERIES_7 = (
    Part(name="XC7A35T", lut=20_800, ff=41_600, dsp=90, bram18=100),
    Part(name="XC7A100T", lut=63_400, ff=126_800, dsp=240, bram18=270),
    Part(name="XC7A200T", lut=134_600, ff=269_200, dsp=740, bram18=730),
    Part(name="XC7Z020", lut=53_200, ff=106_400, dsp=220, bram18=280),
    Part(name="XC7Z045", lut=218_600, ff=437_200, dsp=900, bram18=1_090),
)
# These are those of DS891.
ULTRASCALE_PLUS = (Part(name="XCZU3EG", lut=70_560, ff=141_120, dsp=360, bram18=432, family="xcup"),)
