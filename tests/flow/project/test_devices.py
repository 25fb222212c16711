"""Several devices: where a network is cut, that they are the network together, and one bench of them all."""

import json
from itertools import combinations

import numpy as np
import pytest

from bench.networks.quantized import samples_for
from bench.networks.residual import residual_cifar
from fewbit.flow.folding.cuts import BALANCE, choose_cuts, possible_cuts
from fewbit.flow.folding.folding import default_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate
from fewbit.flow.project.devices import DeviceChain, networks_of
from fewbit.flow.project.project import Project
from fewbit.flow.quantizing.float_model import FloatProject
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.execute import run
from fewbit.hw.folding import DeviceFolding, FoldingError
from fewbit.hw.targets.named import all_parts
from fewbit.places import HOME
from fewbit.ptq.quantize import Bits, Options, quantize
from fewbit.sim.cycles.model import predict
from tests.support.targets import PORTABLE

DIGITS = HOME / "examples" / "digits"


@pytest.fixture(scope="module")
def residual(tmp_path_factory):
    """A quantized network of three residual blocks, and samples: the first block's shortcut is its input."""
    folder = tmp_path_factory.mktemp("residual")
    residual_cifar(folder / "float.onnx", 8, size=8, width=4)
    x = samples_for(folder / "float.onnx", 6)
    np.savez(folder / "samples.npz", x=x, label=np.arange(6))
    project = FloatProject(folder / "float.onnx", images=folder / "samples.npz")
    bits = {layer.name: Bits(2, 2) for layer in project.model.layers}
    content, _ = project.qonnx(quantize(project.model, project.calibration, bits, Options()))
    (folder / "model.onnx").write_bytes(content)
    return folder / "model.onnx"


@pytest.fixture(params=["digits", "residual"])
def network(request):
    if request.param == "digits":
        return import_model(DIGITS / "w1a2.onnx")
    return import_model(request.getfixturevalue("residual"))


def crossing(network, place):
    """The edges that are made in front of a place, and read behind it."""
    made = {given.edge for given in network.inputs} | {node.y for node in network.nodes[:place]}
    read = {x for node in network.nodes[place:] for x in node.inputs} | {o.edge for o in network.outputs}
    return made & read


def test_what_crosses_a_cut_is_one_edge(network):
    cuts = {cut.node: cut for cut in possible_cuts(network)}
    assert cuts
    edges = network.edges()
    for place, node in enumerate(network.nodes, 1):
        edge = crossing(network, place)
        if node.name in cuts:
            cut = cuts[node.name]
            assert edge == {cut.edge} == {node.y}
            assert cut.bits == edges[node.y].format.bits * edges[node.y].length
            assert cut.layers == sum(isinstance(n, Dense) for n in network.nodes[:place]) > 0


def test_skip_connections_are_not_cut(residual):
    network = import_model(residual)
    inside = [n.name for k, n in enumerate(network.nodes, 1) if len(crossing(network, k)) > 1]
    assert len(inside) > 6 and not {cut.node for cut in possible_cuts(network)} & set(inside)


def test_devices_are_the_network_together(network):
    cuts = [cut.node for cut in possible_cuts(network)]
    rng = np.random.default_rng(1)
    values = network.inputs[0].format.sample(rng, (9, *network.input_shape))
    whole = run(network, values).edges[network.outputs[0].edge]
    assert len(np.unique(whole.reshape(9, -1), axis=0)) > 3
    for chosen in [(cut,) for cut in cuts] + [tuple(cuts[:: max(1, len(cuts) // 3)])]:
        folding = default_folding(network).in_devices([*map(DeviceFolding, chosen), DeviceFolding()])
        parts = networks_of(network, folding)
        assert [n for part in parts for n in part.nodes] == network.nodes
        got = values
        for part in parts:
            given = part.inputs[0]
            got = run(part, got.reshape(-1, *given.shape)).edges[part.outputs[0].edge]
        assert (got == whole).all()


@pytest.mark.parametrize("count", [2, 3, 4])
def test_cuts_are_those_of_the_lightest_links_in_balance(residual, count):
    layers = layers_of(import_model(residual))
    folding = default_folding(layers)
    costs = [c.lut + 200 * c.bram18 + 300 * c.dsp for c in estimate(layers, folding).values()]
    cuts = possible_cuts(layers.network)
    found = {}
    for some in combinations(cuts, count - 1):
        ends = [0, *(cut.layers for cut in some), len(costs)]
        parts = [sum(costs[a:b]) for a, b in zip(ends, ends[1:], strict=False)]
        if all(b > a for a, b in zip(ends, ends[1:], strict=False)):
            found[tuple(cut.node for cut in some)] = sum(cut.bits for cut in some), max(parts)
    least = min(most for _, most in found.values())
    balanced = {names: weight for names, weight in found.items() if weight[1] <= BALANCE * least * (1 + 1e-9)}
    chosen = choose_cuts(layers, folding, count)
    names = tuple(device.until for device in chosen[:-1])
    assert len(found) > 2 and chosen[-1] == DeviceFolding()
    assert balanced[names] == pytest.approx(min(balanced.values()))


def test_a_larger_part_gets_more(residual):
    layers = layers_of(import_model(residual))
    folding, parts = default_folding(layers), all_parts()

    def first(*names):
        chosen = choose_cuts(layers, folding, 2, [parts[name] for name in names])
        assert [device.part for device in chosen] == [parts[name].name for name in names]
        place = [cut.node for cut in possible_cuts(layers.network)]
        return place.index(chosen[0].until)

    assert first("xc7a200t", "xc7a35t") > first("xc7a35t", "xc7a200t")


def test_times_are_those_of_one_device(residual):
    one = Project(residual, target=PORTABLE)
    chain = in_devices_of(residual, 3)
    assert len(chain.devices) == 3 and len(chain.plan.layers) == len(one.plan.layers)
    assert predict(chain.plan, 12).interval == predict(one.plan, 12).interval


def in_devices_of(model, count, folder=None):
    project = Project(model, target=PORTABLE, directory=folder)
    layers = layers_of(project.network)
    project.folding = project.folding.in_devices(choose_cuts(layers, project.folding, count))
    return DeviceChain(project)


def test_too_few_places_are_told(fewbit, scratch):
    file = scratch / "f.json"
    common = ("fold", DIGITS / "w1a1.onnx", "-o", file)
    status, out, err = fewbit(*common, "--devices", 9)
    assert (status, out) == (2, "") and err.count("\n") == 1 and not file.exists()
    assert "cannot be cut into 9 devices where one stream alone crosses: that is possible behind act1_quant," in err
    status, _, err = fewbit(*common, "--devices", 2, "--part", "xc7a35t")
    assert status == 2 and err == "fewbit: give one --part for each device: 2 devices, 1 parts\n"
    status, _, err = fewbit(*common, "--part", "xc7a35t", "--part", "xc7a15t")
    assert status == 2 and err == "fewbit: one device has one part: give --part once, or --devices too\n"
    status, _, err = fewbit(*common, "--devices", 2, "--share", "50%")
    assert status == 2 and err.startswith("fewbit: several devices are folded to one of --fps, --max-cycles and ")
    status, _, err = fewbit(*common, "--devices", 2, "--part", "xc7a35t", "--part", "xc7a36t")
    assert status == 2 and "there is no part 'xc7a36t'; near to it: " in err


@pytest.mark.parametrize(
    "devices, message",
    [([{"until": "dense0"}, {}], "the network cannot be cut behind 'fc1'; it can behind act1_quant, act2_quant"),
     ([{"until": "threshold1"}, {"until": "threshold0"}, {}], "device 1: the network cannot be cut behind 'act1_quant"),
     ([{}], "devices must be a list of two or more"), ("two", "devices must be a list of two or more"),
     ([{}, {}], "device 0: must have 'until'"),
     ([{"until": "a"}, {"until": "b"}], "device 1: the last one has no 'until'"),
     ([{"until": 3}, {}], "device 0: until must be a name, not 3"),
     ([{"until": "threshold0", "lut": 3}, {}], "device 0: has 'lut', which is none of until, part")],
)  # fmt: skip
def test_devices_of_a_folding_file_are_checked(fewbit, scratch, devices, message):
    file = scratch / "f.json"
    assert fewbit("fold", DIGITS / "w1a1.onnx", "-o", file)[0] == 0
    folding = json.loads(file.read_text())
    assert "devices" not in folding
    file.write_text(json.dumps(folding | {"devices": devices}))
    status, out, err = fewbit("build", DIGITS / "w1a1.onnx", "--folding", file, "-o", scratch / "b")
    assert (status, out) == (2, "") and err.startswith(f"fewbit: {file}: ") and message in err, err
    assert not (scratch / "b").exists()


def test_stages_in_ultra_ram_are_of_one_device(fewbit, scratch):
    file = scratch / "f.json"
    assert fewbit("fold", DIGITS / "w1a1.onnx", "--devices", 2, "-o", file)[0] == 0
    file.write_text(json.dumps(json.loads(file.read_text()) | {"ultra": ["dense0"]}))
    status, out, err = fewbit("build", DIGITS / "w1a1.onnx", "--folding", file, "-o", scratch / "b")
    assert (status, out) == (2, "") and "ultra names stages of one device" in err and err.count("\n") == 1
    assert not (scratch / "b").exists()


@pytest.mark.slow
@pytest.mark.tools
def test_two_devices_of_the_digits_in_one_bench(fewbit, scratch):
    """Bits, cycles and marks of damaged frames, with stalls and without; each device has what a build has."""
    file, folder, model = scratch / "f.json", scratch / "b", DIGITS / "w1a1.onnx"
    status, out, err = fewbit(
        "fold", model, "--devices", 2, "--part", "xc7a35t", "--part", "xc7a15t", "-o", file, "--json"
    )
    assert status == 0, err
    folded = json.loads(out)
    first, second = folded["devices"]
    assert (first["part"], second["part"], second["link"]) == ("XC7A35T", "XC7A15T", None)
    assert first["link"]["bits_a_frame"] == 64 == first["link"]["beats"] * first["link"]["lanes"]
    assert first["layers"] + second["layers"] == ["fc1", "fc2", "logits"]
    assert first["shares"]["lut"] == pytest.approx(first["estimate"]["lut"] / 20_800, abs=1e-4)
    common = (model, "--folding", file, "-o", folder, "--target", "portable", "--json")
    status, out, err = fewbit("build", *common)
    assert status == 0, err
    built = json.loads(out)
    assert [device["folder"] for device in built["devices"]] == ["device0", "device1"] and "control" not in built
    for number, device in enumerate(built["devices"]):
        own = folder / device["folder"]
        manifest = json.loads((own / "manifest.json").read_text())
        assert manifest["device"]["number"] == number and list(manifest["layers"]) == device["layers"]
        text = (own / "verilog" / "accelerator.v").read_text()
        assert text.count("\nmodule accelerator(") == 1
        assert ("s_axis_tuser" in text.split(";")[0]) == (number == 1)
    assert built["links"][0] == first["link"]
    for stall in ("0", "0.3"):
        status, out, err = fewbit("sim", *common, "--images", DIGITS / "test.npz", "--frames", 40, "--stall", stall)
        assert status == 0, err
        found = json.loads(out)
        assert found["ok"] and found["frames"] == 40 and found["mismatches"] == 0 and not found["problems"]
        assert found["damaged"]["wrong"] == 0 < found["damaged"]["damaged"]
        assert found["cycles_exact"] is (True if stall == "0" else None)
    assert found["latency"]["predicted"] == built["cycles"]["latency"]
    status, _, err = fewbit("sim", *common, "--ip")
    assert status == 2 and "the IP block is one of a single device, and this folding has 2" in err


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3])
def test_devices_of_a_residual_network_in_one_bench(fewbit, residual, scratch, count):
    file = scratch / "f.json"
    samples = residual.with_name("samples.npz")
    assert fewbit("fold", residual, "--max-cycles", 2048, "--devices", count, "-o", file)[0] == 0
    status, out, err = fewbit("sim", residual, "--images", samples, "--folding", file, "-o", scratch / "b",
                              "--target", "portable", "--json")  # fmt: skip
    assert status == 0, err
    found = json.loads(out)
    assert found["ok"] and found["cycles_exact"] and found["mismatches"] == 0 and found["frames"] == 6
    assert found["damaged"]["wrong"] == 0 < found["damaged"]["damaged"]
    assert sorted(p.name for p in (scratch / "b").glob("device*")) == [f"device{n}" for n in range(count)]


@pytest.mark.parametrize("weights", ["loadable", "external"])
def test_weights_are_in_the_bitstream(weights):
    model = DIGITS / "w1a2.onnx"
    network = import_model(model)
    cut = [DeviceFolding(possible_cuts(network)[0].node), DeviceFolding()]
    folding = default_folding(network).with_weights(weights).in_devices(cut)
    with pytest.raises(FoldingError, match=f"those of layer '.*' are {weights}: fold it for one device"):
        DeviceChain(Project(model, folding=folding))
