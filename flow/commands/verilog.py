"""``fewbit verilog``: the bare block with a Vivado script, and the IP block."""

from .build import show_built
from .options import Delivering, Making, Model, Showing
from .registry import command

__all__ = ["verilog"]


@command(rank=30, epilog="Example: `fewbit verilog examples/digits/w1a1.onnx`")
def verilog(*, model: Model, making: Making, delivering: Delivering, showing: Showing):
    """Write the Verilog: the bare block with a Vivado script, and the IP block with its registers and descriptions."""
    from fewbit.flow.project.built import build_project

    report = showing.reporter()
    show_built(report, build_project(making.project(model, delivering), report, ip=True))
