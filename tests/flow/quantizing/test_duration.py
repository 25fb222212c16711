"""What is said of long work before it begins."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fewbit.flow.quantizing import duration
from fewbit.flow.quantizing.duration import say_if_long
from tests.support.small_float_models import dense


@pytest.mark.parametrize(("seconds", "samples", "said"), [
    (100, 64, []),
    (1000, 64, ["training on 64 samples takes about 67 minutes; --frames 16 takes a quarter of them, --no does none"]),
    (4000, 64, ["training on 64 samples takes about 4 hours; --frames 16 takes a quarter of them, --no does none"]),
    (4000, 1, ["training on 1 sample takes about 4 hours; --no does none"]),
])  # fmt: skip
def test_work_of_more_than_ten_minutes_is_announced(seconds, samples, said):
    found = []
    project = SimpleNamespace(seconds=seconds, calibration=SimpleNamespace(samples=np.zeros(samples)))
    say_if_long(SimpleNamespace(say=found.append), project, "training", 4, ", --no does none")
    assert found == said


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("command", "options", "advice"), [
    ("quantize", (), "--no-bias-correction leaves biases as they are"),
    ("sensitivity", ("--bits", "4"), "--bits 4 tries one number of bits"),
    ("search", ("--formats", "w4a4,w2a2"), "--formats w8a8,w4a4 tries two formats"),
])  # fmt: skip
def test_commands_say_so(fewbit, scratch, monkeypatch, command, options, advice):
    monkeypatch.setattr(duration, "_LONG", 0)
    where = ("-o", scratch / ("q.onnx" if command == "quantize" else "found")) if command != "sensitivity" else ()
    samples = ("--calibration", scratch / "samples.npz", "--images", scratch / "samples.npz")
    status, out, err = fewbit(command, dense(scratch / "m.onnx"), *samples, *options, *where, "--json")
    assert status == 0 and json.loads(out)
    assert "--frames" in err and err.count(advice) == 1
    assert "samples takes about 0 minutes" in err.replace("\n", " ")
