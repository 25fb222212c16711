"""Verilog emission."""

from amaranth.back import verilog

from .axi import AxiAccelerator
from .dspsum import DSP_MODELS
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
    if not plan.target.luts.instances:
        return text
    return text + MODELS + (DSP_MODELS if any(layer.sums for layer in plan.layers.values()) else "")
