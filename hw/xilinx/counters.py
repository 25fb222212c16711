"""How a bit heap is compressed in Xilinx LUTs: which counters in which stage, in plain Python.

A stage is counters side by side, and a register behind them. A counter is a carry chain of one or more blocks of two
positions (Kumm and Zipf, "Pipelined compressor tree optimization using integer linear programming", FPL 2014): a block
takes six bits of one column, or four and one of the next, or two and two, and passes its carry on to the block above.
n blocks take ``2n`` LUTs and give ``2n + 1`` bits, so that six bits a block make it nearly two bits a LUT. Or it is a
full adder, one LUT for one bit.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

__all__ = ["BLOCKS", "CarryCounter", "counters_of", "plan_stages"]

BLOCKS = ((6, 0), (4, 1), (2, 2))  # bits of a block's own column and of the next one
_BLOCK = 6  # bits of a block in a column, at most
_MOST_BLOCKS = 4
_STAGES, _MOST_STAGES = 12, 60  # tried; tried where those are too few
_FLIP_FLOP = 1 / 16  # LUTs that a flip-flop is worth: a slice has two of them for each LUT, mostly idle
_BEAM = 12  # plans that are followed at a time
# How many bits a LUT must remove, at least, for a counter to be placed in a stage: tried for each stage.
_WORTH = (1.85, 1.8, 1.7, 1.5, 1.3, 1.0, 0.5, 0.2)


@dataclass(frozen=True)
class CarryCounter:
    """A counter whose lowest column is ``exponent``; ``blocks`` empty for a full adder."""

    exponent: int
    blocks: tuple[tuple[int, int], ...] = ()

    @property
    def inputs(self) -> tuple[int, ...]:
        """Bits taken, by column from the lowest."""
        if not self.blocks:
            return (3,)
        counts = [0] * (2 * len(self.blocks))
        for k, (own, above) in enumerate(self.blocks):
            counts[2 * k] += own
            counts[2 * k + 1] += above
        return tuple(counts)

    @property
    def outputs(self) -> int:
        """Bits given, one a column from the lowest."""
        return 2 * len(self.blocks) + 1 if self.blocks else 2

    @property
    def luts(self) -> int:
        """LUTs that it takes."""
        return 2 * len(self.blocks) or 1

    @property
    def worth(self) -> float:
        """Bits removed by a LUT."""
        return (sum(self.inputs) - self.outputs) / self.luts


@lru_cache
def counters_of() -> list[CarryCounter]:
    """Return every kind of counter, the best first."""
    chains = [CarryCounter(0, blocks) for n in range(1, _MOST_BLOCKS + 1) for blocks in product(BLOCKS, repeat=n)]
    return sorted([CarryCounter(0), *chains], key=lambda c: (-c.worth, c.luts, c.blocks))


@lru_cache
def plan_stages(heights, width, rows=None, flip_flop=_FLIP_FLOP, most=_MOST_STAGES):
    """Return the cheapest stages that leave at most ``rows`` bits in the columns.

    It is a beam search: after each stage the most promising heights go on, by the LUTs so far and a guess of the rest.

    Parameters
    ----------
    heights : tuple of int
        Bits of each column, from exponent 0.
    width : int
        Bits of the sum; columns beyond are always zero.
    rows : tuple of int
        Bits that may be left, by column; 2 each if not given.
    flip_flop : float
        What one counts, in LUTs.
    most : int
        Stages that it may take.

    Returns
    -------
    (cost, stages)
        LUTs, half a LUT for each column that is left with more than one bit, and a little for every flip-flop between
        stages; and for each stage ``(heights before it, counters)``.

    Raises
    ------
    ValueError
        If the heap takes more stages than are allowed.
    """
    rows = rows or (2,) * width
    states, found = {tuple(heights): (0, ())}, None
    for stage in range(most + 1):
        if found is not None and stage > _STAGES:
            break
        after = {}
        for current, (cost, stages) in states.items():
            if all(h <= r for h, r in zip(current, rows, strict=False)):
                whole = cost + sum(h > 1 for h in current) / 2
                if found is None or whole < found[0]:
                    found = whole, stages
                continue
            for placed, reached in _placed(current, width):
                total = cost + sum(kind.luts * count for _, kind, count in placed) + sum(reached) * flip_flop
                if reached not in after or total < after[reached][0]:
                    after[reached] = total, (*stages, (current, placed))
        promising = sorted(after, key=lambda h: (after[h][0] + _guess(h, rows), h))
        states = {h: after[h] for h in promising[:_BEAM]}
    if found is None:
        raise ValueError(f"A heap of {heights} takes more than {most} stages")
    cost, stages = found
    return cost, tuple((current, _counters(placed)) for current, placed in stages)


def _counters(placed):
    """Return the counters of a stage one by one."""
    return tuple(c for exponent, kind, count in placed for c in [CarryCounter(exponent, kind.blocks)] * count)


def _guess(heights, rows):
    """Return about as many LUTs as it takes to remove the bits that are too many."""
    return sum(max(0, h - r) for h, r in zip(heights, rows, strict=False)) / 1.5


@lru_cache(maxsize=1 << 12)
def _placed(heights, width):
    """Return, for each of `_WORTH`, the counters of a stage, as ``(exponent, kind, count)``, and the heights behind it.

    The next counter is always the one of the most worth that the bits that are left fill, lowest column first.
    """
    left = list(heights) + [0] * (2 * _MOST_BLOCKS + 1)
    given, placed, thresholds, found = [0] * len(left), [], _WORTH, []
    # By a number of bits up to that of a block: the columns that have so many left, as a set of bits by exponent.
    having = [sum(1 << e for e, h in enumerate(left) if h >= n) for n in range(_BLOCK + 1)]
    for kind, worth, taken, outputs in _kinds():
        if worth < thresholds[0]:
            found += _snapshot(placed, left, given, width)
            thresholds = [limit for limit in thresholds if limit <= worth]
        fitting = (1 << len(heights)) - 1
        for k, n in taken:
            fitting &= having[n] >> k
        while fitting:
            exponent = (fitting & -fitting).bit_length() - 1
            count = min([left[exponent + k] // n for k, n in taken])
            fitting &= -2 << exponent
            for k, n in taken:
                rest = left[exponent + k] = left[exponent + k] - count * n
                for fewer in range(rest + 1, _BLOCK + 1):
                    having[fewer] &= ~(1 << exponent + k)
                fitting &= having[n] >> k
            for k in range(outputs):
                given[exponent + k] += count
            placed.append((exponent, kind, count))
    return [*found, *_snapshot(placed, left, given, width)]


def _snapshot(placed, left, given, width):
    if placed:
        after = [a + b for a, b in zip(left, given, strict=True)][:width]
        while after and not after[-1]:
            after.pop()
        yield tuple(placed), tuple(after)


@lru_cache
def _kinds():
    """Return every kind of counter that is worth being placed: itself, its worth, bits taken by column, bits given."""
    return [
        (kind, kind.worth, [(k, n) for k, n in enumerate(kind.inputs) if n], kind.outputs)
        for kind in counters_of()
        if kind.worth >= _WORTH[-1]
    ]
