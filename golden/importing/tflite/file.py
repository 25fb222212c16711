"""A TensorFlow Lite file in memory: tensors with their quantization, and operators with their options."""

import importlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from tflite.BuiltinOperator import BuiltinOperator
from tflite.BuiltinOptions import BuiltinOptions
from tflite.Model import Model
from tflite.TensorType import TensorType

from fewbit.golden.limits.limit import ModelError

__all__ = ["IDENTIFIER", "TfliteFile", "TfliteOperator", "TfliteTensor"]

IDENTIFIER = b"TFL3"  # bytes 4 to 7 of every file

_DTYPES = {
    TensorType.FLOAT32: np.float32,
    TensorType.INT32: np.int32,
    TensorType.UINT8: np.uint8,
    TensorType.INT64: np.int64,
    TensorType.BOOL: np.bool_,
    TensorType.INT16: np.int16,
    TensorType.INT8: np.int8,
}
_MOST_RANK = 8


def _names(kind) -> dict[int, str]:
    """Return the names of a flatbuffers enumeration by number."""
    return {value: name for name, value in vars(kind).items() if isinstance(value, int)}


_OPERATORS, _OPTIONS, _TYPES = _names(BuiltinOperator), _names(BuiltinOptions), _names(TensorType)


@dataclass(frozen=True, eq=False)
class TfliteTensor:
    """A tensor.

    Attributes
    ----------
    number : int
        Its place in the file.
    name : str
    type : str
        The schema's name, as ``INT8``.
    shape : tuple of int
        With the batch first, as the file has it.
    scales : float32 array, zeros : int64 array, or both None
        ``float = scale * (code - zero)``; one for the tensor, or one for each place along ``axis``.
    axis : int
    data : array or None
        The values of a constant; those of 4 bits as int8.
    """

    number: int
    name: str
    type: str
    shape: tuple
    scales: np.ndarray | None
    zeros: np.ndarray | None
    axis: int
    data: np.ndarray | None

    @property
    def quantization(self) -> tuple[np.float32, int]:
        """The one scale and zero point of the tensor.

        Raises
        ------
        ModelError
            If it has none, or several.
        """
        if self.scales is None or self.zeros is None or len(self.scales) != 1:
            count = 0 if self.scales is None else len(self.scales)
            raise ModelError(f"tensor {self.name!r} must have one scale and zero point, not {count}")
        return self.scales[0], int(self.zeros[0])


@dataclass(frozen=True, eq=False)
class TfliteOperator:
    """An operator: number, the schema's ``name``, numbers of the tensors it takes (-1 for none) and gives."""

    number: int
    name: str
    inputs: tuple
    outputs: tuple
    table: Any

    def option(self, name: str, default: Any = 0) -> Any:
        """Return a field of the operator's options by the schema's name in camel case, as ``StrideH``."""
        return default if self.table is None else getattr(self.table, name)()


class TfliteFile:
    """The first graph of a model.

    Parameters
    ----------
    content : bytes
        The file.

    Attributes
    ----------
    tensors : list of `TfliteTensor`
    operators : list of `TfliteOperator`
        In order of execution.
    inputs, outputs : lists of int
        Numbers of tensors.

    Raises
    ------
    ModelError
        Where the file is none, or has what is not supported: several graphs, custom operators, types without integers.
    """

    def __init__(self, content: bytes):
        if content[4:8] != IDENTIFIER:
            raise ModelError("not a TensorFlow Lite file: it does not say TFL3 in its bytes 4 to 7")
        self._content, self._model = content, Model.GetRootAs(content, 0)
        if self._model.SubgraphsLength() != 1:
            raise ModelError(
                f"the file has {self._model.SubgraphsLength()} graphs; only models of one are supported, without "
                "control flow"
            )
        graph = self._model.Subgraphs(0)
        counts = graph.TensorsLength(), graph.OperatorsLength(), self._model.BuffersLength()
        if 4 * max(counts) > len(content):
            raise ModelError("the file is damaged: it names more tensors than it has bytes for")
        self.inputs = [int(n) for n in np.atleast_1d(graph.InputsAsNumpy())]
        self.outputs = [int(n) for n in np.atleast_1d(graph.OutputsAsNumpy())]
        self.tensors = [self._tensor(n, graph.Tensors(n)) for n in range(graph.TensorsLength())]
        self.operators = [self._operator(n, graph.Operators(n)) for n in range(graph.OperatorsLength())]

    def _tensor(self, number, found):
        shape = tuple(int(n) for n in np.atleast_1d(found.ShapeAsNumpy())) if found.ShapeLength() else ()
        kind, name = _TYPES.get(found.Type(), str(found.Type())), (found.Name() or b"").decode(errors="replace")
        if len(shape) > _MOST_RANK or any(n < 0 for n in shape):
            raise ModelError(
                f"tensor {name!r}: a shape must have at most {_MOST_RANK} sizes, none negative, not {shape}"
            )
        quantization, scales, zeros, axis = found.Quantization(), None, None, 0
        if quantization is not None and quantization.ScaleLength():
            scales = quantization.ScaleAsNumpy().astype(np.float32)
            zeros = np.zeros(len(scales), dtype=np.int64)
            if quantization.ZeroPointLength():
                zeros = np.broadcast_to(quantization.ZeroPointAsNumpy().astype(np.int64), len(scales))
            axis = quantization.QuantizedDimension()
            if not (np.isfinite(scales) & (scales > 0)).all():
                raise ModelError(f"tensor {name!r}: scales must be positive, not {scales.min()}")
        return TfliteTensor(number, name, kind, shape, scales, zeros, axis, self._data(found, name, shape, kind))

    def _data(self, found, name, shape, kind):
        """Return the values of a constant tensor, or None."""
        buffer = self._model.Buffers(found.Buffer())
        if found.Buffer() == 0 or buffer is None or not buffer.DataLength():
            return None
        raw, count = buffer.DataAsNumpy(), int(np.prod(shape, dtype=object))
        if kind == "INT4":
            values = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)[:count].astype(np.int8)
            values = np.where(values > 7, values - 16, values).astype(np.int8)
        elif found.Type() in _DTYPES:
            values = np.frombuffer(raw.tobytes(), np.dtype(_DTYPES[found.Type()]).newbyteorder("<"))
        else:
            return None
        if values.size != count:
            raise ModelError(f"tensor {name!r}: has {values.size} values for the shape {shape}")
        return values.reshape(shape)

    def _operator(self, number, found):
        code = self._model.OperatorCodes(found.OpcodeIndex())
        name = _OPERATORS.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "an unknown one")
        if name == "CUSTOM":
            raise ModelError(f"operator {number} is a custom one, {(code.CustomCode() or b'').decode()!r}")
        inputs, outputs = (
            tuple(int(n) for n in np.atleast_1d(numbers)) for numbers in (found.InputsAsNumpy(), found.OutputsAsNumpy())
        )
        if not all(-1 <= n < len(self.tensors) for n in (*inputs, *outputs)):
            raise ModelError(f"operator {number}, {name}, names a tensor that is not there")
        return TfliteOperator(number, name, inputs, outputs, self._options(found))

    def _options(self, found):
        """Return the operator's options as the schema's class, or None."""
        kind, table = _OPTIONS.get(found.BuiltinOptionsType()), found.BuiltinOptions()
        if kind in (None, "NONE") or table is None:
            return None
        made = getattr(importlib.import_module(f"tflite.{kind}"), kind)()
        made.Init(table.Bytes, table.Pos)
        return made

    @cached_property
    def readers(self) -> list[int]:
        """How often each tensor is read, by number; outputs of the model count."""
        counts = [0] * len(self.tensors)
        for n in [n for op in self.operators for n in op.inputs if n >= 0] + self.outputs:
            counts[n] += 1
        return counts
