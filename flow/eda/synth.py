"""What a design costs: Yosys's ``synth_xilinx``, counted by `flow.eda.resources`.

Yosys runs inside a process of its own, ``python -m fewbit.flow.eda.synth`` (`flow.eda.toolrun` says why). Results are
kept under ``build/cache/synth/`` by the content of the Verilog, the options and the version of Yosys.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fewbit.flow.cache import Store, atomic_write, digest
from fewbit.places import CACHE
from fewbit.sim import memory_files

from .longest_path import LongestPath, longest_paths
from .read_verilog import read_verilog
from .resources import Resources, count
from .toolrun import ToolError, run_tool

__all__ = ["FAMILIES", "SynthesisError", "synthesize", "synthesize_parts"]

FAMILIES = ("xc7", "xcu", "xcup")
"""Families of devices as ``synth_xilinx`` names them: of series 7, UltraScale and UltraScale+."""

_SOURCE = (
    *(
        Path(__file__).with_name(f"{name}.py")
        for name in ("synth", "resources", "longest_path", "primitive_timing", "read_verilog")
    ),
    Path(memory_files.__file__),
)
_STATISTICS, _NETLIST = "statistics.json", "netlist.json"  # in the folder of a run


class SynthesisError(ToolError):
    """Yosys failed, ran out of time or left something unmapped; ``log`` is the path of what it printed."""


def synthesize(
    verilog_path: Path | str,
    top: str,
    *,
    family: str = "xc7",
    dsp: bool = True,
    timeout: float = 1800,
    directory: Path | str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> Resources:
    """Return the `Resources` of module ``top`` of a Verilog file, without pads and clock buffers (out of context).

    Parameters
    ----------
    verilog_path : path
        One Verilog file that holds the whole design.
    top : str
        Name of the top module.
    family : str
        One of `FAMILIES`; ``"xc7"`` is Artix-7, Kintex-7, Zynq-7000.
    dsp : bool
        Whether multipliers may become DSP blocks.
    timeout : float
        Seconds before Yosys is stopped.
    directory : path or None
        Where results and logs are kept; ``synth`` in the cache if not given.
    progress : callable or None
        Called about once a second as ``progress(seconds, text)``, where the text is Yosys's present step.

    Raises
    ------
    ValueError
        If a parameter is none of those that there are.
    SynthesisError
        If Yosys fails, takes too long, or leaves something unmapped.
    """
    options = _options(top, family, dsp, timeout)
    store = Store(directory=directory or CACHE / "synth")
    verilog = Path(verilog_path).read_bytes()
    key = digest(verilog, options, *_SOURCE)
    kept = store[key]
    if kept is None:
        design, _ = _run(verilog, options, store.path(key, ".log"), timeout, progress)
        store[key] = kept = design.to_dict()
    return Resources.from_dict(kept)


def synthesize_parts(
    verilog_path: Path | str,
    top: str,
    parts: Mapping[str, str],
    *,
    family: str = "xc7",
    dsp: bool = True,
    timeout: float = 1800,
    directory: Path | str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> dict[str, Resources]:
    """Return the `Resources` of some modules by name, each with what is inside it, and of the rest as ``""``.

    Parameters
    ----------
    parts : mapping of str to str
        Name of a module in the Verilog file, by the name that it gets. Their boundaries are kept, so together they
        take a little more than `synthesize` says.
    verilog_path, top, family, dsp, timeout, directory, progress
        As `synthesize` takes them.

    Raises
    ------
    ValueError
        If a parameter is none of those that there are.
    SynthesisError
        If Yosys fails, takes too long, or leaves something unmapped.
    """
    options = _options(top, family, dsp, timeout, keep=list(parts.values()))
    store = Store(directory=directory or CACHE / "synth")
    verilog = Path(verilog_path).read_bytes()
    key = digest(verilog, options, list(parts), *_SOURCE)
    kept = store[key]
    if kept is None:
        _, modules = _run(verilog, options, store.path(key, ".log"), timeout, progress)
        store[key] = kept = {name: modules[module].to_dict() for name, module in {**parts, "": top}.items()}
    return {name: Resources.from_dict(resources) for name, resources in kept.items()}


def _options(top: str, family: str, dsp: bool, timeout: float, keep: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a result depends on besides the Verilog; refuse what Yosys cannot take.

    The boundaries of the modules ``keep`` are kept.
    """
    if family not in FAMILIES:
        raise ValueError(f"Family must be one of {', '.join(FAMILIES)}, not {family!r}")
    if not re.fullmatch(r"[A-Za-z_][\w$]*", top):
        raise ValueError(f"Top must be the plain name of a Verilog module, not {top!r}")
    if not timeout > 0:
        raise ValueError(f"Timeout must be more than 0 seconds, not {timeout!r}")
    return {"top": top, "family": family, "dsp": bool(dsp), "keep": list(keep), "pyosys": version("pyosys")}


def _run(verilog, options, log, timeout, progress):
    """Run Yosys in a process and a folder of its own; return `Resources` of the design, and of its modules by name.

    ``verilog`` is what the key was made from: a file that is replaced meanwhile cannot give its figures to that key.
    """
    work = log.with_name(f"{log.stem}.{os.getpid()}")
    work.mkdir(parents=True, exist_ok=True)
    (work / "design.v").write_bytes(verilog)
    job = {"work": str(work.resolve()), **options}
    try:
        run_tool(
            "fewbit.flow.eda.synth", job, log, tool="Yosys", task=f"synthesize {options['top']}", timeout=timeout,
            progress=progress, error=SynthesisError,
        )  # fmt: skip
        found = json.loads((work / _STATISTICS).read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    paths = {name: path and LongestPath.from_dict(path) for name, path in found["paths"].items()}
    modules = {
        name: _counted(module, paths[name], options, log)
        for name, module in ((name.removeprefix("\\"), module) for name, module in found["modules"].items())
    }
    return _counted(found["design"], paths[options["top"]], options, log), modules


def _counted(design, path, options, log):
    """Return the `Resources` of what Yosys counted in a design or a module."""
    cells = design.get("num_cells_by_type", {})
    cells.pop("$scopeinfo", None)  # where a flattened module was; not a circuit
    unmapped = sorted(kind for kind in cells if kind.startswith("$"))
    if unmapped:
        raise SynthesisError(f"Yosys left cells of kind {', '.join(unmapped)} in {options['top']} unmapped", log=log)
    return count(cells, lc=design.get("estimated_num_lc", 0), path=path)


def main(argv: Sequence[str]) -> None:
    """Synthesize what the JSON argument says and write Yosys's statistics; an error ends the process."""
    parser = argparse.ArgumentParser(
        prog="python -m fewbit.flow.eda.synth", description="One Yosys run of `synthesize`."
    )
    parser.add_argument("job", type=json.loads, help="JSON: work, top, family, dsp, keep")
    job = parser.parse_args(argv).job
    from pyosys import libyosys

    os.chdir(job["work"])  # relative names alone: a path may have characters that Yosys does not read as it is
    design = libyosys.Design()
    options = "-flatten -noiopad -noclkbuf" + ("" if job["dsp"] else " -nodsp")
    if _asks_for_ultra_ram(Path("design.v")):
        options += " -uram"
    synth = f"synth_xilinx -top {job['top']} -family {job['family']} {options} -run"
    read_verilog(design, "design.v")
    for command in (
        *(f"setattr -mod -set keep_hierarchy 1 {module}" for module in job["keep"]),
        # Amaranth names the elements of an array port "x[0]" beside "x"; ABC9 can stumble over both in one module.
        "rename -hide w:*[*",
        "read_verilog -lib -specify +/xilinx/cells_sim.v",
    ):
        libyosys.run_pass(command, design)
    # What `synth_xilinx` reads first takes most of a small design's time: the cells of families before and after the
    # seventh series, and the maps of memories. They are read where there is something that needs them.
    known = (kind.startswith("$") or design.module(libyosys.IdString(kind)) for kind in _kinds(design))
    if job["family"] != "xc7" or not all(known):
        libyosys.run_pass("read_verilog -lib +/xilinx/cells_xtra.v", design)
    libyosys.run_pass(f"hierarchy -check -top {job['top']}", design)
    libyosys.run_pass(f"{synth} prepare:map_memory", design)
    # What is in a block RAM changes no count, and takes techmap half a second a block.
    libyosys.run_pass("setparam -set INIT 1'bx t:$mem_v2 a:rom_style=block %i", design)
    begin = "map_memory" if any(kind.startswith("$mem") for kind in _kinds(design)) else "map_ffram"
    for command in (
        f"{synth} {begin}:",
        f"tee -q -o {_STATISTICS} stat -json -tech xilinx",
        f"write_json -selected {_NETLIST}",
    ):
        libyosys.run_pass(command, design)
    _add_paths(Path(_STATISTICS), Path(_NETLIST))


def _asks_for_ultra_ram(verilog: Path) -> bool:
    """Return whether a design has a memory that is to be UltraRAM: only then Yosys may take some."""
    return re.search(r'ram_style = "ultra"', verilog.read_text(encoding="utf-8")) is not None


def _kinds(design):
    return {cell.type.str() for module in design.all_selected_modules() for cell in module.selected_cells()}


def _add_paths(statistics, netlist):
    """Write the longest path of every module beside what Yosys counted."""
    found = json.loads(statistics.read_text(encoding="utf-8"))
    paths = longest_paths(json.loads(netlist.read_text(encoding="utf-8")))
    found["paths"] = {name: path and path.to_dict() for name, path in paths.items()}
    atomic_write(statistics, json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
