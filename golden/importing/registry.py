"""Where the handlers of ONNX operations register, and what all of them need."""

import numpy as np

from fewbit.golden.model_file.file import ModelError

from .tensors import Closed, Constant, Data

__all__ = ["HANDLERS", "constant", "data_of", "handles", "shape_of"]

HANDLERS = {}


def handles(*names):
    """Register a handler ``(importer, node, inputs, attributes) -> [tensors]`` for operations."""

    def register(function):
        HANDLERS.update(dict.fromkeys(names, function))
        return function

    return register


def constant(tensor, what, *, infinite=False):
    """The array of a constant operand (``None`` if it is left out), or an error that says which one is no number."""
    if tensor is None:
        return None
    if not isinstance(tensor, Constant):
        raise ModelError(f"{what} must be a constant")
    if tensor.array.dtype.kind not in "fiub":
        raise ModelError(f"{what} must hold numbers, not {tensor.array.dtype}")
    if tensor.array.dtype.kind == "f" and not (infinite or np.isfinite(tensor.array).all()):
        raise ModelError(f"{what} holds NaN or infinite values")
    return tensor.array


def data_of(tensor):
    """The data of a tensor that an elementwise operation, a quantizer or a product may follow."""
    if isinstance(tensor, Closed):
        raise ModelError("behind Softmax, LogSoftmax, ArgMax or TopK only the end of the model may stand")
    if not isinstance(tensor, Data):
        raise ModelError("its first operand must depend on the input")
    if tensor.raw:
        raise ModelError("the model's input is of an integer type and must go through a Cast to float first")
    return tensor


def shape_of(tensor):
    """The tensor's shape, with a batch of one sample."""
    return tensor.array.shape if isinstance(tensor, Constant) else tensor.shape
