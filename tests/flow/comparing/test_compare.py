"""flow.comparing.compare: a model in other formats, what fills a part, a whole comparison of a small network."""

import json

import numpy as np
import onnx
import pytest

from fewbit.flow.commands.compare import show_comparison
from fewbit.flow.commands.report import Reporter
from fewbit.flow.comparing import compare, measure
from fewbit.flow.comparing.compare import compare_formats
from fewbit.flow.comparing.fill import LIMIT, Point, candidates, cycles_of, fill
from fewbit.flow.comparing.measure import common_folding
from fewbit.flow.comparing.requantize import FORMATS, requantize
from fewbit.flow.comparing.result import (
    ComparedFormat,
    Comparison,
    Filled,
    Golden,
    MeasuredInterval,
    Simulated,
    SynthesizedCost,
)
from fewbit.flow.eda import synth
from fewbit.flow.eda.resources import Resources
from fewbit.flow.project.simulation_results import Latency
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.execute import run
from fewbit.golden.numbers.formats import Float32, Unsigned
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.targets.parts import Part
from fewbit.places import HOME

ROOT = HOME
DIGITS = ROOT / "examples" / "digits"
MODELS = [ROOT / "tests" / "models" / f"{name}.onnx" for name in ("tfc_w1a1", "tfc_w2a2", "mlp_w4a4_bias_perch")]


def samples_of(model):
    with np.load(model.with_suffix(".io.npz") if model.parent.name == "models" else DIGITS / "test.npz") as file:
        return file["x"].astype(np.float32)[:32]


def remade(scratch, model, bits, declared=False):
    path = scratch / "remade.onnx"
    path.write_bytes(requantize(model, bits, samples_of(model), declared=declared))
    return import_model(path)


def network_file(path, sizes=(6, 4, 3), bits=2, seed=5, clip=False):
    """A small network: batch norm's affine part, a ReLU or a Clip, a quantizer; undeclared input behind a quantizer."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder(name="small")
    shared = [model.constant(1, "one"), model.constant(0, "zero"), model.constant(bits, "bits")]
    x = model.add_input("x", [1, sizes[0]])
    for i, (k, n) in enumerate(zip(sizes, sizes[1:], strict=False)):
        x = model.quant(x, *shared, signed=i == 0, y=f"q{i}")
        weights = model.quant(rng.normal(size=(k, n)), *shared, signed=True, narrow=True, y=f"v{i}")
        x = model.add("Add", model.add("MatMul", x, weights, y=f"m{i}"), rng.normal(size=n), y=f"a{i}")
        if i < len(sizes) - 2:
            x = model.add("Clip", x, -1, 1, y=f"r{i}") if clip else model.add("Relu", x, y=f"r{i}")
    model.add_output(x, [1, sizes[-1]])
    model.save(path)
    return path


# Other formats

EXPECTED = {"w1a1": ("bipolar", 1), "w1a2": ("bipolar", 2), "ternary": ("ternary", 2), "w4a4": ("int4n", 4),
            "w8a8": ("int8n", 8)}  # fmt: skip


@pytest.mark.parametrize("model", MODELS[1:], ids=lambda m: m.stem)
def test_every_format_gets_its_weights_and_activations(scratch, model):
    shapes = [n.weights.shape for n in import_model(model).nodes if isinstance(n, Dense)]
    assert EXPECTED.keys() == FORMATS.keys()
    for name, (weights, activation_bits) in EXPECTED.items():
        network = remade(scratch, model, FORMATS[name])
        edges = network.edges()
        layers = [n for n in network.nodes if isinstance(n, Dense)]
        assert [n.weights.shape for n in layers] == shapes
        assert {str(n.weight_format) for n in layers} == {weights}
        assert {edges[n.x].format.bits for n in layers} == {activation_bits}


@pytest.mark.parametrize("model, name", [(MODELS[0], "w1a1"), (MODELS[2], "w4a4"), (DIGITS / "w1a1.onnx", "w1a1"),
                                         (DIGITS / "w4a4.onnx", "w4a4")])  # fmt: skip
def test_a_format_that_the_model_has_keeps_its_labels(scratch, model, name):
    before = import_model(model)
    after = remade(scratch, model, FORMATS[name], declared=before.input_spec != "codes")
    x = samples_of(model)
    labels = [run(network, network.encode(x)).labels for network in (before, after)]
    assert len(set(labels[0])) > 3
    assert (labels[0] == labels[1]).mean() >= (1 if name == "w1a1" else 0.98)


def test_float_version_has_no_quantizer_and_a_relu_for_each(scratch):
    network = remade(scratch, MODELS[0], None)
    assert isinstance(network.inputs[0].format, Float32)
    assert [type(n) for n in network.nodes] == [FloatDense] * 4
    assert [n.relu for n in network.nodes] == [True, True, True, False]


def test_float_version_of_four_bits_reads_the_digits_as_well(scratch):
    model = DIGITS / "w4a4.onnx"
    network = remade(scratch, model, None, declared=True)
    with np.load(DIGITS / "test.npz") as file:
        x, labels = file["x"].astype(np.float32), file["label"]
    assert (run(network, network.encode(x)).labels == labels).mean() > 0.95


def test_declared_input_without_a_quantizer_stays_raw(scratch):
    network = remade(scratch, DIGITS / "float32.onnx", FORMATS["w4a4"], declared=True)
    assert network.inputs[0].format == Unsigned(5) and isinstance(network.nodes[0], Dense)
    network = remade(scratch, DIGITS / "float32.onnx", FORMATS["w4a4"], declared=False)
    assert not isinstance(network.nodes[0], Dense)


def test_clip_becomes_a_relu_in_float_and_stays_in_few_bits(scratch):
    path = network_file(scratch / "clip.onnx", clip=True)
    x = np.random.default_rng(2).uniform(-2, 2, (16, 6)).astype(np.float32)
    for bits, kinds in (None, {"MatMul", "Add", "Relu"}), ((4, 4), {"Quant", "MatMul", "Add", "Clip"}):
        (scratch / "out.onnx").write_bytes(requantize(path, bits, x, declared=False))
        assert {n.op_type for n in onnx.load(scratch / "out.onnx").graph.node} == kinds
        import_model(scratch / "out.onnx")


# Foldings


def test_common_folding_divides_each_layer_and_is_small():
    network = import_model(DIGITS / "w1a1.onnx")
    folding = common_folding(network)
    assert folding == Folding.of(fc1=(2, 1), fc2=(2, 1), logits=(1, 1))
    assert set(common_folding(network, most=1).values()) == {LayerFolding(1, 1)}


def resources(lut, bram36=0):
    nothing = dict.fromkeys(("lutram", "ff", "carry4", "muxf", "bram18", "dsp", "lc"), 0)
    return Resources(lut=int(lut), bram36=bram36, cells={}, **nothing)


@pytest.mark.parametrize("base, slope, power", [(900, 14, 1.0), (300, 30, 0.8), (2000, 3.5, 1.05), (100, 60, 0.7)])
def test_fill_finds_a_folding_close_to_the_fastest_that_fits(base, slope, power):
    network = import_model(DIGITS / "w1a1.onnx")
    part = Part(name="test", lut=20_000, ff=1, dsp=1, bram18=1)
    calls = []

    def cost(folding):
        return resources(base + slope * folding.multipliers**power)

    def synthesis(folding):
        calls.append(folding)
        return cost(folding)

    folding = common_folding(network)
    start = Point(cycles=cycles_of(network, folding), folding=folding, resources=cost(folding))
    point, tried, _ = fill(network, start, synthesis, part=part)
    assert 1 <= len(calls) <= 6 and len(tried) == len(calls) + 1
    assert part.use(point.resources)["lut"] <= LIMIT and point.resources == cost(point.folding)
    best = min(c.cycles for c in candidates(network) if part.use(cost(c.folding))["lut"] <= LIMIT)
    assert best <= point.cycles <= 1.35 * best
    assert point.cycles < start.cycles / 4


def test_fill_steps_back_where_the_start_is_too_large_and_says_what_does_not_fit():
    network = import_model(DIGITS / "w1a1.onnx")
    folding = common_folding(network)

    def cost(folding):
        return resources(1000 * folding.multipliers)

    def filled(lut):
        start = Point(cycles=cycles_of(network, folding), folding=folding, resources=cost(folding))
        return fill(network, start, cost, part=Part(name="test", lut=lut, ff=1, dsp=1, bram18=1))[0]

    assert set(filled(4400).folding.values()) == {LayerFolding(1, 1)}
    assert filled(1000) is None


def test_fill_leaves_out_block_ram_that_no_folding_can_save():
    network = import_model(DIGITS / "w1a1.onnx")
    folding = common_folding(network)
    part = Part(name="test", lut=10_000, ff=1, dsp=1, bram18=10)

    def cost(folding):
        return resources(100 * folding.multipliers, bram36=4)

    start = Point(cycles=cycles_of(network, folding), folding=folding, resources=cost(folding))
    point, _, counts_ram = fill(network, start, cost, part=part)
    assert not counts_ram and point.cycles < start.cycles


# The whole


@pytest.fixture
def own_build(scratch, monkeypatch):
    monkeypatch.setattr(compare, "BUILD", scratch / "build")
    for module in measure, synth:
        monkeypatch.setattr(module, "CACHE", scratch / "build" / "cache")
    return scratch / "build"


SMALL = Part(name="SMALL", lut=1000, ff=10_000, dsp=20, bram18=10)


@pytest.mark.slow
@pytest.mark.tools
def test_small_network_from_nothing_and_again(scratch, own_build, monkeypatch, capsys):
    model = network_file(scratch / "small.onnx")
    rng = np.random.default_rng(3)
    np.savez(scratch / "x.npz", x=rng.uniform(-2, 2, (30, 6)).astype(np.float32), label=rng.integers(0, 3, 30))

    def once():
        report = Reporter(as_json=True)
        options = dict(clock=100.0, part=SMALL, formats=["as trained"])
        found, directory = compare_formats(model, scratch / "x.npz", None, report, **options)
        show_comparison(report, found, directory)
        return found

    result = once()
    found = json.loads(capsys.readouterr().out)
    assert Comparison.from_dict(found).to_dict() == result.to_dict() == found
    assert found["ok"] and [row["format"] for row in found["rows"]] == ["as trained"]
    (row,) = found["rows"]
    assert row["exact"] and row["mismatches"] == 0 and row["frames"] == 24 and row["samples"] == 30
    assert row["latency"]["simulated"] == row["latency"]["predicted"]
    assert row["interval"]["simulated"] == row["interval"]["predicted"]
    golden = import_model(model)
    bits = [n.weights.size * n.weight_format.bits for n in golden.nodes if isinstance(n, Dense)]
    assert row["weight_bits"] == sum(bits) and len(bits) == 2
    assert row["pes"] == sum(layer["pe"] * layer["simd"] for layer in row["layers"])
    assert len(row["tried"]) > 1 and row["tried"][0]["lut"] <= row["cost"]["lut"]
    assert all(share <= LIMIT for share in row["filled"]["use"].values())
    assert row["filled"]["interval"] < row["interval"]["simulated"]
    assert row["fps"] == round(100e6 / row["filled"]["interval"])
    with np.load(scratch / "x.npz") as file:
        labels = run(golden, golden.encode(file["x"])).labels
        assert row["accuracy"] == (labels == file["label"]).mean()
    directory = own_build / "compare" / "small"
    page = (directory / "index.md").read_text()
    assert f"{row['fps']:,}" in page and f"{row['cost']['lut']:,}" in page and f"{row['cost']['ff']:,}" in page
    assert (directory / "compare.png").read_bytes().startswith(b"\x89PNG")

    def forbidden(*_, **__):
        raise AssertionError("it was measured again")

    for module, name in (compare, "measure"), (synth, "_run"), (measure, "simulate"):
        monkeypatch.setattr(module, name, forbidden)
    assert once().to_dict() == found


def test_a_wrong_bit_fails_the_comparison(scratch, own_build, monkeypatch, capsys):
    model = network_file(scratch / "small.onnx")

    def row(variant, *_, **__):
        interval = {"float32": 400, "as trained": 8}.get(variant.name)
        cost = SynthesizedCost(lut=9, lutram=0, ff=9, bram18=1, bram36=0, dsp=0, bram=0.5)
        filled = Filled(
            folding={"dense0": {"pe": 1, "simd": 2}}, multipliers=7, latency=9, interval=interval, cost=cost,
            use=dict.fromkeys(("lut", "ff", "dsp", "bram18"), 0.1), counts_ram=False,
        )  # fmt: skip
        golden = Golden(accuracy=None, samples=64, weights=36, weight_bits=36, bits_per_weight=1, layers=[], pes=2)
        simulated = Simulated(
            frames=24, mismatches=0, problems=[], latency=Latency(simulated=9, predicted=9),
            interval=MeasuredInterval(simulated=3, predicted=3),
        )  # fmt: skip
        return ComparedFormat(format=variant.name, model=model, note="", golden=golden, simulated=simulated,
                   exact=variant.name != "w1a1", cost=cost, tried=[], filled=filled if interval else None)  # fmt: skip

    monkeypatch.setattr(compare, "measure", row)
    for _ in range(2):  # and it is not kept
        report = Reporter()
        result, directory = compare_formats(
            model, None, None, report, clock=100.0, formats=["float32", "as trained", "w1a1"]
        )
        show_comparison(report, result, directory)
        assert not result.ok
        assert [row.ratio for row in result.rows] == [1, 50, None]
        assert [row.fps for row in result.rows] == [250_000, 12_500_000, None]
        shown = capsys.readouterr()
        assert "NOT equal" in shown.err and "w1a1" in shown.err
        assert "does not fit" in shown.out and "12,500,000" in shown.out and "7 *" in shown.out


@pytest.mark.tools
@pytest.mark.slow
def test_digits_in_every_format():
    found, _ = compare_formats(DIGITS / "w1a1.onnx", None, None, Reporter(as_json=True), clock=200.0)
    result = found.to_dict()
    rows = {row["format"]: row for row in result["rows"]}
    assert result["ok"] and list(rows) == ["float32 without DSPs", "float32", *FORMATS]
    recorded = json.loads((DIGITS / "accuracy.json").read_text())
    for name, row in rows.items():
        assert row["samples"] == 360 and round(100 * row["accuracy"], 2) == recorded[name.split()[0]]["accuracy"]
        assert all(share <= LIMIT for share in row["filled"]["use"].values())
    assert rows["float32 without DSPs"]["cost"]["dsp"] == 0 < rows["float32"]["cost"]["dsp"]
    assert rows["w1a1"]["fps"] > rows["w4a4"]["fps"] > rows["w8a8"]["fps"] > rows["float32"]["fps"]


def image_file(path, seed=5):
    """A convolution in two bits, a pool and a dense layer, on raw 4x4 pixels."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder(name="image")
    kernels, weights = rng.normal(size=(3, 1, 3, 3)), rng.normal(size=(12, 3))
    x = model.add_input("x", [1, 1, 4, 4])
    x = model.add("Conv", x, model.quant(kernels, 0.25, 0, 2, signed=True, narrow=True), kernel_shape=[3, 3],
                  pads=[1, 1, 1, 1])  # fmt: skip
    x = model.quant(model.add("Relu", x), 0.25, 0, 2, signed=False)
    x = model.add("Flatten", model.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))
    x = model.add("MatMul", x, model.quant(weights, 0.25, 0, 2, signed=True, narrow=True), y="y")
    model.add_output(x, [1, 3])
    model.save(path)
    return path


@pytest.mark.tools
@pytest.mark.slow
def test_a_convolutional_network_in_float_and_in_few_bits(scratch, own_build, capsys):
    model = image_file(scratch / "image.onnx")
    rng = np.random.default_rng(3)
    x = rng.integers(0, 256, (30, 1, 4, 4)).astype(np.uint8)
    np.savez(scratch / "x.npz", x=x, label=rng.integers(0, 3, 30))
    part = Part(name="MIDDLE", lut=12_000, ff=100_000, dsp=60, bram18=60)
    formats = ["float32", "as trained"]
    found, _ = compare_formats(
        model, scratch / "x.npz", "uint8/255", Reporter(as_json=True), clock=100.0, part=part, formats=formats
    )
    result = found.to_dict()
    assert result["ok"] and [row["format"] for row in result["rows"]] == formats
    assert result["shape"] == "16 x 3 of 9, 1 x 3 of 12"
    for row in result["rows"]:
        assert row["exact"] and row["mismatches"] == 0 and row["frames"] == 24
        assert row["latency"]["simulated"] == row["latency"]["predicted"]
        assert row["interval"]["simulated"] == row["interval"]["predicted"]
    by_name = {row["format"]: row for row in result["rows"]}
    assert by_name["float32"]["cost"]["lut"] > by_name["as trained"]["cost"]["lut"]
    assert by_name["as trained"]["ratio"] > 1
