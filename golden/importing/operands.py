"""What handlers ask of the operands of a node."""

from collections.abc import Sequence
from typing import overload

import numpy as np

from fewbit.golden.model_file.file import ModelError

from .tensors import FLOAT32, Closed, Constant, Data, Tensor

__all__ = ["all_operands", "constant", "data_of", "shape_of"]


@overload
def constant(tensor: Tensor, what: str, *, infinite: bool = False) -> np.ndarray: ...


@overload
def constant(tensor: Tensor | None, what: str, *, infinite: bool = False) -> np.ndarray | None: ...


def constant(tensor: Tensor | None, what: str, *, infinite: bool = False) -> np.ndarray | None:
    """Return the array of a constant operand; None if the operand is left out.

    Parameters
    ----------
    tensor : tensors.Tensor or None
        The operand.
    what : str
        How an error names the operand.
    infinite : bool
        Whether NaN and infinite values are let through.

    Raises
    ------
    ModelError
        If the operand depends on the input, or does not hold numbers.
    """
    if tensor is None:
        return None
    if not isinstance(tensor, Constant):
        raise ModelError(f"{what} must be a constant, not computed from the data")
    if tensor.array.dtype.kind not in "fiub":
        raise ModelError(f"{what} must hold numbers, not {tensor.array.dtype}")
    if tensor.array.dtype.kind == "f" and not (infinite or np.isfinite(tensor.array).all()):
        raise ModelError(f"{what} holds NaN or infinite values")
    return tensor.array


def all_operands(inputs: Sequence[Tensor | None], count: int) -> list[Tensor]:
    """Return the operands of a node that must have ``count`` of them, none left out.

    Raises
    ------
    ModelError
        If it has more or fewer.
    """
    given = [tensor for tensor in inputs if tensor is not None]
    if len(inputs) != count or len(given) != count:
        raise ModelError(f"it must have {count} inputs, not {len(given)}")
    return given


def data_of(tensor: Tensor | None) -> Data:
    """Return the data of a tensor that an elementwise operation, a quantizer or a product may follow.

    Raises
    ------
    ModelError
        If the tensor is a constant, or no operation but the end of the model may stand behind it.
    """
    if isinstance(tensor, Closed):
        raise ModelError(
            "behind Softmax, LogSoftmax, ArgMax or TopK only the end of the model may stand, as the host computes "
            "them; for weights between 0 and 1 inside of a model use Sigmoid"
        )
    if not isinstance(tensor, Data):
        raise ModelError("its first operand must depend on the input")
    if tensor.is_whole:
        raise ModelError(f"its operand is of type {tensor.dtype}; a Cast or DequantizeLinear must make it floats first")
    if tensor.dtype != FLOAT32:
        raise ModelError(
            f"what it reads is of type {tensor.dtype}, and only float32 is computed: export the model in float32, or "
            "put a Cast to float32 in front of it"
        )
    return tensor


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Return the tensor's shape, with a batch of one sample."""
    return tensor.array.shape if isinstance(tensor, Constant) else tensor.shape
