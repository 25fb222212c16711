"""What handlers of TensorFlow Lite operators take, and the function of one integer that most of them end in."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fewbit.golden.importing.tensors import Closed, Constant, Data
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.pointwise import SecondRounding, Threshold
from fewbit.golden.numbers.formats import Format, Signed, Unsigned
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of

from .file import TfliteTensor
from .kernels import rounded
from .lines import RoundedLine, add_lines

__all__ = ["KERNELS", "Operand", "activation_range", "add_codes", "format_of", "kernel",
           "second_rounding", "shape_without_batch"]  # fmt: skip

KERNELS: dict[str, Callable] = {}  # handlers of operators by the names that the schema gives these

_FORMATS = {"INT4": Signed(4), "INT8": Signed(8), "UINT8": Unsigned(8), "INT16": Signed(16)}
_MOST_THRESHOLDS = 1 << 26  # of all channels
_SEARCHED_BITS = 8  # of codes whose thresholds are searched for, whatever else is known
_ACTIVATIONS = {0: (None, None), 1: (0.0, None), 2: (-1.0, 1.0), 3: (0.0, 6.0)}  # NONE, RELU, RELU_N1_TO_1, RELU6


def kernel(*names: str) -> Callable:
    """Declare that the decorated function handles operators of these names.

    It is called as ``handler(importer, node, operands, outputs)``: ``node`` is a `TfliteOperator`, ``operands`` are
    `Operand` or None, ``outputs`` the `TfliteTensor` that it gives; it returns what these are.

    Raises
    ------
    ValueError
        If a name is declared twice.
    """

    def declare(handler: Callable) -> Callable:
        for name in names:
            if name in KERNELS:
                raise ValueError(f"Operator {name} is declared twice")
            KERNELS[name] = handler
        return handler

    return declare


@dataclass(frozen=True, eq=False)
class Operand:
    """A tensor of the file, and what is known of its values."""

    tensor: TfliteTensor
    value: Data | Closed | Constant

    @property
    def data(self) -> Data:
        """The values where they depend on the input; the chain of such data is empty, as its integers are codes.

        Raises
        ------
        ModelError
            Where they are constant, or behind what only the host computes.
        """
        if isinstance(self.value, Constant):
            raise ModelError(f"tensor {self.tensor.name!r} must depend on the input")
        if isinstance(self.value, Closed) or self.value.chain:
            raise ModelError("behind SOFTMAX, ARG_MAX and DEQUANTIZE only the end of the model may stand")
        return self.value

    @property
    def constant(self) -> np.ndarray:
        """The values where they do not depend on the input; ModelError where they do."""
        if not isinstance(self.value, Constant):
            raise ModelError(f"tensor {self.tensor.name!r} must be a constant")
        return self.value.array


def format_of(tensor: TfliteTensor) -> Format:
    """Return the format of a tensor of codes; a tensor of anything else is a `ModelError`."""
    if tensor.type not in _FORMATS:
        raise ModelError(
            f"tensor {tensor.name!r} is of type {tensor.type}, and only models of integers are supported: convert it "
            "with full integer quantization"
        )
    return _FORMATS[tensor.type]


def activation_range(code: int, out: TfliteTensor) -> tuple[int, int]:
    """Return the smallest and the largest code that a fused activation function leaves of ``out``.

    Raises
    ------
    ModelError
        If no activation function has that number, or ``out`` is of no codes.
    """
    fmt = format_of(out)
    if code not in _ACTIVATIONS:
        raise ModelError(f"the fused activation function number {code} is not supported")
    scale, zero = out.quantization
    least, most = (
        None if bound is None else zero + int(rounded(np.float32(bound) / scale)) for bound in _ACTIVATIONS[code]
    )
    return max(fmt.lo, fmt.lo if least is None else least), min(fmt.hi, fmt.hi if most is None else most)


def add_codes(importer, data: Data, codes: Callable, out: TfliteTensor, *, shared: bool = False,
              monotone: bool = True, second: SecondRounding | None = None,
              lines: Sequence[RoundedLine] = (), clip: tuple[int, int] | None = None) -> Data:  # fmt: skip
    """Append the function of one integer that ``codes`` computes; return the data behind it.

    It is a `Threshold`, or where a code has more than 8 bits the lines that it is, if it is lines.

    Parameters
    ----------
    codes : callable
        Maps int64 ``(n, C)`` of the data's edge to int64 codes of ``out``; ``(n, 1)`` if it is ``shared``.
    shared : bool
        Whether it is one function for all channels.
    monotone : bool
        Whether it keeps one direction in every channel.
    second : SecondRounding or None
        What is known of a multiplier that rounds twice.
    lines, clip
        What it is known to be, as `add_lines` takes it. Where nothing is known, lines are searched for.

    Raises
    ------
    ModelError
        If ``out`` is of no codes, or of too many in too many channels for a search.
    """
    edge, fmt = importer.edge(data.edge), format_of(out)
    lo, hi = edge.lo, edge.hi
    if shared:
        lo, hi = lo.min(keepdims=True), hi.max(keepdims=True)
    if fmt.bits > _SEARCHED_BITS and lines:
        return add_lines(importer, data, lines, fmt=fmt, clip=clip)
    if fmt.bits > _SEARCHED_BITS and shared and monotone:
        line = RoundedLine.through(codes, int(lo[0]), int(hi[0]))
        if line is not None:
            ends = codes(np.stack([lo, hi]))
            return add_lines(importer, data, [line], fmt=fmt, clip=(int(ends.min()), int(ends.max())))
    if len(lo) * fmt.levels > _MOST_THRESHOLDS:
        raise ModelError(f"{len(lo)} channels of codes of {fmt.bits} bits are more than can be searched for thresholds")
    thresholds, table = find_thresholds(codes, lo, hi, monotone=monotone)
    steps = steps_of(thresholds, table, lo, hi, fmt)
    name = importer.new("threshold")
    if steps is not None:
        importer.add(Threshold(name, data.edge, name, steps, None, fmt, second))
    else:
        importer.add(Threshold(name, data.edge, name, thresholds, table, fmt, second))
    return Data(name, data.index)


def second_rounding(exponents, out: TfliteTensor) -> SecondRounding:
    """Return what `multiplied` with these exponents does at the zero point of ``out``."""
    return SecondRounding(out.quantization[1], np.maximum(0, -np.atleast_1d(np.asarray(exponents, dtype=np.int64))))


def shape_without_batch(tensor: TfliteTensor, data: Data) -> tuple[int, ...]:
    """Return the shape that a tensor has for one sample, whatever batch the file was made for.

    Raises
    ------
    ModelError
        If the data has not as many values as the shape says.
    """
    count = data.index.size
    if tensor.shape and math.prod(tensor.shape) == count:
        return tensor.shape
    if tensor.shape and math.prod(tensor.shape[1:]) == count:
        return (1, *tensor.shape[1:])
    raise ModelError(f"tensor {tensor.name!r} of shape {tensor.shape} does not hold the {count} values of a sample")
