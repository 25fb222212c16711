"""The IP block on the command line: written, simulated, synthesized."""

import json

import numpy as np
import pytest

from fewbit.places import HOME
from tests.support.small_network import SPEC, samples, small


@pytest.fixture(autouse=True)
def in_root(monkeypatch):
    monkeypatch.chdir(HOME)


def test_written_once(fewbit, scratch):
    model = small(scratch / "m.onnx")
    common = (model, "--input", SPEC, "-o", scratch / "a")
    status, out, err = fewbit("verilog", *common, "--json")
    assert status == 0 and json.loads(out)["control"]["vlnv"] == "fewbit:accelerator:m:1.0" and "IP block: made" in err
    assert (scratch / "a" / "ip" / "component.xml").is_file() and (
        scratch / "a" / "verilog" / "accelerator.v"
    ).is_file()
    assert "IP block: up to date" in fewbit("verilog", *common)[2]
    status, out, err = fewbit("sim", *common, "--ip", "--frames", "2")
    assert (status, out) == (2, "") and err.endswith(
        "fewbit: the bench of the IP block needs 3 samples or more, not 2\n"
    )
    (scratch / "b").mkdir()
    status, out, err = fewbit("synth", scratch / "b", "--ip")
    assert status == 2 and f"is no build: make one with `fewbit verilog MODEL.onnx -o {scratch / 'b'}`" in err


@pytest.mark.tools
@pytest.mark.slow
def test_simulated_and_synthesized(fewbit, scratch):
    model = small(scratch / "m.onnx")
    np.savez(scratch / "s.npz", x=samples())
    common = (model, "--input", SPEC, "-o", scratch / "a")
    status, out, _ = fewbit("sim", *common, "--images", scratch / "s.npz", "--ip", "--json")
    found = json.loads(out)
    assert status == 0 and found["ok"] and found["frames"] > 40 and found["resets"] == 4 and found["interrupts"] > 0
    assert "all equal to golden" in fewbit("sim", *common, "--images", scratch / "s.npz", "--ip")[1]
    status, out, _ = fewbit("synth", scratch / "a", "--ip", "--json")
    parts = json.loads(out)["stages"]
    assert status == 0 and {"core", "file", "gate", "timer", "waits"} <= parts.keys()
    assert all(parts[name]["ff"] > 0 for name in ("core", "file", "gate", "timer", "waits"))
