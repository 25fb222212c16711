"""How Yosys reads our Verilog quickly: the first contents of memories as files of hexadecimal words."""

import os
import tempfile
from pathlib import Path
from typing import Any

from fewbit.sim.memory_files import with_memory_files

__all__ = ["read_verilog", "with_files"]


def with_files(text: str, folder: Path | str) -> str:
    """Return Verilog whose memories have their first contents from files in ``folder``, which are written.

    Yosys must work in that folder: it is told their names alone, since not every path can stand in a Verilog string.
    """
    short, files = with_memory_files(text, lambda place, _: f"{place}.hex")
    for name, content in files.items():
        (Path(folder) / name).write_text(content, encoding="ascii")
    return short


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
