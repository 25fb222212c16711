"""The figures show what the plans, the cycle model and the simulator give."""

import json

import pytest

from bench.figures import cycles, pipelines, timing
from bench.figures.draw import FIGURES, FOLDER
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.hw.targets.named import USUAL
from fewbit.sim.cycles.model import predict

VCD = """$timescale 1ps $end
$scope module  $end
$scope module top $end
$var wire 1 ! aclk $end
$var wire 1 a s_axis_tvalid $end
$var wire 1 b s_axis_tready $end
$var wire 8 c s_axis_tdata [7:0] $end
$var wire 1 d s_axis_tlast $end
$var wire 1 e m_axis_tvalid $end
$var wire 1 f m_axis_tready $end
$var wire 8 g m_axis_tdata [7:0] $end
$var wire 1 h m_axis_tlast $end
$upscope $end
$enddefinitions $end
"""


@pytest.mark.parametrize("name", ["bit-heap", "thresholds"])
def test_the_page_has_the_figure_as_it_is_drawn(name):
    assert (FOLDER / f"{name}.svg").read_text(encoding="utf-8") == FIGURES[name]()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_on_a_page(name):
    assert (FOLDER / f"{name}.svg").is_file()
    assert any(f"({name}.svg)" in page.read_text(encoding="utf-8") for page in FOLDER.glob("*.md"))


@pytest.mark.long
def test_beats_move_in_the_cycles_of_the_model():
    plan = FoldedModel(cycles.MODEL, target=USUAL).plan
    wanted = predict(plan, 3)
    end = pipelines.wired(plan)[-1].outs[0]
    moved = list(pipelines.beats(plan, 3, wanted.left[-1] + 40))
    left = [now for now, moves in enumerate(moved) if moves[end]]
    assert len(left) == 3 * plan.beats_out
    assert left[plan.beats_out - 1 :: plan.beats_out] == wanted.left
    assert sum(moves[0] for moves in moved) == 3 * plan.entries[0].beats


def test_a_waveform_becomes_a_timing_diagram(tmp_path):
    def cycle(n, entering, leaving):
        data = f"b{n:08b} c\n1a\n1b\n{int(n == 3)}d" if entering else "0a\n0d"
        result = f"b{n + 1:08b} g\n1e\n1f\n1h" if leaving else "0e\n0h"
        return f"#{10 * n}\n0!\n{data}\n{result}\n#{10 * n + 5}\n1!\n"

    path = tmp_path / "dump.vcd"
    path.write_text(VCD + "".join(cycle(n, 2 <= n <= 3, n == 19) for n in range(24)))
    seen = timing.cycles_of(path)
    assert [row["s_axis_tdata"] for row in seen if row["s_axis_tvalid"]] == [2, 3]
    assert len(seen) == 24 and [n for n, row in enumerate(seen) if row["m_axis_tvalid"]] == [19]
    found = {row["name"]: row for row in json.loads(timing.waves(seen))["signal"]}
    assert found["s_axis_tdata"]["data"] == ["2", "3"] and found["m_axis_tdata"]["data"] == ["14"]
    assert found["cycle"]["data"] == ["-2", "-1", "0", "1", "2", "3", "15", "16", "17", "18", "19"]
    assert found["s_axis_tlast"]["wave"].count("1") == 1 and "|" in found["aclk"]["wave"]
