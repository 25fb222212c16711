"""``fewbit quantize``: a float model becomes QONNX, without training or with a little of it."""

from pathlib import Path

import numpy as np

from fewbit.flow.cache import atomic_write
from fewbit.flow.images import Images
from fewbit.flow.reporting import Report
from fewbit.golden.network.execute import run
from fewbit.golden.network.graph import Network
from fewbit.places import BUILD
from fewbit.ptq.measure import accuracy, scores_of, sqnr
from fewbit.ptq.quantize import Options, quantize

from .bits import Request, bits_of
from .duration import PASSES, say_if_long
from .float_model import FloatProject
from .results import Accuracies, Joined, Quantized, QuantizedLayer, QuantizedSite, Ranges, Samples, samples
from .retrain import Retraining

__all__ = ["golden_accuracy", "golden_right", "quantize_model"]

_BATCH = 256  # images whose integers are held at the same time


def quantize_model(
    project: FloatProject,
    request: Request,
    options: Options,
    file: Path | None,
    report: Report,
    *,
    steps: int | None = None,
) -> Quantized:
    """Quantize a float model, write the QONNX, and measure it.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
    request : flow.quantizing.bits.Request
    options : ptq.quantize.Options
    file : path or None
        Default ``build/quantized/<model>-w4a4.onnx``, by the bits of the request.
    report : flow.reporting.Report
    steps : int or None
        Steps of `flow.quantizing.retrain.Retraining`; None trains nothing.

    Raises
    ------
    golden.model_file.file.ModelError
        If the bits are none, or the model cannot be built in them.
    flow.images.ImageError
        If there is nothing to train on.
    """
    model, calibration = project.model, project.calibration
    bits = bits_of(model, project.sites, request)
    retraining = Retraining(project, steps) if steps else None
    if options.correct:
        advice = ", --no-bias-correction leaves biases as they are"
        say_if_long(report, project, "quantizing", PASSES, advice)
    with report.counting("quantizing", len(model.layers)) as done:
        plan = quantize(model, calibration, bits, options, done)
    if retraining:
        with report.counting("retraining", retraining.steps) as progress:
            plan = retraining.train(plan, progress)
    with report.working("measuring"):
        content, network = project.qonnx(plan)
        file = file or BUILD / "quantized" / f"{project.path.stem}-w{request.weights}a{request.activations}.onnx"
        atomic_write(file, content)
        found = _accuracies(project, network, type(plan)())
    rows = [_row(project, plan, layer) for layer in model.layers]
    weights = sum(row.weights for row in rows)
    return Quantized(
        model=project.path, file=file, input=project.spec.text if project.spec else "codes",
        calibration=Samples(samples=len(calibration.samples), source=project.samples.source),
        ranges=Ranges(activations=options.activations, weights=options.weights, per_channel=options.per_channel,
                      bias_correction=options.correct),
        retrained=retraining.described if retraining else None, layers=rows,
        sums=[Joined(**_activation(calibration, plan, site), tensors=list(site.tensors))
              for site in project.sites if site.sums],
        weight_bits=sum(row.weights * row.bits for row in rows), float_weight_bits=32 * weights,
        accuracy=found, images=samples(project.images),
    )  # fmt: skip


def _accuracies(project, network, nothing):
    """Return the accuracy of the float model, which a plan of ``nothing`` leaves as it is, and of the quantized one."""
    images = project.images
    if images.labels is None:
        return Accuracies(floats=None, quantized=None)
    return Accuracies(
        floats=accuracy(scores_of(project.model, nothing, images.floats), images.labels),
        quantized=golden_accuracy(network, images),
    )


def golden_right(network: Network, images: Images) -> np.ndarray:
    """Return whether the golden model has each image right, bool (S,); images are given as the model takes them."""
    assert images.floats is not None and images.labels is not None  # who asks has seen to that
    found = []
    for at in range(0, len(images.floats), _BATCH):
        part = slice(at, at + _BATCH)
        labels = run(network, network.encode(images.floats[part]), first=at, keep=()).labels
        found.append(labels == images.labels[part])
    return np.concatenate(found)


def golden_accuracy(network: Network, images: Images) -> float:
    """Return the share of images, given as the model takes them, that the golden model has right.

    Its bits are the hardware's.
    """
    return float(golden_right(network, images).mean())


def _row(project, plan, layer):
    """Describe one layer: what it is, its bits, and the noise of its weights and of the activations that it reads."""
    quantizer, latent = plan.weights[layer.name], plan.latent.get(layer.name, layer.weights)
    site = next(s for s in project.sites if layer.name in s.layers)
    return QuantizedLayer(
        layer=layer.name, kind=layer.kind, weights=int(layer.weights.size), bits=quantizer.format.bits,
        weight_scales=int(quantizer.scale.size), weight_sqnr=sqnr(layer.weights, quantizer(latent)),
        input=QuantizedSite(**_activation(project.calibration, plan, site, project.spec)),
    )  # fmt: skip


def _activation(calibration, plan, site, spec=None):
    """Return the fields of a `QuantizedSite`; a site of declared integers is as these are."""
    quantizer = plan.activations.get(site.tensors[0])
    if quantizer is None:
        return {"format": str(spec.format) if spec else "float32", "range": None, "sqnr": None}
    fmt, scale = quantizer.format, float(quantizer.scale)
    values = calibration.values[site.tensors[0]]
    return {"format": str(fmt), "range": [fmt.lo * scale, fmt.hi * scale], "sqnr": sqnr(values, quantizer(values))}
