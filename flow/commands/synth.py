"""``fewbit synth``: what a build costs by Yosys, layer by layer and in all."""

from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults

from .options import Build, PartsFile, Showing
from .registry import command

__all__ = ["synth"]


@command(rank=40, epilog="Example: `fewbit synth build/w1a1 --part xc7z020`")
def synth(
    *, directory: Build,
    part: Annotated[str, typer.Option("--part", help="Device whose shares are shown.")] = defaults.SYNTHESIS_PART,
    ip: Annotated[bool, typer.Option("--ip", help="The IP block: accelerator, registers and counters.")] = False,
    parts: PartsFile = None,
    showing: Showing,
):  # fmt: skip
    """Synthesize a build with Yosys: LUTs, flip-flops, carries, memory and DSPs by layer and in all."""
    needs("synth")
    from fewbit.flow.project.synthesized import synth_build

    report = showing.reporter()
    report.show(synth_build(directory, part, report, ip=ip, parts=parts), _table)


def _table(report, r):
    kinds = {"lut": "LUTs", "lutram": "as RAM", "ff": "FFs", "carry4": "CARRY4", "carry8": "CARRY8", "muxf": "MUXF",
             "bram18": "BRAM18", "bram36": "BRAM36", "dsp": "DSPs"}  # fmt: skip
    found = r.stages | {"flattened": r.total}
    always = ("lut", "ff", "dsp")  # the others where there are any
    kinds = {k: name for k, name in kinds.items() if k in always or any(getattr(row, k) for row in found.values())}
    on_path = {"lut": "LUT levels", "carry": "carry bits"}
    rows = [
        (name, *(f"{getattr(row, kind):,}" for kind in kinds), *(getattr(row.path, kind, "–") for kind in on_path))
        for name, row in found.items()
    ]
    least = ("carry bits", "CARRY4", "CARRY8", "MUXF", "as RAM", "LUT levels")
    report.table(["stage", *kinds.values(), *on_path.values()], rows, least=least)
    if path := r.total.path:
        report.line(f"longest path, flattened: {_levels(path)}; about {path.ns:g} ns, nets assumed")
        report.line(f"from {path.start} to {path.end}")
    shares = {"LUTs": "lut", "FFs": "ff", "DSPs": "dsp", "BRAMs": "bram18"}
    text = ", ".join(f"{name} {r.use[kind]:.1%}" for name, kind in shares.items())
    report.line(f"share of an {r.part}, flattened: {text}")
    report.line(f"assumed: {'; '.join(r.assumed)}")
    report.line(f"by Yosys; arrays: {r.target}; written to {r.directory}/{r.written}")


def _levels(path):
    """Say in words what lies on a path."""
    words = {"lut": "LUT level", "muxf": "wide multiplexer", "carry": "carry bit", "dsp": "DSP"}
    counts = {word: getattr(path, kind) for kind, word in words.items() if getattr(path, kind) or kind == "lut"}
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())
