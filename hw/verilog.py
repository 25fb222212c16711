"""Verilog emission."""

from amaranth.back import verilog

from .axi import AxiAccelerator
from .dspsum import DSP_MODELS
from .lutunit import MODELS

__all__ = ["emit"]


def emit(plan, *, name="accelerator"):
    """The accelerator of ``plan`` as one self-contained Verilog-2005 text with top module ``name``."""
    text = verilog.convert(AxiAccelerator(plan), name=name, emit_src=False, strip_internal_attrs=True)
    if plan.target.luts.instances:
        text += MODELS
        if any(layer.sums for layer in plan.layers.values()):
            text += DSP_MODELS
    return text
