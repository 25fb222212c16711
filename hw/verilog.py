"""Verilog emission."""

from amaranth.back import verilog

from .axi import AxiAccelerator

__all__ = ["emit"]


def emit(plan, *, name="accelerator"):
    """The accelerator of ``plan`` as one self-contained Verilog-2005 text with top module ``name``."""
    return verilog.convert(AxiAccelerator(plan), name=name, emit_src=False, strip_internal_attrs=True)
