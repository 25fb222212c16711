"""``fewbit sensitivity``: one layer at a time in few bits, what it costs in accuracy and what it saves."""

from fewbit.flow.images import ImageError
from fewbit.ptq.emit import QuantizationPlan
from fewbit.ptq.measure import accuracy, noise, scores_of
from fewbit.ptq.quantize import Bits, quantize

from .bits import parse_bits
from .format_cost import FormatCost
from .found import Measured, OneLayer, Reference, Sensitivity, samples

__all__ = ["BITS", "measured", "sensitivity", "with_labels"]

BITS = "8,4,2,1"


def with_labels(project):
    """The images of a project, which must have labels."""
    if project.images.labels is None:
        raise ImageError(f"{project.images.source}: has no array 'label', and accuracy needs the classes")
    return project.images


def measured(project, plan):
    """Return what a plan makes of a project, `Measured` by onnxruntime."""
    images, calibration = project.images, project.calibration
    scores = scores_of(project.model, plan, images.floats)
    same = images is project.samples and len(images) == len(calibration.samples)
    seen = scores if same else scores_of(project.model, plan, calibration.samples)
    return Measured(accuracy=accuracy(scores, images.labels), noise=noise(calibration.scores, seen))


def sensitivity(project, options, report, *, bits=BITS, others=8, of="both", cycles=None):
    """Quantize one layer at a time; returns a `Sensitivity`.

    Each layer gets every number of ``bits``, once with all others float and once with all others at ``others`` bits.
    The accuracy lost is against the float model, and against all layers at ``others`` bits. Bits and LUTs saved are
    against all layers at ``others`` bits.

    Parameters
    ----------
    of : str
        Whether ``weights``, ``activations`` or ``both`` of the layer change; what does not has ``others`` bits among
        the others, and is float alone.
    """
    with_labels(project)
    tried = [parse_bits(b, bits) for b in str(bits).split(",")]
    cost = FormatCost(project, options, reference=others, cycles=cycles)
    base = cost.uniform(others)
    model, calibration = project.model, project.calibration
    floats = measured(project, QuantizationPlan())
    all_others = measured(project, quantize(model, calibration, base, options))
    whole = Reference(
        bits=others, accuracy=all_others.accuracy, noise=all_others.noise, **cost.hardware(base),
        weight_bits=cost.weight_bits(base),
    )  # fmt: skip
    rows, layers = [], model.layers
    with report.counting("layers", len(layers) * len(tried)) as progress:
        for layer in layers:
            place = "first" if layer is layers[0] else "last" if layer is layers[-1] else "between"
            for b in tried:
                alone, among = _changed(cost, layer.name, b, others, of)
                bits_among = base | {layer.name: among}
                alone_found = measured(project, quantize(model, calibration, {layer.name: alone}, options))
                among_found = measured(project, quantize(model, calibration, bits_among, options))
                saved = {f"{kind}_saved": getattr(whole, kind) - n for kind, n in cost.hardware(bits_among).items()}
                rows.append(OneLayer(
                    layer=layer.name, place=place, bits=b, format=str(among), alone=alone_found, among=among_found,
                    lost_alone=_points(floats, alone_found), lost_among=_points(whole, among_found),
                    weight_bits_saved=whole.weight_bits - cost.weight_bits(bits_among), **saved,
                ))  # fmt: skip
                progress(len(rows))
    return Sensitivity(
        model=project.path, images=samples(project.images), of=of, floats=floats, others=whole,
        folding=cost.folding.sizes,
        cycles=cost.cycles, rows=rows,
    )  # fmt: skip


def _changed(cost, layer, b, others, of):
    """`Bits` of a layer with the others float, and among the others."""
    weights, activations = of != "activations", of != "weights"
    among = cost.of(layer, b if weights else others, b if activations else others)
    alone = Bits(among.weights if weights else None, among.activations if activations else None)
    return alone, among


def _points(before, after):
    """Accuracy lost, in percentage points."""
    return 100 * (before.accuracy - after.accuracy)
