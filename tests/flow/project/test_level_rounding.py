"""Levels in no whole ratios: as few bits as change nothing, and `fewbit run` says what they change."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from fewbit.flow.commands.cli import app
from fewbit.golden.importing.importer import import_model
from fewbit.golden.importing.precision import PRECISE_BITS, SAMPLES, changes
from fewbit.golden.network.execute import run
from tests.support.level_models import LevelGraph


@pytest.fixture
def model(scratch):
    """Of centroids as k-means gives them: a layer whose sums become codes, and one whose sums are compared."""
    rng = np.random.default_rng(4)
    g = LevelGraph([1, 40])
    t = g.quant("input", 0.25, bits=4)
    w = g.ours("LevelQuant", g.const(rng.normal(size=(40, 20))), np.sort(rng.normal(size=(1, 20, 4)), axis=-1))
    t = g.quant(g.op("MatMul", t, w), 0.5, bits=4)
    g.end(g.op("MatMul", t, g.bipolar(g.const(rng.normal(size=(20, 3)))))).save(scratch / "m.onnx")
    return scratch / "m.onnx"


def test_as_few_bits_as_change_no_code_and_no_label(model):
    network, precise = import_model(model), import_model(model, precision=PRECISE_BITS)
    bits = int(network.notes[1].split()[2])
    assert 8 < bits < 16, network.notes
    counts = f"0 of {20 * SAMPLES} codes and 0 of {SAMPLES} labels"
    assert network.notes[1] == f"levels of {bits} bits: {counts} of random samples change with them"
    x = np.random.default_rng(1).integers(0, 16, (SAMPLES, 1, 40)) - 8
    reference = run(precise, x)
    tried = {b: import_model(model, precision=b) for b in (bits, bits - 1, 8)}
    found = {b: changes(n, run(n, x), precise, reference).codes_changed for b, n in tried.items()}
    assert found[bits] == 0 < found[bits - 1] <= found[8]
    assert (tried[bits].nodes[0].weights == network.nodes[0].weights).all()


def test_run_counts_what_rounding_changes(model, scratch):
    rng = np.random.default_rng(5)
    np.savez(scratch / "x.npz", x=rng.normal(size=(2000, 40)).astype(np.float32))
    found = CliRunner().invoke(app, ["run", str(model), "--images", str(scratch / "x.npz"), "--json"])
    assert found.exit_code == 0, found.output
    report = json.loads(found.stdout)
    assert "no whole ratios" in report["notes"][0]
    rounding = report["rounding"]
    assert rounding["codes"] == 2000 * 20 and 0 < rounding["codes_changed"] < 100 and rounding["samples"] == 2000
    text = CliRunner().invoke(app, ["run", str(model), "--images", str(scratch / "x.npz")]).stdout
    assert f"rounding: {rounding['codes_changed']} of 40000 codes" in " ".join(text.split())
