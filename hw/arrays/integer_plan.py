"""The numbers of an array of integer products, before there is any hardware."""

from fewbit.golden.numbers.format import Format
from fewbit.hw.heap.pe_plans import PEPlan
from fewbit.hw.latency import Meeting
from fewbit.hw.shapes import IntShape
from fewbit.hw.targets.named import DEFAULT
from fewbit.hw.targets.target import Target

from .array_plan import ArrayPlan
from .coded_plan import CodedPEPlan, HeapPart

__all__ = ["IntegerArrayPlan"]


class IntegerArrayPlan(ArrayPlan):
    """An array of integer products with an accumulator for each processing element (PE).

    Parameters
    ----------
    x_format, w_format : golden formats of activations and weights
    pe, simd, steps, lanes, groups : as of `hw.arrays.array_plan.ArrayPlan`
    acc_shape : hw.shapes.IntShape
        Shape of initial values and results.
    target : hw.targets.target.Target
        Target that says what a PE is made of.
    weight_bits : int
        Bits of a weight, if they are not those of its format.
    parts : tuple of hw.arrays.coded_plan.HeapPart
        What a PE is made of where weights are codes; a result then has an accumulator for each of them.

    Attributes
    ----------
    pes : dict
        The plans of its PEs by kind; all are equal but in a subclass.
    met : hw.latency.Meeting
        Where the kinds of PEs have the sums of their heaps.
    heap_latency : int
        Cycles from operands to the sum of their heap.
    """

    KINDS: tuple[str, ...] = ("a PE",)  # kinds of PEs; those of a subclass may differ by their place

    def __init__(
        self, *, x_format: Format, w_format: Format, acc_shape: IntShape, target: Target = DEFAULT,
        weight_bits: int | None = None, parts: tuple[HeapPart, ...] | None = None, **folding: int,
    ):  # fmt: skip
        super().__init__(**folding)
        self.x_format, self.w_format, self.acc_shape = x_format, w_format, acc_shape
        self.target, self.parts, self.weight_bits = target, parts, weight_bits or w_format.bits
        self.pes = {kind: self._pe_of(kind) for kind in self.KINDS}
        self.met = Meeting("processing elements", {kind: pe.latency for kind, pe in self.pes.items()})

    def _pe_of(self, kind: str) -> PEPlan:
        if self.parts is None:
            return self._plain_pe(self.x_format, self.w_format, self.acc_shape)
        return CodedPEPlan(
            parts=self.parts, unit_of=self._plain_pe, x_bits=self.x_format.bits, w_bits=self.weight_bits,
            simd=self.simd, acc_shape=self.acc_shape,
        )  # fmt: skip

    def _plain_pe(self, x_format: Format, w_format: Format, acc_shape: IntShape) -> PEPlan:
        """Return the plan of a PE of plain products."""
        return self.target.integer_pe(
            x_format=x_format, w_format=w_format, simd=self.simd, acc_shape=acc_shape, feedback=self.steps > 1
        )

    @property
    def heap_latency(self) -> int:
        """Cycles from operands to the sum of their heap."""
        return self.met.latency

    @property
    def latency(self) -> int:
        return self.heap_latency + (1 if self.lanes == self.pe else 2)
