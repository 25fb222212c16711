"""Import of sums, differences and products of two tensors of data."""

from fewbit.golden.importing.broadcasting import alike
from fewbit.golden.importing.onnx_import_state import OnnxImportState
from fewbit.golden.importing.operands import data_of
from fewbit.golden.importing.tensors import Data, Tensor
from fewbit.golden.model_file.file import ModelError

__all__ = ["joined"]

_PAST = {"Add": "added", "Sub": "subtracted", "Mul": "multiplied"}  # operators of two tensors of data, for messages


def joined(importer: OnnxImportState, kind: str, first: Tensor, second: Tensor) -> Data:
    """Return the sum, difference or product of two tensors that depend on the input; ``kind`` is the operator's name.

    They broadcast.

    Raises
    ------
    ModelError
        If their shapes do not broadcast, or their scales are too far apart, or the result has too many bits.
    """
    a, b = data_of(first), data_of(second)
    if kind not in _PAST:
        raise ModelError("both operands depend on the input; only Add, Sub and Mul take two tensors of data")
    builder = importer.builder
    a, b = builder.coded(a), builder.coded(b)
    a, b = alike(importer, a, b, _PAST[kind], one_sample=importer.file.batch == 1)
    if kind == "Mul":
        return builder.multiplied(a, b)
    return builder.added(a, b) if kind == "Add" else builder.subtracted(a, b)
