"""The value of a node whose operands are constants, by onnxruntime: here where it is known what that takes, else in a
process of its own, with bounds."""

import io
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx

from fewbit.golden.limits import time_and_memory
from fewbit.golden.limits.limit import IMPORT_BYTES, IMPORT_SECONDS, LimitError, ModelError, one_line

from .builder import ModelBuilder
from .describe import describe
from .evaluation_cost import Evaluation, evaluation_of
from .saturation import unsaturated_operands

__all__ = ["evaluate"]

_SMALL = 4096  # values
_NO_MEMORY = ("bad_alloc", "bad allocation", "Failed to allocate memory", "MemoryError")


class HasOpset(Protocol):
    """What an evaluation needs to know of the node's file; an `OnnxFile` has it."""

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""


def evaluate(file: HasOpset, node: onnx.NodeProto, inputs: Sequence[np.ndarray | None]) -> list[Any]:
    """Return the outputs of a node for constant inputs, by onnxruntime.

    Parameters
    ----------
    file : OnnxFile
        The file of the node.
    node : NodeProto
    inputs : sequence of arrays
        The node's operands in order, None for those that are left out.

    Returns
    -------
    list of arrays, None for outputs that are left out

    Raises
    ------
    ModelError
        If onnxruntime refuses the node. It is a `LimitError` where that takes more than `golden.limits.limit` allows.
    """
    named = describe(node)
    node, inputs = unsaturated_operands(node, inputs)
    how = evaluation_of(node, inputs, file.opset, named)
    given = {name: np.asarray(a, order="C") for name, a in zip(node.input, inputs, strict=True) if name}
    try:
        values = (_here if how is Evaluation.BOUNDED else _apart)(_model(node, given, file.opset), _fed(given), named)
    except (ModelError, MemoryError):
        raise
    except Exception as error:  # onnxruntime's exceptions share no public base class
        raise _error(named, str(error)) from None
    found = iter(values)
    return [next(found) if o else None for o in node.output]


def _fed(given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what the model gets as inputs: large tensors, which would otherwise be copied into it and out of it."""
    return {name: array for name, array in given.items() if array.size > _SMALL and array.dtype.kind in "fiub"}


def _model(node: onnx.NodeProto, given: Mapping[str, np.ndarray], opset: int) -> bytes:
    """Return the node alone as a model, in bytes."""
    alone, fed = ModelBuilder(opset=opset, name="constant"), _fed(given)
    for name, array in given.items():
        if name in fed:
            alone.add_input(name, array.shape, array.dtype)
        else:
            alone.constant(array, name, array.dtype)
    for name in alone.append(node):
        if name:
            alone.add_output(name, dtype=None)
    return alone.model().SerializeToString()


def _error(named: str, text: str) -> ModelError:
    """Return the error for what onnxruntime says of a node."""
    if any(word in text for word in _NO_MEMORY):
        return LimitError(f"{named}: its value takes too much memory to compute; {IMPORT_BYTES.advice}")
    return ModelError(f"{named}: cannot be evaluated: {one_line(text)}")


def _here(content: bytes, fed: Mapping[str, np.ndarray], _: str) -> list[np.ndarray]:
    """Evaluate a model in this process."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # a constant that is kept would keep a mebibyte
    options.intra_op_num_threads = 1  # threads would take longer to start than a constant to compute
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]).run(None, fed)


def _apart(content: bytes, fed: Mapping[str, np.ndarray], named: str) -> list[np.ndarray]:
    """Evaluate a model in a process of its own, which can neither take too much nor end this one."""
    seconds, given = time_and_memory.seconds_left(), io.BytesIO()
    np.savez(
        given,
        allow_pickle=False,
        model=np.frombuffer(content, dtype=np.uint8),
        **{f"x{k}": a for k, a in enumerate(fed.values())},
    )
    command = [sys.executable, "-P", str(Path(__file__).with_name("evaluation_process.py")), str(IMPORT_BYTES.value)]
    try:
        done = subprocess.run(
            [*command, str(int(seconds) + 1)],
            input=given.getbuffer(),
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode in (-9, -24):  # killed, or by SIGXCPU
        raise LimitError(f"{named}: its value takes too long to compute; {IMPORT_SECONDS.advice}")
    if done.returncode:
        text = done.stderr.decode(errors="replace").strip() or f"onnxruntime ended by signal {-done.returncode}"
        raise _error(named, text)
    result, arrays = io.BytesIO(done.stdout), []
    while result.tell() < len(done.stdout):
        arrays.append(np.load(result, allow_pickle=False))
    return arrays
