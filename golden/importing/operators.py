"""Every operator that can be imported, of every dialect, and what it says of itself (`golden.importing.registry`).

Each folder of `golden.importing` is a dialect: ``ops`` has ONNX's own operators, ``qonnx`` those of QONNX and Brevitas,
``exchange`` our own, ``qdq`` those of ONNX and onnxruntime on integers, ``microsoft`` onnxruntime's on floats, ``finn``
those of FINN-ONNX; ``tflite`` is a world of its own, whose files are no ONNX. A new dialect is a new folder, and a new
operator is a function in a file of one.
"""

import importlib
import pkgutil
from collections.abc import Collection, Sequence

import onnx

from fewbit.golden import importing
from fewbit.golden.model_file.domains import ONNX, STANDARD_DOMAINS
from fewbit.golden.registry import import_all

from .registry import DECLARED, DeclaredOperator, Role

__all__ = ["DeclaredOperator", "Role", "every_operator", "is_of_floats", "is_quantizer", "operator_of",
           "role_of", "rounds_data"]  # fmt: skip


def _import_dialects() -> None:
    """Import every file of every dialect, so that each declares its operators."""
    for dialect in sorted(m.name for m in pkgutil.iter_modules(importing.__path__) if m.ispkg):
        import_all(importlib.import_module(f"{importing.__name__}.{dialect}"))


_import_dialects()
_NAMED: dict[str, set[DeclaredOperator]] = {}  # operators of any domain by their name
for _operator in DECLARED.values():
    _NAMED.setdefault(_operator.name, set()).add(_operator)


def operator_of(node: onnx.NodeProto) -> DeclaredOperator | None:
    """Return the operator of a node of a model file; None if nothing of that domain and name is declared."""
    return DECLARED.get((ONNX if node.domain in STANDARD_DOMAINS else node.domain, node.op_type))


def role_of(node: onnx.NodeProto) -> Role | None:
    """Return the role of a node's operator; None if that is not declared."""
    operator = operator_of(node)
    return None if operator is None else operator.role


def is_quantizer(node: onnx.NodeProto) -> bool:
    """Say whether a node has the name of a quantizer, or of what only quantized models have, be its domain unknown."""
    return any(operator.quantizes for operator in _NAMED.get(node.op_type, ()))


def rounds_data(nodes: Sequence[onnx.NodeProto], inputs: Collection[str]) -> bool:
    """Say whether data of these inputs is rounded or compared somewhere: by a quantizer in plain operators."""
    data = set(inputs)
    for node in nodes:
        operator = operator_of(node)
        if (operator is not None and operator.role is Role.SHAPE) or not data.intersection(node.input):
            continue
        if operator is not None and operator.steps:
            return True
        data.update(node.output)
    return False


def is_of_floats(node: onnx.NodeProto) -> bool:
    """Say whether a node, by its name where its domain is unknown, may stand in a model that nobody has quantized."""
    operator = operator_of(node)
    found = _NAMED.get(node.op_type, ()) if operator is None else (operator,)
    return all(operator.is_of_floats for operator in found)


def every_operator() -> list[DeclaredOperator]:
    """Return every operator once, by name."""
    return sorted(set(DECLARED.values()), key=lambda operator: (operator.name, operator.domain))
