"""What handlers of operators on integers ask of their operands: integers, scales, zero points, and types as formats."""

from collections.abc import Sequence

import numpy as np

from fewbit.golden.importing.operands import constant
from fewbit.golden.importing.tensors import Constant, Data, Tensor
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.numbers.elementwise import Dequantize
from fewbit.golden.numbers.formats import Format, Signed, Unsigned

__all__ = ["PLAIN", "along_axis", "format_of_type", "integer_data", "one_scale", "one_zero", "scales", "type_name",
           "whole_numbers"]  # fmt: skip

PLAIN = (Dequantize(np.ones(1), np.zeros(1)),)  # the chain of a tensor of integers: its floats are these


def integer_data(tensor: Tensor | None) -> Data:
    """Return the data of a tensor of integers.

    Raises
    ------
    ModelError
        If it holds floats, or does not depend on the input.
    """
    if not isinstance(tensor, Data) or not tensor.is_whole:
        raise ModelError("its operand must be integers that depend on the input: what QuantizeLinear gives, or an "
                         "input of an integer type")  # fmt: skip
    return tensor


def whole_numbers(tensor: Tensor | None, what: str) -> np.ndarray:
    """Return the integers of a constant as int64, those of ONNX's 4-bit types too; ``what`` names it in an error.

    Raises
    ------
    ModelError
        If it is no constant of integers.
    """
    if not isinstance(tensor, Constant):
        raise ModelError(f"{what} must be a constant")
    name = type_name(tensor.array.dtype)
    if not name.lstrip("u").startswith("int"):
        raise ModelError(f"{what} must be of an integer type, not {name}")
    return tensor.array.astype(np.int64)


def type_name(dtype: np.dtype) -> str:
    """Return what ONNX calls a type of NumPy, or of those that NumPy has not (``int4``)."""
    return str(np.dtype(dtype))


def format_of_type(name: str) -> Format:
    """Return the format of all integers of one of ONNX's types, ``uint8`` and the like.

    Raises
    ------
    ModelError
        If it is no integer type of 2 to 16 bits.
    """
    bits = name.removeprefix("u").removeprefix("int")
    if not bits.isdigit() or not 2 <= int(bits) <= 16:
        raise ModelError(f"its codes must be of an integer type of 2 to 16 bits, not {name}")
    return (Unsigned if name.startswith("u") else Signed)(int(bits))


def scales(tensor: Tensor | None, what: str, *, of_constant: bool = False) -> np.ndarray:
    """Return a constant of scales, float32.

    Parameters
    ----------
    tensor : Tensor or None
    what : str
        How an error names it.
    of_constant : bool
        Whether they are those of a constant, such as weights: nothing is divided by them, so they may be 0 or negative.

    Raises
    ------
    ModelError
        If it is computed from data, of another type than float32, or not positive and finite.
    """
    if not isinstance(tensor, Constant):
        raise ModelError(f"{what} is computed from data, so it differs from sample to sample; quantize the model "
                         "statically, with calibration data")  # fmt: skip
    array = constant(tensor, what)
    if array.dtype != np.float32:
        raise ModelError(f"{what} must be of float32, not {array.dtype}: the model's arithmetic is that of its scales")
    if not (array.size and np.isfinite(array).all() and (of_constant or (array > 0).all())):
        raise ModelError(f"{what} must be {'finite' if of_constant else 'positive and finite'}")
    return array


def one_scale(tensor: Tensor | None, what: str) -> np.float32:
    """Return the one scale of a tensor.

    Raises
    ------
    ModelError
        As `scales`, or if the tensor has several scales.
    """
    array = scales(tensor, what)
    if (array != array.flat[0]).any():
        raise ModelError(f"{what} must be one number for the whole tensor")
    return np.float32(array.flat[0])


def one_zero(tensor: Tensor | None, what: str) -> int:
    """Return the one zero point of a tensor, 0 if it is left out.

    Raises
    ------
    ModelError
        If it is no constant, or not one number.
    """
    if tensor is None:
        return 0
    array = whole_numbers(tensor, what)
    if not array.size or (array != array.flat[0]).any():
        raise ModelError(f"{what} must be one number for the whole tensor")
    return int(array.flat[0])


def along_axis(parameter: np.ndarray, shape: Sequence[int], axis: int, block: int = 0) -> np.ndarray:
    """Return a scale or zero point laid out so that it broadcasts against a tensor of ``shape``.

    Parameters
    ----------
    parameter : array
        One number, one an entry of ``axis``, or one a block of ``block`` entries of it.
    shape : sequence of int
    axis : int
    block : int
        0 where there are no blocks.

    Raises
    ------
    ModelError
        If its shape is none of these.
    """
    if parameter.size == 1:
        return parameter.reshape(())
    if not -len(shape) <= axis < len(shape):
        raise ModelError(f"axis {axis} does not exist in a tensor of shape {tuple(shape)}")
    axis %= len(shape)
    if block:
        spread = np.repeat(parameter, block, axis=axis) if parameter.ndim == len(shape) else parameter
        if spread.ndim == len(shape) and all(a >= b for a, b in zip(spread.shape, shape, strict=True)):
            return spread[tuple(slice(n) for n in shape)]
    if parameter.shape != (shape[axis],):
        raise ModelError(
            f"scales or zero points of shape {parameter.shape} do not fit axis {axis} of a tensor of shape "
            f"{tuple(shape)}"
        )
    return parameter.reshape([-1 if k == axis else 1 for k in range(len(shape))])
