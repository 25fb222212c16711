"""Verilog emission."""

from amaranth.back import verilog

from .axi import AxiAccelerator
from .lutunit import MODELS

__all__ = ["emit"]


def emit(plan, *, name="accelerator"):
    """The accelerator of ``plan`` as one self-contained Verilog-2005 text with top module ``name``."""
    text = verilog.convert(AxiAccelerator(plan), name=name, emit_src=False, strip_internal_attrs=True)
    return text + MODELS if plan.target.luts.instances else text
