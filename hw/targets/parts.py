"""FPGAs: families of devices as Vivado names them, and parts with their resources."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["LUT_INPUTS", "SERIES_7_DEVICES", "ULTRASCALE_DEVICES", "ListedPart", "Part", "ResourceCounts"]

SERIES_7_DEVICES = ("artix7", "kintex7", "spartan7", "virtex7", "zynq")
ULTRASCALE_DEVICES = ("kintexu", "virtexu", "zynquplus", "kintexuplus", "virtexuplus", "artixuplus")

LUT_INPUTS = {"xc7": 6, "xcup": 6, "ecp5": 4}
"""Inputs of a LUT by the family, as Yosys names it."""


class ResourceCounts(Protocol):
    """What a design takes, as a synthesis counts it (`flow.eda.resources.Resources`)."""

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
        Name of the family, as Yosys's ``synth_xilinx`` has it, or ``ecp5``.
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


@dataclass(frozen=True, kw_only=True)
class ListedPart(Part):
    """A row of a table of parts (`hw.targets.part_list`).

    Attributes
    ----------
    series : str
        Name of the series, as its vendor writes it.
    lutram : int or None
        LUTs that can be memory, of those in ``lut``; None if the source does not say.
    uram : int
        UltraRAMs, of 288 Kbit each.
    source : str
        Number of the document that the figures are from.
    """

    series: str
    lutram: int | None
    uram: int
    source: str
