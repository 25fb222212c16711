"""Verilog emission."""

from amaranth.back import verilog

from .axi import AxiAccelerator
from .ip import AcceleratorIP
from .lutunit import MODELS

__all__ = ["emit", "emit_ip"]


def emit(plan, *, name="accelerator"):
    """The accelerator of ``plan`` as one self-contained Verilog-2005 text with top module ``name``."""
    return _text(AxiAccelerator(plan), plan, name)


def emit_ip(plan, registers, *, name="accelerator_ip"):
    """The IP block of ``plan``, with ``registers``, likewise."""
    return _text(AcceleratorIP(plan, registers), plan, name)


def _text(block, plan, name):
    text = verilog.convert(block, name=name, emit_src=False, strip_internal_attrs=True)
    return text + MODELS if plan.target.luts.instances else text
