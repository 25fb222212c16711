"""``fewbit build``: from a model to Verilog and its manifest."""

from typing import TYPE_CHECKING

from .options import Delivering, Making, Model, Showing
from .registry import command
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.project.built import Built

__all__ = ["show_built"]


@command(rank=10, epilog="Example: `fewbit build examples/digits/w1a1.onnx -o build/mine`")
def build(*, model: Model, making: Making, delivering: Delivering, showing: Showing):
    """Import, fold, and write Verilog and manifest."""
    from fewbit.flow.project.built import build_project
    from fewbit.flow.report.write import report_after_build

    report, project = showing.reporter(), making.project(model, delivering)
    found = build_project(project, report)
    page = report_after_build(project, report)
    show_built(report, found)
    if page is not None and not showing.json:
        report.line(f"report: {page}")


def show_built(report: Reporter, built: "Built") -> None:
    """Print what was built of a project."""
    report.show(built, _table)


def _table(report, built):
    rows = [
        (name, f"{p['inputs']} → {p['neurons']}", p["activations"], p["weights"], p["pe"], p["simd"], p["cycles"],
         p["weights_in"], p["products_in"])
        for name, p in built.manifest["layers"].items()
    ]  # fmt: skip
    heads = ["layer", "size", "activations", "weights", "PE", "SIMD", "cycles", "weights in", "products in"]
    report.table(heads, rows, least=("products in", "weights in", "size"))
    report.notes(built.manifest["notes"])
    c = built.manifest["cycles"]
    report.line(f"latency {c['latency']} cycles, interval {c['interval']} cycles (bound {c['bound']})")
    report.line(f"written to {built.directory}")
