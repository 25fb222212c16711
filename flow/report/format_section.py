"""Section: the same network in float32 and in other formats, where ``fewbit compare`` or ``search`` measured them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from fewbit.flow.comparing.result import Comparison
from fewbit.flow.quantizing.results import SearchResult
from fewbit.flow.results import JsonResult
from fewbit.places import BUILD

from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["FormatFigures", "FormatsFigures", "formats_figures", "searched"]

_Result = TypeVar("_Result", bound=JsonResult)


@dataclass(frozen=True, kw_only=True)
class FormatFigures(JsonResult):
    """A format: accuracy, bits of all weights, what it takes at the common folding, and how fast the filled part is.

    ``interval`` and ``fps`` are those of the design that fills the part; None where it does not fit. ``ratio`` is its
    speed beside float32's.
    """

    format: str
    own: bool
    accuracy: float | None
    weight_bits: int
    lut: int
    dsp: int
    bram: float
    filled_luts: int | None
    interval: int | None
    fps: int | None
    ratio: float | None
    exact: bool


@dataclass(frozen=True, kw_only=True)
class FormatsFigures(JsonResult):
    """A comparison of formats: the part that is filled, the clock, and a row for each format."""

    part: str
    limit: float
    clock_mhz: float
    rows: list[FormatFigures]
    obtained: list[Obtained]


def formats_figures(subject: ReportSubject) -> FormatsFigures | NotRun:
    """Return the comparison that the model of a build is in."""
    command = subject.model_command("compare")
    comparison = _comparison(subject)
    if comparison is None:
        return NotRun(reason="no comparison of this model with other formats was made", command=command)
    own = Path(subject.origin.model or "").resolve()
    rows = [
        FormatFigures(
            format=row.format, own=row.model.resolve() == own, accuracy=row.golden.accuracy,
            weight_bits=row.golden.weight_bits, lut=row.cost.lut, dsp=row.cost.dsp, bram=row.cost.bram,
            filled_luts=None if row.filled is None else row.filled.cost.lut,
            interval=None if row.filled is None else row.filled.interval, fps=row.fps, ratio=row.ratio, exact=row.exact,
        )
        for row in comparison.rows
    ]  # fmt: skip
    synthesized = Obtained(means=Means.SYNTHESIZED, text="LUTs, DSPs and block RAM by Yosys, of Verilog that was "
                           "simulated", command=command)  # fmt: skip
    computed = Obtained(means=Means.COMPUTED, text="frames a second by the cycle model, at an assumed clock",
                        command=command)  # fmt: skip
    part = comparison.part
    return FormatsFigures(part=part.name, limit=part.limit, clock_mhz=comparison.clock_mhz, rows=rows,
                          obtained=[synthesized, computed])  # fmt: skip


def _comparison(subject: ReportSubject) -> Comparison | None:
    """Return the comparison that the build's model is in."""
    if subject.origin.model is None:
        return None
    model = Path(subject.origin.model)
    for name in dict.fromkeys((model.parent.name, model.stem)):
        found = _read(BUILD / "compare" / name / "compare.json", Comparison)
        if found is not None:
            rows = {row.model.resolve() for row in found.rows}
            if model.resolve() in rows or found.model.resolve() == model.resolve():
                return found
    return None


def searched(subject: ReportSubject) -> SearchResult | None:
    """Return the search of formats that the model of a build comes from, or was given to."""
    if subject.origin.model is None:
        return None
    model = Path(subject.origin.model)
    for folder in (BUILD / "search" / model.stem, model.parent):
        found = _read(folder / "search.json", SearchResult)
        if found is not None:
            return found
    return None


def _read(path: Path, kind: type[_Result]) -> _Result | None:
    try:
        return kind.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
