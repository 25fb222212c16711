"""Functions of one tensor that a model computes by several nodes: SiLU is ``x * Sigmoid(x)``.

Where all operands of a node stand at the same positions of one edge, the node is one operation of a chain, and no
join of branches: a function of one integer. Thresholds between them (``x * Quant(Sigmoid(x))``) are part of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import onnx

from fewbit.golden.model_file.file import OnnxFile, evaluate
from fewbit.golden.numbers.branching import Fixed, Together
from fewbit.golden.numbers.elementwise import Op

from .fitting import fitting
from .onnx_import_state import OnnxImportState
from .operands import constant, data_of
from .tensors import Constant, Data, Tensor

__all__ = ["of_one_edge"]

_IN_FLOAT32 = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}  # as IEEE 754 rounds them
_CONDITIONS = {"Where": 1, "Not": 1, "And": 2, "Or": 2, "Xor": 2}  # how many of the first operands are truth values


def of_one_edge(
    importer: OnnxImportState, node: onnx.NodeProto, inputs: Sequence[Tensor | None], *, joinable: bool = False
) -> Data | None:
    """Return what an elementwise node makes of operands that all stand on one edge, or are constants.

    Parameters
    ----------
    importer : OnnxImportState
    node : NodeProto
        The node, whose operands are ``inputs``. Truth values are 1 and 0.
    inputs : sequence of tensors
    joinable : bool
        Whether a join of the operands is as cheap as a function of what they are made of.

    Returns
    -------
    Data or None
        None where data of different edges, or of different positions, would meet, or is better joined.

    Raises
    ------
    ModelError
        If a constant does not fit the data, or onnxruntime refuses the operation.
    """
    operands = [t if isinstance(t, Constant) else data_of(t) for t in inputs]
    datas = [t for t in operands if isinstance(t, Data)]
    if not all(np.array_equal(d.index, datas[0].index) for d in datas):
        return None
    origin = importer.builder.origin(datas, joinable=joinable)
    if origin is None:
        return None
    data, rests = origin
    given, nothing = iter(rests), (Fixed(np.zeros(1, dtype=np.float32)),)
    chains = tuple(next(given) if isinstance(t, Data) else nothing for t in operands)
    data = data.then(Together(node.op_type, _function(importer.file, node), chains))
    for at, t in enumerate(operands):
        if isinstance(t, Constant):  # which may make the data flat, and change all that is by channel
            data, c = fitting(importer, data, constant(t, "its constant operand"))
            data = replace(data, chain=(*data.chain[:-1], _with_constant(data.chain[-1], at, c)))
    return data


def _with_constant(together: Op, at: int, c: np.ndarray) -> Together:
    """Return the operation with a constant as the value number ``at``."""
    assert isinstance(together, Together)
    return replace(together, chains=(*together.chains[:at], (Fixed(c),), *together.chains[at + 1 :]))


def _function(file: OnnxFile, node: onnx.NodeProto) -> Callable[..., np.ndarray]:
    """Return the node's function of float32 arrays of one shape."""
    return _IN_FLOAT32.get(node.op_type) or partial(_evaluated, file, node, _CONDITIONS.get(node.op_type, 0))


def _evaluated(file: OnnxFile, node: onnx.NodeProto, conditions: int, *values: np.ndarray) -> np.ndarray:
    """Return what onnxruntime gives for float32 operands, the first of which may be truth values."""
    operands = [v != 0 if k < conditions else np.asarray(v, dtype=np.float32) for k, v in enumerate(values)]
    return np.asarray(evaluate(file, node, operands)[0], dtype=np.float32)
