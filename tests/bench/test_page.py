"""The benchmark page: its assembly from sections, the network that peers share, a measurement of one small unit."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from bench import page
from bench.networks.peers import networks, write_model
from bench.peers import compare as peers
from bench.sections import finn, mvu
from fewbit.flow.project.project import Project
from tests.support.targets import XILINX


def module(name, heading):
    return SimpleNamespace(__name__=f"bench.{name}", NAME=name, HEADING=heading, render=lambda r: f"value {r['v']}")


def keep(folder, name, results):
    (folder / f"{name}.json").write_text(json.dumps({"machine": "a machine", "results": results}))


def test_sections_are_measured_at_different_times(scratch):
    a, b, c = modules = [module(n, f"Heading {n}") for n in "abc"]
    keep(scratch, "a", {"v": 1})
    first = page.assemble(modules, scratch)
    assert "## Heading a\n\n`python -m bench.a`, on a machine.\n\nvalue 1\n" in first
    assert "## Heading b\n\nNot measured yet: `python -m bench.b`.\n" in first
    (scratch / "a.json").unlink()
    keep(scratch, "c", {"v": 3})
    second = page.assemble(modules, scratch, first)
    assert [line for line in second.splitlines() if line.startswith("value")] == ["value 1", "value 3"]
    assert page.assemble(modules, scratch, second) == second


def test_table():
    assert (
        page.table(["a", "b"], [[12345, 0.5], [None, "x"]]) == "| a | b |\n| --- | --- |\n| 12,345 | 0.50 |\n|  | x |"
    )


def test_finn_section():
    resources = {"lut": 1000, "lutram": 100, "ff": 2000, "carry4": 10, "bram18": 1, "bram36": 2}
    layer = {"pe": 4, "simd": 8, "words": 16, "bits": 512}
    ours = {"interval": 16, "latency": 100, "resources": resources, "arrays": 32, "layers": {"dense0": layer}}
    text = finn.render({"SFC-max": ours})
    assert "| SFC-max | FINN | 16 | 12,300,000 | 0.31 µs | 91,131 |" in text
    assert "|  | fewbit | 16 | 12,500,000 | 0.50 µs | 1,000 | 2,000 | 2.5 | 0% |" in text
    assert "| SFC-max | 4 x 8 (16) | 32 | 32 | 100 | 868 | 31.25 |" in text


def test_peers_section_says_what_is_missing():
    row = {k: 7 for k in ("lut", "packed", "ff", "carry4", "dsp", "latency", "interval")} | {"bram36": 0.5}
    rows = [{"network": "n", "tool": "t", "seconds": 1.25, "equal": False, **row},
            {"network": "n", "tool": "u", "error": "could not be installed"}]  # fmt: skip
    text = peers.render(rows)
    assert "| n | t | 7 | 7 | 7 | 7 | 7 | 0.5 | 7 | 7 | 1.2 | **differs** |" in text
    assert "| n | u | could not be installed |" in text
    assert not peers.complete(rows) and peers.complete(rows[:1]) and "ideally packed" not in text
    both = [r | {"interval": 1, "tool": tool, "packed": n} for r, tool, n in
            ((rows[0], "fewbit, a", 5), (rows[0], "fewbit, b", 4), (rows[0], "da4ml, c", 3))]  # fmt: skip
    assert "da4ml: n, 4 and 3, with 7 and 7 flip-flops" in " ".join(peers.render(both).split())


def test_one_row_of_the_peers_is_measured_and_others_stay(scratch, monkeypatch):
    made = {"lut": 9, "seconds": 1.0, "equal": True}
    every = [("1-bit", "a", dict), ("1-bit", "b", lambda: made), ("4-bit", "a", dict)]
    earlier = [{"network": "1-bit", "tool": tool, "lut": lut} for tool, lut in (("a", 7), ("b", 8))]
    (scratch / "peers.json").write_text(json.dumps({"results": earlier}))
    for owner, name, value in ((peers, "BUILD", scratch), (page, "KEPT", scratch), (peers, "attempts", lambda: every)):
        monkeypatch.setattr(owner, name, value)
    first, second, third = peers.measure(only="1-bit: b")
    assert first == earlier[0] | {"earlier": True} and second == {"network": "1-bit", "tool": "b", **made}
    assert third["error"] == "not measured yet"


@pytest.mark.parametrize("name", networks())
def test_peers_network_is_the_same_for_all(name, scratch):
    network = networks()[name]
    x = network.inputs(40, seed=5)
    for hidden in network.hidden(x):
        values, counts = np.unique(hidden, return_counts=True)
        assert len(values) == 2**network.bits and counts.max() < 0.6 * hidden.size
    write_model(network, scratch / "model.onnx")
    project = Project(scratch / "model.onnx", directory=scratch / "build")
    result = project.execute(x)
    assert (project.finish(project.hardware_values(result)) == network.sums(x)).all()


def test_bismo_formula():
    assert mvu.bismo_unit(256) == pytest.approx(343.62) and mvu.bismo_array(4, 256) == pytest.approx(1854.88)


@pytest.mark.tools
@pytest.mark.slow
def test_a_unit_is_measured(scratch, monkeypatch):
    monkeypatch.setattr(mvu, "FOLDER", scratch)
    found = mvu.measured(1, 32, "xilinx")
    assert found["bram36"] == 0.5 and found["accumulator"] == 9
    plan = mvu.layer_plan(1, 32, XILINX)
    assert plan.cycles == mvu.STEPS * mvu.ROWS and found["unit"] <= mvu.unit(plan).luts + 4
    assert found["unit"] < found["lut"] < found["unit"] + 150
