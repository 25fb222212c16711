"""Drawings of a report: figures as coordinates of SVG, which the templates write down."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fewbit.flow.pages import number, short

from .explorer_section import ExplorerFigures, ExplorerPoint
from .roofline_section import RooflineFigures
from .timeline_section import TimelineFigures
from .value_section import ValueRange

__all__ = [
    "Bar", "ExplorerChart", "HistogramChart", "Mark", "RooflineChart", "Tick", "TimelineChart", "explorer_chart",
    "histogram", "log_ticks", "roofline_chart", "round_ticks", "timeline_chart",
]  # fmt: skip

_WIDTH = 720
_STEPS = (1, 2, 5, 10)  # of ticks
_SHADES = 4  # of frames, in turn
_LANE, _MOST_LANES = 7, 4  # height of a bar of a timeline, and bars above each other in a row


@dataclass(frozen=True)
class Tick:
    """A tick of an axis: where it is, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Bar:
    """A rectangle with its text alternative, and a number that chooses its shade."""

    x: float
    y: float
    width: float
    height: float
    text: str
    shade: int = 0


@dataclass(frozen=True)
class Mark:
    """A point with its name and its text alternative."""

    x: float
    y: float
    name: str
    text: str


@dataclass(frozen=True)
class TimelineChart:
    """Rows of bars: the blocks of the pipeline, over cycles; ``names`` are the rows' names and where they stand."""

    width: int
    height: float
    left: float
    bars: list[Bar]
    names: list[Mark]
    ticks: list[Tick]


@dataclass(frozen=True)
class RooflineChart:
    """Logarithmic axes, the roofs as paths, and points; ``whole`` is that of the build."""

    width: int
    height: int
    left: float
    bottom: float
    roofs: list[str]
    labels: list[Mark]
    points: list[Mark]
    whole: Mark
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class ExplorerChart:
    """Designs over logarithmic axes of LUTs and of frames a second: each a mark of its kind's shape, and the build."""

    width: int
    height: int
    left: float
    bottom: float
    points: list[Mark]
    here: Mark
    x_ticks: list[Tick]
    y_ticks: list[Tick]


@dataclass(frozen=True)
class HistogramChart:
    """Bars over the range of an edge, a bar of what of the range is used, and the text alternative of both."""

    width: int
    height: int
    bars: list[Bar]
    used: Bar
    text: str


def round_ticks(most: float, count: int) -> list[float]:
    """Return about ``count`` round numbers from 0 to ``most``."""
    if most <= 0:
        return [0.0]
    rough = most / count
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * k for k in _STEPS if size * k >= rough)
    return [k * step for k in range(int(most / step) + 1)]


def log_ticks(least: float, most: float) -> list[float]:
    """Return the powers of ten from the one below ``least`` to the one above ``most``."""
    return [10.0**k for k in range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)]


def timeline_chart(figures: TimelineFigures) -> TimelineChart:
    """Return the drawing of a timeline: a row a block, a bar a frame."""
    lanes = min(_MOST_LANES, max(_at_once(block.spans) for block in figures.blocks))
    row, left, top, end = 8.0 + _LANE * lanes, 130.0, 6.0, max(figures.left) + 1
    scale = (_WIDTH - left - 30) / end
    bars, names = [], []
    for k, block in enumerate(figures.blocks):
        y = top + k * row
        names.append(Mark(left - 6, round(y + row / 2 + 3, 1), _cut(block.name, 19), block.name))
        for frame, (first, last) in enumerate(block.spans):
            text = f"{block.name}, frame {frame}: cycles {first:,} to {last:,}"
            width = max(1.5, (last - first + 1) * scale)
            # Frames overlap where a block takes the next one before it has given all of the last one.
            bars.append(Bar(round(left + first * scale, 1), round(y + 3 + frame % lanes * _LANE, 1), round(width, 1),
                            _LANE - 1, text, frame % _SHADES))  # fmt: skip
    ticks = [Tick(round(left + t * scale, 1), number(t)) for t in round_ticks(end, 6)]
    return TimelineChart(_WIDTH, top + len(figures.blocks) * row + 34, left, bars, names, ticks)


def _at_once(spans: Sequence[Sequence[int]]) -> int:
    """Return how many frames are in a block at the same time, at most."""
    return max(sum(first <= begin <= last for first, last in spans) for begin, _ in spans)


def roofline_chart(figures: RooflineFigures) -> RooflineChart:
    """Return the drawing of a roofline."""
    width, height, left, top, bottom = _WIDTH, 350, 74.0, 26.0, 300.0
    every = [figures.whole, *figures.layers]
    ridge = figures.whole.peak / figures.bandwidth
    xs = log_ticks(*_apart([point.intensity for point in every] + [ridge]))
    ys = log_ticks(*_apart([point.reached for point in every] + [figures.whole.peak]))

    def x_of(value: float) -> float:
        return round(left + (width - left - 16) * _share(value, xs), 1)

    def y_of(value: float) -> float:
        return round(bottom - (bottom - top) * _share(value, ys), 1)

    least, most = xs[0], xs[-1]
    begin = max(least, ys[0] / figures.bandwidth)
    slope = f"M{x_of(begin)} {y_of(begin * figures.bandwidth)}L{x_of(ridge)} {y_of(figures.whole.peak)}"
    roof = f"M{x_of(max(least, ridge))} {y_of(figures.whole.peak)}H{x_of(most)}"
    # The roof's label is on the other half than the build's.
    middle = (x_of(most) + left) / 2
    place = left + 120 if x_of(figures.whole.intensity) > middle else x_of(most) - 4
    labels = [Mark(place, y_of(figures.whole.peak) - 6, f"{short(figures.whole.peak)} products/s", "")]
    points = [Mark(x_of(p.intensity), y_of(p.reached), _cut(p.name, 16), _said(p)) for p in figures.layers]
    whole = figures.whole
    return RooflineChart(
        width, height, left, bottom, [slope, roof], labels, points,
        Mark(x_of(whole.intensity), y_of(whole.reached), "build", _said(whole)),
        [Tick(x_of(x), _plain(x)) for x in xs], [Tick(y_of(y), short(y)) for y in ys],
    )  # fmt: skip


def explorer_chart(figures: ExplorerFigures) -> ExplorerChart:
    """Return the drawing of the designs that a user may choose from."""
    width, height, left, top, bottom = _WIDTH, 320, 60.0, 26.0, 270.0
    every = [*figures.points, figures.here]
    xs = log_ticks(*_apart([point.luts for point in every]))
    ys = log_ticks(*_apart([point.fps for point in every]))

    def mark(point: ExplorerPoint) -> Mark:
        x = round(left + (width - left - 20) * _share(point.luts, xs), 1)
        y = round(bottom - (bottom - top) * _share(point.fps, ys), 1)
        accuracy = "" if point.accuracy is None else f", accuracy {100 * point.accuracy:.2f} %"
        return Mark(x, y, point.kind, f"{point.name}: {short(point.fps)} frames/s, {point.luts:,} LUTs, "
                    f"{point.bits:,} bits of weights{accuracy}")  # fmt: skip

    return ExplorerChart(
        width, height, left, bottom, [mark(point) for point in figures.points], mark(figures.here),
        [Tick(round(left + (width - left - 20) * _share(x, xs), 1), _plain(x)) for x in xs],
        [Tick(round(bottom - (bottom - top) * _share(y, ys), 1), short(y)) for y in ys],
    )  # fmt: skip


def histogram(figures: ValueRange) -> HistogramChart:
    """Return the drawing of a histogram: heights are of the root of counts, so that few values are seen beside many."""
    width, height = 240, 64
    most = math.sqrt(max(1, *figures.histogram))
    step = width / len(figures.histogram)
    bars = []
    for k, count in enumerate(figures.histogram):
        if count:
            tall = max(1.5, (height - 12) * math.sqrt(count) / most)
            bars.append(Bar(round(k * step, 2), round(height - 10 - tall, 1), round(max(0.8, step - 0.6), 2),
                            round(tall, 1), f"{count:,}"))  # fmt: skip
    span = figures.high - figures.low + 1
    used = Bar(round(width * (figures.least - figures.low) / span, 2), height - 6.0,
               round(max(1.5, width * (figures.most - figures.least + 1) / span), 2), 5.0, "")  # fmt: skip
    text = (
        f"{figures.layer}, {figures.kind}: values from {figures.least:,} to {figures.most:,} of a range from "
        f"{figures.low:,} to {figures.high:,}"
    )
    return HistogramChart(width, height, bars, used, text)


def _apart(values: Sequence[float]) -> tuple[float, float]:
    """Return the least and the most of numbers above 0."""
    positive = [value for value in values if value > 0]
    return min(positive), max(positive)


def _share(value: float, ticks: Sequence[float]) -> float:
    """Return where a number is between the first and the last tick of a logarithmic axis, 0 to 1."""
    if len(ticks) < 2:
        return 0.5
    return (math.log10(value) - math.log10(ticks[0])) / (math.log10(ticks[-1]) - math.log10(ticks[0]))


def _said(point) -> str:
    share = point.reached / point.peak
    return (f"{point.name}: {short(point.reached)} products a second of {short(point.peak)}, {100 * share:.0f} %; "
            f"{point.intensity:.3g} products a byte")  # fmt: skip


def _cut(name: str, letters: int) -> str:
    return name if len(name) <= letters else f"{name[: letters - 8]}…{name[-7:]}"


def _plain(value: float) -> str:
    return f"{value:g}" if value < 1000 else short(value)
