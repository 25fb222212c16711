"""What a netlist takes of a device, by its cells: LUTs, flip-flops, carries, RAMs and DSPs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fewbit.flow.results import JsonResult, or_empty

from .longest_path import LongestPath

__all__ = ["Resources", "count"]

# LUTs that each memory cell takes (UG474, UG574). A shift register takes one, though two SRL16 may share it.
LUTS_OF_RAM = {
    "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4, "RAM512X1S": 8,
    "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4, "RAM256X1D": 8,
    "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM64X8SW": 8, "RAM32X16DR8": 8,
    "SRL16": 1, "SRL16E": 1, "SRLC16": 1, "SRLC16E": 1, "SRLC32E": 1,
}  # fmt: skip
_LUT = re.compile(r"LUT[1-6]|LUT6_2|INV")
_FLIP_FLOP = re.compile(r"FD[RSCP]E(_1)?|LD[CP]E")


@dataclass(frozen=True, kw_only=True)
class Resources(JsonResult):
    """What a netlist takes of a device.

    Attributes
    ----------
    lut : int
        LUT1 to LUT6 cells, LUT6_2 as one, and ``lutram``. An upper bound of what the device takes: place and route
        may still put two small LUTs into one.
    lutram : int
        LUTs that serve as distributed RAM or shift register.
    ff : int
        Flip-flops, and latches if there are any.
    carry4, carry8 : int
        CARRY4 cells, CARRY8 cells. Yosys makes CARRY4 of operators for UltraScale too, where a CARRY8 takes two.
    muxf : int
        MUXF7, MUXF8 and MUXF9.
    bram18, bram36 : int
        Block RAMs of 18 and 36 Kbit.
    dsp : int
        DSP48E1 or DSP48E2.
    uram : int
        UltraRAMs.
    lc : int
        Yosys's own estimate of the logic cells after small LUTs are packed.
    cells : dict of str to int
        Every kind of cell in the netlist and how many there are.
    path : flow.eda.longest_path.LongestPath or None
        The longest path from register to register; None if there is none.
    """

    lut: int
    lutram: int
    ff: int
    carry4: int
    muxf: int
    bram18: int
    bram36: int
    dsp: int
    carry8: int = 0
    uram: int = 0
    lc: int = 0
    cells: dict[str, int] = field(default_factory=dict)
    path: LongestPath | None = or_empty()


def count(cells: Mapping[str, int], *, lc: int = 0, path: LongestPath | None = None) -> Resources:
    """Return the `Resources` of a netlist with ``cells``, the number of each kind of cell.

    Raises
    ------
    ValueError
        If a kind of memory cell is not known.
    """

    def total(pattern):
        return sum(number for kind, number in cells.items() if re.fullmatch(pattern, kind))

    unknown = sorted(kind for kind in cells if re.match(r"S?RAM\d|SRL", kind) and kind not in LUTS_OF_RAM)
    if unknown:
        raise ValueError(f"Memory cell must be one of {', '.join(LUTS_OF_RAM)}, not {unknown[0]!r}")
    lutram = sum(LUTS_OF_RAM.get(kind, 0) * number for kind, number in cells.items())
    return Resources(
        lut=total(_LUT) + lutram,
        lutram=lutram,
        ff=total(_FLIP_FLOP),
        carry4=total("CARRY4"),
        carry8=total("CARRY8"),
        muxf=total("MUXF[789]"),
        bram18=total("RAMB18E[12]"),
        bram36=total("RAMB36E[12]"),
        dsp=total("DSP48E[12]"),
        uram=total("URAM288"),
        lc=lc,
        cells=dict(sorted(cells.items())),
        path=path,
    )
