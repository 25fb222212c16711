"""The cocotb bench of processing elements that ``fewbit pe`` writes. It needs cocotb alone, and nothing of fewbit.

It stands beside their Verilog as ``bench.py``, with ``pe.json``, which says what they are. There, ``python bench.py``
builds and runs it in Verilator (``SIM=icarus``: in Icarus Verilog); benches of one's own can import `ElementsTB` and
`Elements`.
"""

import json
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge

PERIOD = 10  # ns of a clock cycle
HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Elements:
    """What ``pe.json`` says of processing elements.

    Attributes
    ----------
    top : str
        The module.
    pe, simd, steps : int
        Dot products at a time, products of each a cycle, and cycles of a row.
    latency : int
        Cycles from the last step of a row to its results.
    acc_bits : int
        Bits of an initial value and of a result, in two's complement.
    x, w : dict of int to int
        Values of activations and of weights by their codes.
    x_bits, w_bits : int
        Bits of a code.
    scale : int
    offsets : dict of int to int
        The offset of each value of a weight: ``x * w == scale * heap + offsets[w]``.
    """

    top: str
    pe: int
    simd: int
    steps: int
    latency: int
    acc_bits: int
    x: dict
    w: dict
    x_bits: int
    w_bits: int
    scale: int
    offsets: dict

    @classmethod
    def read(cls, path=None):
        """Return what a file says: by default ``pe.json`` of the working folder, else that beside this file."""
        path = path or next((p for p in (Path("pe.json"), HERE / "pe.json") if p.is_file()), HERE / "pe.json")
        found = json.loads(Path(path).read_text(encoding="utf-8"))
        x, w = (dict(zip(found[k]["codes"], found[k]["values"], strict=True)) for k in ("x", "w"))
        offsets = dict(zip(found["w"]["values"], found["offsets"], strict=True))
        numbers = {k: found[k] for k in ("pe", "simd", "steps", "latency", "acc_bits", "scale")}
        return cls(found["top"], **numbers, x=x, w=w, x_bits=found["x"]["bits"], w_bits=found["w"]["bits"],
                   offsets=offsets)  # fmt: skip

    def results(self, row, init):
        """Return the results of a row, an integer of each dot product: ``init + sum(heap)``, wrapped to `acc_bits`.

        ``row`` has for each step the codes of ``simd`` activations, and of ``simd`` weights of each dot product.
        """
        return [self._wrapped(init[p] + sum(self._heaps(x, w[p]) for x, w in row)) for p in range(self.pe)]

    def dot_products(self, row):
        """Return what the row means: the dot products themselves."""
        return [sum(self.x[a] * self.w[b] for x, w in row for a, b in zip(x, w[p], strict=True))
                for p in range(self.pe)]  # fmt: skip

    def starts(self, row):
        """Return the sum of the offsets of every dot product, which ``o - init`` in units of ``scale`` leaves out."""
        return [sum(self.offsets[self.w[b]] for _, w in row for b in w[p]) for p in range(self.pe)]

    def _heaps(self, x, w):
        pairs = ((self.x[a], self.w[b]) for a, b in zip(x, w, strict=True))
        return sum((a * b - self.offsets[b]) // self.scale for a, b in pairs)

    def _wrapped(self, value):
        half = 1 << self.acc_bits - 1
        return (value + half) % (2 * half) - half

    def packed(self, codes, bits):
        """Return codes side by side, the first in the lowest bits."""
        return sum(code << k * bits for k, code in enumerate(codes))

    def unpacked(self, word):
        """Return the results in a word."""
        mask = (1 << self.acc_bits) - 1
        return [self._wrapped(word >> k * self.acc_bits & mask) for k in range(self.pe)]


class ElementsTB:
    """Clock and reset of processing elements, a step a cycle, and the results that come.

    Attributes
    ----------
    cycle : int
        Number of the cycle.
    found : list of (int, list of int)
        The cycle of each beat of results, and the results.
    """

    def __init__(self, dut, elements):
        self.dut, self.elements, self.cycle, self.found = dut, elements, 0, []
        cocotb.start_soon(Clock(dut.clk, PERIOD, unit="ns").start(start_high=False))

    async def reset(self):
        """Hold the reset for 4 cycles."""
        self.dut.rst.value = 1
        for _ in range(4):
            await self.tick()
        self.dut.rst.value = 0
        await self.tick()
        self.found.clear()

    async def tick(self, x=None, w=None, init=None, *, first=False, last=False):
        """Present a step, or none, for one cycle, and record what comes."""
        e, dut = self.elements, self.dut
        dut.valid.value, dut.first.value, dut.last.value = int(x is not None), int(first), int(last)
        dut.x.value = 0 if x is None else e.packed(x, e.x_bits)
        dut.w.value = 0 if w is None else e.packed([code for lane in w for code in lane], e.w_bits)
        mask = (1 << e.acc_bits) - 1
        dut.init.value = 0 if init is None else e.packed([value & mask for value in init], e.acc_bits)
        await FallingEdge(dut.clk)
        self.cycle += 1
        if int(dut.rst.value) == 0 and int(dut.o_valid.value):
            self.found.append((self.cycle, e.unpacked(int(dut.o.value))))

    async def row(self, row, init, idle=lambda: False):
        """Present a row, with an idle cycle in front of a step whenever ``idle`` says so.

        Returns
        -------
        The cycle in which its last step was there.
        """
        for number, (x, w) in enumerate(row):
            while idle():
                await self.tick()
            first, last = number == 0, number == len(row) - 1
            present = self.cycle
            await self.tick(x, w, init if first else None, first=first, last=last)
        return present


def random_row(elements, rng, x=None, w=None):
    """Return a row of random codes, or of those that ``x`` and ``w`` may be."""
    e = elements
    x, w = list(x or e.x), list(w or e.w)
    return [
        ([rng.choice(x) for _ in range(e.simd)], [[rng.choice(w) for _ in range(e.simd)] for _ in range(e.pe)])
        for _ in range(e.steps)
    ]


async def _compared(dut, rows, idle):
    """Send rows, and compare every result and the cycle in which it comes."""
    e = Elements.read()
    rng, tb, wanted = random.Random(2), ElementsTB(dut, e), []
    await tb.reset()
    for row in rows(e):
        room = 1 << max(0, e.acc_bits - 2)
        init = [rng.randrange(-room, room) for _ in range(e.pe)]
        at = await tb.row(row, init, lambda: rng.random() < idle)
        wanted.append((at + e.latency, e.results(row, init)))
        heaps = [a - b for a, b in zip(wanted[-1][1], init, strict=True)]
        sums = [e.scale * h + s for h, s in zip(heaps, e.starts(row), strict=True)]
        step = e.scale << e.acc_bits  # what an accumulator that wrapped around has lost
        assert all((a - b) % step == 0 for a, b in zip(sums, e.dot_products(row), strict=True))
    for _ in range(e.latency + 8):
        await tb.tick()
    assert tb.found == wanted, "a result differs, or comes in another cycle"
    assert len({tuple(results) for _, results in wanted}) > len(wanted) // 2, "the bench compares one value only"


@cocotb.test()
async def rows_back_to_back(dut):
    """Random rows without a pause."""
    rng = random.Random(1)
    await _compared(dut, lambda e: [random_row(e, rng) for _ in range(40)], idle=0)


@cocotb.test()
async def rows_with_pauses(dut):
    """Random rows with idle cycles in them and between them."""
    rng = random.Random(3)
    await _compared(dut, lambda e: [random_row(e, rng) for _ in range(40)], idle=0.5)


@cocotb.test()
async def rows_of_extremes(dut):
    """Rows of the least and the most that operands can be."""

    def ends(values):
        return [min(values, key=values.get), max(values, key=values.get)]

    await _compared(
        dut,
        lambda e: [random_row(e, random.Random(4), [x], [w]) for x in ends(e.x) for w in ends(e.w) for _ in range(3)],
        idle=0.2,
    )


def main():
    """Build and run the bench in the simulator that ``SIM`` names, and return the number of tests that fail."""
    from cocotb_tools.runner import get_results, get_runner

    simulator, top = os.environ.get("SIM", "verilator"), Elements.read(HERE / "pe.json").top
    runner, work = get_runner(simulator), HERE / "sim_build" / simulator
    options = ["-Wno-fatal", "-Wno-lint", "-Wno-style"] if simulator == "verilator" else ["-g2005"]
    runner.build(sources=[HERE / f"{top}.v"], hdl_toplevel=top, build_dir=work, always=True, build_args=options,
                 timescale=("1ns", "1ps"))  # fmt: skip
    results = runner.test(hdl_toplevel=top, test_module=Path(__file__).stem, build_dir=work, test_dir=work)
    tests, failed = get_results(results)
    print(f"{tests - failed} of {tests} tests passed")
    return failed


if __name__ == "__main__":
    sys.exit(bool(main()))
