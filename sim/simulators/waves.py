"""What waveforms leave out, and whether they can be FST.

The cells of LUTs and carry chains, and the wires between them, are most of a design's signals, and say nothing to
people. Modules that are left out have marks of Verilator around them, which other simulators read too.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache

__all__ = ["FST", "VCD", "fst_problem", "instances", "scopes", "without_cells"]

FST, VCD = "dump.fst", "dump.vcd"
"""Files of waveforms, in the folder of a run."""
_OFF, _ON = "/*verilator tracing_off*/ ", "/*verilator tracing_on*/"
_MODULE = re.compile(r"^module (\\\S+ |\w+)(.*?)^endmodule", re.MULTILINE | re.DOTALL)
_INSTANCE = re.compile(r"^ +(\\\S+ |\w+)\s+(?:#\(.*?\)\s*)?(\\\S+ |\w+)\s*\($", re.MULTILINE)
_NO_INSTANCES = {"module", "if", "case", "else", "begin", "function", "always", "initial"}
_HEADERS = {"lz4.h": "liblz4-dev", "zlib.h": "zlib1g-dev"}


def without_cells(verilog: str, top: str) -> str:
    """Return Verilog, with no line more or less, whose primitives and netlists of them leave no waveforms.

    The names of all modules but those of primitives begin with that of the module ``top``.
    """
    known = {found[1].strip().lstrip("\\"): found[2] for found in _MODULE.finditer(verilog)}
    primitives = [name for name in known if not name.startswith(top)]
    if not primitives:
        return verilog
    of_primitives = re.compile(rf"^ +(?:{'|'.join(map(re.escape, primitives))})\s", re.MULTILINE)
    hidden = {name for name, body in known.items() if name in primitives or of_primitives.search(body)}

    def marked(found: re.Match[str]) -> str:
        return f"{_OFF}{found[0]}{_ON}" if found[1].strip().lstrip("\\") in hidden else found[0]

    return _MODULE.sub(marked, verilog)


def scopes(verilog: str, top: str) -> list[str]:
    """Return the instances that leave waveforms, by their paths in Verilog, if `without_cells` has left others out.

    Where it has not, the list is empty.
    """
    return list(_walk(verilog, top)) if _OFF in verilog else []


def instances(verilog: str, top: str) -> list[str]:
    """Return the paths of all instances that leave waveforms, as these have them."""
    return [path.replace("\\", "").replace(" ", "") for path in _walk(verilog, top)]


def _walk(verilog: str, top: str) -> Iterator[str]:
    hidden = {name.strip() for name in re.findall(rf"{re.escape(_OFF)}module (\\\S+ |\w+)", verilog)}
    modules = {found[1].strip(): found[2] for found in _MODULE.finditer(verilog)}

    @cache
    def inside(module: str) -> tuple[tuple[str, str], ...]:
        return tuple(
            (kind.strip(), f"{name.strip()} " if name.startswith("\\") else name)
            for kind, name in _INSTANCE.findall(modules[module])
            if kind.strip() in modules and kind.strip() not in hidden | _NO_INSTANCES
        )

    def walk(module: str, path: str) -> Iterator[str]:
        yield path
        for kind, name in inside(module):
            yield from walk(kind, f"{path}.{name}")

    return walk(top, top)


@cache
def fst_problem() -> str | None:
    """Return what keeps Verilator from writing FST on this machine, with the packages to install; None if nothing does.

    Verilator compiles its writer, which needs two libraries that come with its package as little as a compiler does.
    """
    compiler = shutil.which("c++")
    for header, package in _HEADERS.items():
        source, command = f"#include <{header}>\n".encode(), [compiler or "c++", "-E", "-x", "c++", "-"]
        if compiler is None or subprocess.run(command, input=source, capture_output=True, check=False).returncode:
            return f"{header} is missing: install the Debian package {package} for waveforms in FST, which is smaller"
    return None
