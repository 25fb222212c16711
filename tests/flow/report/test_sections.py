"""Figures of a report are those of the project, its plan, its folding and golden, whichever section has them."""

import numpy as np
import pytest

from fewbit.flow.folding.design import cost_of_design
from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.flow.folding.search import estimate_all, pareto
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.flow.project.imported_reports import ImportedReports, ReportedLayer, ReportedTiming
from fewbit.flow.project.simulation_results import Damage, Interval, Latency, Simulation
from fewbit.flow.project.synthesized import Synthesized, Used
from fewbit.flow.report.accuracy_section import accuracy_figures, png_of
from fewbit.flow.report.blocks import pipeline_blocks
from fewbit.flow.report.executed import ExecutedSamples
from fewbit.flow.report.explorer_section import ExplorerPoint, explorer_figures, undominated_points
from fewbit.flow.report.format_section import formats_figures
from fewbit.flow.report.headline_section import headline_figures
from fewbit.flow.report.layer_section import layers_figures
from fewbit.flow.report.limit_section import limit_figures
from fewbit.flow.report.model_section import model_figures
from fewbit.flow.report.obtained import Means, NotRun
from fewbit.flow.report.page import build_report, page_of
from fewbit.flow.report.part_section import parts_figures
from fewbit.flow.report.queue_section import queues_figures
from fewbit.flow.report.resource_section import resources_figures
from fewbit.flow.report.roofline_section import roofline_figures
from fewbit.flow.report.subject import ReportSubject
from fewbit.flow.report.timeline_section import timeline_figures
from fewbit.flow.report.value_section import values_figures
from fewbit.golden.network.execute import run
from fewbit.hw.folding import Folding
from fewbit.hw.targets.part_list import built_in_parts
from fewbit.sim.cycles.model import predict


def simulation(project, **changed):
    said = dict(
        model=project.model, input=project.network.input_spec, frames=60, mismatches=0, examples=[], accuracy=0.7,
        latency=Latency(simulated=9, predicted=9), interval=Interval(simulated=4, predicted=4, bound=4),
        cycles_exact=True, stall=0.0, clock_mhz=200.0, fps=1, damaged=Damage(frames=12, damaged=6, wrong=0),
        problems=[], ok=True, source="samples",
    )  # fmt: skip
    return Simulation(**said | changed)


def weight_bits(project):
    return sum(plan.dense.weights.size * plan.dense.weight_format.bits for plan in project.layer_plans.values())


def test_the_model_is_that_of_the_manifest(subject):
    found, project = model_figures(subject), subject.project
    assert (found.sha256, found.identity, found.build) == (project.source.sha256, project.identity, project.digest)
    assert (found.layers, found.parameters, found.clock_mhz) == (2, 6 * 4 + 4 * 3, 250.0)
    assert found.macs == found.parameters and found.weight_bits == weight_bits(project)
    (given,) = found.inputs
    (entry,) = project.plan.entries
    assert (given.declaration, given.shape) == (project.network.input_spec, [6])
    assert (given.beats, given.lanes, given.bits) == (entry.beats, entry.lanes, entry.format.bits)


def test_layers_are_those_of_the_folding(subject):
    found, project = layers_figures(subject).layers, subject.project
    layers, timing = layers_of(project.network), subject.manifest["cycles"]
    cost = cost_of_design(layers, project.folding, project.plan, "xc7").layers
    assert [row.layer for row in found] == list(project.folding)
    for row in found:
        folded, plan = project.folding[row.layer], project.layer_plans[row.layer]
        assert (row.pe, row.simd) == (folded.pe, folded.simd) == (plan.pe, plan.simd)
        assert row.cycles == layers[row.layer].cycles(folded) and row.busy == round(row.cycles / timing["interval"], 4)
        assert row.cost == cost[row.layer].by_resource
        assert (row.activations, row.weights, row.output) == (
            str(plan.x_format), str(plan.dense.weight_format), str(plan.format)
        )  # fmt: skip


def test_blocks_hold_every_stage_once_and_follow_the_streams(subject):
    plan, blocks = subject.project.plan, pipeline_blocks(subject)
    assert sorted(name for block in blocks for name in block.stages) == sorted(stage.name for stage in plan.stages)
    assert [block.name for block in blocks if block.kind == "layer"] == list(plan.layers)
    assert blocks[0].after == [-1] and all(block.after == [k] for k, block in enumerate(blocks[1:]))
    assert all(block.luts > 0 and 0 < block.busy <= 1 and block.means == Means.ESTIMATED for block in blocks)
    total = cost_of_design(layers_of(subject.project.network), subject.project.folding, plan, "xc7").total.lut
    assert 0.8 < sum(block.luts for block in blocks) / (total - 55) < 1.25  # without the shell of the streams


def test_the_timeline_is_that_of_the_cycle_model(subject):
    found = timeline_figures(subject)
    wanted = predict(subject.project.plan, len(found.left))
    assert (found.entered, found.left) == (wanted.entered, wanted.left) and len(found.left) >= 3
    first, last = found.blocks[0], found.blocks[-1]
    assert [begin for begin, _ in first.spans] == wanted.entered
    assert [end for _, end in last.spans] == wanted.left
    for block in found.blocks:
        assert all(begin <= end for begin, end in block.spans)
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in zip(block.spans, block.spans[1:], strict=False))


def test_what_takes_long_is_not_done_after_a_build(built, monkeypatch):
    from fewbit.flow.report import timeline_section

    project, _ = built
    subject = ReportSubject(project, whole=False)
    subject.kept._design = "another"  # so that nothing is kept
    monkeypatch.setattr(timeline_section, "_QUICK", 10)
    assert "minutes" not in timeline_figures(subject).reason
    explorer = explorer_figures(subject, NotRun(reason="", command=""))
    for found in (timeline_figures(subject), parts_figures(subject), explorer):
        assert isinstance(found, NotRun) and found.command.startswith("fewbit report ")


def test_limits_and_steps_are_foldings_that_there_are(subject):
    found, project = limit_figures(subject), subject.project
    layers, folding = layers_of(project.network), project.folding
    assert found.cycles == slowest(layers, folding) and found.bound == subject.manifest["cycles"]["bound"]
    assert found.kind == ("layer" if found.cycles >= found.bound else "stream")
    assert [name for name in folding if layers[name].cycles(folding[name]) == found.cycles] == found.slowest
    assert found.steps, "two layers of 4 and 3 neurons can be faster"
    whole, cycles = estimate_all(layers, folding).by_resource, found.cycles
    for step in found.steps:
        for change in step.changes:
            old = folding[change.layer]
            assert (old.pe, old.simd) == (change.pe, change.simd)
            folding = Folding({**folding, change.layer: type(old)(change.new_pe, change.new_simd)})
        made = FoldedModel(project.source, input_spec=project.network.input_spec, folding=folding)
        assert made.plan.bound <= found.bound
        assert step.cycles == slowest(layers, folding) < cycles
        assert step.more == {k: n - whole[k] for k, n in estimate_all(layers, folding).by_resource.items()}
        assert step.fps == 250e6 / step.cycles
        cycles = step.cycles


def test_the_roofline_is_of_products_and_beats(subject):
    found, plan = roofline_figures(subject), subject.project.plan
    assert found.whole.peak == 250e6 * sum(layer.pe * layer.simd for layer in plan.layers.values())
    assert found.whole.reached == 36 * 250e6 / subject.manifest["cycles"]["interval"]
    streams = [*subject.manifest["inputs"], subject.manifest["output"]]
    assert found.whole.intensity == 36 / sum(s["beats"] * s["bytes"] for s in streams)
    assert found.bandwidth == 250e6 * sum(s["bytes"] for s in streams)
    assert all(point.reached <= point.peak for point in [found.whole, *found.layers])


def test_each_part_of_the_list_is_compared(subject):
    found, project = parts_figures(subject), subject.project
    listed = {part.name: part for part in built_in_parts() if project.target.suits(part) and part.family != "ecp5"}
    assert {part.name for part in found.parts} == set(listed) and len(listed) > 50
    layers = layers_of(project.network)
    for part in found.parts[:: len(found.parts) // 5]:
        cost = cost_of_design(layers, project.folding, project.plan, listed[part.name].family).total.by_resource
        there = {kind: getattr(listed[part.name], kind) for kind in cost}
        assert part.shares["lut"] == round(cost["lut"] / there["lut"], 4)
        assert part.lacks == {k: n - there[k] for k, n in cost.items() if there[k] is not None and n > there[k]}
    assert found.smallest == min((listed[p.name] for p in found.parts if p.fits), key=lambda p: (p.lut, p.dsp)).name


def test_accuracy_is_goldens(subject):
    images = subject.images
    executed = ExecutedSamples(subject, images)
    found, golden = accuracy_figures(subject, executed), run(subject.project.network, images.values)
    right = golden.labels == images.labels
    assert found.accuracy == right.mean() and 0.5 < found.accuracy < 0.9
    assert found.low < found.accuracy < found.high
    matrix = np.array(found.matrix)
    assert matrix.sum() == len(images) == found.samples and np.trace(matrix) == right.sum()
    for label, answer in zip(images.labels, golden.labels, strict=True):
        matrix[label, answer] -= 1
    assert not matrix.any()
    scores = golden.outputs[subject.project.output.name]
    for one in found.worst:
        assert (one.label, one.answer) == (images.labels[one.number], golden.labels[one.number])
        assert one.label != one.answer
        assert one.margin == pytest.approx(scores[one.number, one.answer] - scores[one.number, one.label])
    assert [one.margin for one in found.worst] == sorted((one.margin for one in found.worst), reverse=True)
    assert len(found.worst) == min(12, (~right).sum()) and [one.number for one in found.shown] == list(range(12))


def test_values_are_counted_in_their_ranges(subject):
    images, project = subject.images, subject.project
    found = values_figures(subject, ExecutedSamples(subject, images))
    golden, edges = run(project.network, images.values), project.network.edges()
    ranges = {(one.layer, one.kind): one for one in found.ranges}
    for name, plan in project.layer_plans.items():
        acc, values = ranges[name, "accumulator"], golden.edges[plan.dense.y]
        edge = edges[plan.dense.y]
        assert (acc.low, acc.high) == (edge.lo.min(), edge.hi.max())
        assert (acc.least, acc.most) == (values.min(), values.max())
        assert sum(acc.histogram) == values.size and 0 <= acc.unused < acc.bits == edge.format.bits
        if plan.act is not None:
            out, codes = ranges[name, "activation"], golden.edges[plan.act.y]
            assert out.taken == len(np.unique(codes)) <= out.levels
            assert out.constant == np.flatnonzero((codes == codes[0]).all(axis=0)).tolist()


def test_a_dead_neuron_and_bits_that_never_change_are_seen(subject):
    images = subject.images.first(1)
    found = values_figures(subject, ExecutedSamples(subject, images))
    (activation,) = [one for one in found.ranges if one.kind == "activation"]
    assert activation.constant == list(range(4)), "one sample changes nothing"


def test_a_picture_is_a_png_of_its_pixels():
    from io import BytesIO

    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(Image.open(BytesIO(png_of(pixels)))), pixels)
    assert np.array_equal(np.asarray(Image.open(BytesIO(png_of(pixels[..., :1])))), pixels[..., 0])


def test_without_samples_it_says_what_to_run(subject):
    for found in (accuracy_figures(subject, None), values_figures(subject, None), formats_figures(subject)):
        assert isinstance(found, NotRun) and found.command.startswith("fewbit ")


def test_no_branch_has_no_queue(subject):
    assert queues_figures(subject).queues == []


def test_synthesis_comes_before_the_estimate(built):
    project, _ = built
    subject = ReportSubject(project)
    assert [row.obtained.means for row in resources_figures(subject).rows] == [Means.ESTIMATED]
    assert [missing.command.split()[1] for missing in resources_figures(subject).not_run] == [
        "synth", "pnr", "import-reports"
    ]  # fmt: skip
    numbers = dict(lutram=1, ff=20, carry4=0, carry8=0, muxf=0, bram18=1, bram36=2, dsp=0, path=None)
    stages = {stage.name: Used(lut=10 + k, **numbers) for k, stage in enumerate(project.plan.stages)}
    subject.synthesized = Synthesized(
        directory=project.directory, written="synth.json", target="xilinx", part="xc7a35t", family="xc7",
        total=Used(lut=77, **numbers), use={"lut": 0.1}, assumed=["so"], stages=stages,
    )  # fmt: skip
    found = resources_figures(subject)
    assert found.rows[1].counts["lut"] == 77 and found.rows[1].counts["bram18"] == 5
    blocks = pipeline_blocks(subject)
    assert sum(block.luts for block in blocks) == sum(10 + k for k in range(len(project.plan.stages)))
    assert {block.means for block in blocks} == {Means.SYNTHESIZED}
    rows = layers_figures(subject).layers
    assert [row.synthesized["lut"] for row in rows] == [block.luts for block in blocks if block.kind == "layer"]
    accuracy = accuracy_figures(subject, None)
    luts = next(one for one in headline_figures(subject, found, accuracy).figures if one.what == "LUTs")
    assert (luts.value, luts.means) == (77, Means.SYNTHESIZED)


def test_what_vivado_reported_stands_beside_the_estimates(built):
    project, _ = built
    subject, names = ReportSubject(project), list(project.folding)
    used = {"lut": 300, "ff": 200, "bram18": 1, "bram36": 2, "dsp": 0}
    layers = {n: ReportedLayer(cycles=1, estimate=None, reported={"lut": 50 + k}) for k, n in enumerate(names)}
    timing = ReportedTiming(
        file=project.directory, state="Routed", wns=-0.5, tns=-1.0, whs=0.1, ths=0.0, failing=3, endpoints=90,
        clocks={"clk": 5.0}, period_ns=5.0, fmax_mhz=181.82, met=False,
    )  # fmt: skip
    subject.reported = ImportedReports(
        directory=project.directory, written="vivado.json", files=[], vivado="2023.2", design="accelerator",
        device="xc7a35t", state="Routed", estimate={"lut": 280}, reported=used, available={"lut": 20800},
        layers=layers, timing=timing,
    )  # fmt: skip
    found = resources_figures(subject)
    row = next(row for row in found.rows if row.obtained.means == Means.REPORTED)
    assert row.counts == {"lut": 300, "ff": 200, "bram18": 5, "dsp": 0} and row.shares == {"lut": round(300 / 20800, 4)}
    (clock,) = found.clocks
    assert clock.fmax_mhz == 181.82 and "missed by 3 of 90 endpoints" in clock.path
    assert [layer.reported for layer in layers_figures(subject).layers] == [{"lut": 50}, {"lut": 51}]
    page = page_of(build_report(subject))
    assert "181.82 MHz" in page and "by Vivado 2023.2, routed" in page and ">Vivado<" in page


def test_a_simulation_says_whether_it_was_equal(built):
    project, _ = built
    for changed, verified in (({}, True), ({"ok": False, "problems": ["late"], "mismatches": 1}, False)):
        subject = ReportSubject(project)
        subject.simulation = simulation(project, **changed)
        found = headline_figures(subject, resources_figures(subject), accuracy_figures(subject, None))
        assert (found.verified, found.frames) == (verified, 60)
        assert found.problems == subject.simulation.problems
        assert found.figures[0].means == (Means.SIMULATED if verified else Means.COMPUTED)


def test_designs_are_those_that_none_beats(subject):
    found = explorer_figures(subject, formats_figures(subject))
    wanted = pareto(layers_of(subject.project.network), 250.0, 24)
    assert {(round(p.fps, 3), p.luts) for p in found.points} <= {
        (round(250e6 / p.cycles, 3), round(p.cost.lut)) for p in wanted
    }
    assert len(found.points) > 3 and {p.bits for p in found.points} == {weight_bits(subject.project)}


def point(fps, luts, bits, accuracy=None):
    return ExplorerPoint(name="", kind="", fps=fps, luts=luts, bits=bits, accuracy=accuracy, means="", command="")


def test_what_is_beaten_goes():
    best, small, accurate = point(10, 100, 8), point(5, 50, 8), point(10, 100, 16, 0.9)
    assert undominated_points([small, best, point(9, 100, 8), point(10, 101, 8), accurate]) == [best, accurate, small]
