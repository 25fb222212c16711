"""Section: what values accumulators and activations take of the ranges that they have, and what is never used."""

from dataclasses import dataclass

import numpy as np

from fewbit.flow.results import JsonResult
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Edge, accumulator_format
from fewbit.golden.network.pointwise import activation_behind
from fewbit.golden.numbers.format import Format

from .executed import ExecutedSamples
from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["ValueRange", "ValuesFigures", "values_figures"]

_BINS = 48  # of a histogram
_FINE = 1 << 12  # levels of a range that are counted one by one


@dataclass(frozen=True, kw_only=True)
class ValueRange(JsonResult):
    """The values of an edge over all samples.

    Attributes
    ----------
    layer, kind : str
        The layer that it belongs to; ``accumulator`` or ``activation``.
    format : str
    low, high : int
        The smallest and the largest value that it can reach.
    least, most : int
        The smallest and the largest that it took.
    histogram : list of int
        How many values fell into each of equal parts of the range from ``low`` to ``high``.
    bits, unused : int
        Bits of the format, and how many of them it would do without for these samples.
    levels, taken : int or None
        Of activations: values of the format, and how many of them were taken.
    constant : list of int
        Of activations: channels that had the same value throughout.
    channels : int
    """

    layer: str
    kind: str
    format: str
    low: int
    high: int
    least: int
    most: int
    histogram: list[int]
    bits: int
    unused: int
    levels: int | None
    taken: int | None
    constant: list[int]
    channels: int


@dataclass(frozen=True, kw_only=True)
class ValuesFigures(JsonResult):
    """The values of all layers over so many samples."""

    samples: int
    source: str
    ranges: list[ValueRange]
    obtained: Obtained


class _Counter:
    """Counts of the values of an edge, batch by batch."""

    def __init__(self, layer: str, kind: str, edge: Edge):
        self.layer, self.kind, self.edge = layer, kind, edge
        self.low, self.high = int(edge.lo.min()), int(edge.hi.max())
        self.width = -(-(self.high - self.low + 1) // _FINE)  # values that are counted together
        self.counts = np.zeros((self.high - self.low) // self.width + 1, dtype=np.int64)
        self.least, self.most = self.high, self.low
        self.bottom = np.full(edge.channels, np.iinfo(np.int64).max)
        self.top = np.full(edge.channels, np.iinfo(np.int64).min)
        self.ones, self.zeros = 0, 0  # bits of codes that were ever 1, and ever 0

    def add(self, values: np.ndarray) -> None:
        """Count the values ``(B, length)`` of a batch."""
        self.counts += np.bincount((values.reshape(-1) - self.low) // self.width, minlength=len(self.counts))
        by_channel = values.reshape(-1, self.edge.channels)
        self.bottom = np.minimum(self.bottom, by_channel.min(axis=0))
        self.top = np.maximum(self.top, by_channel.max(axis=0))
        self.least, self.most = int(self.bottom.min()), int(self.top.max())
        if self.kind == "activation":
            codes = self.edge.format.encode(np.unique(values))
            self.ones |= int(np.bitwise_or.reduce(codes))
            self.zeros |= int(np.bitwise_or.reduce(~codes & ((1 << self.edge.format.bits) - 1)))

    def range(self) -> ValueRange:
        """Return what was counted."""
        fmt: Format = self.edge.format
        activation = self.kind == "activation"
        return ValueRange(
            layer=self.layer, kind=self.kind, format=str(fmt), low=self.low, high=self.high, least=self.least,
            most=self.most, histogram=_binned(self.counts, self.width, self.high - self.low + 1), bits=fmt.bits,
            unused=self._unused(), levels=fmt.levels if activation else None,
            taken=int((self.counts > 0).sum()) if activation and self.width == 1 else None,
            constant=np.flatnonzero(self.bottom == self.top).tolist() if activation else [],
            channels=self.edge.channels,
        )  # fmt: skip

    def _unused(self) -> int:
        """Return the bits that the samples would do without: of activations those of codes that never change."""
        bits = self.edge.format.bits
        if self.kind == "activation":
            return bits - (self.ones & self.zeros).bit_count()
        return max(0, bits - accumulator_format(self.least, self.most).bits)


def _binned(counts: np.ndarray, width: int, span: int) -> list[int]:
    """Return counts, each of ``width`` values of a range of ``span``, in equal parts of the range."""
    bins = min(_BINS, span)
    place = np.minimum(np.arange(len(counts)) * width * bins // span, bins - 1)
    return np.bincount(place, weights=counts, minlength=bins).astype(np.int64).tolist()


def values_figures(subject: ReportSubject, executed: ExecutedSamples | None) -> ValuesFigures | NotRun:
    """Return the values that layers have over the samples of a report."""
    if executed is None:
        return NotRun(reason="golden was not executed on samples", command=subject.execute)
    if not subject.project.network.integral:
        return NotRun(reason="a float32 network has no integers whose ranges could be compared",
                      command=subject.model_command("quantize"))  # fmt: skip
    return subject.kept.once("values", ValuesFigures, lambda: _counted(subject, executed), executed.key)


def _counted(subject: ReportSubject, executed: ExecutedSamples) -> ValuesFigures:
    edges, counters = subject.layers.edges, {}
    for name, node in subject.dense.items():
        if isinstance(node, Dense):
            counters[node.y] = _Counter(name, "accumulator", edges[node.y])
            activation = activation_behind(subject.project.network, node)
            if activation is not None:
                counters[activation.y] = _Counter(name, "activation", edges[activation.y])
    for result in executed.batches(list(counters)):
        for edge, counter in counters.items():
            counter.add(result.edges[edge])
    return ValuesFigures(
        samples=len(executed.images), source=executed.images.source,
        ranges=[counter.range() for counter in counters.values()],
        obtained=Obtained(means=Means.EXECUTED, text=f"the golden model on {len(executed.images):,} samples",
                          command=subject.execute),
    )  # fmt: skip
