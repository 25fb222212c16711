"""The survey: definitions on worked values, the page from made-up figures, and a real row from training to hardware."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bench.survey import options as options_of_runs
from bench.survey.claims import Figures, claims
from bench.survey.figures import bit_operations, compression, mean_and_spread, quantizer_noise, sqnr, weight_bits
from bench.survey.literature import PUBLISHED
from bench.survey.options import SurveyOptions
from bench.survey.page import page, table
from bench.survey.picture import FAMILIES, family, frontier, picture
from fewbit.flow.commands.report import Reporter
from fewbit.golden.numbers.formats import Bipolar, Float32, Signed, Ternary, Unsigned
from fewbit.places import HOME


class Job:
    """Takes what a job is told."""

    def __init__(self):
        self.told = []

    def now(self, what):
        self.told.append(what)

    def done(self, what, steps=0):
        self.told.append(what)


# Definitions


def test_sqnr_on_worked_values():
    assert sqnr([3, 4], [3, 4]) == float("inf")
    # |x|^2 = 25; of q = (1, 1) g = 7/2, and 25 - 49/2 = 1/2 is left: a ratio of 50.
    assert sqnr([3, 4], [1, 1]) == pytest.approx(10 * np.log10(50), abs=1e-12)
    assert sqnr([3, 4], [0.01, 0.01]) == pytest.approx(sqnr([3, 4], [1, 1]), abs=1e-9)  # any factor is as good
    assert sqnr([1, 2], [0, 0]) == 0  # all of it is noise
    with pytest.raises(ValueError, match="zeros"):
        sqnr([0, 0], [1, 1])


def test_sqnr_of_a_gaussian_is_that_of_the_literature():
    """Max, "Quantizing for minimum distortion", 1960: 1 bit 4.40 dB."""
    x = np.random.default_rng(1).normal(size=400_000)
    assert sqnr(x, np.sign(x)) == pytest.approx(-10 * np.log10(1 - 2 / np.pi), abs=0.02)
    assert sqnr(x, np.round(x * 16) / 16) == pytest.approx(10 * np.log10(12 * 256), abs=0.1)  # step^2/12 of noise


def layer(neurons, inputs, weights, activations, pixels=1):
    return SimpleNamespace(
        dense=SimpleNamespace(weights=np.zeros((neurons, inputs)), weight_format=weights), x_format=activations,
        pixels=pixels,
    )  # fmt: skip


def test_bits_and_bit_operations_on_worked_values():
    layers = [layer(64, 64, Bipolar(), Unsigned(5)), layer(10, 64, Ternary(), Bipolar())]
    assert weight_bits(layers) == 64 * 64 + 2 * 640
    assert bit_operations(layers) == 64 * 64 * 5 + 640 * 2
    assert compression(layers) == 32 * 4736 / (4096 + 1280)
    assert compression([layer(3, 3, Bipolar(), Bipolar())]) == 32
    assert compression([layer(3, 3, Float32(), Float32())]) == 1
    assert bit_operations([layer(3, 5, Float32(), Float32())]) == 15 * 1024
    assert bit_operations([layer(8, 9, Signed(4), Unsigned(4), pixels=100)]) == 100 * 72 * 16


def test_of_a_codebook_the_codes_count():
    """Four levels of up to 9 bits are codes of 2."""
    p = layer(64, 64, Signed(9), Unsigned(4))
    p.dense.coding = SimpleNamespace(bits=2)
    assert (weight_bits([p]), compression([p]), bit_operations([p])) == (8192, 16, 4096 * 2 * 4)


def test_mean_and_spread():
    assert mean_and_spread([0.9, 1.0, 0.8]) == (pytest.approx(0.9), pytest.approx(0.1))
    assert mean_and_spread([0.5]) == (0.5, 0.0)


def test_noise_is_read_from_the_file():
    """One layer's quantizers, against what the file's own numbers give."""
    import onnx
    from onnx import numpy_helper

    path = HOME / "examples" / "digits" / "ternary.onnx"
    with np.load(path.with_name("test.npz")) as file:
        x = file["x"][:50]
    found = quantizer_noise(path, x)
    constants = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    weights = [w for w in constants.values() if w.ndim == 2]
    wanted = np.mean([sqnr(w, np.clip(np.rint(w), -1, 1)) for w in weights])
    assert found["weights"] == pytest.approx(wanted, abs=1e-9) and 3 < found["activations"] < 30
    assert quantizer_noise(path, x, [np.sign(w) + (w == 0) for w in weights])["weights"] != found["weights"]
    assert quantizer_noise(path.with_name("float32.onnx"), x) == {"weights": None, "activations": None}


# The page


def row(name, accuracy, lut=1000, *, kind="QAT", nominal=(2, 2), spread=0.001, dsp=0, bits=8832, generators=None):
    cost = {"lut": lut, "ff": lut // 2, "dsp": dsp, "bram": 0.5}
    figures = {
        "frames": 24, "latency": 2100, "interval": 2048, "folding": [["a", 2, 1], ["b", 2, 1], ["c", 1, 1]],
        "shape": [64, 64, 64, 10], "weights": 8832, "weight_bits": bits, "compression": 282624 / bits,
        "bit_operations": 8832 * 4, "cost": cost, "unit": cost | {"lut": lut // 10, "bram": 0}, "array_lanes": 64,
        "array": cost | {"bram": 0}, "generators": generators and {"lut": generators, "ff": 62, "dsp": 0, "bram": 0},
        "products": ["LUTs", "2 planes", "LUTs"],
    }  # fmt: skip
    return {
        "name": name, "method": f"method of {name}", "kind": kind, "nominal": list(nominal),
        "accuracies": [accuracy] * 5, "accuracy": accuracy, "spread": spread,
        "noise": {"weights": 5.0, "activations": None}, "hardware": figures,
    }  # fmt: skip


def result(**changed):
    rows = [
        row("float32", 0.99, 4000, kind="float", nominal=(32, 32), dsp=10, bits=282624),
        row("float32-luts", 0.99, 6000, kind="float", nominal=(32, 32), bits=282624),
        row("uniform-w8a8", 0.99, 1700, nominal=(8, 8)), row("lsq-w4a4", 0.985, 1500, nominal=(4, 4)),
        row("lsq-w2a2", 0.97, 1300), row("bnn-w1a1", 0.94, 1000, nominal=(1, 1)), row("ternary-w2a2", 0.96, 1200),
        row("stochastic-w1a1", 0.93, 1001, nominal=(1, 1)),
        row("stochastic-w1s1", 0.92, 1100, nominal=(1, 1), generators=17, dsp=2),
        row("ptq-minmax-w8a8", 0.989, 1710, kind="PTQ", nominal=(8, 8)),
        row("ptq-mse-w2a2", 0.5, 1310, kind="PTQ"), row("ptq-minmax-w2a2", 0.3, 1320, kind="PTQ"),
    ]  # fmt: skip
    rows = [replaced(r, changed) for r in rows]
    lost = {"2": {"a": [3.0, 4.0], "b": [1.0, 1.0], "c": [2.0, 2.0]}, "1": {"a": [9.0, 9.0], "b": [3.0], "c": [5.0]}}
    return {
        "dataset": "digits", "seeds": [1, 2, 3, 4, 5], "images": [1437, 360], "frames": 24, "steps": [1500],
        "missing": ["power-w3a4"], "rows": rows, "sensitivity": lost, "took": {"seconds": 1, "cpu_seconds": 2},
        "tools": {"pyosys": "0.70", "verilator": "5.48", "jax": "1"},
    }  # fmt: skip


def replaced(r, changed):
    accuracy = changed.get(r["name"].replace("-", "_"))
    return r if accuracy is None else r | {"accuracy": accuracy}


def test_table_has_what_was_found():
    text = table(result())
    lines = text.splitlines()
    assert len(lines) == 2 + len(result()["rows"]) and len({line.count("|") for line in lines}) == 1
    assert (
        "| `lsq-w2a2` | method of lsq-w2a2 | 2 / 2 | 97.00 % | 0.10 | -2.00 | 8,832 | 32.0 | 35,328 | 5.0 | – |" in text
    )
    assert "| 1,300 | 650 | 0 | 0.5 | 2,100 | 2,048 | 130 | – | 20.3 | LUTs / 2 planes |" in text
    assert "| 110 + 2 DSPs | 17 | 17.2 + 0.03125 DSPs |" in text


def test_words_follow_from_the_figures():
    said = dict(claims(result()))
    assert "Not seen here: 2 of 2 comparisons go the other way" in said["Stochastic quantizers generalize better."]
    assert "-2.00 points (noise 0.13): worse" in said["Stochastic quantizers generalize better."]
    other = dict(claims(result(stochastic_w1a1=0.95, stochastic_w1s1=0.9401)))
    assert "Seen here in 1 of 2 comparisons" in other["Stochastic quantizers generalize better."]
    assert "the same within the noise" in other["Stochastic quantizers generalize better."]
    random = said["Random bits cost a generator."]
    assert "110 LUTs, 2 DSPs and 550 flip-flops, of which the generators alone are 17 LUTs and 62 flip-flops" in random
    assert "+100 LUTs and +2 DSPs" in random

    trained = said["Training beats quantizing afterwards."]
    assert trained.startswith("Training with quantizers is better at 2 bits, against the best")
    assert "`lsq-w2a2` against `ptq-mse-w2a2` +47.00 points" in trained
    worse = dict(claims(result(ptq_minmax_w8a8=0.995)))["Training beats quantizing afterwards."]
    assert "better at 2 bits, worse at 8" in worse

    memory = said["Binary weights save 32 times the memory."]
    assert "its 5 products a cycle take about 78 LUTs" in memory
    assert memory.startswith("32 times here: 282,624 bits become 8,832, for -5.00 points") and "6.0 times" in memory
    layers = said["The first and the last layer are the sensitive ones."]
    assert layers.startswith("Both lose more") and "3.50, 1.00, 2.00 points" in layers
    assert "`lsq-w4a4` takes the fewest LUTs, 1,500" in said["What to take for a loss of at most 1 point."]


def test_one_end_that_is_not_sensitive_is_said_so():
    changed = result()
    changed["sensitivity"]["2"]["c"] = [0.0, 0.0]
    text = dict(claims(changed))["The first and the last layer are the sensitive ones."]
    assert text.startswith("One of them loses most, the other does not")
    changed["sensitivity"]["1"]["a"] = changed["sensitivity"]["1"]["c"] = [1.0]
    text = dict(claims(changed))["The first and the last layer are the sensitive ones."]
    assert text.startswith("Not seen throughout")


def test_what_is_not_there_is_not_spoken_of():
    few = result() | {"sensitivity": {}}
    few["rows"] = [r for r in few["rows"] if r["name"] in ("float32", "lsq-w2a2")]
    assert [claim for claim, _ in claims(few)] == []
    few["rows"][1]["accuracy"] = 0.985
    assert [claim for claim, _ in claims(few)] == ["What to take for a loss of at most 1 point."]


def test_difference_and_its_noise():
    figures = Figures(result())
    points, noise = figures.difference("lsq-w2a2", "bnn-w1a1")
    assert points == pytest.approx(3) and noise == pytest.approx(200 * np.sqrt(2e-6 / 5))


def test_page_is_whole():
    text = page(result(), result())
    assert text.count("`lsq-w2a2` |") == 2 and "{" not in text and "None" not in text and "nan" not in text
    for part in re.findall(r"^## (.*)$", text, re.MULTILINE):
        assert len(text.split(f"## {part}\n")[1].split("\n## ")[0].strip()) > 50
    assert all(len(line) <= 120 for line in text.splitlines() if not line.startswith("|"))
    assert "Not measured yet: `power-w3a4`." in text
    assert "Fashion" not in page(result())
    assert page(result()) != page(result(lsq_w2a2=0.98))


def test_page_needs_what_all_is_compared_with():
    without = result()
    without["rows"] = without["rows"][1:]
    with pytest.raises(ValueError, match="digits: float32 is not measured yet"):
        page(without)


def test_rows_stay_as_they_were_measured_last(scratch, monkeypatch):
    """One row is measured anew, without a build folder of an earlier run; the page is written of all."""
    from bench.survey import run as survey

    before = survey.survey(SurveyOptions(names=()), Reporter(), folder=scratch, last=result())
    assert [r["name"] for r in before["rows"]] == [r["name"] for r in sorted(before["rows"], key=in_order)]
    gone = {"ptq-minmax-w8a8"}  # of the made-up rows, what the survey does not have
    assert {r["name"] for r in before["rows"]} == {r["name"] for r in result()["rows"]} - gone
    assert before["took"] == result()["took"] and before["sensitivity"] == result()["sensitivity"]
    assert "power-w3a4" in before["missing"] and "lsq-w2a2" not in before["missing"]
    monkeypatch.setattr(survey, "measure", lambda r, *_: row(r.name, 0.975, generators=9))
    two = SurveyOptions(names=("power-w3a4", "lsq-w2a2"))
    after = survey.survey(two, Reporter(), folder=scratch, last=before)
    assert set(before["missing"]) - set(after["missing"]) == {"power-w3a4"} and after["took"] == before["took"]
    assert next(r for r in after["rows"] if r["name"] == "lsq-w2a2")["accuracy"] == 0.975
    assert next(r for r in after["rows"] if r["name"] == "bnn-w1a1")["accuracy"] == 0.94


def in_order(row):
    from bench.survey.networks import rows_of

    return [r.name for r in rows_of("digits")].index(row["name"])


def no_data(monkeypatch):
    """Have the survey know how many images there are, which it would load else."""
    monkeypatch.setattr("bench.survey.networks.NetworkMaker.splits", (range(600), range(100)))


def test_the_page_of_one_data_set_needs_no_run_of_the_other(scratch, monkeypatch):
    """As a fresh clone has it: the digits' record, and no build folder."""
    from bench.survey import run as survey

    records = {name: scratch / f"{name}.json" for name in ("digits", "fashion")}
    records["digits"].write_text(json.dumps(result()))
    for name, value in (("RECORDS", records), ("PAGE", scratch / "page.md"), ("PICTURE", scratch / "page.svg")):
        monkeypatch.setattr(survey, name, value)
    no_data(monkeypatch)
    monkeypatch.setattr(options_of_runs, "BUILD", scratch)
    monkeypatch.setattr(survey, "measure", lambda r, *_: row(r.name, 0.87, generators=9))
    monkeypatch.setattr(survey, "one_layer", lambda *_: {})
    survey.main(["fashion"])
    text = (scratch / "page.md").read_text()
    assert "97.00 %" in text and "87.00 %" in text and (scratch / "page.svg").stat().st_size > 1000
    kept = json.loads(records["fashion"].read_text())
    assert kept["missing"] == [] and kept["dataset"] == "fashion" and len(kept["rows"]) > 20
    survey.main(["--page"])
    assert (scratch / "page.md").read_text() == text
    records["digits"].unlink()
    with pytest.raises(SystemExit) as stopped:
        survey.main(["--page"])
    assert stopped.value.code == 2


def test_rows_of_two_foldings_are_no_table():
    two = result()
    two["rows"][3]["hardware"]["folding"] = [["a", 4, 1], ["b", 2, 1], ["c", 1, 1]]
    with pytest.raises(ValueError, match="2 foldings"):
        page(two)


def test_picture_is_the_same_for_the_same_results():
    first = picture(result())
    assert first == picture(result()) and first != picture(result(lsq_w2a2=0.98))
    assert first.lstrip().startswith(b"<?xml") and b"bnn-w1a1" in first and b"below: ptq" in first


def test_frontier_and_families():
    rows = result()["rows"]
    assert [r["name"] for r in frontier(rows)] == ["bnn-w1a1", "ternary-w2a2", "lsq-w2a2", "lsq-w4a4", "uniform-w8a8"]
    assert family("dorefa-w1a2") == "binary, deterministic" and family("dorefa-w4a4") == "uniform, 2 to 8 bits"
    assert family("stochastic-w2s2") == "stochastic" and family("lq-w2a2") == FAMILIES[4][0]


def test_published_figures_have_sources():
    for p in PUBLISHED:
        assert 30 < p.accuracy < 100 and len(p.source) > 20 and p.data in ("CIFAR-10", "ImageNet")
    assert len({(p.data, p.method, p.network, p.bits) for p in PUBLISHED}) == len(PUBLISHED)


# Real rows


def test_every_method_is_a_row_and_names_are_unique():
    from bench.survey.networks import rows_of
    from fewbit.train.survey import ROWS

    rows = rows_of("digits")
    names = [r.name for r in rows]
    assert len(set(names)) == len(names) and set(ROWS) < set(names)
    few = rows_of("fashion")
    assert {r.name for r in few} <= set(names)
    # The survey's methods, in this test's words: any row's weights, activations or gradients must be by each.
    wanted = {
        "Binary()", "Binary(ste='identity')", "Binary(ste='bireal')", "Binary(ste='annealed')", "Uniform", "Xnor",
        "Twn(per_channel=False", "Twn(per_channel=True", "TernaryLearned", "Ttq", "Symmetric(levels=3",
        "Symmetric(levels=5", "DoReFaSign", "DoReFaWeights", "DoReFaActivations", "GradientBits", "Pact", "Lsq",
        "Lq", "Clusters", "LogarithmicWeights", "StochasticBipolar", "StochasticTernary",
    }  # fmt: skip
    used = [str(q).replace("Binary(ste='clipped')", "Binary()") for r in rows if r.recipe
            for q in (r.recipe.weight, r.recipe.act, r.recipe.gradient)]  # fmt: skip
    assert {w for w in wanted if not any(u.startswith(w) for u in used)} == set()
    assert any(r.recipe.pull for r in rows if r.recipe) and any(r.start == "float32" and r.recipe for r in rows)
    for found in (rows, few):
        assert {r.ranges for r in found if r.kind == "PTQ"} == {"minmax", "percentile", "mse", "kl"}
    assert len({r.method.split(",")[0] for r in few}) >= 18


@pytest.fixture
def maker(scratch, monkeypatch):
    from bench.survey.networks import NetworkMaker

    monkeypatch.setattr("bench.survey.measure.BUILD", scratch)
    return NetworkMaker("digits", (1, 2), scratch / "digits")


def short(name, steps=40):
    """The rows by name, trained for a few steps only."""
    from bench.survey.networks import rows_of

    rows = {r.name: r for r in rows_of("digits")}
    return {n: replace(r, recipe=replace(r.recipe, steps=steps, copies=2)) if r.recipe else r for n, r in rows.items()}


@pytest.mark.slow
@pytest.mark.long
def test_networks_are_made_once(maker):
    rows = short("bnn-w1a1")
    files = maker.files(rows["bnn-w1a1"], rows, Job())
    assert [f.name for f in files] == ["seed1.onnx", "seed2.onnx"] and files[0].read_bytes() != files[1].read_bytes()
    latents = maker.latents(rows["bnn-w1a1"])
    assert [w.shape for w in latents] == [(64, 64), (64, 64), (64, 10)]
    job = Job()
    assert maker.files(rows["bnn-w1a1"], rows, job) == files and not job.told
    noise = quantizer_noise(files[0], maker.test[0][:20], latents)
    assert 3 < noise["weights"] < 7  # of about uniform latent weights the sign has 6 dB


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("name", ["lsq-w2a2", "ptq-mse-w4a4"])
def test_a_row_from_training_to_hardware(maker, name):
    from bench.survey.measure import measure

    rows = short(name, 200)
    found = measure(rows[name], maker, rows, Job())
    assert found["hardware"]["frames"] == 24 and found["hardware"]["interval"] == 2048
    assert len(found["accuracies"]) == 2 and found["accuracy"] > 0.7
    assert 500 < found["hardware"]["cost"]["lut"] < 5000 and found["hardware"]["unit"]["lut"] > 20
    assert json.loads(json.dumps(found)) == found
    job = Job()
    assert measure(rows[name], maker, rows, job) == found and not any("Yosys" in told for told in job.told)


@pytest.mark.tools
@pytest.mark.slow
def test_a_wrong_bit_is_an_error_not_a_row(maker, monkeypatch):
    from bench.survey import measure as surveyrow

    rows = short("bnn-w1a1")
    wrong = SimpleNamespace(exact=False, mismatches=1, frames=24, problems=[])
    monkeypatch.setattr(surveyrow, "simulated", lambda *_: wrong)
    with pytest.raises(surveyrow.SurveyError, match="1 of 24 frames differ"):
        surveyrow.measure(rows["bnn-w1a1"], maker, rows, Job())
