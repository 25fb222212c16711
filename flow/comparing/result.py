"""What a comparison gives: a row for each format, and what they are compared by. Times are in cycles."""

from dataclasses import dataclass
from pathlib import Path

from fewbit.flow.project.simulated import Latency
from fewbit.flow.results import Result, flat
from fewbit.hw.targets.parts import Part

from .fill import LIMIT

__all__ = ["Comparison", "Cost", "Filled", "FilledPart", "Golden", "Interval", "Row", "Simulated", "Tried"]


@dataclass(frozen=True, kw_only=True)
class Interval(Result):
    """Between results in steady state; ``simulated`` is None where there are too few."""

    simulated: float | None
    predicted: float | None


@dataclass(frozen=True, kw_only=True)
class Cost(Result):
    """What Yosys makes of a design; ``bram`` is in blocks of 36 Kbit."""

    lut: int
    lutram: int
    ff: int
    bram18: int
    bram36: int
    dsp: int
    bram: float

    @classmethod
    def of(cls, resources):
        """Return the cost of a design of these `flow.eda.synth.Resources`."""
        counts = {name: getattr(resources, name) for name in ("lut", "lutram", "ff", "bram18", "bram36", "dsp")}
        return cls(**counts, bram=resources.bram36 + resources.bram18 / 2)


@dataclass(frozen=True, kw_only=True)
class Tried(Result):
    """A folding that was synthesized on the way to the one that fills the part."""

    cycles: int
    cost: Cost = flat()


@dataclass(frozen=True, kw_only=True)
class Filled(Result):
    """The design that fills a share of the part; ``counts_ram`` is False where the weights alone are too many for its
    block RAM, and it is counted as if it had enough."""

    folding: dict
    multipliers: int
    latency: int
    interval: int
    cost: Cost
    use: dict
    counts_ram: bool


@dataclass(frozen=True, kw_only=True)
class Golden(Result):
    """Accuracy of the golden model on all samples, and the sizes of the network at the common folding."""

    accuracy: float | None
    samples: int
    weights: int
    weight_bits: int
    bits_per_weight: float
    layers: list
    pes: int


@dataclass(frozen=True, kw_only=True)
class Simulated(Result):
    """What Verilator shows of some frames."""

    frames: int
    mismatches: int
    problems: list
    latency: Latency
    interval: Interval

    @property
    def exact(self):
        """Whether every bit and every cycle is as it should be."""
        return not (self.mismatches or self.problems)


@dataclass(frozen=True, kw_only=True)
class Row(Result):
    """Everything about one format. ``fps`` and the ratios to both float32 rows are None where it does not fit."""

    format: str
    model: Path
    note: str
    golden: Golden = flat()
    simulated: Simulated = flat()
    exact: bool
    cost: Cost
    tried: list[Tried]
    filled: Filled | None
    fps: int | None = None
    ratio: float | None = None
    ratio_without_dsps: float | None = None


@dataclass(frozen=True, kw_only=True)
class FilledPart(Part, Result):
    """A part, and the share of each of its resources that designs may take."""

    limit: float = LIMIT


@dataclass(frozen=True, kw_only=True)
class Comparison(Result):
    """A comparison; ``ok`` says that every row is exact."""

    model: Path
    samples: str
    shape: str
    clock_mhz: float
    part: FilledPart
    folding: dict
    rows: list[Row]
    tools: dict
    ok: bool
