"""The page on deep and wide networks: slopes, parts, and what it says of a step that failed."""

import json
from dataclasses import asdict

import pytest

from bench.scale import run
from bench.scale.growth import slope, slopes
from bench.scale.networks import GROWING, NETWORKS, ScaledNetwork
from bench.scale.steps import STEPS, NetworkSteps, Step, measure, network_of

FRAMES = {"ok": True, "frames": 1, "latency": {"simulated": 1200, "predicted": 1200}, "proved": None}
COST, TIMING = {"lut": 30_000, "bram18": 10, "dsp": 0}, {"interval": 64, "bound": 64, "latency": 200}


def measured(size=1.0, seconds=2.0, failed=""):
    found = {"make": {}, "quantize": {"bytes": size}, "import": {"nodes": 8, "weights": size, "values": size},
             "fold": COST, "queues": {}, "cycles": TIMING, "verilog": {"bytes": size}, "simulate": FRAMES,
             "synthesize": {"lut": 31_234}}  # fmt: skip
    steps = {name: Step(seconds, 100, found[name]) for name in STEPS}
    if failed:
        del steps["verilog"]
    return NetworkSteps(steps, failed)


@pytest.mark.parametrize("power", [0.5, 1, 2])
def test_the_slope_is_the_power(power):
    sizes = [10, 20, 55, 300]
    assert slope(sizes, [3 * s**power for s in sizes]) == pytest.approx(power)


def test_a_step_whose_output_does_not_grow_has_no_slope():
    assert slope([5, 5, 5], [1, 2, 3]) is None


def test_short_and_failed_steps_are_left_out_of_slopes():
    family = {"a": measured(1, 2), "b": measured(2, 4), "c": measured(4, 8), "short": measured(0.1, 0.2),
              "failed": measured(100, 1, failed="verilog: too large")}  # fmt: skip
    found = slopes(family)
    assert found["verilog"] == pytest.approx(1) and found["fold"] is None


def test_the_page_has_every_network_that_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "KEPT", tmp_path)
    monkeypatch.setattr(run, "PAGE", tmp_path / "scale.md")
    monkeypatch.setattr(run, "HOME", tmp_path)
    first, second, *_ = NETWORKS
    family, members = next(iter(GROWING.items()))
    results = {first: measured(), second: measured(failed="verilog: more than 1800 s")}
    results |= {f"{family}/{own}": measured(size, 2 * size) for size, own in enumerate(members, 1)}
    for name, result in results.items():
        run.file_of(name).write_text(json.dumps({"measured": asdict(result)}))
    run.write()
    text = (tmp_path / "scale.md").read_text()
    assert f"| {first} | 2.0 s, 100 |" in text and "| 30,000 | 31,234 |" in text and "XC7A50T" in text
    assert f"- {first}: whole frames in Verilator: 1, equal to golden in every bit; latency 1,200 cycles" in text
    assert f"- {second} ended at verilog: more than 1800 s" in text
    assert f"{family}: {', '.join(members)} | 1.00 |" in text


def test_names_are_found_again():
    files = [run.file_of(name) for name in run.all_names()]
    assert len(set(files)) == len(files)
    assert all(isinstance(network_of(name), ScaledNetwork) for name in run.all_names())


@pytest.mark.slow
def test_every_step_of_a_small_network_is_measured():
    found = measure("pixels/64 px", steps=("make", "quantize", "import", "fold"))
    assert not found.failed and list(found.steps) == ["make", "quantize", "import", "fold"]
    assert found.steps["quantize"].found["bytes"] > 10_000 and found.steps["fold"].found["lut"] > 0
