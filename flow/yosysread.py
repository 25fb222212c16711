"""How Yosys reads our Verilog quickly: long lists of a memory's first contents in pieces."""

import re
import tempfile
from pathlib import Path

__all__ = ["in_pieces", "read_verilog"]

PIECE = 2048  # words: Yosys takes time by the square of an initial block's length
_WORD = re.compile(r"\s+\\?[\w.$]+\[\d+\] = \d+'[hbd][0-9a-fA-F_]+;\s*")


def in_pieces(text, piece=PIECE):
    """Verilog in which no initial block gives a memory more than ``piece`` words in a row; nothing else is changed."""
    lines, run = [], 0
    for line in text.splitlines(keepends=True):
        run = run + 1 if _WORD.fullmatch(line) else 0
        if run > piece:
            lines.append("  end\n  initial begin\n")
            run = 1
        lines.append(line)
    return "".join(lines)


def read_verilog(design, path):
    """Read a Verilog file, in pieces, into a pyosys ``Design``."""
    from pyosys import libyosys

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(path).name
        copy.write_text(in_pieces(Path(path).read_text(encoding="utf-8")), encoding="utf-8")
        libyosys.run_pass(f'read_verilog "{copy}"', design)
