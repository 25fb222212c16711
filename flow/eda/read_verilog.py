"""How Yosys reads our Verilog quickly: the first contents of memories as files of hexadecimal words."""

import os
import re
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["read_verilog", "with_files"]

_WORD = re.compile(r"\s+(\\?[\w.$]+ ?)\[(\d+)\] = \d+'([hd])([0-9a-f]+);\s*")
_BLOCK = re.compile(r"^( *)initial begin\n((?:" + _WORD.pattern + r"\n)+)\1end$", re.MULTILINE)


def with_files(text: str, folder: Path | str) -> str:
    """Return Verilog whose memories have their first contents from files in ``folder``, which are written.

    Yosys must work in that folder: it is told their names alone, since not every path can stand in a Verilog string.

    An initial block that gives one memory its words from the first on, one a line, as `hw.shell.verilog` has them,
    becomes one ``$readmemh``: of a block Yosys makes a cell a word, and takes time by the square of the block's length.
    Every other block is left as it is, and so is every line's number.
    """

    def as_file(block):
        found = [_WORD.fullmatch(line).groups() for line in block[2].splitlines()]
        names, places, bases, numbers = zip(*found, strict=True)
        if len(set(names)) > 1 or list(map(int, places)) != list(range(len(places))):
            return block[0]
        words = (f"{int(number):x}" if base == "d" else number for base, number in zip(bases, numbers, strict=True))
        path = Path(folder) / f"{block.start()}.hex"
        path.write_text("\n".join(words) + "\n", encoding="ascii")
        return f'{block[1]}initial $readmemh("{path.name}", {names[0]});' + "\n" * (len(places) + 1)

    return _BLOCK.sub(as_file, text)


def read_verilog(design: Any, path: Path | str) -> None:
    """Read a Verilog file into ``design``, a pyosys ``Design``. The process has another working folder meanwhile."""
    from pyosys import libyosys

    text, before = Path(path).read_text(encoding="utf-8"), os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "design.v").write_text(with_files(text, folder), encoding="utf-8")
        os.chdir(folder)
        try:
            libyosys.run_pass("read_verilog design.v", design)
        finally:
            os.chdir(before)
