"""Section: the pipeline as a picture to scale: the area of a block is its LUTs, its colour how busy it is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from fewbit.flow.results import JsonResult

from .blocks import PipelineBlock, pipeline_blocks
from .obtained import Means, Obtained
from .subject import ReportSubject

__all__ = ["DrawnBlock", "PipelineDrawing", "PipelineFigures", "draw_pipeline", "pipeline_figures"]

_WIDTH = 720  # of the picture, in pixels
_LARGEST, _SMALLEST = 96.0, 4.0  # sides of blocks
_GAP, _LETTER, _LETTERS = 26.0, 6.6, 15  # between slots; width of a letter; letters of a name
_TRACK, _LABELS, _MARGIN = 9.0, 56.0, 12.0  # height of a way past blocks; of what stands under them
_ASIDE = 5.0  # of the middle of a block, where ways past others end
_SHADES = 5


@dataclass(frozen=True, kw_only=True)
class PipelineFigures(JsonResult):
    """The blocks of the pipeline, their LUTs together, those of the whole build, and how they were obtained.

    The build has the shell of its streams besides, and synthesis saves a little where it looks across blocks.
    """

    blocks: list[PipelineBlock]
    luts: int
    whole: int
    obtained: Obtained


@dataclass(frozen=True, kw_only=True)
class DrawnBlock:
    """A block where it is drawn: its square, the middle of its labels, and its shade, from 0 to 4."""

    block: PipelineBlock
    x: float
    y: float
    side: float
    middle: float
    labels: float
    shade: int
    name: str


@dataclass(frozen=True, kw_only=True)
class PipelineDrawing:
    """The picture: squares, and paths of the streams between them."""

    width: int
    height: float = 0.0
    blocks: list[DrawnBlock] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    smallest: int = 0


def pipeline_figures(subject: ReportSubject) -> PipelineFigures:
    """Return the blocks of a build's pipeline."""
    blocks, whole = pipeline_blocks(subject), round(subject.design.total.lut)
    if subject.synthesized is not None and all(block.means == Means.SYNTHESIZED for block in blocks):
        whole = subject.synthesized.total.lut
        found = Obtained(
            means=Means.SYNTHESIZED, text=f"LUTs by Yosys, stage by stage, for {subject.synthesized.part}",
            command=subject.command("synth"),
        )  # fmt: skip
    else:
        found = Obtained(
            means=Means.ESTIMATED, text="LUTs by the formulas that foldings are chosen by; synthesis counts them",
            command=subject.command("synth"),
        )  # fmt: skip
    return PipelineFigures(blocks=blocks, luts=sum(block.luts for block in blocks), whole=whole, obtained=found)


@dataclass
class _Row:
    """A row of the picture: the numbers of its first block and behind its last one, and the ways above it."""

    first: int
    end: int
    tracks: int = 0


def draw_pipeline(blocks: Sequence[PipelineBlock], width: int = _WIDTH) -> PipelineDrawing:
    """Return the picture of blocks: squares in rows, from left to right, and streams that pass blocks above them."""
    most = max((block.luts for block in blocks), default=1) or 1
    sides = [max(_SMALLEST, _LARGEST * math.sqrt(block.luts / most)) for block in blocks]
    names = [_short(block.name) for block in blocks]
    slots = [max(side, _LETTER * max(len(name), 9)) + _GAP for side, name in zip(sides, names, strict=True)]
    rows = _rows(slots, width - 2 * _MARGIN)
    ways = [(a, b) for b, block in enumerate(blocks) for a in block.after if a >= 0 and b - a > 1]
    tracks = _tracks(ways)
    for row in rows:
        row.tracks = max((tracks[way] + 1 for way in ways if way[0] < row.end and way[1] >= row.first), default=0)
    drawing = PipelineDrawing(width=width, smallest=math.ceil(most * (_SMALLEST / _LARGEST) ** 2))
    drawn, tops, y = drawing.blocks, [], _MARGIN
    for row in rows:
        tops.append(y)
        tallest = max(sides[row.first : row.end])
        axis, x = y + row.tracks * _TRACK + tallest / 2 + 4, _MARGIN
        for k in range(row.first, row.end):
            middle = x + slots[k] / 2
            drawn.append(DrawnBlock(
                block=blocks[k], x=round(middle - sides[k] / 2, 1), y=round(axis - sides[k] / 2, 1),
                side=round(sides[k], 1), middle=round(middle, 1), labels=round(axis + tallest / 2 + 15, 1),
                shade=min(_SHADES - 1, int(_SHADES * blocks[k].busy)), name=names[k],
            ))  # fmt: skip
            x += slots[k]
        y = axis + tallest / 2 + _LABELS
    drawing.streams.extend(_streams(blocks, drawn, rows, tops, tracks, width))
    return PipelineDrawing(
        width=width, height=round(y), blocks=drawn, streams=drawing.streams, smallest=drawing.smallest
    )


def _short(name: str) -> str:
    """Return a name in as few letters as there is room for, its beginning and its end."""
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 8]}…{name[-7:]}"


def _rows(slots: Sequence[float], width: float) -> list[_Row]:
    """Return rows of blocks, as many in each as there is room for."""
    rows, used = [_Row(0, 0)], 0.0
    for k, slot in enumerate(slots):
        if used + slot > width and rows[-1].end > rows[-1].first:
            rows.append(_Row(k, k))
            used = 0.0
        rows[-1].end, used = k + 1, used + slot
    return rows


def _tracks(ways: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Return the track of each way past blocks, so that none runs into another; short ways are the lowest."""
    found: dict[tuple[int, int], int] = {}
    for way in sorted(ways, key=lambda way: way[1] - way[0]):
        taken = {track for other, track in found.items() if other[0] <= way[1] and way[0] <= other[1]}
        found[way] = next(track for track in range(len(ways)) if track not in taken)
    return found


def _streams(blocks, drawn, rows, tops, tracks, width):
    """Yield the path of every stream."""
    row_of = {k: number for number, row in enumerate(rows) for k in range(row.first, row.end)}
    right, left = width - 3, 3

    def axis(k):
        return drawn[k].y + drawn[k].side / 2

    for b, block in enumerate(blocks):
        to = drawn[b]
        for a in block.after:
            if a < 0:
                yield f"M{left} {axis(b):.1f}H{to.x:.1f}"
            elif (a, b) not in tracks:
                since = drawn[a].x + drawn[a].side
                if row_of[a] == row_of[b]:
                    yield f"M{since:.1f} {axis(a):.1f}H{to.x:.1f}"
                else:
                    yield f"M{since:.1f} {axis(a):.1f}H{right}"
                    yield f"M{left} {axis(b):.1f}H{to.x:.1f}"
            else:
                yield from _past(drawn[a], to, row_of[a], row_of[b], rows, tops, tracks[a, b], left, right)
    last = drawn[-1]
    yield f"M{last.x + last.side:.1f} {axis(len(drawn) - 1):.1f}H{right}"


def _past(a, b, row_a, row_b, rows, tops, track, left, right):
    """Yield the paths of a stream above blocks, row by row; it leaves a block right of what enters it."""
    aside = [min(_ASIDE, one.side / 4) for one in (a, b)]
    for row in range(row_a, row_b + 1):
        y = tops[row] + (rows[row].tracks - 1 - track) * _TRACK
        begin = f"M{a.middle + aside[0]:.1f} {a.y:.1f}V{y:.1f}" if row == row_a else f"M{left} {y:.1f}"
        end = f"H{b.middle - aside[1]:.1f}V{b.y:.1f}" if row == row_b else f"H{right}"
        yield begin + end
