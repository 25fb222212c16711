"""The numbers of a processing element that is made of operators, before there is any hardware."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from fewbit.golden.numbers.format import Format
from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape

from .compression import plan_compression
from .partial_products import product_terms

if TYPE_CHECKING:
    from amaranth.lib import wiring

__all__ = ["HeapPEPlan", "HeapTarget", "IntegerPEPlan", "PEPlan"]


class PEPlan(Protocol):
    """What the plan of every processing element has.

    Attributes
    ----------
    latency : int
        Cycles from operands to the sum of their heap, which is accumulated at the end of that cycle.
    definition : hw.definition.ModuleDefinition
        What its hardware is, as a module of the Verilog.
    """

    @property
    def latency(self) -> int: ...

    @property
    def definition(self) -> ModuleDefinition: ...

    def make(self) -> "wiring.Component":
        """Return the hardware."""


class HeapTarget(Protocol):
    """What a processing element asks of its target (`hw.targets.target.Target`): what is behind its products."""

    @property
    def netlists(self) -> bool: ...

    def heap_pe(
        self, *, heights: Mapping[int, int], acc_shape: IntShape, feedback: bool, fan_in: int = 1
    ) -> PEPlan: ...


class HeapPEPlan(Plan):
    """What is left of a processing element behind its products: ``o = (init if load else o) + sum(heap)``.

    Parameters
    ----------
    heights : dict of int to int
        Bits of the heap by exponent.
    acc_shape, feedback : as `IntegerPEPlan`
    fan_in : int
        Signals that one bit of the heap depends on.

    Attributes
    ----------
    compression : hw.heap.compression.CompressionPlan
    latency : int
        Cycles from the heap's bits to their sum, which is accumulated at the end of that cycle.
    """

    def __init__(self, *, heights: Mapping[int, int], acc_shape: IntShape, feedback: bool = True, fan_in: int = 1):
        self.heights, self.acc_shape, self.feedback, self.fan_in = dict(heights), acc_shape, bool(feedback), fan_in
        self.compression = plan_compression(heights, fan_in=fan_in)
        self.latency = self.compression.latency

    @property
    def definition(self) -> ModuleDefinition:
        """What the hardware is, as a module of the Verilog."""
        return ModuleDefinition.of(
            "sum", f"{sum(self.heights.values())}_bits", made_of="operators", heights=tuple(self.heights.items()),
            fan_in=self.fan_in, acc_width=self.acc_shape.width, acc_signed=self.acc_shape.signed,
            accumulates=self.feedback, latency=self.latency,
        )  # fmt: skip


class IntegerPEPlan(Plan):
    """One processing element: the heap of ``simd`` products, made of operators, and an accumulator.

    Parameters
    ----------
    x_format, w_format : golden formats of activations and weights
    simd : int
        Lanes.
    acc_shape : hw.shapes.IntShape
        Shape of the accumulator.
    feedback : bool
        Whether to accumulate; if not, ``o = init + sum(heap)`` in every cycle, and ``load`` and ``enable`` are ignored.
    target : hw.targets.target.Target
        What is behind the products is its `heap_pe`. Where that is a netlist a register stands between, since it is not
        known how many LUTs synthesis makes of the products.

    Attributes
    ----------
    terms : hw.heap.partial_products.ProductTerms
    registered : bool
        Whether a register follows the products.
    sum : the plan behind the products
    latency : int
        Cycles from operands to the sum of their heap, which is accumulated at the end of that cycle.

    Raises
    ------
    ValueError
        If there is no lane.
    """

    def __init__(
        self,
        *,
        x_format: Format,
        w_format: Format,
        simd: int,
        acc_shape: IntShape,
        target: HeapTarget,
        feedback: bool = True,
    ):
        if simd < 1:
            raise ValueError(f"SIMD must be at least 1, not {simd!r}")
        self.x_format, self.w_format, self.simd, self.acc_shape = x_format, w_format, simd, acc_shape
        self.feedback = bool(feedback)
        self.terms = product_terms(x_format, w_format)
        self.registered = target.netlists
        self.sum = target.heap_pe(
            heights=Counter(self.terms.exponents * simd), acc_shape=acc_shape, feedback=feedback,
            fan_in=1 if self.registered else self.terms.fan_in,
        )  # fmt: skip
        self.latency = self.registered + self.sum.latency

    @property
    def definition(self) -> ModuleDefinition:
        """What the hardware is, as a module of the Verilog."""
        return ModuleDefinition.of(
            "pe", f"{self.x_format}_{self.w_format}_{self.simd}", made_of="operators", x=str(self.x_format),
            w=str(self.w_format), simd=self.simd, acc_width=self.acc_shape.width, acc_signed=self.acc_shape.signed,
            accumulates=self.feedback, latency=self.latency, registered=self.registered,
            sum=self.sum.definition.parameters,
        )  # fmt: skip
