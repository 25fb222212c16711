"""Formats that other commands measured are in the report of the model that they belong to, and of no other."""

import json
from pathlib import Path

import pytest

from fewbit.flow.comparing.fill import PART
from fewbit.flow.comparing.result import (
    ComparedFormat,
    Comparison,
    Filled,
    FilledPart,
    Golden,
    MeasuredInterval,
    Simulated,
    SynthesizedCost,
)
from fewbit.flow.project.simulation_results import Latency
from fewbit.flow.report import format_section
from fewbit.flow.report.explorer_section import explorer_figures
from fewbit.flow.report.format_section import formats_figures
from fewbit.flow.report.obtained import Means, NotRun
from fewbit.flow.report.page import build_report, page_of
from fewbit.flow.report.subject import Origin


def row(name, model, luts, interval, accuracy):
    cost = SynthesizedCost(lut=luts, lutram=0, ff=1, bram18=1, bram36=0, dsp=2, bram=0.5)
    filled = interval and Filled(
        folding={"a": {"pe": 1, "simd": 1}}, multipliers=1, latency=9, interval=interval, cost=cost, use={},
        counts_ram=True,
    )  # fmt: skip
    steady = MeasuredInterval(simulated=5, predicted=5)
    return ComparedFormat(
        format=name, model=model, note="", exact=True, cost=cost, tried=[], filled=filled,
        golden=Golden(
            accuracy=accuracy, samples=9, weights=9, weight_bits=10 * luts, bits_per_weight=1, layers=[], pes=1
        ),
        simulated=Simulated(frames=9, mismatches=0, problems=[], latency=Latency(simulated=1, predicted=1),
                            interval=steady),
        fps=200_000_000 // interval if interval else None, ratio=1.5 if interval else None,
    )  # fmt: skip


@pytest.fixture
def compared(subject, scratch, monkeypatch):
    """A subject whose model is the second row of a comparison."""
    models = [scratch / "nets" / f"{name}.onnx" for name in ("float32", "w4a4", "w9")]
    monkeypatch.setattr(format_section, "BUILD", scratch / "build")
    result = Comparison(
        model=models[0], samples="x.npz", shape="6-4-3", clock_mhz=200.0, part=FilledPart.of(PART), folding={},
        rows=[row("float32", models[0], 900, 20, 0.9), row("w4a4", models[1], 90, 4, 0.8),
              row("w9", models[2], 950, None, 0.7)], tools={}, ok=True,
    )  # fmt: skip
    file = scratch / "build" / "compare" / "nets" / "compare.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(result.to_dict()))
    subject.origin = Origin(model=str(models[1]))
    return subject


def test_a_comparison_is_that_of_the_model(compared):
    found = formats_figures(compared)
    assert [(r.format, r.own, r.lut, r.fps) for r in found.rows] == [
        ("float32", False, 900, 10_000_000), ("w4a4", True, 90, 50_000_000), ("w9", False, 950, None)
    ]  # fmt: skip
    page = page_of(build_report(compared))
    assert "w4a4 (this model)" in page and "does not fit" in page and "50,000,000" in page


def test_what_fills_a_part_may_be_chosen(compared):
    found = explorer_figures(compared, formats_figures(compared))
    kinds = {point.name: point for point in found.points}
    filled = kinds[f"float32 filling {PART.name}"]
    assert (filled.fps, filled.luts, filled.bits, filled.accuracy) == (250e6 / 20, 900, 9000, 0.9)
    assert filled.means == Means.SYNTHESIZED and not any(name.startswith("w9") for name in kinds)


def test_another_model_has_none(compared, scratch):
    compared.origin = Origin(model=str(scratch / "nets" / "other.onnx"))
    assert isinstance(formats_figures(compared), NotRun)
    compared.origin = Origin(model=str(scratch / "nets" / "w4a4.onnx"))
    Path(scratch / "build" / "compare" / "nets" / "compare.json").write_text("{}")
    assert isinstance(formats_figures(compared), NotRun)
