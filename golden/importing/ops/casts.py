"""Import of ``Cast``: of data between the types of floats, of raw integers to floats, of labels to integers."""

from dataclasses import replace

import numpy as np
import onnx

from fewbit.golden.importing.registry import Role, handles
from fewbit.golden.importing.tensors import Closed, Constant
from fewbit.golden.model_file.file import FLOAT_TYPES, ModelError
from fewbit.golden.numbers import elementwise as ew

_INTEGERS = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


@handles("Cast", role=Role.AFFINE, takes_integers=True)
def cast(importer, node, inputs, attributes):
    """Import ONNX ``Cast`` of data to float32, or of a label to integers.

    Data may go through double, which changes no float32, or float16, which rounds it, and back; nothing is computed in
    these types.
    """
    tensor, to = inputs[0], attributes["to"]
    if isinstance(tensor, Closed):
        return [_of_host(tensor, to)]
    kind = FLOAT_TYPES.get(to)
    if kind is None or (kind == "float16" and tensor.dtype == "double"):
        raise ModelError("data may be Cast to float32 only, or from there to double or float16 and back")
    data = replace(tensor, dtype=kind)
    return [data.then(ew.float16()) if kind == "float16" else data]


@handles("CastLike", role=Role.AFFINE, takes_integers=True)
def cast_like(importer, node, inputs, attributes):
    """Import ONNX ``CastLike``: ``Cast`` to the type of its second operand."""
    like = inputs[1]
    name = str(like.array.dtype) if isinstance(like, Constant) else getattr(like, "dtype", "float32")
    to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype("float64" if name == "double" else name))
    return cast(importer, node, inputs[:1], {"to": to})


def _of_host(tensor: Closed, to: int) -> Closed:
    """Return a label or probabilities of another type, whose numbers are those of the type."""
    if tensor.is_label and to not in _INTEGERS:
        raise ModelError("a label may be Cast to int32 or int64 only")
    if not tensor.is_label and to not in FLOAT_TYPES:
        raise ModelError("probabilities may be Cast to float32, float16 or double only")
    rounded = FLOAT_TYPES.get(to) == "float16"
    return replace(tensor, closing=(*tensor.closing, ("Cast", ew.float16()))) if rounded else tensor
