# amaranth: UnusedElaboratable=no
"""The page of costs: computed from results, by units that do what they say."""

import re
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from amaranth.back import verilog
from amaranth.hdl import unsigned
from amaranth.sim import Simulator

from bench.cost.formats import FLOAT, FORMATS
from bench.cost.measure import MeasuredDesign, designs, measure
from bench.cost.page import cost_table, page, ratio
from bench.cost.picture import picture
from bench.cost.units import LutProducts, Products, product_bits
from fewbit.golden.numbers.formats import Bipolar, Signed, Unsigned
from fewbit.hw.xilinx.models import MODELS
from fewbit.hw.xilinx.pe_plans import LutIntegerPEPlan
from tests.support.targets import XILINX

PAIRS = [(f.x, f.w) for f in FORMATS if f.x.bits + f.w.bits <= 8]
SMALL = [pair for pair in PAIRS if pair[0].bits + pair[1].bits <= 5]


def fake(luts=1):
    """A result for every design; its LUTs follow from the key so that no two are alike."""
    found = {}
    for n, d in enumerate(designs()):
        lut = (1000 + 10 * n) * d.lanes if d.format == FLOAT else (luts + n) * d.lanes
        dsp = 2 * d.lanes if d.form == "DSPs" else 0
        found[d.key] = MeasuredDesign(format=d.format, unit=d.unit, form=d.form, lanes=d.lanes, lut=lut, ff=3 * d.lanes,
                                dsp=dsp, carry4=0, levels=n % 7)  # fmt: skip
    return found


def test_ratios_are_of_the_widest_and_like_for_like():
    found = fake()
    name = "bipolar x bipolar"
    for unit, form, dsp in product(("multiplier", "PE"), ("operators", "primitives"), (False, True)):
        lanes = max(key[3] for key in found if key[:3] == (name, unit, form))
        own = found[name, unit, form, lanes]
        other = found[FLOAT, unit, "DSPs" if dsp else form, 1 if unit == "multiplier" else 8]
        assert ratio(found, name, unit, form, dsp=dsp) == (other.lut / other.lanes) / (own.lut / lanes)
    sums = found[name, "sum", "operators", 256].lut / 256
    assert ratio(found, name, "sum", "operators", dsp=False) == found[FLOAT, "PE", "operators", 8].lut / 8 / sums
    assert ratio(found, "8 x 8 bits", "multiplier", "primitives", dsp=False) is None


def test_page_shows_what_was_found():
    found = fake()
    rows = cost_table(found, "PE").splitlines()[2:]
    assert len(rows) == sum(key[1] == "PE" for key in found)
    m = found["2 x 2 bits", "PE", "primitives", 256]
    wanted = f"| 2 x 2 bits | primitives | 256 | {m.lut:,} | {m.lut / 256:.1f} | 3.00 | 0 | {m.levels} |"
    assert wanted in rows
    text = page(found)
    assert wanted in text
    assert text != page(fake(luts=5))
    assert f"takes {found[FLOAT, 'multiplier', 'operators', 1].lut:,} LUTs, an XNOR" in " ".join(text.split())
    for part in re.findall(r"^## (.*)$", text, re.MULTILINE):
        assert len(text.split(f"## {part}\n")[1].split("\n## ")[0].strip()) > 50
    assert "{" not in text and "None" not in text


def test_picture_is_the_same_for_the_same_results():
    first = picture(fake())
    assert first == picture(fake()) and first != picture(fake(luts=5))
    assert first.lstrip().startswith(b"<?xml") and b"bipolar x bipolar" in first


def test_every_format_is_measured_in_every_way():
    keys = {d.key[:3] for d in designs()}
    for f in FORMATS:
        assert {(f.name, unit, form) for unit in ("PE", "sum") for form in ("operators", "primitives")} <= keys
        assert (f.name, "multiplier", "operators") in keys
    assert {
        (FLOAT, unit, form) for unit in ("PE", "multiplier") for form in ("operators", "primitives", "DSPs")
    } <= keys
    assert len(designs()) == len({d.key for d in designs()})


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize("form", ["operators", "primitives"])
def test_a_real_bipolar_pe(form):
    """64 lanes and an accumulator: about a LUT a lane built from primitives, about twice that in operators."""
    design = next(d for d in designs() if d.key == ("bipolar x bipolar", "PE", form, 64))
    found = measure(design)
    assert found.dsp == 0 and found.lanes == 64
    if form == "primitives":
        pe = LutIntegerPEPlan(x_format=Bipolar(), w_format=Bipolar(), simd=64, acc_shape=unsigned(16), target=XILINX)
        assert pe.luts <= found.lut <= pe.luts + 2 and found.lut / 64 < 1.2 and found.levels == 4
    else:
        assert 1.2 < found.lut / 64 < 3 and found.levels <= 12
    assert found.path.ns > 1


# Units


def wanted(x_format, w_format, x, w):
    bits = product_bits(x_format, w_format)
    value = x_format.decode(x) * w_format.decode(w)
    return (value + 1) // 2 if bits == 1 else value & ((1 << bits) - 1)


@pytest.mark.parametrize(("x_format", "w_format"), PAIRS, ids=str)
def test_products_are_products(x_format, w_format):
    x_codes, w_codes = (f.encode(f.values) for f in (x_format, w_format))
    x, w = (np.array(c) for c in zip(*product(x_codes, w_codes), strict=True))
    dut = Products(x_format=x_format, w_format=w_format, lanes=len(x))
    found = []

    async def bench(ctx):
        for s in range(len(x)):
            ctx.set(dut.x[s], int(x[s]))
            ctx.set(dut.w[s], int(w[s]))
        found.extend(ctx.get(dut.o[s]) for s in range(len(x)))

    simulator = Simulator(dut)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == wanted(x_format, w_format, x, w).tolist() and len(set(found)) > 1


PROOF = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
print("proved")
"""


def proved(folder, gold, gate):
    """SAT: equal for all inputs."""
    commands = []
    for name, unit in ("gold", gold), ("gate", gate):
        (folder / f"{name}.v").write_text(verilog.convert(unit, name=name, emit_src=False) + MODELS)
        commands += [f"read_verilog -DVERILATOR {folder}/{name}.v", f"prep -flatten -top {name}",
                     f"design -stash {name}"]  # fmt: skip
    commands += [*(f"design -copy-from {name} -as {name} {name}" for name in ("gold", "gate")),
                 "miter -equiv -flatten -make_assert gold gate miter", "hierarchy -top miter",
                 "sat -verify -prove-asserts -set-def-inputs miter"]  # fmt: skip
    done = subprocess.run([sys.executable, "-c", PROOF, *commands], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.rstrip().endswith("proved")


@pytest.mark.sampled(3)
@pytest.mark.tools
@pytest.mark.parametrize(("x_format", "w_format"), SMALL, ids=str)
def test_lut_products_are_proved_to_be_products(x_format, w_format, scratch):
    units = [kind(x_format=x_format, w_format=w_format, lanes=3) for kind in (Products, LutProducts)]
    assert proved(scratch, *units)


def test_lut_products_need_operands_that_fit():
    with pytest.raises(ValueError, match="must have 5 bits together, not 8"):
        LutProducts(x_format=Unsigned(4), w_format=Signed(4), lanes=1)
