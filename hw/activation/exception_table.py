"""Where the exceptions of one lane stand in a memory: each is found by one look.

Exceptions are few accumulators of few neurons. The address of one is the low bits of its accumulator, moved on by a
number that its neuron has for itself, so that no two of them meet (hash and displace: Pagh 1999).
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ExceptionTable"]

_SPARE = 1.3  # places of a table for each exception, at least
_MOST_BITS = 20  # of an address


@dataclass(frozen=True)
class ExceptionTable:
    """The memory of a lane.

    Attributes
    ----------
    bits : int
        Bits of an address: there are ``2**bits`` words.
    displacements : list of int
        What is added to the low bits of an accumulator, by beat.
    words : list of int
        The accumulator as raw bits, then the beat, then what is added to the code, in two's complement. A word that
        adds 0 stands for none.
    acc_bits, beat_bits, by_bits : int
        Bits of the three parts of a word.
    """

    bits: int
    displacements: list[int]
    words: list[int]
    acc_bits: int
    beat_bits: int
    by_bits: int

    @classmethod
    def of(cls, entries: Sequence[tuple[int, int, int]], beats: int, acc_bits: int) -> "ExceptionTable":
        """Return the table of exceptions.

        Parameters
        ----------
        entries : sequence of (beat, accumulator, addend)
            Accumulators are raw bits.
        beats : int
            Beats of a vector.
        acc_bits : int
            Bits of an accumulator.

        Raises
        ------
        ValueError
            If no table of a million words holds them.
        """
        by_beat: dict[int, list[tuple[int, int]]] = {}
        for beat, acc, by in entries:
            by_beat.setdefault(beat, []).append((acc, by))
        order = sorted(by_beat, key=lambda beat: -len(by_beat[beat]))
        beat_bits = max(1, (beats - 1).bit_length())
        by_bits = max(2, *(abs(by).bit_length() + 1 for _, _, by in entries))
        for bits in range(max(1, int(_SPARE * len(entries)).bit_length()), _MOST_BITS + 1):
            placed = _placed(by_beat, order, bits)
            if placed is None:
                continue
            displacements, taken = placed
            words = [0] * (1 << bits)
            for place, (beat, acc, by) in taken.items():
                words[place] = acc | beat << acc_bits | (by & ((1 << by_bits) - 1)) << (acc_bits + beat_bits)
            return cls(bits, [displacements.get(b, 0) for b in range(beats)], words, acc_bits, beat_bits, by_bits)
        raise ValueError(f"{len(entries)} exceptions are too many for a table of {1 << _MOST_BITS} words")


_Taken = dict[int, tuple[int, int, int]]


def _placed(
    by_beat: dict[int, list[tuple[int, int]]], order: Sequence[int], bits: int
) -> tuple[dict[int, int], _Taken] | None:
    """Return the displacements, by beat, and what stands at each place; None where there is no room."""
    displacements: dict[int, int] = {}
    taken: _Taken = {}
    mask = (1 << bits) - 1
    for beat in order:
        low = [acc & mask for acc, _ in by_beat[beat]]
        if len(set(low)) < len(low):
            return None
        for displacement in range(1 << bits):
            places = [(value + displacement) & mask for value in low]
            if not any(place in taken for place in places):
                break
        else:
            return None
        displacements[beat] = displacement
        taken.update((place, (beat, acc, by)) for place, (acc, by) in zip(places, by_beat[beat], strict=True))
    return displacements, taken
