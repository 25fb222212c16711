"""``fewbit supported-ops``: the operators of model files that can be imported, by dialect."""

import importlib
from dataclasses import dataclass

from fewbit.flow.results import JsonResult

from .options import Showing
from .registry import command

__all__ = ["SupportedOperator", "SupportedOperators"]


@dataclass(frozen=True, kw_only=True)
class SupportedOperator(JsonResult):
    """An operator that can be imported.

    Attributes
    ----------
    dialect : str
        The folder of `fewbit.golden.importing` that has its handler.
    operator : str
    domain : str
        The domain that it is called by, empty for ONNX's own; other names of that domain may stand for it.
    becomes : str
        What it makes of data.
    limits : str
        The first sentence of its handler's documentation.
    """

    dialect: str
    operator: str
    domain: str
    becomes: str
    limits: str


@dataclass(frozen=True, kw_only=True)
class SupportedOperators(JsonResult):
    """Every operator that can be imported, by dialect and name."""

    operators: list[SupportedOperator]


@command(rank=95, epilog="Example: `fewbit supported-ops --json`")
def supported_ops(*, showing: Showing):
    """List the operators that can be imported, by dialect, and what each becomes."""
    showing.reporter().show(SupportedOperators(operators=_onnx() + _tflite()), _table)


def _onnx():
    from fewbit.golden.importing.operators import every_operator

    found = [
        SupportedOperator(
            dialect=o.handler.__module__.split(".")[-2],
            operator=o.name,
            domain=o.domain,
            becomes=o.role.value,
            limits=_first(o.handler),
        )
        for o in every_operator()
    ]
    return sorted(found, key=lambda o: (o.dialect, o.operator))


def _tflite():
    from fewbit.golden.importing.tflite.operands import KERNELS

    return [
        SupportedOperator(dialect="tflite", operator=name, domain="", becomes=_first(handler), limits=_first(handler))
        for name, handler in sorted(KERNELS.items())
    ]


def _first(handler):
    """Return the first paragraph of a handler's documentation as one line, without the word that all begin with."""
    text = " ".join((handler.__doc__ or "").split("\n\n")[0].split())
    return text.removeprefix("Import ").rstrip(".")


def _table(report, r):
    """Print a table for each dialect."""
    for dialect in dict.fromkeys(o.dialect for o in r.operators):
        package = importlib.import_module(f"fewbit.golden.importing.{dialect}")
        report.line(f"{dialect}: {' '.join((package.__doc__ or '').split()).rstrip('.')}")
        rows = [(o.operator, o.domain or "–", o.becomes) for o in r.operators if o.dialect == dialect]
        report.table(["operator", "domain", "what it becomes"], rows)
