"""Random bits that golden and the hardware draw alike: linear generators over GF(2), and their streams of draws.

A generator is a state of ``width`` bits that a draw replaces by a linear function of it (every new bit is the XOR of
some old ones); the draw itself is ``bits`` bits of the new state. Draw n = 0, 1, 2, ... of a stream belongs to the n-th
value since reset, counted in the order in which values go through the hardware: frame by frame, pixel by pixel,
channels innermost. So a unit of L lanes takes L draws a beat, lane l the draws ``l, l + L, l + 2L, ...``, and what is
drawn for a value depends on neither folding nor time.

- `Lfsr`: a Fibonacci shift register, ``s[t] = s[t-width] ^ s[t-tap]``, whose polynomial ``x^width + x^tap + 1`` is
  primitive, so that the state takes all ``2**width - 1`` values but zero. A draw is the next ``bits`` bits of s, the
  first one the most significant. Polynomials are those of the PRBS sequences of ITU-T O.150 (width 31 is PRBS31).
- `Xorshift`: Marsaglia's 32-bit generator ("Xorshift RNGs", J. Stat. Soft. 8(14), 2003) with shifts 13, 17, 5; a draw
  is the ``bits`` most significant bits of the next state. Its period is ``2**32 - 1``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

__all__ = ["GENERATORS", "MOST_BITS", "Lfsr", "LinearGenerator", "Xorshift", "generator_named"]

State = TypeVar("State", int, np.ndarray)  # one state, or an int64 or uint64 array of them

MOST_BITS = 16  # of one draw
_TAPS = {7: 6, 9: 5, 11: 9, 15: 14, 23: 18, 31: 28}
_MIX = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: neighbouring seeds begin far apart
GENERATORS = ("lfsr", *(f"lfsr{w}" for w in _TAPS), "xorshift")


class LinearGenerator:
    """What linear generators share.

    Attributes
    ----------
    bits : int
        Bits of one draw.
    width : int
        Bits of the state.
    drawn : int
        Place of the draw's lowest bit in the state.
    """

    if TYPE_CHECKING:  # else a dataclass that inherits them would take them for its fields' defaults

        @property
        def bits(self) -> int: ...

        @property
        def width(self) -> int: ...

        @property
        def drawn(self) -> int: ...

    def step(self, state: State) -> State:
        """Return the state that the next draw leaves."""
        raise NotImplementedError

    def start(self, seed: int) -> int:
        """Return the state in front of the first draw.

        It is the top ``width`` bits of ``seed * 0x9E3779B97F4A7C15`` modulo ``2**64``, or 1 where these are zero.
        """
        return ((int(seed) * _MIX) % 2**64 >> (64 - self.width)) or 1

    def columns(self, draws: int = 1) -> list[int]:
        """Return the matrix over GF(2) that makes the state behind ``draws`` draws of a state.

        It is given by columns, ``width`` of them: bit i of column j says whether bit j of the old state is a term of
        bit i of the new one.
        """
        columns = [1 << j for j in range(self.width)]
        for _ in range(draws):
            columns = [self.step(c) for c in columns]
        return columns

    def states(self, seed: int, count: int, first: int = 0) -> np.ndarray:
        """Return the states behind draws ``first`` to ``first + count - 1``: uint64 (count,)."""
        state, columns, power = self.start(seed), self.columns(), first + 1
        while power:
            if power & 1:
                state = _times(columns, state)
            columns, power = [_times(columns, c) for c in columns], power >> 1
        found, columns = np.array([state], dtype=np.uint64)[:count], self.columns()
        while len(found) < count:  # as many again, each len(found) draws later
            tables = _byte_tables(columns)
            found = np.concatenate([found, _apply(tables, found[: count - len(found)])])
            columns = [_times(columns, c) for c in columns]
        return found

    def draws(self, seed: int, count: int, first: int = 0) -> np.ndarray:
        """Return draws ``first`` to ``first + count - 1`` of the stream of ``seed``: int64, 0 to ``2**bits - 1``."""
        mask = np.uint64((1 << self.bits) - 1)
        return (self.states(seed, count, first) >> np.uint64(self.drawn) & mask).astype(np.int64)


def _times(columns: list[int], state: int) -> int:
    """Return the matrix of ``columns`` times the bits of ``state``."""
    result = 0
    for column in columns:
        if state & 1:
            result ^= column
        state >>= 1
    return result


def _byte_tables(columns: list[int]) -> list[np.ndarray]:
    """Return what every byte of the state contributes to the next one: a table of uint64 a byte, lowest first."""
    tables = []
    for at in range(0, len(columns), 8):
        part = columns[at : at + 8]
        tables.append(np.array([_times(part, byte) for byte in range(1 << len(part))], dtype=np.uint64))
    return tables


def _apply(tables: list[np.ndarray], states: np.ndarray) -> np.ndarray:
    result = np.zeros_like(states)
    for i, table in enumerate(tables):
        result ^= table[(states >> np.uint64(8 * i)) & np.uint64(len(table) - 1)]
    return result


@dataclass(frozen=True)
class Lfsr(LinearGenerator):
    """A shift register of ``width`` bits that gives ``bits`` of them a draw: ``s[t] = s[t-width] ^ s[t-tap]``.

    The newest bit is the state's lowest one. `ValueError` for a width that has no tap, or for a draw of more bits
    than `MOST_BITS` or the width.
    """

    bits: int
    width: int = 31

    drawn = 0

    def __post_init__(self) -> None:
        if self.width not in _TAPS:
            raise ValueError(f"LFSR must have a width of {', '.join(map(str, _TAPS))}, not {self.width!r}")
        _check_bits(self.bits, self.width)

    @property
    def tap(self) -> int:
        """The exponent of the polynomial's middle term."""
        return _TAPS[self.width]

    def step(self, state: State) -> State:
        """Return the state ``bits`` shifts later."""
        for _ in range(self.bits):
            new = (state >> (self.width - 1) ^ state >> (self.tap - 1)) & 1
            state = (state << 1 | new) & ((1 << self.width) - 1)
        return state


@dataclass(frozen=True)
class Xorshift(LinearGenerator):
    """Marsaglia's generator: ``x ^= x << 13; x ^= x >> 17; x ^= x << 5`` on 32 bits; a draw is the top ``bits`` bits.

    `ValueError` for a draw of no bits, or of more than `MOST_BITS`.
    """

    bits: int

    width = 32

    def __post_init__(self) -> None:
        _check_bits(self.bits, self.width)

    @property
    def drawn(self) -> int:
        return self.width - self.bits

    def step(self, state: State) -> State:
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        return state ^ (state << 5 & 0xFFFFFFFF)


def _check_bits(bits: int, width: int) -> None:
    most = min(MOST_BITS, width)
    if bits not in range(1, most + 1):
        raise ValueError(f"A draw must have 1 to {most} bits, not {bits!r}")


def generator_named(name: str, bits: int) -> LinearGenerator:
    """Return the generator that an exchange file names: ``lfsr`` (31 bits), ``lfsr7`` ... ``lfsr31``, or ``xorshift``.

    Raises
    ------
    ValueError
        If `GENERATORS` has no such name, or a draw of the generator cannot have so many bits.
    """
    if name not in GENERATORS:
        raise ValueError(f"Generator must be one of {', '.join(GENERATORS)}, not {name!r}")
    if name == "xorshift":
        return Xorshift(bits)
    return Lfsr(bits, int(name.removeprefix("lfsr") or 31))
