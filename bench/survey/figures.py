"""Figures that the survey counts: noise of quantizers, memory of weights, bit operations."""

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from fewbit.golden.importing.operators import Role, role_of
from fewbit.hw.layer.plan import LayerPlan

__all__ = ["FLOAT_BITS", "bit_operations", "compression", "mean_and_spread", "quantizer_noise", "sqnr", "weight_bits"]

FLOAT_BITS = 32


def sqnr(x: ArrayLike, q: ArrayLike) -> float:
    """Return the signal to quantization noise of ``q``, which stands for ``x``, in dB.

    It is ``10 log10(|x|^2 / |x - g*q|^2)``, where g is the factor of least squares, ``x.q / q.q``, as a batch norm
    takes up any factor: sign(x) and alpha*sign(x) are as good. It is infinite if q is x; the sign of a Gaussian has
    -10 log10(1 - 2/pi) = 4.4 dB.

    Raises
    ------
    ValueError
        If ``x`` is zero.
    """
    x, q = (np.asarray(a, dtype=np.float64).reshape(-1) for a in (x, q))
    power, cross, own = x @ x, x @ q, q @ q
    if not power > 0:
        raise ValueError("A signal of zeros has no ratio to its noise")
    noise = ((x - (cross / own if own > 0 else 0) * q) ** 2).sum()
    return float(10 * np.log10(power / noise)) if noise > 0 else float("inf")


def quantizer_noise(path: Path, x: np.ndarray, latents: Iterable[np.ndarray] | None = None) -> dict[str, float | None]:
    """Return ``{"weights": dB, "activations": dB}`` of a QONNX file, each the mean over its quantizers.

    None stands for the mean of none. What goes into a quantizer is the signal, what comes out stands for it, as the
    qonnx executor computes both for the samples ``x``. Quantizers of weight matrices count, and those of activations
    behind a product: the input has the same few codes whatever the method.

    ``latents`` are the float weights of every layer, in order, where the file has quantized ones.
    """
    from qonnx.core.onnx_exec import execute_onnx

    model = executable(path, len(x))
    context = execute_onnx(model, {model.graph.input[0].name: np.asarray(x, dtype=np.float32)}, True)
    constants = {tensor.name for tensor in model.graph.initializer}
    found, behind = {"weights": [], "activations": []}, False
    latents = None if latents is None else iter(latents)
    for node in model.graph.node:
        behind = behind or role_of(node) is Role.PRODUCT
        if role_of(node) is not Role.QUANTIZER:
            continue
        before, after = context[node.input[0]], context[node.output[0]]
        if node.input[0] not in constants:
            if behind:
                found["activations"].append(sqnr(before, after))
        elif before.ndim > 1:
            found["weights"].append(sqnr(before if latents is None else next(latents), after))
    return {kind: float(np.mean(values)) if values else None for kind, values in found.items()}


def executable(path: Path, batch: int):
    """Return the file as qonnx's ``ModelWrapper``, which its executor takes, for ``batch`` samples at once."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.transformation.change_batchsize import ChangeBatchSize
    from qonnx.transformation.infer_shapes import InferShapes

    import fewbit.golden.model_file.exchange  # noqa: F401  makes its operators known

    return ModelWrapper(str(path)).transform(ChangeBatchSize(batch)).transform(InferShapes())


def weight_bits(layers: Iterable[LayerPlan]) -> int:
    """Return the bits of all weights' codes; scales, codebooks and thresholds are not counted."""
    return int(sum(p.dense.weights.size * _code_bits(p) for p in layers))


def _code_bits(p):
    """Return the bits of a weight's code, which stands for a level where levels are not the integers of a format."""
    coding = getattr(p.dense, "coding", None)  # float layers have none
    return p.dense.weight_format.bits if coding is None else min(coding.bits, p.dense.weight_format.bits)


def compression(layers: Collection[LayerPlan]) -> float:
    """Return how many times `weight_bits` the weights would take in float32."""
    return FLOAT_BITS * sum(p.dense.weights.size for p in layers) / weight_bits(layers)


def bit_operations(layers: Iterable[LayerPlan]) -> int:
    """Return the sum over all multiplications of a frame of the weight's bits times the activation's.

    They are the BOPs of M. van Baalen and others, "Bayesian Bits: Unifying Quantization and Pruning", NeurIPS 2020. A
    product of float32 counts 32*32.
    """
    return int(sum(
        p.pixels * p.dense.weights.size * _code_bits(p) * p.x_format.bits for p in layers
    ))  # fmt: skip


def mean_and_spread(values: ArrayLike) -> tuple[float, float]:
    """Return the mean and the standard deviation (of a sample, n - 1) of some seeds' accuracies."""
    values = np.asarray(values, dtype=np.float64)
    return float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
