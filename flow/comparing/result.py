"""What a comparison gives: a row for each format, and what they are compared by. Times are in cycles."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from fewbit.flow.eda.resources import Resources
from fewbit.flow.project.simulation_results import Latency
from fewbit.flow.results import JsonResult, flat, maybe
from fewbit.hw.targets.parts import Part

from .fill import LIMIT

__all__ = [
    "Comparison",
    "SynthesizedCost",
    "Filled",
    "FilledPart",
    "Golden",
    "MeasuredInterval",
    "ComparedFormat",
    "Simulated",
    "Tried",
]


@dataclass(frozen=True, kw_only=True)
class MeasuredInterval(JsonResult):
    """Cycles between results in steady state; ``simulated`` is None where there are too few."""

    simulated: float | None
    predicted: float | None


@dataclass(frozen=True, kw_only=True)
class SynthesizedCost(JsonResult):
    """What a design takes by Yosys; ``bram`` is in blocks of 36 Kbit."""

    lut: int
    lutram: int
    ff: int
    bram18: int
    bram36: int
    dsp: int
    bram: float

    @classmethod
    def of(cls, resources: Resources) -> "SynthesizedCost":
        """Return the cost of a design of these resources."""
        counts = {name: getattr(resources, name) for name in ("lut", "lutram", "ff", "bram18", "bram36", "dsp")}
        return cls(**counts, bram=resources.bram36 + resources.bram18 / 2)


@dataclass(frozen=True, kw_only=True)
class Tried(JsonResult):
    """A folding that was synthesized on the way to the one that fills the part."""

    cycles: int
    cost: SynthesizedCost = flat()


@dataclass(frozen=True, kw_only=True)
class Filled(JsonResult):
    """The design that fills a share of the part.

    ``counts_ram`` is False where the weights alone are too many for the part's block RAM, and it is counted as if it
    had enough.
    """

    folding: dict[str, dict[str, int]]
    multipliers: int
    latency: int
    interval: int
    cost: SynthesizedCost
    use: dict[str, float]
    counts_ram: bool


@dataclass(frozen=True, kw_only=True)
class Golden(JsonResult):
    """Accuracy of the golden model on all samples, and the sizes of the network at the common folding."""

    accuracy: float | None
    samples: int
    weights: int
    weight_bits: int
    bits_per_weight: float
    layers: list[dict[str, Any]]
    pes: int


@dataclass(frozen=True, kw_only=True)
class Simulated(JsonResult):
    """What Verilator shows of some frames."""

    frames: int
    mismatches: int
    problems: list[str]
    latency: Latency
    interval: MeasuredInterval

    @property
    def exact(self) -> bool:
        """Whether every bit and every cycle is as it should be."""
        return not (self.mismatches or self.problems)


@dataclass(frozen=True, kw_only=True)
class ComparedFormat(JsonResult):
    """Everything about one format. ``fps`` and the ratios to both float32 rows are None where it does not fit.

    ``unfilled`` says why there is no design that fills the part, where that is not because none fits.
    """

    format: str
    model: Path
    note: str
    golden: Golden = flat()
    simulated: Simulated = flat()
    exact: bool
    cost: SynthesizedCost
    tried: list[Tried]
    filled: Filled | None
    unfilled: str | None = maybe()
    fps: int | None = None
    ratio: float | None = None
    ratio_without_dsps: float | None = None


@dataclass(frozen=True, kw_only=True)
class FilledPart(Part, JsonResult):
    """A part, and the share of each of its resources that designs may take."""

    limit: float = LIMIT

    @classmethod
    def of(cls, part: Part) -> "FilledPart":
        """Return what is kept of a part."""
        return cls(**{field.name: getattr(part, field.name) for field in fields(Part)})


@dataclass(frozen=True, kw_only=True)
class Comparison(JsonResult):
    """A comparison; ``ok`` says that every row is exact."""

    model: Path
    samples: str
    shape: str
    clock_mhz: float
    part: FilledPart
    folding: dict[str, dict[str, int]]
    rows: list[ComparedFormat]
    tools: dict[str, str]
    ok: bool
