"""SFC and LFC, the FINN paper's networks of dense layers for binarized digits: one bit throughout, random weights.

784-256-256-256-10 and 784-1024-1024-1024-10 (Umuroglu and others, FPGA 2017). A pixel is one bit, 0 for -1 and 1 for
+1; weights and activations are bipolar, and batch norm stands between a product and its activation.
"""

import numpy as np

from fewbit.golden.model_file.builder import ModelBuilder
from fewbit.golden.model_file.file import INPUT_KEY

__all__ = ["LFC", "SFC", "mlp"]

SFC = (784, 256, 256, 256, 10)
LFC = (784, 1024, 1024, 1024, 10)


def mlp(path, widths, seed=1):
    """Write the model, its input declared as ``bipolar``; it ends with the logits' ArgMax."""
    rng = np.random.default_rng(seed)
    model = ModelBuilder(name="mlp")
    one = model.constant(1, "one")
    x = model.bipolar_quant(model.add_input("x", [1, widths[0]]), one)
    for k, (fan_in, count) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        weights = rng.choice([-1.0, 1.0], (fan_in, count))
        x = model.add("MatMul", x, model.bipolar_quant(weights, one))
        if k < len(widths) - 2:
            spread = fan_in**0.5
            norm = (rng.uniform(0.5, 1.5, count), rng.normal(0, 0.3, count), rng.normal(0, 0.3, count) * spread,
                    rng.uniform(0.5, 1.5, count) * fan_in)  # fmt: skip
            x = model.bipolar_quant(model.add("BatchNormalization", x, *norm, epsilon=1e-5), one)
    x = model.add("ArgMax", x, axis=1, keepdims=0)
    model.add_output(x, [1], np.int64)
    model.save(path, {INPUT_KEY: "bipolar"})
