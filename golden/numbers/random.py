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

import numpy as np

__all__ = ["GENERATORS", "MOST_BITS", "Lfsr", "Xorshift", "generator_named"]

MOST_BITS = 16  # of one draw
_TAPS = {7: 6, 9: 5, 11: 9, 15: 14, 23: 18, 31: 28}
_MIX = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: neighbouring seeds begin far apart
GENERATORS = ("lfsr", *(f"lfsr{w}" for w in _TAPS), "xorshift")


class _Linear:
    """What linear generators share; ``step(state)`` works on an int and on an int64 or uint64 array."""

    def start(self, seed):
        """The state in front of the first draw: the top ``width`` bits of ``seed * 0x9E3779B97F4A7C15`` modulo
        ``2**64``, or 1 where these are zero."""
        return ((int(seed) * _MIX) % 2**64 >> (64 - self.width)) or 1

    def columns(self, draws=1):
        """Column j (an int, bit i for bit i of the new state) of the matrix of ``draws`` draws."""
        columns = [1 << j for j in range(self.width)]
        for _ in range(draws):
            columns = [self.step(c) for c in columns]
        return columns

    def states(self, seed, count, first=0):
        """States behind draws ``first`` to ``first + count - 1``, uint64."""
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

    def draws(self, seed, count, first=0):
        """Draws ``first`` to ``first + count - 1`` of the stream of ``seed``: int64, 0 to ``2**bits - 1``."""
        mask = np.uint64((1 << self.bits) - 1)
        return (self.states(seed, count, first) >> np.uint64(self.drawn) & mask).astype(np.int64)


def _times(columns, state):
    """The matrix of ``columns`` times the bits of the int ``state``."""
    result = 0
    for column in columns:
        if state & 1:
            result ^= column
        state >>= 1
    return result


def _byte_tables(columns):
    """What every byte of the state contributes to the next one."""
    tables = []
    for at in range(0, len(columns), 8):
        part = columns[at : at + 8]
        tables.append(np.array([_times(part, byte) for byte in range(1 << len(part))], dtype=np.uint64))
    return tables


def _apply(tables, states):
    result = np.zeros_like(states)
    for i, table in enumerate(tables):
        result ^= table[(states >> np.uint64(8 * i)) & np.uint64(len(table) - 1)]
    return result


@dataclass(frozen=True)
class Lfsr(_Linear):
    """``bits`` bits a draw of ``s[t] = s[t-width] ^ s[t-tap]``; the newest bit is the state's lowest one."""

    bits: int
    width: int = 31

    drawn = 0  # the draw's lowest bit in the state

    def __post_init__(self):
        if self.width not in _TAPS:
            raise ValueError(f"LFSR must have a width of {', '.join(map(str, _TAPS))}, not {self.width!r}")
        _check_bits(self.bits, self.width)

    @property
    def tap(self):
        return _TAPS[self.width]

    def step(self, state):
        """The state ``bits`` shifts later."""
        for _ in range(self.bits):
            new = (state >> (self.width - 1) ^ state >> (self.tap - 1)) & 1
            state = (state << 1 | new) & ((1 << self.width) - 1)
        return state


@dataclass(frozen=True)
class Xorshift(_Linear):
    """``x ^= x << 13; x ^= x >> 17; x ^= x << 5`` on 32 bits; a draw is the top ``bits`` bits."""

    bits: int

    width = 32

    def __post_init__(self):
        _check_bits(self.bits, self.width)

    @property
    def drawn(self):
        return self.width - self.bits

    def step(self, state):
        """The next state."""
        state ^= state << 13 & 0xFFFFFFFF
        state ^= state >> 17
        return state ^ (state << 5 & 0xFFFFFFFF)


def _check_bits(bits, width):
    most = min(MOST_BITS, width)
    if bits not in range(1, most + 1):
        raise ValueError(f"A draw must have 1 to {most} bits, not {bits!r}")


def generator_named(name, bits):
    """The generator that an exchange file names: ``lfsr`` (31 bits), ``lfsr7`` ... ``lfsr31``, or ``xorshift``."""
    if name not in GENERATORS:
        raise ValueError(f"Generator must be one of {', '.join(GENERATORS)}, not {name!r}")
    if name == "xorshift":
        return Xorshift(bits)
    return Lfsr(bits, int(name.removeprefix("lfsr") or 31))
