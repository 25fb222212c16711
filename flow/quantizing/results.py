"""What quantization after training gives, of a model, of its layers and of what was measured."""

from dataclasses import dataclass
from math import inf
from pathlib import Path

from fewbit.flow.images import Images
from fewbit.flow.results import JsonResult, key, maybe

from .retrain import Retrained

__all__ = [
    "Accuracies", "FormatCandidate", "Hardware", "HeldOutAccuracy", "Joined", "Measured", "OneLayer", "Quantized",
    "QuantizedLayer", "QuantizedSite", "Ranges", "Reference", "Samples", "SearchGoal", "SearchResult",
    "Sensitivity", "samples",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Samples(JsonResult):
    """The number of samples that were used, and the file that they are from."""

    samples: int
    source: str = key("from")


def samples(images: Images) -> Samples:
    """Return how many samples there are, and of which file."""
    return Samples(samples=len(images), source=images.source)


@dataclass(frozen=True, kw_only=True)
class Ranges(JsonResult):
    """How the ranges of activations and weights were chosen."""

    activations: str
    weights: str
    per_channel: bool
    bias_correction: bool


@dataclass(frozen=True, kw_only=True)
class QuantizedSite(JsonResult):
    """Activations at one place: their format, their range, and their SQNR in dB; what is declared has neither."""

    format: str
    range: list[float] | None
    sqnr: float | None


@dataclass(frozen=True, kw_only=True)
class Joined(QuantizedSite):
    """The site of the branches, ``tensors``, that a sum joins."""

    tensors: list[str]


@dataclass(frozen=True, kw_only=True)
class QuantizedLayer(JsonResult):
    """A layer, the bits of its weights and their SQNR in dB, and the activations that it reads."""

    layer: str
    kind: str
    weights: int
    bits: int
    weight_scales: int
    weight_sqnr: float | None
    input: QuantizedSite


@dataclass(frozen=True, kw_only=True)
class Accuracies(JsonResult):
    """The share of images that each model has right; None without labels."""

    floats: float | None = key("float")
    quantized: float | None


@dataclass(frozen=True, kw_only=True)
class Quantized(JsonResult):
    """A float model that was quantized and written to ``file``."""

    model: Path
    file: Path
    input: str
    calibration: Samples
    ranges: Ranges
    retrained: Retrained | None
    layers: list[QuantizedLayer]
    sums: list[Joined]
    weight_bits: int
    float_weight_bits: int
    accuracy: Accuracies
    images: Samples


@dataclass(frozen=True, kw_only=True)
class Hardware(JsonResult):
    """What an accelerator takes by the estimate."""

    luts: int
    dsps: int
    bram18: int


@dataclass(frozen=True, kw_only=True)
class Measured(JsonResult):
    """Accuracy on the images, and the noise of the scores on the samples of calibration."""

    accuracy: float
    noise: float


@dataclass(frozen=True, kw_only=True)
class Reference(JsonResult):
    """All layers at so many ``bits``: what is measured then, and what the network takes by the estimate.

    ``weight_bits`` are the bits of memory of its weights.
    """

    bits: int
    accuracy: float
    noise: float
    luts: int
    dsps: int
    bram18: int
    weight_bits: int


@dataclass(frozen=True, kw_only=True)
class OneLayer(JsonResult):
    """One layer in few bits.

    What is measured is with the others float (``alone``) and at the reference's bits (``among``); the accuracy lost is
    in percentage points, and what is saved is against the reference.
    """

    layer: str
    place: str
    bits: int
    format: str
    alone: Measured
    among: Measured
    lost_alone: float
    lost_among: float
    weight_bits_saved: int
    luts_saved: int
    dsps_saved: int
    bram18_saved: int


@dataclass(frozen=True, kw_only=True)
class Sensitivity(JsonResult):
    """Each layer in few bits, beside the float model and the reference, in one folding."""

    model: Path
    images: Samples
    of: str
    floats: Measured = key("float")
    others: Reference
    folding: dict[str, dict[str, int]]
    cycles: int
    rows: list[OneLayer]


@dataclass(frozen=True, kw_only=True)
class HeldOutAccuracy(JsonResult):
    """The accuracy on samples that nothing was chosen by, and what confidence of 95 % leaves open.

    Attributes
    ----------
    accuracy : float
        Share of these samples that are right.
    interval : list of float
        Within which the share of all samples of their kind is, with a confidence of 95 %.
    lost : float or None
        Percentage points that are lost against the float model; None for the float model itself.
    lost_interval : list of float or None
        Within which they are, with a confidence of 95 %.
    """

    accuracy: float
    interval: list[float]
    lost: float | None
    lost_interval: list[float] | None


@dataclass(frozen=True, kw_only=True)
class FormatCandidate(JsonResult):
    """Formats of all layers of a model that were evaluated together.

    Attributes
    ----------
    formats : dict of str to str
        Format of each layer, by name.
    by : str
        What chose it: ``uniform``, ``greedy``, ``program`` or ``retrained``.
    accuracy : float
        Share right of the images that formats are chosen by.
    noise : float or None
        Noise of its scores. One that was retrained has none: it is another function.
    luts, dsps, bram18 : int
        What an accelerator takes by the estimate.
    weight_bits : int
        Bits of memory of the weights.
    test : HeldOutAccuracy or None
        What the network that fewbit imports does on the images that nothing was chosen by, where a file was written.
    file : str or None
        The QONNX file, where one was written.
    """

    formats: dict[str, str]
    by: str
    accuracy: float
    noise: float | None
    luts: int
    dsps: int
    bram18: int
    weight_bits: int
    test: HeldOutAccuracy | None = maybe()
    file: str | None = maybe()

    @property
    def noise_or_most(self) -> float:
        """The noise; infinity where there is none."""
        return inf if self.noise is None else self.noise

    def cost(self, kind: str) -> int:
        """Return what it costs; ``kind`` is ``luts`` or ``weight_bits``."""
        return {"luts": self.luts, "weight_bits": self.weight_bits}[kind]


@dataclass(frozen=True, kw_only=True)
class SearchGoal(JsonResult):
    """What was looked for: budgets, a drop in percentage points, and the accuracy that it leaves at least."""

    budget_luts: int | None
    budget_bits: int | None
    max_drop: float | None
    cost: str
    budget: int | None
    drop_floor: float | None


@dataclass(frozen=True, kw_only=True)
class SearchResult(JsonResult):
    """Every candidate that was evaluated, those of the Pareto set, and the best one, if there are limits.

    They are chosen by ``images``, where float32 is as ``floats`` says, and scored on ``test``, where it is as
    ``floats_test`` says.
    """

    model: Path
    images: Samples
    test: Samples
    goal: SearchGoal
    retrained: Retrained | None
    floats: Measured = key("float")
    floats_test: HeldOutAccuracy = key("float_test")
    cycles: int
    folding: dict[str, dict[str, int]]
    evaluated: int
    best: FormatCandidate | None
    pareto: list[FormatCandidate]
    candidates: list[FormatCandidate]
    directory: Path | None = maybe()
