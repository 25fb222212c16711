"""``fewbit sensitivity``: one layer at a time in few bits, what it costs in accuracy and what it saves."""

from typing import Any

from fewbit.flow.images import Images
from fewbit.flow.jobs import SharedArgument, Threads, Workers, WorkUnit, run_units
from fewbit.flow.reporting import Report, ReportedJob
from fewbit.ptq.emit import QuantizationPlan
from fewbit.ptq.measure import accuracy, noise, scores_of
from fewbit.ptq.quantize import Bits, Options, quantize

from .bits import parse_bits
from .duration import PASSES, say_if_long
from .float_model import FloatProject
from .format_cost import FormatCost
from .held_out import labelled
from .results import Hardware, Measured, OneLayer, Reference, Sensitivity, samples

__all__ = ["BITS", "measured", "sensitivity", "try_formats", "with_labels"]

BITS = "8,4,2,1"
"""Bits that each layer gets, unless others are asked for."""


def with_labels(project: FloatProject) -> Images:
    """Return the images of a project, which must have labels.

    Raises
    ------
    flow.images.ImageError
        If they have none.
    """
    return labelled(project.images)


def measured(project: FloatProject, plan: QuantizationPlan) -> Measured:
    """Return what a plan makes of a project, measured by onnxruntime."""
    images, calibration = project.images, project.calibration
    assert images.labels is not None  # `with_labels` has seen to that
    scores = scores_of(project.model, plan, images.values)
    same = images is project.samples and len(images) == len(calibration.samples)
    seen = scores if same else scores_of(project.model, plan, calibration.samples)
    return Measured(accuracy=accuracy(scores, images.labels), noise=noise(calibration.scores, seen))


def sensitivity(
    project: FloatProject,
    options: Options,
    report: Report,
    *,
    bits: str = BITS,
    others: int = 8,
    of: str = "both",
    cycles: int | None = None,
    workers: Workers | None = None,
) -> Sensitivity:
    """Quantize one layer at a time, and return what that costs and saves.

    Each layer gets every number of ``bits``, once with all others float and once with all others at ``others`` bits.
    The accuracy lost is against the float model, and against all layers at ``others`` bits. Bits and LUTs saved are
    against all layers at ``others`` bits.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
    options : ptq.quantize.Options
    report : flow.reporting.Report
    bits : str
        Numbers of bits, as ``8,4,2,1``.
    others : int
        Bits of the other layers.
    of : str
        Whether ``weights``, ``activations`` or ``both`` of the layer change; what does not has ``others`` bits among
        the others, and is float alone.
    cycles : int or None
        Cycles a frame that LUTs are estimated at.
    workers : flow.jobs.Workers or None
        Those who quantize and measure; None for this thread.

    Raises
    ------
    flow.images.ImageError
        If the images have no labels.
    golden.model_file.file.ModelError
        If the bits are none.
    """
    with_labels(project)
    tried = [parse_bits(b, bits) for b in str(bits).split(",")]
    cost = FormatCost(project, options, reference=others, cycles=cycles)
    base = cost.uniform(others)
    model, calibration = project.model, project.calibration
    runs = 2 * len(model.layers) * len(tried)
    say_if_long(report, project, f"quantizing {runs} times", runs * (PASSES + 1), ", --bits 4 tries one number of bits")
    floats = measured(project, QuantizationPlan())
    all_others = measured(project, quantize(model, calibration, base, options))
    whole = Reference(
        bits=others, accuracy=all_others.accuracy, noise=all_others.noise, **cost.hardware(base).to_dict(),
        weight_bits=cost.weight_bits(base),
    )  # fmt: skip
    shared = SharedArgument(value=cost, contents=cost.contents)
    layers, units, wanted = model.layers, {}, []
    for layer in layers:
        for b in tried:
            alone, among = _changed(cost, layer.name, b, others, of)
            trial = {layer.name: alone}, base | {layer.name: among}
            name = f"{layer.name}, {b} bits"
            wanted.append((name, layer, b, among, trial[1]))
            written = [{n: [one.weights, one.activations] for n, one in bits.items()} for bits in trial]
            units[name] = WorkUnit(name=name, function=try_formats, arguments=(shared, options, *trial),
                                   contents=(options.__dict__, written))  # fmt: skip
    results = run_units(report, "layers", list(units.values()), workers or Threads())
    rows: list[OneLayer] = []
    for name, layer, b, among, bits_among in wanted:
        place = "first" if layer is layers[0] else "last" if layer is layers[-1] else "between"
        alone_found, among_found = (Measured.from_dict(results[name][key]) for key in ("alone", "among"))
        taken = Hardware.from_dict(results[name]["hardware"])
        rows.append(OneLayer(
            layer=layer.name, place=place, bits=b, format=str(among), alone=alone_found, among=among_found,
            lost_alone=_points(floats, alone_found), lost_among=_points(whole, among_found),
            weight_bits_saved=whole.weight_bits - cost.weight_bits(bits_among),
            luts_saved=whole.luts - taken.luts, dsps_saved=whole.dsps - taken.dsps,
            bram18_saved=whole.bram18 - taken.bram18,
        ))  # fmt: skip
    return Sensitivity(
        model=project.path, images=samples(project.images), of=of, floats=floats, others=whole,
        folding=cost.folding.sizes,
        cycles=cost.cycles, rows=rows,
    )  # fmt: skip


def try_formats(
    cost: FormatCost, options: Options, alone: dict[str, Bits], among: dict[str, Bits], job: ReportedJob
) -> dict[str, Any]:
    """Quantize one layer ``alone`` and ``among`` the others, and return what that does and takes, as JSON holds it."""
    project = cost.project

    def found(bits: dict[str, Bits]) -> Measured:
        return measured(project, quantize(project.model, project.calibration, bits, options))

    return {
        "alone": found(alone).to_dict(), "among": found(among).to_dict(), "hardware": cost.hardware(among).to_dict(),
    }  # fmt: skip


def _changed(cost: FormatCost, layer: str, b: int, others: int, of: str) -> tuple[Bits, Bits]:
    """Return the bits of a layer with the others float, and among the others."""
    weights, activations = of != "activations", of != "weights"
    among = cost.of(layer, b if weights else others, b if activations else others)
    alone = Bits(among.weights if weights else None, among.activations if activations else None)
    return alone, among


def _points(before: Measured | Reference, after: Measured) -> float:
    """Return the accuracy lost, in percentage points."""
    return 100 * (before.accuracy - after.accuracy)
