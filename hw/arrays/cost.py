"""LUTs of processing elements and memories, before any is built: what a layer's arithmetic is chosen by.

They are those of PEs that are netlists: between the sizes that are counted, a line.
"""

from functools import cache
from math import exp

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.memory.placement import BRAM18_LUTS, Placement, placement_of
from fewbit.hw.xilinx.dot_product import count_best_pe, count_best_rows
from fewbit.hw.xilinx.pe_counts import count_sum

__all__ = ["distinct_columns", "pe_flip_flops", "pe_luts", "rom_luts", "rom_placement", "row_flip_flops", "row_luts"]

_MOST_TERMS = 64  # of a lane: partial products of 8 by 8 bits; PEs of more are not counted one by one
_TERM = 0.82  # LUTs of such a partial product; with one for each column of two sums, within a tenth
_FLIP_FLOPS = 1.8  # for each of those LUTs
_ANCHORS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)  # lanes for which a PE is counted


def pe_luts(x_format: Format, w_format: Format, simd: int, acc: int, feedback: bool) -> float:
    """Return about the LUTs of a PE of ``simd`` lanes with an accumulator of ``acc`` bits.

    Raises
    ------
    ValueError
        If a format has no partial products.
    """
    wide = acc - product_terms(x_format, w_format).exponents[-1] - 1 - simd.bit_length()
    return _between(_counted, x_format, w_format, simd, feedback) + max(0, wide)


def row_luts(x_format: Format, w_format: Format, simd: int) -> float:
    """Return about the LUTs of a PE of ``simd`` lanes without its last sum and accumulator."""
    return _between(_rows_counted, x_format, w_format, simd)


def pe_flip_flops(x_format: Format, w_format: Format, simd: int, acc: int, feedback: bool) -> float:
    """Return about the flip-flops of a PE of ``simd`` lanes with an accumulator of ``acc`` bits.

    Raises
    ------
    ValueError
        If a format has no partial products.
    """
    wide = acc - product_terms(x_format, w_format).exponents[-1] - 1 - simd.bit_length()
    return _between(_flip_flops, x_format, w_format, simd, feedback) + max(0, wide)


def row_flip_flops(x_format: Format, w_format: Format, simd: int) -> float:
    """Return about the flip-flops of a PE of ``simd`` lanes without its last sum and accumulator."""
    return _between(_rows_flip_flops, x_format, w_format, simd)


def _between(counted, x_format, w_format, simd, *more):
    """Return the LUTs of a PE of ``simd`` lanes, on the line between two sizes that are ``counted``."""
    high = next((n for n in _ANCHORS if n >= simd), simd)
    low = max((n for n in _ANCHORS if n <= simd), default=simd)
    ends = [counted(x_format, w_format, n, *more) for n in (low, high)]
    return ends[0] + (ends[1] - ends[0]) * ((simd - low) / (high - low) if high > low else 0)


@cache
def _counted(x_format, w_format, simd, feedback):
    terms = product_terms(x_format, w_format)
    acc = max(terms.exponents) + 1 + simd.bit_length()
    if len(terms.exponents) > _MOST_TERMS:
        return _of_terms(terms, simd) + acc
    if not terms.in_sum:
        heights = tuple((e, simd) for e in terms.exponents)
        return simd * terms.luts + count_sum(heights, acc, feedback).luts
    return count_best_pe(x_format, w_format, simd, acc, feedback).luts


@cache
def _rows_counted(x_format, w_format, simd):
    terms = product_terms(x_format, w_format)
    if len(terms.exponents) > _MOST_TERMS:
        return _of_terms(terms, simd)
    return count_best_rows(x_format, w_format, simd, max(terms.exponents) + 1 + simd.bit_length()).luts


@cache
def _flip_flops(x_format, w_format, simd, feedback):
    terms = product_terms(x_format, w_format)
    acc = max(terms.exponents) + 1 + simd.bit_length()
    if len(terms.exponents) > _MOST_TERMS:
        return _FLIP_FLOPS * _of_terms(terms, simd) + acc
    if not terms.in_sum:
        heights = tuple((e, simd) for e in terms.exponents)
        return simd * len(terms.exponents) + count_sum(heights, acc, feedback).flip_flops
    return count_best_pe(x_format, w_format, simd, acc, feedback).own_flip_flops


@cache
def _rows_flip_flops(x_format, w_format, simd):
    terms = product_terms(x_format, w_format)
    if len(terms.exponents) > _MOST_TERMS:
        return _FLIP_FLOPS * _of_terms(terms, simd)
    return count_best_rows(
        x_format, w_format, simd, max(terms.exponents) + 1 + simd.bit_length()
    ).own_flip_flops  # fmt: skip


def _of_terms(terms, simd):
    """Return about the LUTs that make the partial products of so many lanes and compress them to two rows."""
    return _TERM * len(terms.exponents) * simd + max(terms.exponents) + 1


def distinct_columns(columns: int, depth: int) -> int:
    """Return about how many columns of a memory of ``depth`` words are neither constant nor equal to another."""
    kinds = (1 << min(depth, 40)) - 2
    return round(kinds * (1 - exp(-columns / kinds))) if depth > 1 else 0


def rom_placement(columns: int, depth: int, where: str | None = None) -> Placement | None:
    """Return where a memory of any ``depth`` words goes (`hw.memory.placement`), or what it takes ``where`` it is asked
    to be; ``None`` if it is constant."""
    return placement_of(distinct_columns(columns, depth), depth, where) if depth > 1 else None


def rom_luts(columns: int, depth: int) -> int:
    """Return about the LUTs of a memory of any ``depth`` words, block RAM counted as `BRAM18_LUTS`."""
    found = rom_placement(columns, depth)
    return 0 if found is None else found.luts + BRAM18_LUTS * found.bram18
