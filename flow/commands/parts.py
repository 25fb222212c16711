"""``fewbit parts``: the FPGAs that fewbit knows, with their resources."""

from dataclasses import dataclass
from typing import Annotated

import typer

from fewbit.flow.results import JsonResult
from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.part_list import COLUMNS, parts_with
from fewbit.hw.targets.parts import LUT_INPUTS, ListedPart

from .options import PartsFile, Showing
from .registry import command

__all__ = ["KnownPart", "KnownParts"]


@dataclass(frozen=True, kw_only=True)
class KnownPart(JsonResult):
    """A part, as `hw.targets.parts.ListedPart` has it; ``lut_inputs`` are those of one of its LUTs."""

    part: str
    series: str
    family: str
    lut_inputs: int
    lut: int
    ff: int
    lutram: int | None
    bram18: int
    uram: int
    dsp: int
    source: str

    @classmethod
    def of(cls, part: ListedPart) -> "KnownPart":
        """Return the result that a part of the list is."""
        same = {name: getattr(part, name) for name in COLUMNS if name != "part"}
        return cls(part=part.name, lut_inputs=LUT_INPUTS[part.family], **same)


@dataclass(frozen=True, kw_only=True)
class KnownParts(JsonResult):
    """The parts that are known, series by series."""

    parts: list[KnownPart]


_FILE = (
    f"Columns of a table of parts: `{','.join(COLUMNS)}`; `family` is one of "
    f"{', '.join(f'`{name}`' for name in LUT_INPUTS)}, `lutram` may be empty."
)


@command(rank=96, epilog=f"Example: `fewbit parts xc7z020clg400-1`. {_FILE}")
def parts(
    *,
    name: Annotated[
        str | None,
        typer.Argument(metavar="PART", help="Only this part; package and speed grade may follow.", show_default=False),
    ] = None,
    parts: PartsFile = None,
    showing: Showing,
):
    """List the FPGAs that fewbit knows: LUTs, flip-flops, memory and DSPs, each with the document it is from."""
    found = parts_with(parts)
    if name is not None:
        found = (find_part(name, found),)
    showing.reporter().show(KnownParts(parts=[KnownPart.of(part) for part in found]), _table)


def _table(report, r):
    """Print a table for each series."""
    for series in dict.fromkeys(part.series for part in r.parts):
        own = [part for part in r.parts if part.series == series]
        sources = ", ".join(dict.fromkeys(part.source for part in own))
        inputs = " and ".join(str(n) for n in sorted({part.lut_inputs for part in own}))
        report.line(f"{series} (LUTs of {inputs} inputs; {sources})")
        rows = [
            (part.part, f"{part.lut:,}", f"{part.ff:,}", "–" if part.lutram is None else f"{part.lutram:,}",
             f"{part.bram18:,}", f"{part.uram:,}", f"{part.dsp:,}")
            for part in own
        ]  # fmt: skip
        report.table(["part", "LUTs", "FFs", "as RAM", "BRAM18", "URAM", "DSPs"], rows)
