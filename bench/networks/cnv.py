"""CNV, the network of the FINN paper for images of 32x32x3, in one bit and with random weights: a benchmark of size.

64-64-pool-128-128-pool-256-256 of unpadded 3x3 convolutions, then 512-512-10 (Umuroglu and others, FPGA 2017). Inputs
are raw 8-bit pixels behind ``2x - 1``; weights and activations are bipolar.
"""

from collections.abc import Sequence
from pathlib import Path

from fewbit.golden.model_file.file import INPUT_KEY

from .bipolar import BipolarModel

__all__ = ["cnv"]

LAYERS = (64, 64, "pool", 128, 128, "pool", 256, 256)
DENSE = (512, 512, 10)


def cnv(
    path: Path, seed: int = 1, size: int = 32, channels: int = 3, layers: Sequence[int | str] = LAYERS,
    dense: Sequence[int] = DENSE,
) -> None:  # fmt: skip
    """Write the model, its input declared as ``uint8/255``.

    Parameters
    ----------
    path : Path
    seed : int
    size, channels : int
        The pixels along each side of the image, and its channels.
    layers : sequence of int or "pool"
        The neurons of each convolution, and ``"pool"`` for a 2x2 max pool.
    dense : sequence of int
        The neurons of each dense layer behind these.
    """
    model = BipolarModel(seed, "cnv")
    x = model.add_input("x", [1, channels, size, size])
    x = model.add("Sub", model.add("Mul", x, model.constant(2, "two")), "one")
    for layer in layers:
        if layer == "pool":
            x, size = model.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), size // 2
            continue
        x = model.add("Conv", x, model.weights(layer, channels, 3, 3), kernel_shape=[3, 3])
        x, channels, size = model.activation(x, layer, 9 * channels), layer, size - 2
    x, width = model.add("Flatten", x, axis=1), channels * size * size
    for k, count in enumerate(dense):
        x = model.add("MatMul", x, model.weights(width, count))
        if k < len(dense) - 1:
            x = model.activation(x, count, width)
        width = count
    model.add_output(x, [1, dense[-1]])
    model.save(path, {INPUT_KEY: "uint8/255"})
