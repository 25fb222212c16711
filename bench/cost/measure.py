"""What a multiplication costs is measured in every format.

``python -m bench.cost.measure`` writes ``docs/cost.md`` and its picture.

Every figure comes from one run of one tool: `flow.eda.synth`, Yosys's ``synth_xilinx`` for 7-series parts, before place
and route. Results are kept by content, so that a second run takes seconds.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from amaranth.back import verilog

from fewbit.flow.cache import atomic_write, digest, source_digest
from fewbit.flow.commands.report import Reporter
from fewbit.flow.eda.synth import synthesize
from fewbit.golden.numbers.formats import Bipolar
from fewbit.hw.arrays.dsp_plans import DspArrayPlan
from fewbit.hw.arrays.float32 import FloatPE
from fewbit.hw.arrays.float32_plan import FloatArrayPlan
from fewbit.hw.float32.units import FloatAdd, FloatMul
from fewbit.hw.heap.pe_plans import IntegerPEPlan
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.named import DEFAULT, USUAL
from fewbit.hw.xilinx.dsp_packing import best_packing
from fewbit.hw.xilinx.pe_plans import LutIntegerPEPlan
from fewbit.places import BUILD, HOME

from .formats import FLOAT, FORMATS
from .results import MeasuredDesign
from .units import LutProducts, Products, SumOfProducts

__all__ = ["Design", "MeasuredDesign", "designs", "measure"]

PAGE, PICTURE = HOME / "docs" / "cost.md", HOME / "docs" / "cost.svg"
WORKERS = 2
STEPS = 64  # of a dot product: enough that it accumulates
_ELABORATION = threading.Lock()  # Amaranth is not made for threads
_SOURCES = source_digest("golden", "hw"), digest(HOME / "bench" / "cost" / "units.py")


FLOAT_LANES = (1, 4, 8)


@dataclass(frozen=True, kw_only=True)
class Design:
    """A unit to synthesize.

    Attributes
    ----------
    format : str
        The name of a `formats.FormatPair`, or float32.
    unit : str
        "multiplier", "sum" (products added, no accumulator), "PE" or "adder".
    form : str
        "operators", "primitives" (built from LUTs on purpose), "smallest" (likewise, without a limit of levels) or
        "DSPs".
    lanes : int
        The number of products.
    make : functools.partial
        Makes the Amaranth component; its parts are what the Verilog is kept by.
    """

    format: str
    unit: str
    form: str
    lanes: int
    make: partial

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What tells it from all others."""
        return self.format, self.unit, self.form, self.lanes


def designs() -> list[Design]:
    """Return every `Design` of the page, the long ones first."""
    found = [*_float_designs()]
    for f in FORMATS:
        codes = {"x_format": f.x, "w_format": f.w}
        common = codes | {"acc_shape": IntShape(f.bits)}
        most = f.lanes[-1]
        for form, kind, target in ("operators", IntegerPEPlan, DEFAULT), ("primitives", LutIntegerPEPlan, USUAL):
            for lanes in f.lanes:
                found.append(_design(f.name, "PE", form, lanes, _made, kind, target=target, simd=lanes, **common))
            found.append(_design(f.name, "sum", form, most, SumOfProducts, kind, target=target, simd=most, **common))
        alone = 64 if f.x.bits < 4 else 8  # side by side, so that two may share a LUT
        found.append(_design(f.name, "multiplier", "operators", alone, Products, lanes=alone, **codes))
        if f.x.bits + f.w.bits <= 5:
            found.append(_design(f.name, "multiplier", "primitives", alone, LutProducts, lanes=alone, **codes))
        for lanes in (most, *([512] if f.x == f.w == Bipolar() else [])):
            smallest = {"target": USUAL, "simd": lanes, "smallest": True}
            found.append(_design(f.name, "PE", "smallest", lanes, _made, LutIntegerPEPlan, **smallest, **common))
        if f.x.bits == 8:
            found.append(_design(f.name, "multiplier", "DSPs", alone, Products, lanes=alone, **codes))
        if f.x.bits >= 4:
            found += _dsp_arrays(f, common, most)
    return sorted(found, key=lambda d: (d.format != FLOAT, -d.lanes))


def _dsp_arrays(f, common, most) -> Iterator[Design]:
    """Yield arrays of neurons that share multipliers.

    One takes an input at a time, the other as many as make ``most`` products a cycle.
    """
    packing = best_packing(f.x, -f.w.hi, f.w.hi)
    for simd in (1, most // packing.weights):
        yield _design(
            f.name, "PE", "DSPs", packing.weights * simd, _made, DspArrayPlan, packing=packing, pe=packing.weights,
            simd=simd, steps=STEPS, lanes=packing.weights, target=USUAL, **common,
        )  # fmt: skip


def _float_designs():
    # Written for DSPs, and mapped without: what synthesis makes of `*`.
    for form, dsp in ("operators", True), ("primitives", False), ("DSPs", True):
        yield _design(FLOAT, "multiplier", form, 1, FloatMul, dsp=dsp)
        for lanes in FLOAT_LANES:
            yield _design(FLOAT, "PE", form, lanes, _float_pe, simd=lanes, steps=STEPS, dsp=dsp)
    yield _design(FLOAT, "adder", "operators", 1, FloatAdd)


def _made(kind, **options):
    """Return the hardware of a plan of that kind."""
    return kind(**options).make()


def _float_pe(**options):
    return FloatPE(FloatArrayPlan(pe=1, lanes=1, **options))


def _design(name, unit, form, lanes, kind, /, *args, **options):
    return Design(format=name, unit=unit, form=form, lanes=lanes, make=partial(kind, *args, **options))


def _verilog(design: Design) -> Path:
    """Return the file of the design's Verilog, which is written once: it is named by what the design is made from."""
    key = digest(
        repr(design.make.args), repr(sorted(design.make.keywords.items())), design.make.func.__name__, *_SOURCES
    )
    path = BUILD / "cost" / f"{key}.v"
    if not path.exists():
        with _ELABORATION:
            text = verilog.convert(design.make(), name="top", emit_src=False, strip_internal_attrs=True)
        atomic_write(path, text)
    return path


def measure(design: Design) -> MeasuredDesign:
    """Synthesize a design and return what it takes."""
    found = synthesize(_verilog(design), "top", dsp=design.form == "DSPs", timeout=1200)
    return MeasuredDesign(
        format=design.format, unit=design.unit, form=design.form, lanes=design.lanes, lut=found.lut, ff=found.ff,
        dsp=found.dsp, carry4=found.carry4, levels=found.path.levels if found.path else 0, path=found.path,
    )  # fmt: skip


def measure_all(report: Reporter) -> dict[tuple[str, str, str, int], MeasuredDesign]:
    """Synthesize all designs and return what they take, by key; the report says when each is done."""
    todo, begin = designs(), time.monotonic()
    found = {}
    with ThreadPoolExecutor(WORKERS) as pool, report.counting("cost: synthesizing", len(todo)) as progress:
        running = {pool.submit(measure, design): design for design in todo}
        for future in as_completed(running):
            design, result = running[future], future.result()
            found[design.key] = result
            progress(len(found))
            what = f"{design.format} {design.unit} in {design.form}, {design.lanes} lanes"
            seconds = time.monotonic() - begin
            report.say(f"{len(found)} of {len(todo)}, {seconds:.0f} s: {what}: {result.lut:,} LUTs, {result.dsp} DSPs")
    return found


def main() -> None:
    """Measure everything, and write the page and its picture."""
    from .page import page
    from .picture import picture

    report = Reporter()
    found = measure_all(report)
    table = [m.to_dict() for m in found.values()]
    atomic_write(BUILD / "cost" / "cost.json", _json(table))
    atomic_write(PICTURE, picture(found))
    atomic_write(PAGE, page(found))
    report.say(f"written: {PAGE.relative_to(HOME)} and {PICTURE.relative_to(HOME)}")


def _json(value):
    import json

    return json.dumps(value, indent=1) + "\n"


if __name__ == "__main__":
    main()
