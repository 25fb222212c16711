"""The main job on one model: ``make test MODEL=mine.onnx`` takes another than the digits in one bit."""

import json
import os
import subprocess
import sys

import pytest

from fewbit.places import HOME

ROOT = HOME


@pytest.mark.slow
@pytest.mark.tools
def test_main_job(scratch):
    model = os.environ.get("FEWBIT_MODEL") or "examples/digits/w1a1.onnx"
    options = []
    for name in ("images", "input"):
        if value := os.environ.get(f"FEWBIT_{name.upper()}"):
            options += [f"--{name}", value]
    command = [sys.executable, "-m", "fewbit.flow.commands.cli", "sim", model, "--json", "-o", str(scratch), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["mismatches"] == 0 and not result["problems"] and result["cycles_exact"]
    assert result["interval"]["simulated"] in (None, result["interval"]["bound"])
    assert result["frames"] > 1 and result["damaged"]["wrong"] == 0
