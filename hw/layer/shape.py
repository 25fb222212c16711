"""The shape of a folded layer: what follows from its size and from its PE and SIMD, derived once.

Hardware, cycle model, the choice between ways of making products and the estimates of a folding all read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge
from fewbit.hw.folding import LayerFolding

__all__ = ["LayerShape", "legal_together"]


def legal_together(groups: int, abreast: Sequence[int]) -> list[int]:
    """Return how many times all neurons of a group a PE may be, rising from 1.

    Parameters
    ----------
    groups : int
        Groups of the layer. Of several, as many are computed at a time as divide them.
    abreast : sequence of int
        Pixels that a layer of one group may compute at a time, rising from 1.
    """
    return [n for n in range(1, groups + 1) if groups % n == 0] if groups > 1 else list(abreast)


@dataclass(frozen=True, kw_only=True)
class LayerShape:
    """A layer of ``pe`` neurons by ``simd`` inputs a cycle.

    A pixel comes as one vector, or in a layer with groups as several, one after the other, each with weights of its
    own.
    With PE a multiple of a group's neurons, a vector is for several groups, each on lanes of its own (depthwise layers:
    one channel a PE), or, in a layer of one group, for several pixels beside each other.

    Attributes
    ----------
    name : str
        What errors call the layer.
    pixels, groups : int
        Pixels of a frame; groups of a pixel.
    group_neurons, inputs : int
        Neurons of a group; inputs that each of them reads.
    pe, simd : int
    legal_abreast : tuple of int
        How many pixels a layer of one group may compute at a time, rising from 1.
    together : int
        Groups, or pixels, that are computed at a time.
    parallel, abreast : int
        Groups at a time; pixels at a time. One of the two is 1.
    vectors : int
        Vectors of a pixel, ``groups/parallel``.
    neurons : int
        Neurons that a vector goes to, ``group_neurons*together``.
    lanes_in : int
        Codes of a beat that enters, ``simd*together``.
    steps, rows : int
        ``ceil(inputs/simd)`` and ``ceil(neurons/pe)``: a vector takes ``steps*rows`` cycles.
    words : int
        Words of the weights, ``steps*rows*vectors``: cycles of the pixels that are computed at a time.
    cycles : int
        Cycles of a frame.
    lanes, row_beats : int
        Codes of a beat that leaves, the fewest that divide PE and keep up; beats of a row, ``pe/lanes``.
    beats_out : int
        Beats of a vector, those that are padding altogether not counted.
    last_row_beats : int
        Beats of a vector's last row, likewise.
    places : int
        Beats of all vectors of a pixel, with those that are padding: words of a memory that has a number for each lane
        of a beat.

    Raises
    ------
    ValueError
        If PE or SIMD is not one that the layer can have; the layer's name is in the message.
    """

    name: str
    pixels: int
    groups: int
    group_neurons: int
    inputs: int
    pe: int
    simd: int
    legal_abreast: tuple[int, ...] = (1,)

    @classmethod
    def of(
        cls, dense: Dense | FloatDense, x: Edge, folding: LayerFolding, legal_abreast: Sequence[int] = (1,)
    ) -> "LayerShape":
        """Return the shape of a golden `Dense` or `FloatDense` that reads the edge ``x``, in a `LayerFolding`."""
        neurons, inputs = dense.weights.shape
        return cls(
            name=dense.name, pixels=x.pixels, groups=dense.groups, group_neurons=neurons // dense.groups,
            inputs=inputs, pe=folding.pe, simd=folding.simd, legal_abreast=tuple(legal_abreast),
        )  # fmt: skip

    def __post_init__(self):
        self._check_pe()
        if self.simd not in range(1, self.inputs + 1):
            raise ValueError(f"{self.name}: SIMD must be in 1 to {self.inputs}, not {self.simd!r}")

    def _check_pe(self):
        pe, group, groups = self.pe, self.group_neurons, self.groups
        if pe in range(1, group + 1):
            return
        legal = [group * n for n in legal_together(groups, self.legal_abreast)]
        if pe in legal:
            return
        if groups > 1 and pe in range(1, legal[-1]):
            raise ValueError(
                f"{self.name}: PE must be at most {group}, the neurons of a group, or that times a divisor of the "
                f"{groups} groups, not {pe}"
            )
        if len(legal) > 1 and groups == 1 and pe > group:
            several = ", ".join(map(str, legal[1:]))
            raise ValueError(f"{self.name}: PE must be in 1 to {group}, or one of {several}, not {pe}")
        raise ValueError(f"{self.name}: PE must be in 1 to {legal[-1] if pe > group else group}, not {pe!r}")

    @cached_property
    def together(self) -> int:
        return max(1, self.pe // self.group_neurons)

    @property
    def parallel(self) -> int:
        return self.together if self.groups > 1 else 1

    @property
    def abreast(self) -> int:
        return self.together if self.groups == 1 else 1

    @property
    def vectors(self) -> int:
        return self.groups // self.parallel

    @property
    def neurons(self) -> int:
        return self.group_neurons * self.together

    @property
    def lanes_in(self) -> int:
        return self.simd * self.together

    @property
    def steps(self) -> int:
        return -(-self.inputs // self.simd)

    @property
    def rows(self) -> int:
        return -(-self.neurons // self.pe)

    @property
    def words(self) -> int:
        return self.steps * self.rows * self.vectors

    @property
    def cycles(self) -> int:
        return self.pixels // self.abreast * self.words

    @cached_property
    def lanes(self) -> int:
        return next(n for n in range(1, self.pe + 1) if self.pe % n == 0 and self.pe // n <= self.steps)

    @property
    def row_beats(self) -> int:
        return self.pe // self.lanes

    @property
    def beats_out(self) -> int:
        return -(-self.neurons // self.lanes)

    @property
    def last_row_beats(self) -> int:
        return self.beats_out - (self.rows - 1) * self.row_beats

    @property
    def places(self) -> int:
        return self.vectors * self.rows * self.row_beats
