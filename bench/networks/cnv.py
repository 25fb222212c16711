"""CNV, the network of the FINN paper for images of 32x32x3, in one bit and with random weights: a benchmark of size.

64-64-pool-128-128-pool-256-256 of unpadded 3x3 convolutions, then 512-512-10 (Umuroglu and others, FPGA 2017). Inputs
are raw 8-bit pixels behind ``2x - 1``; weights and activations are bipolar.
"""

import numpy as np

from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.file import INPUT_KEY

__all__ = ["cnv"]

LAYERS = (64, 64, "pool", 128, 128, "pool", 256, 256)
DENSE = (512, 512, 10)


def cnv(path, seed=1, size=32, channels=3, layers=LAYERS, dense=DENSE):
    """Write the model, its input declared as ``uint8/255``."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder(name="cnv")
    two, one = model.constant(2, "two"), model.constant(1, "one")

    def weights(*shape):
        return model.bipolar_quant(rng.choice([-1.0, 1.0], shape), one)

    def activation(x, count, fan_in):
        spread = fan_in**0.5
        parameters = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                      rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
        return model.bipolar_quant(model.add("BatchNormalization", x, *parameters, epsilon=1e-5), one)

    x = model.add_input("x", [1, 3, 32, 32])
    x = model.add("Sub", model.add("Mul", x, two), one)
    for layer in layers:
        if layer == "pool":
            x, size = model.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), size // 2
            continue
        x = model.add("Conv", x, weights(layer, channels, 3, 3), kernel_shape=[3, 3])
        x, channels, size = activation(x, layer, 9 * channels), layer, size - 2
    x, width = model.add("Flatten", x, axis=1), channels * size * size
    for k, count in enumerate(dense):
        x = model.add("MatMul", x, weights(width, count))
        if k < len(dense) - 1:
            x = activation(x, count, width)
        width = count
    model.add_output(x, [1, dense[-1]])
    model.save(path, {INPUT_KEY: "uint8/255"})
