"""The cells of a netlist, each with what it reads, what it drives, when, and by which function.

Bits are numbers: 0 and 1 are the constants. What a cell becomes in hardware is `hw.xilinx.primitives`' affair.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Carry", "Cell", "Depth", "FlipFlops", "Lut", "Mux"]

Depth = tuple[int, int]  # LUTs, and carry chains, one behind the other since a register


class Cell(ABC):
    """A primitive of a slice, or several of them that belong together."""

    luts = 0  # LUT6_2 that it takes

    @property
    def flip_flops(self) -> int:
        """Flip-flops that it takes."""
        return 0

    @abstractmethod
    def reads(self) -> Sequence[int]:
        """Return the bits that it reads."""

    @abstractmethod
    def outputs(self) -> Sequence[int]:
        """Return the bits that it drives."""

    def waits(self) -> Iterable[tuple[int, int]]:
        """Return pairs of a bit that it drives and the one that it is a cycle later."""
        return ()

    @abstractmethod
    def levels(self, depth: Mapping[int, Depth]) -> dict[int, Depth]:
        """Return the `Depth` in front of each output, from those of the bits that it reads."""

    def times(self, known: Mapping[int, int]) -> dict[int, int]:
        """Return the cycle in which each output is there, from those of the bits that it reads; constants have none.

        Raises
        ------
        ValueError
            If bits of several cycles meet in it.
        """
        return self._met(self.outputs(), self.reads(), known)

    def _met(self, outputs: Sequence[int], read: Sequence[int], known: Mapping[int, int]) -> dict[int, int]:
        """Return the cycle of outputs that depend on all of the bits ``read``."""
        at = {known[bit] for bit in read if bit in known}
        if len(at) > 1:
            raise ValueError(f"Bits of cycles {sorted(at)} meet in a {type(self).__name__}")
        return dict.fromkeys(outputs, *at) if at else {}

    @abstractmethod
    def evaluate(self, known: np.ndarray) -> None:
        """Add the values of its outputs to those of all bits, booleans (bits, cases), as if registers were wires."""


@dataclass(frozen=True)
class Lut(Cell):
    """A LUT6_2: ``o6`` of up to six inputs, or ``o6`` and ``o5`` of the same five at most."""

    luts = 1

    init: int
    inputs: tuple[int, ...]
    o6: int
    o5: int | None

    def reads(self) -> tuple[int, ...]:
        return self.inputs

    def outputs(self) -> list[int]:
        """Return its outputs, ``o6`` first."""
        return [self.o6] if self.o5 is None else [self.o6, self.o5]

    def table(self, output: int) -> list[int]:
        """Return the output's value for every value of the inputs, the first counting fastest."""
        shift = 32 if self.o5 is not None and output == self.o6 else 0
        return [self.init >> shift + k & 1 for k in range(1 << len(self.inputs))]

    def needed(self, output: int) -> list[int]:
        """Return the inputs that the output depends on."""
        table = self.table(output)
        return [b for k, b in enumerate(self.inputs) if any(v != table[n ^ (1 << k)] for n, v in enumerate(table))]

    def levels(self, depth: Mapping[int, Depth]) -> dict[int, Depth]:
        found = {}
        for output in self.outputs():
            luts, carries = _deepest(depth, self.needed(output))
            found[output] = (luts + 1, carries)
        return found

    def times(self, known: Mapping[int, int]) -> dict[int, int]:
        if len({known.get(bit) for bit in self.inputs}) <= 1:
            return super().times(known)
        found = {}
        for output in self.outputs():  # bits of two cycles may share a LUT whose outputs each read those of one
            found.update(self._met((output,), self.needed(output), known))
        return found

    def evaluate(self, known: np.ndarray) -> None:
        index = sum(known[b].astype(np.int64) << k for k, b in enumerate(self.inputs))
        for output in self.outputs():
            known[output] = np.array(self.table(output), dtype=bool)[index]


@dataclass(frozen=True)
class Carry(Cell):
    """A carry chain of any length: ``o[i] = s[i] ^ c[i]``, ``c[i+1] = c[i] if s[i] else di[i]``, ``c[0] = cin``."""

    cin: int
    s: tuple[int, ...]
    di: tuple[int, ...]
    o: tuple[int, ...]
    co: int

    def reads(self) -> tuple[int, ...]:
        return self.cin, *self.s, *self.di

    def outputs(self) -> tuple[int, ...]:
        return *self.o, self.co

    def levels(self, depth: Mapping[int, Depth]) -> dict[int, Depth]:
        luts, carries = _deepest(depth, self.reads())
        return dict.fromkeys(self.outputs(), (luts, carries + 1))

    def evaluate(self, known: np.ndarray) -> None:
        carry = known[self.cin]
        for s, di, o in zip(self.s, self.di, self.o, strict=True):
            known[o] = known[s] ^ carry
            carry = np.where(known[s], carry, known[di])
        known[self.co] = carry


@dataclass(frozen=True)
class Mux(Cell):
    """A slice's own multiplexer, MUXF7 behind LUTs or MUXF8 behind those: ``o = high if select else low``."""

    select: int
    low: int
    high: int
    o: int

    def reads(self) -> tuple[int, ...]:
        return self.select, self.low, self.high

    def outputs(self) -> tuple[int, ...]:
        return (self.o,)

    def levels(self, depth: Mapping[int, Depth]) -> dict[int, Depth]:
        return {self.o: _deepest(depth, self.reads())}

    def evaluate(self, known: np.ndarray) -> None:
        known[self.o] = np.where(known[self.select], known[self.high], known[self.low])


@dataclass(frozen=True)
class FlipFlops(Cell):
    """A rank of flip-flops."""

    d: tuple[int, ...]
    q: tuple[int, ...]

    @property
    def flip_flops(self) -> int:
        """Flip-flops of the rank."""
        return len(self.d)

    def reads(self) -> tuple[int, ...]:
        return self.d

    def outputs(self) -> tuple[int, ...]:
        return self.q

    def waits(self) -> Iterable[tuple[int, int]]:
        return zip(self.q, self.d, strict=True)

    def levels(self, depth: Mapping[int, Depth]) -> dict[int, Depth]:
        return dict.fromkeys(self.q, (0, 0))

    def times(self, known: Mapping[int, int]) -> dict[int, int]:
        return {q: known[d] + 1 for q, d in self.waits() if d in known}

    def evaluate(self, known: np.ndarray) -> None:
        known[list(self.q)] = known[list(self.d)]


def _deepest(depth: Mapping[int, Depth], bits: Sequence[int]) -> Depth:
    """Return the most LUTs, and the most carry chains, in front of any of the bits."""
    found = [depth[bit] for bit in bits]
    return max((luts for luts, _ in found), default=0), max((carries for _, carries in found), default=0)
