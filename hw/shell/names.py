"""The names of the top modules, with which those of all their modules begin."""

import re

__all__ = ["ACCELERATOR", "IP", "read_once", "top_name", "without_prefix"]

_MODULE = re.compile(r"^module (\w+)\b.*?^endmodule\n", re.MULTILINE | re.DOTALL)
_GUARD = re.compile(r"^`ifndef FEWBIT_HAS_\w+\n`define FEWBIT_HAS_\w+\n|^`endif  // FEWBIT_HAS_\w+\n", re.MULTILINE)

ACCELERATOR, IP = "accelerator", "accelerator_ip"
"""The top modules of designs without a prefix: the accelerator alone, and the IP block."""


def top_name(prefix: str = "", *, ip: bool = False) -> str:
    """Return the name of the accelerator's top module, or of the IP block's, behind ``prefix`` and an underscore."""
    name = IP if ip else ACCELERATOR
    return f"{prefix}_{name}" if prefix else name


def without_prefix(text: str, prefix: str) -> str:
    """Return the Verilog of a design that has ``prefix`` as it is without one.

    The names of all modules begin with that of the top, and nothing else of the text has it; what `read_once` writes
    is taken away, too.
    """
    if not prefix:
        return text
    text = _GUARD.sub("", text)
    return re.sub(rf"\b{re.escape(top_name(prefix))}(?=\b|[._])", ACCELERATOR, text)


def read_once(models: str) -> str:
    """Return Verilog models of primitives so that a simulator reads each module once, however many designs have it."""

    def guarded(found):
        name = f"FEWBIT_HAS_{found[1]}"
        return f"`ifndef {name}\n`define {name}\n{found[0]}`endif  // {name}\n"

    return _MODULE.sub(guarded, models)
