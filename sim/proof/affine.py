"""Groups of gates whose weighted outputs are an affine function of their inputs, checked over all cases."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from .netlist import ONE, ZERO, Gate

__all__ = ["MOST", "Affine", "Atom", "affine_of"]

MOST = 14  # inputs of a group at most: it is checked for each of their 2**14 cases

Atom = tuple[tuple[int, ...], tuple[int, ...]]  # a number that depends on some bits: these, and its table
Affine = tuple[int, tuple[int, ...]]  # a constant, and a coefficient for each number of a basis


def affine_of(
    gates: Sequence[Gate], inputs: Sequence[int], weights: Sequence[tuple[int, int]], basis: Sequence[Atom],
    modulus: int = 0,
) -> Affine | None:  # fmt: skip
    """Return the affine function that the weighted sum of some outputs of ``gates`` is, if it is one.

    It is right for every value of the inputs, each of which is tried: whether they can occur is not asked.

    Parameters
    ----------
    gates : list of Gate
        In an order in which each reads only ``inputs``, constants, and outputs of those before it.
    inputs : list of int
    weights : list of (int, int)
        Outputs, each with its weight in the sum.
    basis : list of Atom
        The numbers, of bits among ``inputs``, that the function is of.
    modulus : int
        If it is not zero, the function may also exceed the sum by multiples of it; it is then of bits alone.
    """
    place = {ZERO: ZERO, ONE: ONE, **{bit: n for n, bit in enumerate(inputs, 2)}}
    shape = []
    for gate in gates:
        read = tuple(place[bit] for bit in gate.inputs)
        for bit in gate.outputs:
            place[bit] = len(place)
        shape.append((read, gate.tables))
    unit = min((abs(weight) for _, weight in weights), default=1)
    if any(weight % unit for _, weight in weights):
        unit = 1
    found = _solved(
        len(inputs), tuple(shape), tuple((place[bit], weight // unit) for bit, weight in weights),
        tuple((tuple(place[bit] for bit in bits), table) for bits, table in basis),
        0 if modulus % unit else modulus // unit,
    )  # fmt: skip
    return found and (found[0] * unit, tuple(unit * c for c in found[1]))


@lru_cache(maxsize=100_000)
def _solved(
    count: int, shape: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...], weights: tuple[tuple[int, int], ...],
    basis: tuple[Atom, ...], modulus: int,
) -> Affine | None:  # fmt: skip
    """Return what `affine_of` does; bits are numbers in the order of inputs and gates, so that equal groups are solved
    once."""
    cases = np.arange(1 << count)
    values = [np.zeros_like(cases), np.ones_like(cases), *(cases >> k & 1 for k in range(count))]
    for read, tables in shape:
        index = _number([values[n] for n in read], cases)
        values += [_table(table, len(read))[index] for table in tables]
    if sum(abs(weight) for _, weight in weights) >> 40:  # beyond exact arithmetic
        return None
    total = sum((weight * values[n] for n, weight in weights), np.zeros_like(cases))
    columns = [np.ones_like(cases)]
    columns += [np.array(table)[_number([values[n] for n in bits], cases)] for bits, table in basis]
    matrix = np.stack(columns, axis=1)
    square = (matrix.T @ matrix).astype(float)
    found = np.rint(np.linalg.lstsq(square, (matrix.T @ total).astype(float), rcond=None)[0]).astype(np.int64)
    if (matrix @ found != total).any():  # what was guessed in floats is checked in integers
        return _modulo(total, matrix, basis, modulus) if modulus else None
    return int(found[0]), tuple(int(c) for c in found[1:])


def _modulo(total: np.ndarray, matrix: np.ndarray, basis: tuple[Atom, ...], modulus: int) -> Affine | None:
    """Return the affine function of bits that exceeds ``total`` by multiples of ``modulus`` in every case, if any."""
    if any(table != (0, 1) for _, table in basis) or modulus >> 40:
        return None
    ones = [1 << bits[0] - 2 for bits, _ in basis]  # the cases in which one bit alone is set
    found = np.array([total[0], *((total[case] - total[0]) % modulus for case in ones)])
    excess = matrix @ found - total
    if (excess % modulus).any() or (excess < 0).any():
        return None
    return int(found[0]), tuple(int(c) for c in found[1:])


def _number(bits: Sequence[np.ndarray], cases: np.ndarray) -> np.ndarray:
    return sum((bit << k for k, bit in enumerate(bits)), np.zeros_like(cases))


@lru_cache(maxsize=100_000)
def _table(table: int, inputs: int) -> np.ndarray:
    return np.array([table >> k & 1 for k in range(1 << inputs)])
