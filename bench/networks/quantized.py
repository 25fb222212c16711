"""A float model as onnxruntime quantizes it, statically: QDQ or QOperator, with random samples for calibration.

``python -m bench.networks.quantized mobilenetv2 build/mobilenetv2.onnx --size 96`` writes one.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx

from .mobilenet import mobilenet_v1, mobilenet_v2
from .residual import residual_cifar, resnet

__all__ = ["FORMATS", "NETWORKS", "quantized", "samples_for"]

NETWORKS = {
    "resnet18": partial(resnet, depth=18), "resnet50": partial(resnet, depth=50), "mobilenetv1": mobilenet_v1,
    "mobilenetv2": mobilenet_v2, **{f"resnet{depth}": partial(residual_cifar, depth=depth) for depth in (8, 20, 56)},
}  # fmt: skip
FORMATS = ("qdq", "qoperator")


def samples_for(model: Path, count: int, seed: int = 0) -> np.ndarray:
    """Return ``count`` random samples (float32) of a model's input, as images behind a normalization are spread."""
    shape = [d.dim_value for d in onnx.load(model).graph.input[0].type.tensor_type.shape.dim[1:]]
    return np.random.default_rng(seed).normal(0, 1, (count, *shape)).astype(np.float32)


def quantized(
    model: Path, path: Path, *, form: str = "qdq", per_channel: bool = True, signed: bool = False, count: int = 8
) -> None:
    """Write what onnxruntime's ``quantize_static`` makes of a float model.

    Parameters
    ----------
    model, path : Path
        The float model, and the quantized one.
    form : str
        One of `FORMATS`.
    per_channel : bool
        Whether weights have a scale for each output channel.
    signed : bool
        Whether activations are int8; else they are uint8.
    count : int
        Random samples for calibration.
    """
    from onnxruntime import quantization

    class Samples(quantization.CalibrationDataReader):
        """One sample after the other."""

        def __init__(self, x: np.ndarray):
            self._next: Iterator[np.ndarray] = iter(x)

        def get_next(self) -> dict[str, np.ndarray] | None:
            x = next(self._next, None)
            return None if x is None else {"image": x[None]}

    logging.getLogger().setLevel(logging.ERROR)  # it advises a preprocessing that changes the model
    path.parent.mkdir(parents=True, exist_ok=True)
    activations = quantization.QuantType.QInt8 if signed else quantization.QuantType.QUInt8
    quantization.quantize_static(
        model, path, Samples(samples_for(model, count)), per_channel=per_channel, activation_type=activations,
        weight_type=quantization.QuantType.QInt8,
        quant_format=quantization.QuantFormat.QDQ if form == "qdq" else quantization.QuantFormat.QOperator,
    )  # fmt: skip


def main() -> None:
    """Write the model that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("path", type=Path)
    parser.add_argument(
        "--size", type=int, help="pixels along each side of the image (default 224; of ResNet-8, 20 and 56 32)"
    )
    parser.add_argument("--format", choices=FORMATS, default="qdq")
    parser.add_argument("--per-tensor", action="store_true", help="one scale for all weights of a layer")
    parser.add_argument("--signed", action="store_true", help="activations of int8, not uint8")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "float.onnx"
        NETWORKS[arguments.network](made, **({"size": arguments.size} if arguments.size else {}))
        quantized(made, arguments.path, form=arguments.format, per_channel=not arguments.per_tensor,
                  signed=arguments.signed)  # fmt: skip


if __name__ == "__main__":
    main()
