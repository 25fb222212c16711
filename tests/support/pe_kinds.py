"""Processing elements of every kind, in several widths, as plans of hardware with the primitives of the 7 series."""

from functools import cache

import numpy as np
from amaranth.back import rtlil, verilog

from fewbit.golden.numbers.formats import Bipolar, PowersOfTwo, Signed, Ternary, Unsigned
from fewbit.hw.arrays.coded_plan import CodedPEPlan, HeapPart
from fewbit.hw.shapes import IntShape
from fewbit.hw.shell.verilog import wake
from fewbit.hw.targets.named import USUAL, target_named
from fewbit.hw.xilinx.pe_plans import LutHeapPEPlan, LutIntegerPEPlan, LutRowsPlan

__all__ = ["KINDS", "module_of", "plan_of", "verilog_of"]

B, T, U, S, P = Bipolar(), Ternary(), Unsigned, Signed, PowersOfTwo


def _products(x_format, w_format, simd, width, *, signed=True, feedback=True, target=USUAL, **more):
    shape = IntShape(width, signed)
    if more:
        return LutIntegerPEPlan(
            x_format=x_format, w_format=w_format, simd=simd, acc_shape=shape, feedback=feedback, target=target, **more
        )
    return target.integer_pe(x_format=x_format, w_format=w_format, simd=simd, acc_shape=shape, feedback=feedback)


def _heap(heights, width, *, feedback=True):
    return LutHeapPEPlan(heights=heights, acc_shape=IntShape(width), feedback=feedback, target=USUAL)


def _rows(x_format, w_format, simd, width):
    return LutRowsPlan(x_format=x_format, w_format=w_format, simd=simd, width=width, target=USUAL)


def _part(x_format, w_format, x_bits, weights):
    return HeapPart(x_format, w_format, x_bits, tuple(w_format.encode(np.array(weights)).tolist()))


def _coded(x_bits, w_bits, parts, simd, width):
    def unit_of(x_format, w_format, acc_shape):
        return USUAL.integer_pe(x_format=x_format, w_format=w_format, simd=simd, acc_shape=acc_shape, feedback=True)

    return CodedPEPlan(
        parts=tuple(parts), unit_of=unit_of, x_bits=x_bits, w_bits=w_bits, simd=simd,
        acc_shape=IntShape(width * len(parts)),
    )  # fmt: skip


KINDS = {
    "bipolar, 1 lane": lambda: _products(B, B, 1, 7),
    "bipolar, 9 lanes": lambda: _products(B, B, 9, 7),
    "bipolar, 64 lanes": lambda: _products(B, B, 64, 10),
    "bipolar in one step": lambda: _products(B, B, 20, 6, feedback=False),
    "bipolar for UltraScale+": lambda: _products(B, B, 27, 9, target=target_named("ultrascale")),
    "bipolar, smallest": lambda: _products(B, B, 20, 11, smallest=True),
    "ternary, 7 lanes": lambda: _products(T, T, 7, 8),
    "ternary, 32 lanes": lambda: _products(T, T, 32, 10),
    "2 bits by ternary": lambda: _products(U(2), T, 16, 8, signed=False),
    "pixels by bipolar": lambda: _products(U(8), B, 9, 12, feedback=False),
    "4 by 4 bits": lambda: _products(U(4), S(4), 8, 14, signed=False),
    "signed 3 by 3 bits, narrow": lambda: _products(S(3), S(3), 5, 6),
    "few bits of many": lambda: _products(S(6), S(4, narrow=True), 3, 9),
    "8 by 7 bits": lambda: _products(U(8), S(7), 2, 18),
    "powers of two": lambda: _products(U(3), P(3, True), 5, 12),
    "signed by powers of two": lambda: _products(S(3), P(4), 3, 10),
    "a heap": lambda: _heap({0: 9, 1: 9, 2: 9, 5: 1}, 10),
    "a heap in one step": lambda: _heap({0: 5, 2: 3}, 10, feedback=False),
    "bipolar rows": lambda: _rows(B, B, 16, 12),
    "4-bit rows": lambda: _rows(U(4), S(4), 3, 12),
    "a codebook": lambda: _coded(2, 3, [_part(U(2), S(4), (0, 1), [-8, -3, -1, 0, 1, 2, 5, 7])], 6, 12),
    "weights of two planes": lambda: _coded(
        1, 2, [_part(B, B, (0,), [-1, 1, -1, 1]), _part(B, B, (0,), [-1, -1, 1, 1])], 6, 9
    ),
    "clusters": lambda: _coded(2, 2, [_part(U(2), U(1), (0, 1), np.eye(4, dtype=int)[k]) for k in range(4)], 5, 8),
    "parts of unlike latency": lambda: _coded(
        4, 4, [_part(U(4), S(4), (0, 1, 2, 3), range(-8, 8)), _part(B, B, (3,), [-1, 1] * 8)], 6, 12
    ),
}  # fmt: skip


@cache
def plan_of(name):
    """Return the plan of a processing element of `KINDS`."""
    return KINDS[name]()


@cache
def verilog_of(*names):
    """Return Verilog of processing elements, each a module `module_of`; by one Yosys, as starting it takes longest."""
    texts = [rtlil.convert(plan_of(name).make(), name=module_of(name), emit_src=False) for name in names]
    return wake(verilog._convert_rtlil_text("\n".join(texts), strip_internal_attrs=True))


def module_of(name):
    """Return the name of its module."""
    return f"pe{list(KINDS).index(name)}"
