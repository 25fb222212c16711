"""The numbers of a processing element that is a netlist of Xilinx primitives, before there is any hardware."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from fewbit.golden.numbers.format import Format
from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape

from .dot_product import LutPE, best_pe, best_rows, build_sum, smallest_pe
from .netlist import Netlist

if TYPE_CHECKING:
    from amaranth.hdl import Module, Value

__all__ = ["LutHeapPEPlan", "LutIntegerPEPlan", "LutRowsPlan", "Placing"]


class Placing(Protocol):
    """What a netlist's hardware asks of its target (`hw.targets.target.Target`): to put the cells into a module."""

    @property
    def made_of(self) -> str: ...

    def place(self, m: "Module", netlist: Netlist, bits: "dict[int, Value]", *, keep: bool = False) -> None:
        """Put the netlist into module ``m``; parameters are those of `hw.xilinx.primitives.place`."""


class LutPEPlan(Plan):
    """What the processing elements here share.

    Attributes
    ----------
    pe : hw.xilinx.dot_product.LutPE
    acc_shape, feedback : as of `LutIntegerPEPlan`
    target : hw.targets.target.Target
        Target that places the netlist.
    latency : int
        Cycles from operands to the sum of their heap, which is accumulated at the end of that cycle.
    luts : int
        LUT6_2 that it takes, by construction.
    """

    def __init__(self, pe: LutPE, *, acc_shape: IntShape, feedback: bool, target: Placing):
        self.pe, self.acc_shape, self.feedback, self.target = pe, acc_shape, bool(feedback), target
        self.latency, self.luts = pe.latency, pe.luts

    def _defined(self, kind, label, **operands):
        """Return the definition of a netlist, whose operands are those of a subclass."""
        return ModuleDefinition.of(
            kind, label, made_of=self.target.made_of, **operands, acc_width=self.acc_shape.width,
            acc_signed=self.acc_shape.signed, accumulates=self.feedback, latency=self.latency,
        )  # fmt: skip


class LutIntegerPEPlan(LutPEPlan):
    """A `hw.heap.pe_plans.IntegerPEPlan` whose products are part of the netlist.

    Parameters
    ----------
    x_format, w_format, simd, acc_shape, feedback : as of `hw.heap.pe_plans.IntegerPEPlan`
    target : hw.targets.target.Target
        A target with netlists.
    smallest : bool
        Whether to take the fewest LUTs, however many stand between two registers; no accelerator does.

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
        target: Placing,
        feedback: bool = True,
        smallest: bool = False,
    ):
        if simd < 1:
            raise ValueError(f"SIMD must be at least 1, not {simd!r}")
        self.x_format, self.w_format, self.simd, self.smallest = x_format, w_format, simd, bool(smallest)
        make = smallest_pe if smallest else best_pe
        super().__init__(
            make(x_format, w_format, simd, acc_shape.width, bool(feedback)),
            acc_shape=acc_shape, feedback=feedback, target=target,
        )  # fmt: skip

    @property
    def definition(self) -> ModuleDefinition:
        """What the hardware is, as a module of the Verilog."""
        return self._defined(
            "pe", f"{self.x_format}_{self.w_format}_{self.simd}", x=str(self.x_format), w=str(self.w_format),
            simd=self.simd, smallest=self.smallest,
        )  # fmt: skip


class LutHeapPEPlan(LutPEPlan):
    """A `hw.heap.pe_plans.HeapPEPlan` as a netlist.

    Parameters
    ----------
    heights, acc_shape, feedback : as of `hw.heap.pe_plans.HeapPEPlan`
    target : hw.targets.target.Target
        A target with netlists.
    """

    def __init__(self, *, heights: Mapping[int, int], acc_shape: IntShape, target: Placing, feedback: bool = True):
        self.heights = dict(heights)
        pe = build_sum(tuple(sorted(heights.items())), acc_shape.width, bool(feedback))
        super().__init__(pe, acc_shape=acc_shape, feedback=feedback, target=target)

    @property
    def definition(self) -> ModuleDefinition:
        """What the hardware is, as a module of the Verilog."""
        return self._defined("sum", f"{sum(self.heights.values())}_bits", heights=tuple(sorted(self.heights.items())))


class LutRowsPlan(Plan):
    """The heap of a processing element, compressed to two rows of bits that something else adds and accumulates.

    Parameters
    ----------
    x_format, w_format, simd : as of `LutIntegerPEPlan`
    width : int
        Bits of a row.
    target : hw.targets.target.Target
        A target with netlists.

    Attributes
    ----------
    rows : hw.xilinx.dot_product.LutRows
    latency : int
        Cycles from operands to the rows.
    """

    def __init__(self, *, x_format: Format, w_format: Format, simd: int, width: int, target: Placing):
        self.x_format, self.w_format, self.simd, self.width = x_format, w_format, simd, width
        self.rows, self.target = best_rows(x_format, w_format, simd, width), target
        self.latency = self.rows.latency

    @property
    def definition(self) -> ModuleDefinition:
        """What the hardware is, as a module of the Verilog."""
        return ModuleDefinition.of(
            "rows", f"{self.x_format}_{self.w_format}_{self.simd}", made_of=self.target.made_of, x=str(self.x_format),
            w=str(self.w_format), simd=self.simd, width=self.width, latency=self.latency,
        )  # fmt: skip
