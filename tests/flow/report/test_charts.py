"""Drawings are to scale, stay inside their pictures, and streams end at the blocks that they join."""

import math
import re

import pytest

from fewbit.flow.report.blocks import PipelineBlock
from fewbit.flow.report.charts import (
    explorer_chart,
    histogram,
    log_ticks,
    roofline_chart,
    round_ticks,
    timeline_chart,
)
from fewbit.flow.report.explorer_section import ExplorerFigures, ExplorerPoint
from fewbit.flow.report.obtained import Obtained
from fewbit.flow.report.pipeline_section import draw_pipeline
from fewbit.flow.report.roofline_section import RooflineFigures, RooflinePoint
from fewbit.flow.report.timeline_section import BlockTimes, TimelineFigures
from fewbit.flow.report.value_section import ValueRange

HOW = Obtained(means="computed", text="", command="")


def block(name, luts, after, busy=0.5):
    return PipelineBlock(name=name, kind="layer", stages=[name], luts=luts, means="", busy=busy, after=after)


def chain(count, skips=()):
    blocks = [block(f"layer{k}", 100 * (k % 7 + 1), [k - 1]) for k in range(count)]
    for a, b in skips:
        blocks[b] = block(f"layer{b}", 100, sorted({*blocks[b].after, a}))
    return blocks


@pytest.mark.parametrize("count", [1, 5, 40])
def test_areas_are_to_scale_and_nothing_overlaps(count):
    blocks = chain(count, [(0, 3), (1, 4), (10, 30)][: count // 5])
    drawing = draw_pipeline(blocks)
    drawn = drawing.blocks
    assert [one.block for one in drawn] == blocks
    areas = [one.side**2 / one.block.luts for one in drawn]
    assert max(areas) / min(areas) < 1.02
    for k, a in enumerate(drawn):
        assert a.x >= 0 and a.x + a.side <= drawing.width and a.y >= 0 and a.labels + 26 <= drawing.height
        for b in drawn[:k]:
            assert a.x >= b.x + b.side or b.x >= a.x + a.side or a.y >= b.labels + 26 or b.y >= a.labels + 26
    assert len(drawing.streams) >= sum(len(one.after) for one in blocks)
    for path in drawing.streams:
        ends = [float(n) for n in re.findall(r"-?\d+\.?\d*", path)]
        assert all(0 <= n <= max(drawing.width, drawing.height) for n in ends)


def test_ways_past_blocks_do_not_share_a_track():
    drawing = draw_pipeline(chain(6, [(0, 4), (1, 5), (2, 4)]))
    level = [re.findall(r"V([\d.]+)H", path) for path in drawing.streams]
    assert len({found[0] for found in level if found}) == 3


def test_small_blocks_are_seen_and_said():
    drawing = draw_pipeline([block("large", 100_000, [-1]), block("small", 1, [0])])
    assert drawing.blocks[1].side == 4 and drawing.smallest == math.ceil(100_000 * (4 / 96) ** 2)
    assert drawing.blocks[0].shade == 2


def test_a_timeline_is_over_its_cycles():
    figures = TimelineFigures(
        entered=[0, 10], left=[30, 40], obtained=HOW,
        blocks=[BlockTimes(name="a", spans=[[0, 19], [10, 29]]), BlockTimes(name="b", spans=[[20, 30], [31, 40]])],
    )  # fmt: skip
    chart = timeline_chart(figures)
    first, second, third, _ = chart.bars
    scale = (chart.width - chart.left - 30) / 41
    assert first.x == chart.left and first.width == pytest.approx(20 * scale, abs=0.1)
    assert third.x == pytest.approx(chart.left + 20 * scale, abs=0.1)
    assert second.y >= first.y + first.height, "they overlap in time, so they are above each other"
    assert [tick.text for tick in chart.ticks] == ["0", "10", "20", "30", "40"]


def test_a_point_on_the_roof_is_drawn_on_it():
    whole = RooflinePoint(name="w", intensity=100.0, reached=1e9, peak=1e9)
    low = RooflinePoint(name="l", intensity=1.0, reached=1e7, peak=5e8)
    chart = roofline_chart(RooflineFigures(whole=whole, layers=[low], bandwidth=1e8, bound="multipliers", obtained=HOW))
    slope, roof = chart.roofs
    height = float(re.search(r" ([\d.]+)H", roof)[1])
    assert chart.whole.y == height < chart.points[0].y <= chart.bottom
    assert float(re.search(r"L([\d.]+)", slope)[1]) == pytest.approx(float(re.search(r"M([\d.]+)", roof)[1]))


def test_designs_are_drawn_by_their_figures():
    def point(kind, fps, luts):
        return ExplorerPoint(name="n", kind=kind, fps=fps, luts=luts, bits=8, accuracy=0.5, means="", command="")

    points = [point("folding", 1e6, 10_000), point("format", 1e4, 100), point("search", 1e5, 1_000)]
    chart = explorer_chart(ExplorerFigures(points=points, here=points[2], clock_mhz=1.0, obtained=HOW))
    high, low, middle = chart.points
    assert [mark.name for mark in chart.points] == ["folding", "format", "search"]
    assert (low.x, low.y) == (chart.left, chart.bottom) and high.x > middle.x > low.x and high.y < middle.y < low.y
    assert middle.x == pytest.approx((high.x + low.x) / 2, abs=0.1) and (chart.here.x, chart.here.y) == (
        middle.x,
        middle.y,
    )
    assert "100 k frames/s, 1,000 LUTs" in middle.text and "50.00 %" in middle.text


def test_a_histogram_keeps_its_range():
    figures = ValueRange(
        layer="l", kind="accumulator", format="int5", low=-8, high=7, least=-4, most=3, histogram=[0, 4, 9, 0], bits=5,
        unused=2, levels=None, taken=None, constant=[], channels=1,
    )  # fmt: skip
    chart = histogram(figures)
    assert len(chart.bars) == 2 and (chart.used.x, chart.used.width) == (chart.width / 4, chart.width / 2)
    heights = [bar.height for bar in chart.bars]
    assert heights[0] / heights[1] == pytest.approx(2 / 3, abs=0.01) and "from -4 to 3" in chart.text


def test_ticks_are_round():
    assert round_ticks(43, 5) == [0, 10, 20, 30, 40] and round_ticks(0, 5) == [0.0]
    assert log_ticks(3, 4000) == [1, 10, 100, 1000, 10000]
