"""``fewbit pe``: an array of processing elements as Verilog with its bench, its LUTs and its latency."""

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fewbit.extras import missing_of, needs
from fewbit.flow import defaults
from fewbit.flow.cache import BuildStage, atomic_write, source_digest
from fewbit.flow.reporting import Report
from fewbit.flow.results import JsonResult, maybe
from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import parse_format
from fewbit.hw.arrays.alone import array_alone
from fewbit.hw.arrays.cost import pe_luts
from fewbit.hw.arrays.integer_plan import IntegerArrayPlan
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.shell.verilog import converted
from fewbit.hw.targets.target import Target
from fewbit.places import BUILD, HOME
from fewbit.sim.folders import locked
from fewbit.sim.simulators.run_elements import TOP, run_elements

__all__ = ["ElementPort", "ProcessingElements", "write_elements"]

_BENCH = HOME / "sim" / "benches" / "processing_elements.py"
_MOST_BITS = 1 << 20  # of all operands of a cycle: more is a slip of the keyboard


@dataclass(frozen=True, kw_only=True)
class ElementPort(JsonResult):
    """A port of the module: its direction, its bits, and what they are."""

    port: str
    direction: str
    bits: int
    meaning: str


@dataclass(frozen=True, kw_only=True)
class ProcessingElements(JsonResult):
    """Processing elements that were written to a folder, and what they take.

    Attributes
    ----------
    directory, verilog, bench : Path
        The folder, and the files in it.
    activations, weights : str
        Formats.
    pe, simd, steps : int
        Dot products at a time, products of each a cycle, and cycles of a row.
    acc_bits : int
        Bits of an initial value and of a result.
    latency : int
        Cycles from the last step of a row to its results.
    target : str
        What they are made of.
    luts, luts_by : int, str
        LUTs, and how they were counted: by ``Yosys``, or by ``formula`` where it is not installed.
    luts_by_formula : int
        What the formula says.
    ff : int or None
        Flip-flops, by Yosys.
    scale : int
        A dot product is ``scale * (o - init) + sum(offset(w))``; offsets are in ``pe.json``.
    ports : list of ElementPort
    simulated : bool or None
        True where the bench was run, and passed.
    """

    directory: Path
    verilog: Path
    bench: Path
    activations: str
    weights: str
    pe: int
    simd: int
    steps: int
    acc_bits: int
    latency: int
    target: str
    luts: int
    luts_by: str
    luts_by_formula: int
    ff: int | None
    scale: int
    ports: list[ElementPort]
    simulated: bool | None = maybe()


def write_elements(
    weights: str, activations: str, target: Target, report: Report, *, pe: int = defaults.ELEMENTS,
    simd: int = defaults.ELEMENT_LANES, steps: int = defaults.ELEMENT_STEPS, acc_bits: int | None = None,
    directory: Path | str | None = None, run: bool = False,
) -> ProcessingElements:  # fmt: skip
    """Write processing elements as Verilog with their cocotb bench, and return what they take.

    Parameters
    ----------
    weights, activations : str
        Formats, as ``ternary`` and ``uint4``.
    target : hw.targets.target.Target
    report : flow.reporting.Report
    pe, simd, steps, acc_bits
        As `hw.arrays.alone.array_alone` takes them.
    directory : path or None
        Default ``build/pe``.
    run : bool
        Whether to run the bench in Verilator.

    Raises
    ------
    ValueError
        If a format is none, or is not one of products, or a number is out of its range.
    flow.eda.synth.SynthesisError
        If Yosys fails.
    fewbit.sim.errors.SimulationError
        If the bench fails, or cannot be run.
    """
    x_format, w_format = _format("activations", activations), _format("weights", weights)
    if pe * simd * max(x_format.bits, w_format.bits) > _MOST_BITS:
        raise ValueError(f"{pe:,} PEs of {simd:,} products take more than {_MOST_BITS:,} bits a cycle")
    plan = array_alone(x_format, w_format, pe=pe, simd=simd, steps=steps, acc_bits=acc_bits, target=target)
    folder = Path(directory) if directory else BUILD / "pe"
    with locked(folder):
        verilog = _written(plan, folder, report)
        found = replace(_described(plan, folder), verilog=verilog)
        if not missing_of("synth"):
            found = _synthesized(found, plan, report)
        if run:
            found = replace(found, simulated=_simulated(plan, folder, report))
        atomic_write(folder / "elements.json", json.dumps(found.to_dict(), indent=2) + "\n")
    return found


def _format(what: str, text: str) -> Format:
    try:
        found = parse_format(text)
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None
    if not found.integral:
        raise ValueError(f"{what}: {text} has no products of integers; `fewbit pe` takes formats of integers")
    return found


def _written(plan: IntegerArrayPlan, folder: Path, report: Report) -> Path:
    """Write Verilog, bench and ``pe.json``, if need be, and return the file of Verilog."""
    bench, numbers = _BENCH.read_text(encoding="utf-8"), json.dumps(_numbers(plan), indent=1) + "\n"
    stage = BuildStage(
        directory=folder, name="pe",
        inputs=[numbers, plan.target.fingerprint, bench, source_digest("golden", "hw", "flow")],
    )  # fmt: skip
    fresh = not stage.done
    if fresh:
        with report.working("generating Verilog"):
            text = converted(plan.make(), TOP).text + plan.target.models()
        with stage:
            for name, content in ((f"{TOP}.v", text), ("bench.py", bench), ("pe.json", numbers)):
                atomic_write(folder / name, content)
            stage.outputs = [f"{TOP}.v", "bench.py", "pe.json"]
    report.step("Verilog", fresh, folder / f"{TOP}.v")
    return folder / f"{TOP}.v"


def _numbers(plan: IntegerArrayPlan) -> dict[str, Any]:
    """Return what the bench must know, as JSON can hold it."""
    terms = product_terms(plan.x_format, plan.w_format)
    offsets = terms.offset(plan.w_format.values)
    formats = {
        name: {"format": str(f), "bits": f.bits, "codes": f.encode(f.values).tolist(), "values": f.values.tolist()}
        for name, f in (("x", plan.x_format), ("w", plan.w_format))
    }
    return {
        "top": TOP, "pe": plan.pe, "simd": plan.simd, "steps": plan.steps, "latency": plan.latency,
        "acc_bits": plan.acc_shape.width, "scale": terms.scale, "offsets": offsets.tolist(), **formats,
    }  # fmt: skip


def _described(plan: IntegerArrayPlan, folder: Path) -> ProcessingElements:
    """Return what is known of processing elements before synthesis."""
    acc, luts = plan.acc_shape.width, _formula(plan)
    return ProcessingElements(
        directory=folder, verilog=folder / f"{TOP}.v", bench=folder / "bench.py", activations=str(plan.x_format),
        weights=str(plan.w_format), pe=plan.pe, simd=plan.simd, steps=plan.steps, acc_bits=acc, latency=plan.latency,
        target=plan.target.name, luts=luts, luts_by="formula", luts_by_formula=luts, ff=None,
        scale=product_terms(plan.x_format, plan.w_format).scale, ports=_ports(plan),
    )  # fmt: skip


def _ports(plan: IntegerArrayPlan) -> list[ElementPort]:
    acc, x, w = plan.acc_shape.width, plan.x_format, plan.w_format
    return [
        ElementPort(port=port, direction=direction, bits=bits, meaning=meaning)
        for port, direction, bits, meaning in (
            ("clk", "in", 1, "clock"),
            ("rst", "in", 1, "reset, with the clock"),
            ("x", "in", plan.simd * x.bits, f"{plan.simd} activations of {x}, the first in the lowest bits"),
            ("w", "in", plan.pe * plan.simd * w.bits,
             f"weights of {w}: dot product p has {plan.simd}, from lane p*{plan.simd} on"),
            ("init", "in", plan.pe * acc, "what each dot product begins with, taken with the first step"),
            ("valid", "in", 1, "a step is there"),
            ("first", "in", 1, "it is the first of its row"),
            ("last", "in", 1, "it is the last of its row"),
            ("o", "out", plan.pe * acc, "results in two's complement, the first in the lowest bits"),
            ("o_valid", "out", 1, f"they are there, {plan.latency} cycles after the last step"),
        )
    ]  # fmt: skip


def _formula(plan: IntegerArrayPlan) -> int:
    return round(
        plan.pe * pe_luts(plan.x_format, plan.w_format, plan.simd, plan.acc_shape.width, feedback=plan.steps > 1)
    )


def _synthesized(found: ProcessingElements, plan: IntegerArrayPlan, report: Report) -> ProcessingElements:
    """Return processing elements with what Yosys counts of them."""
    from fewbit.flow.eda.synth import FAMILIES, synthesize

    family = next((part.family for part in plan.target.parts if part.family in FAMILIES), FAMILIES[0])
    with report.stepping("Yosys") as progress:
        used = synthesize(found.verilog, TOP, family=family, progress=progress)
    return replace(found, luts=used.lut, luts_by="Yosys", ff=used.ff)


def _simulated(plan: IntegerArrayPlan, folder: Path, report: Report) -> bool:
    """Run the bench in Verilator; return True, as it passes."""
    needs("sim")
    verilog, began = (folder / f"{TOP}.v").read_bytes(), time.monotonic()
    with report.stepping("Verilator") as progress:
        run_elements(
            verilog, _numbers(plan), folder / "sim", progress=lambda: progress(time.monotonic() - began, "bench")
        )
    return True
