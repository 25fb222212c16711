"""SFC and LFC, the FINN paper's networks of dense layers for binarized digits: one bit throughout, random weights.

784-256-256-256-10 and 784-1024-1024-1024-10 (Umuroglu and others, FPGA 2017). A pixel is one bit, 0 for -1 and 1 for
+1; weights and activations are bipolar, and batch norm stands between a product and its activation.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fewbit.golden.model_file.file import INPUT_KEY

from .bipolar import BipolarModel

__all__ = ["LFC", "SFC", "mlp"]

SFC = (784, 256, 256, 256, 10)
LFC = (784, 1024, 1024, 1024, 10)


def mlp(path: Path, widths: Sequence[int], seed: int = 1) -> None:
    """Write the model, its input declared as ``bipolar``; it ends with the logits' ArgMax.

    Parameters
    ----------
    path : Path
    widths : sequence of int
        The inputs of the network, then the neurons of each layer.
    seed : int
    """
    model = BipolarModel(seed, "mlp")
    x = model.signs(model.add_input("x", [1, widths[0]]))
    for k, (fan_in, count) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        x = model.add("MatMul", x, model.weights(fan_in, count))
        if k < len(widths) - 2:
            x = model.activation(x, count, fan_in)
    x = model.add("ArgMax", x, axis=1, keepdims=0)
    model.add_output(x, [1], np.int64)
    model.save(path, {INPUT_KEY: "bipolar"})
