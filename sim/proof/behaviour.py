"""What a processing element does, as sums of small numbers: a value that is proved of it, and written as Verilog."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Behaviour", "Slice", "Term", "TermSum"]


@dataclass(frozen=True)
class Slice:
    """Bits ``start`` to ``start + count - 1`` of a port."""

    port: str
    start: int
    count: int


@dataclass(frozen=True)
class Term:
    """What each lane adds to a sum: ``table[code] << exponent``, a number that depends on a few of its bits.

    Attributes
    ----------
    exponent : int
    planes : tuple of Slice
        The bits of all lanes, by plane: bit k of a slice is that of lane k, and all have as many.
    table : tuple of int
        The number, never negative, for every value of a lane's bits, those of the first plane counting fastest.
    """

    exponent: int
    planes: tuple[Slice, ...]
    table: tuple[int, ...]

    def reduced(self) -> "Term":
        """Return the same without planes that the number does not depend on."""
        cases = range(len(self.table))
        kept = [k for k in range(len(self.planes)) if any(self.table[n] != self.table[n ^ 1 << k] for n in cases)] or [
            0
        ]
        table = tuple(
            self.table[sum((n >> j & 1) << k for j, k in enumerate(kept))] for n in range(1 << len(kept))
        )  # fmt: skip
        return Term(self.exponent, tuple(self.planes[k] for k in kept), table)


@dataclass(frozen=True)
class TermSum:
    """``output = start + sum of all terms``, modulo ``2**output.count``.

    Attributes
    ----------
    output : Slice
    terms : tuple of Term
    init : Slice or None
        What the sum starts with; None for zero.
    feedback : bool
        Whether it starts with ``load ? init : output``, and changes only if ``enable``; else with ``init`` always.
    registered : bool
        Whether ``output`` shows the sum one cycle after ``Behaviour.latency``: an accumulator.
    second : Slice or None
        Another output that is added to the first: then both together are the sum.
    """

    output: Slice
    terms: tuple[Term, ...]
    init: Slice | None = None
    feedback: bool = True
    registered: bool = True
    second: Slice | None = None


@dataclass(frozen=True)
class Behaviour:
    """The sums of a module, ``latency`` cycles after the operands of their terms; starts, ``load`` and ``enable`` are
    of that cycle."""

    sums: tuple[TermSum, ...]
    latency: int

    def inputs(self) -> Iterator[Slice]:
        """Yield the operands of all terms."""
        for each in self.sums:
            for term in each.terms:
                yield from term.planes
