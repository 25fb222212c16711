"""``fewbit pe``: processing elements on their own, as Verilog with a bench."""

from pathlib import Path
from typing import Annotated

import typer

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.hw.targets.named import USUAL, target_named

from .kinds import BITS, COUNT, FOLDER
from .options import Showing, TargetName, TargetOption
from .registry import command

__all__ = ["pe"]

_TARGET = TargetName(USUAL.name)


@command(rank=35, epilog="Example: `fewbit pe --weights ternary --activations uint4 --simd 64 --pe 8 -o pe/`")
def pe(
    *,
    weights: Annotated[str, typer.Option("--weights", help="Format: `bipolar`, `ternary`, `int4`, `uint2`, …")],
    activations: Annotated[str, typer.Option("--activations", help="Format: `uint4`, `int8`, `bipolar`, …")],
    simd: Annotated[
        int, typer.Option("--simd", **COUNT, help="Products of each dot product a cycle.")
    ] = defaults.ELEMENT_LANES,
    pe: Annotated[int, typer.Option("--pe", **COUNT, help="Dot products at a time.")] = defaults.ELEMENTS,
    steps: Annotated[
        int, typer.Option("--steps", **COUNT, help="Cycles of a dot product; with 1 nothing is accumulated.")
    ] = defaults.ELEMENT_STEPS,
    acc: Annotated[
        int | None, typer.Option("--acc", **BITS, help="Bits of accumulators; default: as many as no sum needs more.")
    ] = None,
    target: TargetOption = _TARGET,
    directory: Annotated[
        Path | None, typer.Option("-o", "--directory", **FOLDER, help="Where to write; default `build/pe`.")
    ] = None,
    run: Annotated[bool, typer.Option("--sim", help="Run the bench in Verilator.")] = False,
    showing: Showing,
):  # fmt: skip
    """Write processing elements as Verilog with their cocotb bench: LUTs and latency."""
    needs(*(["sim"] if run else []))
    from fewbit.flow.elements.processing_elements import write_elements

    report = showing.reporter()
    found = write_elements(
        weights, activations, target_named(str(target)), report, pe=pe, simd=simd, steps=steps, acc_bits=acc,
        directory=directory, run=run,
    )  # fmt: skip
    report.show(found, _table)


def _table(report, r):
    report.table(["port", "", "bits", "meaning"], [(p.port, p.direction, p.bits, p.meaning) for p in r.ports])
    counted = "by Yosys" if r.luts_by == "Yosys" else "by formula (extra `synth` counts them with Yosys)"
    flops = "" if r.ff is None else f", {r.ff:,} flip-flops"
    report.line(f"{r.pe} PEs of {r.simd} products ({r.activations} x {r.weights}): {r.luts:,} LUTs {counted}{flops}")
    if r.luts_by == "Yosys":
        report.line(f"by formula: {r.luts_by_formula:,} LUTs")
    report.line(f"latency {r.latency} cycles from the last of {r.steps} steps to the results")
    report.line(f"a dot product is {r.scale} * (o - init) + the sum of its weights' offsets (pe.json)")
    if r.simulated:
        report.line("bench in Verilator: passed, every result and cycle")
    report.line(f"written to {r.directory}: {r.verilog.name}, {r.bench.name}, pe.json")
