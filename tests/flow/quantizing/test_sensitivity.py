"""The commands ``sensitivity`` and ``search``: what they report is what the models that they are about have."""

import json
from pathlib import Path

import numpy as np
import pytest

from fewbit.flow.folding.files import read_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate_all
from fewbit.flow.images import Images
from fewbit.flow.quantizing.goal import pareto
from fewbit.flow.quantizing.held_out import halves
from fewbit.flow.quantizing.results import FormatCandidate
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.execute import run
from tests.support.small_float_models import convolutional, dense


def luts_of(path, found, folder):
    """What the estimate says of a QONNX file at the folding of a report."""
    file = folder / "folding.json"
    file.write_text(json.dumps({"layers": found["folding"]}))
    network = import_model(path)
    return round(estimate_all(layers_of(network), read_folding(file, network)).lut)


def accuracy_of(path, folder):
    network = import_model(path)
    with np.load(folder / "samples.npz") as file:
        return float((run(network, file["x"].astype(np.int64)).labels == file["label"]).mean())


def accuracies_of(path, folder):
    """What a QONNX file has right of each half of the samples: that to choose by, and that to score on."""
    network = import_model(path)
    with np.load(folder / "samples.npz") as file:
        both = halves(Images(file["x"].astype(np.int64), file["label"], "samples"))
    return [float((run(network, half.values).labels == half.labels).mean()) for half in both]


def test_sensitivity_is_that_of_the_quantized_models(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    common = (model, "--images", scratch / "samples.npz", "--cycles", 1000)
    status, out, err = fewbit("sensitivity", *common, "--bits", "8,3,1", "--json")
    assert status == 0, err
    found = json.loads(out)
    assert [(row["layer"], row["place"], row["bits"]) for row in found["rows"]] == [
        (name, place, bits)
        for name, place in (("MatMul_0", "first"), ("MatMul_3", "between"), ("Gemm_6", "last"))
        for bits in (8, 3, 1)
    ]
    for k in (0, 3, 6):  # eight bits among eight bits
        row = found["rows"][k]
        assert (row["lost_among"], row["weight_bits_saved"], row["luts_saved"], row["dsps_saved"]) == (0, 0, 0, 0)
    sizes = {"MatMul_0": 48, "MatMul_3": 64, "Gemm_6": 24}
    assert all(row["weight_bits_saved"] == sizes[row["layer"]] * (8 - row["bits"]) for row in found["rows"])
    for row in (found["rows"][5], found["rows"][7]):  # one file each, as `quantize` writes it
        made = scratch / "q.onnx"
        bits = [f"--{what}-of={row['layer']}={row['bits']}" for what in ("weights", "activations")]
        assert fewbit("quantize", *common[:3], "--weights", 8, "--activations", 8, *bits, "-o", made)[0] == 0
        assert luts_of(made, found, scratch) == found["others"]["luts"] - row["luts_saved"]
        assert accuracy_of(made, scratch) == row["among"]["accuracy"]
        assert row["lost_among"] == pytest.approx(100 * (found["others"]["accuracy"] - row["among"]["accuracy"]))
    one = {row["layer"]: row for row in found["rows"] if row["bits"] == 1}
    assert all(row["alone"]["noise"] > 0.01 and row["luts_saved"] > 0 for row in one.values())
    status, out, _ = fewbit("sensitivity", *common, "--bits", "2", "--of", "weights")
    assert status == 0 and out.index("first and last layer:") < out.index("Gemm_6") < out.index("between:")
    assert out.index("between:") < out.index("MatMul_3") and "w2a8" in out


def test_sensitivity_of_activations_leaves_weights(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    common = ("sensitivity", model, "--images", scratch / "samples.npz", "--bits", "2", "--cycles", 1000, "--json")
    rows = {of: json.loads(fewbit(*common, "--of", of)[1])["rows"] for of in ("activations", "weights", "both")}
    assert all(row["weight_bits_saved"] == 0 for row in rows["activations"])
    assert rows["activations"][0]["alone"]["noise"] == 0  # declared integers stay
    noises = {of: [row["alone"]["noise"] for row in found] for of, found in rows.items()}
    assert all(w > 0 for w in noises["weights"]) and all(a > 0 for a in noises["activations"][1:])
    assert noises["both"][0] == noises["weights"][0]


def dominates(a, b, cost):
    """Return whether candidate a is as good as b in accuracy and in cost, and better in one of them."""
    better = a["accuracy"] > b["accuracy"] or a[cost] < b[cost]
    return better and a["accuracy"] >= b["accuracy"] and a[cost] <= b[cost]


def check_search(found, scratch, cost):
    """What must hold of any search: the set is not dominated, and what is reported of its files is so."""
    front = found["pareto"]
    with np.load(scratch / "samples.npz") as file:
        assert found["images"]["samples"] + found["test"]["samples"] == len(file["x"])
    assert len(found["candidates"]) == found["evaluated"] > len(front) > 1
    kinds = {c["by"] for c in found["candidates"]}
    assert {"uniform", "greedy"} <= kinds <= {"uniform", "greedy", "program"}
    ids = [tuple(c["formats"].values()) for c in found["candidates"]]
    assert len(set(ids)) == len(ids)
    best = [c.to_dict() for c in pareto(map(FormatCandidate.from_dict, found["candidates"]), cost)]
    inside = [c for c in front if not any(dominates(other, c, cost) for other in found["candidates"])]
    assert inside == [c for c in front if c in best] and len(inside) >= len(front) - 1
    for candidate in found["candidates"]:
        better = [c for c in front if dominates(c, candidate, cost)]
        same = [c for c in front if (c["accuracy"], c[cost]) == (candidate["accuracy"], candidate[cost])]
        assert better or same
    for point in front:
        assert [point["accuracy"], point["test"]["accuracy"]] == accuracies_of(point["file"], scratch)
        assert point["test"]["lost"] == 100 * (found["float_test"]["accuracy"] - point["test"]["accuracy"])
        assert point["luts"] == luts_of(point["file"], found, scratch)
    assert (scratch / "out" / "pareto.svg").read_text().count("<svg") == 1
    assert json.loads((scratch / "out" / "search.json").read_text())["pareto"] == front


def searched(scratch, model, formats):
    """The common arguments of a search; at so many cycles every layer has one multiplier, which is quick to cost."""
    return ("search", model, "--images", scratch / "samples.npz", "--formats", formats, "-o", scratch / "out",
            "--cycles", 1000)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("make", [dense, pytest.param(convolutional, marks=pytest.mark.slow)])
def test_a_search_within_luts(fewbit, scratch, make):
    common = searched(scratch, make(scratch / "m.onnx"), "w8a8,w4a4,w2a2")
    free = json.loads(fewbit(*common, "--json")[1])
    assert free["best"] is None
    check_search(free, scratch, "luts")
    luts = sorted(c["luts"] for c in free["candidates"])
    budget = (luts[0] + luts[-1]) // 2
    found = json.loads(fewbit(*common, "--budget-luts", budget, "--json")[1])
    check_search(found, scratch, "luts")
    assert found["best"]["luts"] <= budget
    assert found["best"]["accuracy"] == max(c["accuracy"] for c in found["candidates"] if c["luts"] <= budget)
    assert (scratch / "out" / "best.onnx").read_bytes() == Path(found["best"]["file"]).read_bytes()


def test_a_budget_that_nothing_is_within(fewbit, scratch):
    common = searched(scratch, dense(scratch / "m.onnx"), "w4a4,w1a1")
    status, out, err = fewbit(*common, "--budget-luts", 100)
    lines = [line for line in err.splitlines() if not line.endswith("in the cache")]  # of an earlier run of this test
    assert (status, out) == (2, "") and len(lines) == 1 and "nothing is within 100 LUTs; of " in lines[0]
    assert not (scratch / "out").exists()


def test_a_search_within_bits_and_a_drop(fewbit, scratch):
    common = searched(scratch, dense(scratch / "m.onnx"), "w6a6,w3a3,w1a1")
    found = json.loads(fewbit(*common, "--budget-bits", 400, "--json")[1])
    check_search(found, scratch, "weight_bits")
    assert found["goal"]["cost"] == "weight_bits" and found["best"]["weight_bits"] <= 400
    found = json.loads(fewbit(*common, "--max-drop", 5, "--json")[1])
    check_search(found, scratch, "luts")
    enough = [c for c in found["candidates"] if c["accuracy"] >= found["float"]["accuracy"] - 0.05]
    assert found["best"]["luts"] == min(c["luts"] for c in enough) < max(c["luts"] for c in enough)


def test_a_point_of_the_set_builds(fewbit, scratch):
    status, out, _ = fewbit(*searched(scratch, dense(scratch / "m.onnx"), "w4a4,w1a2"), "--max-drop", 50)
    assert status == 0 and " best" in out and "evaluated assignments are in the Pareto set" in out
    found = json.loads((scratch / "out" / "search.json").read_text())
    folding = scratch / "out" / "folding.json"
    status, out, _ = fewbit("build", found["pareto"][0]["file"], "--folding", folding, "-o", scratch / "b", "--json")
    built = json.loads(out)
    assert status == 0 and {n: (p["pe"], p["simd"]) for n, p in built["layers"].items()} == {
        n: (p["pe"], p["simd"]) for n, p in found["folding"].items()
    }
    assert built["cycles"]["bound"] == found["cycles"]


def test_mistakes_are_one_line(fewbit, scratch):
    model = dense(scratch / "m.onnx")
    with np.load(scratch / "samples.npz") as file:
        np.savez(scratch / "blind.npz", x=file["x"])
    given, blind = (("--images", scratch / f"{name}.npz") for name in ("samples", "blind"))
    wrong = {
        ("search", *blind): "blind.npz: has no array 'label', and accuracy needs the classes",
        ("sensitivity", *blind): "has no array 'label'",
        ("search", *given, "--formats", "w4a4"): "a search needs two formats at least, not 'w4a4'",
        ("search", *given, "--formats", "w4a4,4/4"): "formats are like w4a4 or w1a2, bits of weights and activations",
        ("search", *given, "--formats", "w4a4,w9a4"): "bits must be 1 to 8, not 9",
        ("sensitivity", *given, "--bits", "8,none"): "bits must be 1 to 8, not none",
    }  # fmt: skip
    for (command, *arguments), message in wrong.items():
        status, out, err = fewbit(command, model, *arguments)
        assert (status, out) == (2, "") and message in err and err.count("\n") == 1, (arguments, err)
