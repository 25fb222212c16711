"""A project: what it says of the hardware is so, and it is made again when what it depends on has changed."""

import hashlib
import json
import threading

import numpy as np
import pytest

import fewbit.hw.shell.verilog
from fewbit.flow.checking.check import check_with_reference, reference_for
from fewbit.flow.images import Images, find_images, load_images, random_images
from fewbit.flow.project import manifest
from fewbit.flow.project import project as project_module
from fewbit.flow.project.project import Project
from fewbit.golden.importing.importer import import_model
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.places import HOME
from fewbit.sim.cycles.model import predict, steady_interval
from fewbit.sim.cycles.timing import SteadyTiming
from tests.support.graphs import Graph
from tests.support.small_network import SPEC, samples, small

ROOT = HOME
BREVITAS = [ROOT / "tests" / "models" / f"{name}.onnx" for name in ("tfc_w1a1", "tfc_w2a2", "mlp_w4a4_bias_perch")]
DIGITS = [ROOT / "examples" / "digits" / f"{name}.onnx" for name in ("w1a1", "ternary", "w4a4")]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def raw_images():
    return Images(samples(), None, "", samples().astype(np.float32) / 16)


def manifest_of(project):
    return json.loads((project.directory / "manifest.json").read_text())


@pytest.mark.parametrize("model", [*BREVITAS, *DIGITS], ids=lambda p: p.stem)
def test_manifest_is_the_plan(model, scratch):
    project = Project(model, directory=scratch)
    plan, manifest = project.plan, project.manifest()
    assert json.loads(json.dumps(manifest)) == manifest
    i, o, cycles = manifest["inputs"][0], manifest["output"], manifest["cycles"]
    assert (i["bits"], i["lanes"], i["beats"]) == (
        plan.entries[0].format.bits,
        plan.entries[0].lanes,
        plan.entries[0].beats,
    )
    assert (o["bits"], o["lanes"], o["beats"]) == (plan.format.bits, plan.lanes_out, plan.beats_out)
    for side, length in (i, int(np.prod(i["shape"]))), (o, o["length"]):
        assert (side["beats"] - 1) * side["lanes"] < length <= side["beats"] * side["lanes"]
        assert side["bytes"] - 1 < side["bits"] * side["lanes"] / 8 <= side["bytes"]
    timing = predict(plan, 30)
    assert cycles == {"latency": timing.left[0], "interval": steady_interval(timing.left), "bound": plan.bound}
    for name, layer in manifest["layers"].items():
        assert LayerFolding(layer["pe"], layer["simd"]) == project.folding[name]
        assert layer["cycles"] == -(-layer["neurons"] // layer["pe"]) * -(-layer["inputs"] // layer["simd"])
    assert plan.bound == max(i["beats"], o["beats"], *(layer["cycles"] for layer in manifest["layers"].values()))


@pytest.mark.parametrize("model", [*BREVITAS, *DIGITS, "small"], ids=lambda p: getattr(p, "stem", p))
def test_output_of_the_hardware_means_the_models_output(model, scratch):
    """``scale*value + offset`` in double is within float32 rounding; `finish`, with the model's own order, is equal."""
    model = small(scratch / "m.onnx", bias=True) if model == "small" else model
    project = Project(model, directory=scratch / "out")
    images = random_images(project.network, 40)
    result, o = project.execute(images.values), project.manifest()["output"]
    values, outputs = project.hardware_values(result), result.outputs[project.output.name]
    assert o["meaning"] == "output = scale*value + offset" and o["then"] == []
    assert len(o["scale"]) == len(o["offset"]) == values.shape[1] == o["length"]
    error = np.abs(np.array(o["scale"]) * values + np.array(o["offset"]) - outputs)
    assert error.max() < 4 * np.spacing(np.abs(outputs).max()) and outputs.std() > 0.1
    assert np.array_equal(project.finish(values), outputs)


def test_labels_in_hardware(scratch):
    floats, labels = (Project(DIGITS[2], output=output, directory=scratch) for output in ("auto", "label"))
    images = load_images(find_images(DIGITS[2]), floats.network).first(60)
    result = labels.execute(images.values)
    values, want = labels.hardware_values(result), floats.execute(images.values).labels
    assert values.shape == (60, 1) and np.array_equal(values[:, 0], want) and len(set(want.tolist())) > 7
    assert np.array_equal(labels.labels(result), want)
    o = labels.manifest()["output"]
    assert o["meaning"] == "label" and (o["length"], o["beats"], o["bits"]) == (1, 1, 4)
    assert floats.digest != labels.digest


def test_two_outputs_in_one_frame(scratch):
    """The manifest says which values belong to which, and a result leaves every cycle, as the layers allow."""
    project = Project(small(scratch / "m.onnx", outputs=2), directory=scratch / "out")
    result = project.execute(random_images(project.network, 40).values)
    manifest = project.manifest()
    values = project.hardware_values(result)
    assert manifest["output"]["length"] == 3 + 4 and len(manifest["outputs"]) == 2
    for o in manifest["outputs"]:
        meant = np.array(o["scale"]) * values + np.array(o["offset"])
        assert np.array_equal(meant[:, o["positions"]], result.outputs[o["name"]])
    assert manifest["cycles"]["interval"] == manifest["cycles"]["bound"] == 1


@pytest.mark.parametrize("external", [False, True])
def test_the_declared_copy_stands_alone(scratch, external):
    project = Project(small(scratch / "in" / "m.onnx", external=external), input_spec=SPEC, directory=scratch / "out")
    assert project.generate()
    copy = project.directory / "model.onnx"
    copy = copy.rename(scratch / "alone.onnx")
    network = import_model(copy)
    assert network.input_spec == project.network.input_spec == SPEC
    assert network.inputs[0].format == project.network.inputs[0].format
    values = random_images(network, 30).values
    want = next(iter(project.execute(values).outputs.values()))
    again = Project(copy, directory=scratch / "again")
    assert np.array_equal(next(iter(again.execute(values).outputs.values())), want) and want.std() > 0.1
    assert import_model(copy, "int5/16").input_spec == "int5/16", "--input comes before the metadata"


def test_the_copy_of_an_undeclared_model_has_no_declaration(scratch):
    project = Project(small(scratch / "m.onnx", external=True), directory=scratch / "out")
    project.generate()
    assert manifest_of(project)["inputs"][0]["declaration"] == "codes"
    copy = Project(project.directory / "model.onnx", directory=scratch / "again")
    assert copy.network.input_spec == "codes" and copy.identity == project.identity


def change_model(scratch, options):
    small(scratch / "m.onnx", seed=7, external=True)


def change_weights_beside_it(scratch, options):
    """The .onnx itself stays as it is."""
    data = scratch / "m.onnx.data"
    before = data.read_bytes()
    at = np.frombuffer(before, dtype=np.float32)
    first = int(np.argmax((np.abs(at) > 1e-3) & ((at * 16) % 1 != 0)))  # a weight, not a scale
    data.write_bytes(before[: 4 * first] + np.float32(-4 * at[first]).tobytes() + before[4 * first + 4 :])


def change_folding(scratch, options):
    options["folding"] = Folding.of(dense0=(1, 1), dense1=(3, 4))


def change_input(scratch, options):
    options["input_spec"] = "uint5/16+0"


def change_output(scratch, options):
    options["output"] = "label"


CHANGES = [change_model, change_weights_beside_it, change_folding, change_input, change_output]


@pytest.mark.sampled(6)
@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
def test_what_changed_is_made_again(scratch, change):
    small(scratch / "m.onnx", external=True)
    options = {"input_spec": SPEC, "folding": Folding.of(dense0=(2, 2), dense1=(3, 4))}
    make = lambda: Project(scratch / "m.onnx", directory=scratch / "out", **options)  # noqa: E731
    assert make().generate() and not make().generate()
    before, model = contents(scratch / "out"), (scratch / "m.onnx").read_bytes()
    change(scratch, options)
    assert make().generate() and not make().generate()
    after = contents(scratch / "out")
    same_hardware = change is change_input
    assert (after["verilog/accelerator.v"] == before["verilog/accelerator.v"]) == same_hardware
    assert after["model.onnx"] != before["model.onnx"] or change in (change_folding, change_output)
    assert ((scratch / "m.onnx").read_bytes() == model) == (change is not change_model)


@pytest.mark.long
def test_changed_source_makes_it_again(scratch, monkeypatch):
    project = Project(small(scratch / "m.onnx"), directory=scratch / "out")
    assert project.generate() and not project.generate()
    real = project_module.source_digest
    for package in "golden", "hw", "sim", "flow":
        monkeypatch.setattr(project_module, "source_digest", lambda *names, p=package: real(*names) + p * (p in names))
        assert project.generate() and not project.generate()


@pytest.mark.long
def test_a_model_replaced_while_it_is_built_is_built_as_it_was_read(scratch, monkeypatch):
    """With weights in a file of their own, too: nothing of the new model may stand beside Verilog of the old one."""
    model = small(scratch / "m.onnx", external=True)
    read = model.read_bytes()
    wanted = Project(model, input_spec=SPEC, directory=scratch / "wanted")
    assert wanted.generate()
    real = fewbit.hw.shell.verilog.emission

    def emission(*arguments, **options):
        small(model, seed=7, external=True)
        return real(*arguments, **options)

    monkeypatch.setattr(fewbit.hw.shell.verilog, "emission", emission)
    project = Project(model, input_spec=SPEC, directory=scratch / "out")
    assert project.generate() and model.read_bytes() != read
    assert contents(scratch / "out") == contents(scratch / "wanted"), "the stamp too"
    assert manifest_of(project)["sha256"] == hashlib.sha256(read).hexdigest()
    result = project.execute(samples())
    found = check_with_reference(project, reference_for(project), raw_images(), result, lambda _: None)
    assert found.outputs_equal == found.samples, "the executor was given the other model"
    monkeypatch.undo()
    other = Project(model, input_spec=SPEC, directory=scratch / "out")
    assert other.generate() and manifest_of(other)["identity"] != manifest_of(wanted)["identity"]


@pytest.mark.long
def test_two_builds_of_one_folder_do_not_mix(scratch, monkeypatch, capfd):
    """The second one begins while the first one writes: it waits and says so."""
    made = {}
    for seed in (1, 7):
        made[seed] = Project(small(scratch / f"{seed}" / "m.onnx", seed=seed), directory=scratch / f"wanted{seed}")
        made[seed].generate()
    second = threading.Thread(target=Project(made[7].source, directory=scratch / "out").generate)
    real = project_module.atomic_write

    def write(path, content):
        real(path, content)
        if threading.current_thread() is threading.main_thread() and not second.ident:
            second.start()
            second.join(timeout=1)

    monkeypatch.setattr(project_module, "atomic_write", write)
    Project(made[1].source, directory=scratch / "out").generate()
    second.join(timeout=30)
    assert contents(scratch / "out") == contents(scratch / "wanted7") != contents(scratch / "wanted1")
    assert f"fewbit: waiting for another command that works in {scratch / 'out'}" in capfd.readouterr().err


def test_failure_leaves_nothing_or_what_was_there(scratch, monkeypatch):
    model = small(scratch / "m.onnx")
    project = Project(model, directory=scratch / "out")
    project.generate()
    before = contents(scratch)

    def fail(*_, **__):
        raise ValueError("no Verilog today")

    monkeypatch.setattr(fewbit.hw.shell.verilog, "emission", fail)
    for directory in "out", "new":
        other = Project(model, directory=scratch / directory, folding=Folding.of(dense0=(1, 1), dense1=(1, 1)))
        with pytest.raises(ValueError, match="no Verilog today"):
            other.generate()
    assert contents(scratch) == before and not (scratch / "new").exists()
    assert not project.generate(), "what was there is still good"


def test_samples_of_another_model_do_not_stop_a_build(scratch):
    project = Project(small(scratch / "m.onnx"), directory=scratch / "out")
    np.savez(scratch / "test.npz", x=np.zeros((2, 9), dtype=np.float32))
    assert find_images(project.model) and project.generate()
    assert "## A worked frame" in (scratch / "out" / "verilog" / "README.md").read_text()


def test_the_manifest_says_where_the_bound_is_not_reached(scratch, monkeypatch):
    project = Project(small(scratch / "m.onnx"), directory=scratch / "m")
    bound = project.plan.bound
    slow = SteadyTiming([0, bound + 3], [9, bound + 12])
    monkeypatch.setattr(manifest, "predict_steady", lambda plan: slow)
    (note,) = project.manifest()["notes"]
    assert f"every {bound + 3} cycles, not every {bound}," in note


def test_the_manifest_says_that_a_model_without_quantizers_is_float(scratch):
    graph = Graph(["N", 4])
    path = graph.end(graph.op("MatMul", "input", np.random.default_rng(0).normal(0, 1, (4, 3)))).save(
        scratch / "f.onnx"
    )
    project = Project(path, directory=scratch / "f")
    (note,) = project.manifest()["notes"]
    assert "float32 baseline" in note and "fewbit quantize" in note
    assert Project(small(scratch / "m.onnx"), directory=scratch / "m").manifest()["notes"] == []
