"""The numbers of activations, before there is any hardware: latencies, DSPs, and the checks of their constants."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, TypeVar

from fewbit.golden.numbers.random import LinearGenerator
from fewbit.hw.memory.mapped import MappedMemory, loadable_of, table_of
from fewbit.hw.memory.placement import Contents, is_large
from fewbit.hw.packing import pack
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

Constant = TypeVar("Constant")

__all__ = ["ActivationPlan", "CodeTablePlan", "DrawPlan", "FloatReluPlan", "SearchPlan", "SignPlan",
           "StoredTablePlan", "WholePlan"]  # fmt: skip


class ActivationPlan(Plan):
    """What the plans of all activations share.

    Parameters
    ----------
    acc_shape : hw.shapes.IntShape
        Shape of an accumulator.
    bits : int
        Bits of a code.
    lanes, beats : int
        Codes of a beat; beats of a vector.
    row_beats, times : int
        Beats of a row, and for how many vectors each row comes before the next; by default rows follow each other.
    target : hw.targets.target.Target
        Target that says what tables are made of.

    Attributes
    ----------
    latency : int
        Cycles from a beat of accumulators to its codes.
    dsps : int
        DSP blocks that it takes.
    memories : dict of str to hw.memory.placement.Contents
        Memories of numbers that follow from training, by name.
    loadable : bool
        Whether software writes them; else they never change.

    Raises
    ------
    ValueError
        If a number is out of its range, or constants are not one for each neuron.
    """

    latency: int = 0
    loadable = False

    def __init__(
        self, *, acc_shape: IntShape, bits: int, lanes: int, beats: int, target: Target = DEFAULT, row_beats: int = 1,
        times: int = 1,
    ):  # fmt: skip
        for name, value in ("Bits", bits), ("Lanes", lanes), ("Beats", beats), ("Times", times):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value!r}")
        if row_beats < 1 or beats % row_beats:
            raise ValueError(f"Row beats must divide the {beats} beats, not {row_beats!r}")
        self.row_beats, self.times = row_beats, times
        self.acc_shape, self.bits, self.lanes, self.beats, self.target = acc_shape, bits, lanes, beats, target

    @property
    def dsps(self) -> int:
        return 0

    def mapped(self) -> Iterator[MappedMemory]:
        """Yield its memories as synthesis finds them, those that are constant too."""
        for contents in self.memories.values():
            if self.loadable:
                yield from loadable_of(contents)
            else:
                yield table_of(contents.width, contents.words, self.target)

    def per_neuron(self, name: str, values: list[Constant]) -> list[Constant]:
        """Return ``values``, checked to be ``lanes*beats``, one for each neuron; errors call them ``name``.

        Raises
        ------
        ValueError
            If they are more or fewer.
        """
        if len(values) != self.lanes * self.beats:
            raise ValueError(f"{name} must be {self.lanes * self.beats}, one for each neuron, not {len(values)}")
        return values

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return {}

    def by_beat(self, values: Sequence[int], width: int, latency: int = 1) -> Contents:
        """Return a memory of one number a neuron, ``width`` bits each, of which a word has those of a beat: lane l of
        beat b is ``values[b*lanes + l]``."""
        words = [pack(values[n : n + self.lanes], width) for n in range(0, len(values), self.lanes)]
        return Contents(width * self.lanes, words, latency)


class SignPlan(ActivationPlan):
    """A code of one bit, which is the sign of an accumulator.

    Parameters
    ----------
    flips : list of int
        Whether a neuron's code is inverted, 0 or 1, for each neuron.
    others : as of `ActivationPlan`, without ``bits``
    """

    def __init__(self, *, flips: list[int], **common: Any):
        super().__init__(bits=1, **common)
        self.flips = self.per_neuron("Flips", flips)
        self.latency = 0 if not any(flips) else 1

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return {"flips": self.by_beat(self.flips, 1)} if self.latency else {}


class WholePlan(ActivationPlan):
    """The accumulator itself, ``scale*acc + rest``.

    Parameters
    ----------
    scale : int
        Factor of the accumulator, 1 or 2.
    rests : list of int
        What is added to the product, for each neuron.
    others : as of `ActivationPlan`

    Attributes
    ----------
    constant : bool
        Whether all rests are equal.

    Raises
    ------
    ValueError
        If the scale is another number, or as `ActivationPlan`.
    """

    def __init__(self, *, scale: int, rests: list[int], **common: Any):
        super().__init__(**common)
        if scale not in (1, 2):
            raise ValueError(f"Scale must be 1 or 2, not {scale!r}")
        self.scale, self.rests = scale, self.per_neuron("Rests", rests)
        self.constant = len(set(rests)) == 1
        self.latency = 0 if self.constant else 1

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return {} if self.constant else {"rests": self.by_beat(self.rests, 1)}


class SearchPlan(ActivationPlan):
    """The number of thresholds that an accumulator reaches, or the code of that number.

    Parameters
    ----------
    thresholds : list of lists
        Thresholds of each neuron, ``2**depth - 1`` rising ones, in the accumulator's units.
    xor : int
        Bits of the index that are inverted, as a mask: a code of a signed format is its index with the top bit turned.
    codes : list of lists or None
        Codes of each neuron by index, ``2**depth`` of them; ``None`` where they are the index itself. They cost a ROM
        and one more cycle.
    others : as of `ActivationPlan`

    Attributes
    ----------
    depth, width : int
        Bits of the index and of a threshold.
    parallel : bool
        Whether all thresholds are compared at once.
    reads : list of int
        Cycles that each read of thresholds takes; a comparison, of one cycle, follows each.
    steps : int
        Cycles to the index.

    Raises
    ------
    ValueError
        If thresholds or codes are not as many as above, thresholds or accumulators can be negative, or as
        `ActivationPlan`.
    """

    PARALLEL_BITS = 2

    def __init__(
        self, *, thresholds: list[list[int]], xor: int = 0, codes: list[list[int]] | None = None, **common: Any
    ):
        super().__init__(**common)
        sizes = {len(row) for row in self.per_neuron("Threshold rows", thresholds)}
        self.depth = max(sizes).bit_length()
        if sizes != {2**self.depth - 1} or not self.depth:
            raise ValueError(f"Thresholds must be 2**n - 1 a neuron, the same for all, not {sorted(sizes)}")
        if min(min(row) for row in thresholds) < 0 or self.acc_shape.signed:
            raise ValueError("Thresholds and accumulators must not be negative")
        if codes is not None and {len(row) for row in self.per_neuron("Code rows", codes)} != {2**self.depth}:
            raise ValueError(f"Codes must be {2**self.depth} a neuron, one more than thresholds")
        self.thresholds, self.xor, self.codes = thresholds, xor, codes
        self.parallel = self.depth <= self.PARALLEL_BITS
        self.width = max(1, int(max(max(row) for row in thresholds)).bit_length())
        self.reads = [1] if self.parallel else [1 + is_large(self.width, self.level(n, 0)) for n in range(self.depth)]
        self.steps = sum(self.reads) + len(self.reads)
        self.latency = self.steps + (codes is not None)

    def level(self, level: int, lane: int) -> list[int]:
        """Return the thresholds of the nodes of a level of the search, beat by beat, of the neurons on a lane."""
        stride = 2 ** (self.depth - level)
        rows = self.thresholds[lane :: self.lanes]
        return [row[node * stride + stride // 2 - 1] for row in rows for node in range(2**level)]

    @cached_property
    def memories(self) -> dict[str, Contents]:
        if self.parallel:
            columns = zip(*self.thresholds, strict=True)
            found = {f"threshold{j}": self.by_beat(column, self.width) for j, column in enumerate(columns)}
        else:
            found = {
                f"lane{k}_level{level}": Contents(self.width, self.level(level, k), read)
                for k in range(self.lanes)
                for level, read in enumerate(self.reads)
            }
        if self.codes is not None:
            for k in range(self.lanes):
                found[f"codes{k}"] = Contents(self.bits, [c for row in self.codes[k :: self.lanes] for c in row])
        return found


class FloatReluPlan(ActivationPlan):
    """ReLU of float32 accumulators, or the accumulators as they are.

    Parameters
    ----------
    relu : bool
        Whether negative accumulators become zero.
    others : as of `ActivationPlan`, without ``acc_shape`` and ``bits``
    """

    def __init__(self, *, relu: bool, **common: Any):
        super().__init__(acc_shape=IntShape(32), bits=32, **common)
        self.relu = relu


class CodeTablePlan(ActivationPlan):
    """A table of codes that is the same for every position.

    Parameters
    ----------
    words : list of int
        Code that goes out, for every code that comes in.
    others : as of `ActivationPlan`
    """

    latency = 1
    MOST_BITS = 8  # bits of the code that comes in; above, few thresholds are smaller than a table

    def __init__(self, *, words: list[int], **common: Any):
        super().__init__(**common)
        self.words = words


class StoredTablePlan(ActivationPlan):
    """A table of codes that is the same for every position, in a memory for each lane, for codes of many bits.

    Parameters
    ----------
    words : list of int
        Code that goes out, for every code that comes in.
    others : as of `ActivationPlan`
    """

    MOST_BITS = 16  # bits of the code that comes in

    def __init__(self, *, words: list[int], **common: Any):
        super().__init__(**common)
        self.words = words
        self.latency = 1 + is_large(self.bits, words)

    @cached_property
    def memories(self) -> dict[str, Contents]:
        return {f"lane{k}": Contents(self.bits, self.words, self.latency) for k in range(self.lanes)}


class DrawPlan(ActivationPlan):
    """A random code by a number: ``draw < number``, or of the ternary kind ``sign(number)`` where ``draw <
    abs(number)``, else 0.

    Parameters
    ----------
    kind : "bipolar" or "ternary"
    generator : golden.numbers.random.LinearGenerator
    seed : int
        Seed of the generator.
    length : int
        Draws of a pixel.
    others : as of `ActivationPlan`, without ``bits``
    """

    latency = 2

    def __init__(self, *, kind: str, generator: LinearGenerator, seed: int, length: int, **common: Any):
        super().__init__(bits=1 if kind == "bipolar" else 2, **common)
        self.kind, self.generator, self.seed, self.length = kind, generator, seed, length
