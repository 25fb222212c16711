"""Levels in no whole ratios: `fewbit run` says what rounding them changes."""

import json

import numpy as np
from typer.testing import CliRunner

from flow.cli import app
from tests.golden.levelmodels import LevelGraph


def test_run_counts_what_rounding_changes(scratch):
    rng = np.random.default_rng(4)
    g = LevelGraph([1, 40])
    t = g.quant("input", 0.25, bits=4)
    w = g.ours("LevelQuant", g.const(rng.normal(size=(40, 20))), np.sort(rng.normal(size=(1, 20, 4)), axis=-1))
    t = g.quant(g.op("MatMul", t, w), 0.5, bits=4)
    g.end(g.op("MatMul", t, g.bipolar(g.const(rng.normal(size=(20, 3)))))).save(scratch / "m.onnx")
    np.savez(scratch / "x.npz", x=rng.normal(size=(200, 40)).astype(np.float32))
    found = CliRunner().invoke(app, ["run", str(scratch / "m.onnx"), "--images", str(scratch / "x.npz"), "--json"])
    assert found.exit_code == 0, found.output
    report = json.loads(found.stdout)
    assert "no whole ratios" in report["notes"][0]
    rounding = report["rounding"]
    assert rounding["codes"] == 200 * 20 and 0 < rounding["codes_changed"] < 100 and rounding["samples"] == 200
    text = CliRunner().invoke(app, ["run", str(scratch / "m.onnx"), "--images", str(scratch / "x.npz")]).stdout
    assert f"rounding: {rounding['codes_changed']} of 4000 codes" in " ".join(text.split())
