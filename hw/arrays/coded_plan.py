"""The numbers of a processing element whose weights are codes."""

from collections.abc import Callable
from dataclasses import dataclass

from fewbit.golden.numbers.format import Format
from fewbit.hw.definition import ModuleDefinition
from fewbit.hw.heap.pe_plans import PEPlan
from fewbit.hw.latency import Meeting
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape

__all__ = ["CodedPEPlan", "HeapPart"]


@dataclass(frozen=True)
class HeapPart:
    """One heap of a processing element whose weights are codes.

    Attributes
    ----------
    x_format, w_format : golden formats of the heap's operands
    x_bits : tuple of int
        Bits of a lane's code that make the activation.
    w_codes : tuple of int
        Code of ``w_format`` for every code that the weight memory can hold.
    """

    x_format: Format
    w_format: Format
    x_bits: tuple[int, ...]
    w_codes: tuple[int, ...]


class CodedPEPlan(Plan):
    """A heap for every part, the sums side by side: part p is in bits ``p*width ..`` of the accumulator.

    A part's weights are a function of the weight's code, and its activations some bits of the lane's code
    (`HeapPart`). Where a part's weights are not bits of the code as it is, a register follows the
    function.

    Parameters
    ----------
    parts : tuple of HeapPart
    unit_of : callable
        ``unit_of(x_format, w_format, acc_shape)`` gives the plan of a part's PE.
    x_bits, w_bits, simd : int
        Bits of a lane's code; bits of a weight's code; lanes.
    acc_shape : hw.shapes.IntShape
        Shape of the accumulator, of which every part has an equal share.

    Attributes
    ----------
    units : list
        The plans of the parts.
    columns : dict
        Functions of the weight's code, as tables, each with the number of the bit that it is, or ``None``.
    registered : bool
        Whether a register follows these functions.
    met : hw.latency.Meeting
        Where the parts have their sums, behind that register.
    latency : int
        Cycles from operands to the sums.

    Raises
    ------
    ValueError
        If the accumulator cannot be shared.
    """

    def __init__(
        self,
        *,
        parts: tuple[HeapPart, ...],
        unit_of: Callable[[Format, Format, IntShape], PEPlan],
        x_bits: int,
        w_bits: int,
        simd: int,
        acc_shape: IntShape,
    ):
        self.parts, self.x_bits, self.w_bits, self.simd, self.acc_shape = parts, x_bits, w_bits, simd, acc_shape
        width = acc_shape.width
        if width % len(parts):
            raise ValueError(f"The accumulator's {width} bits must be shared by {len(parts)} parts")
        self.width = width // len(parts)
        shape = acc_shape if len(parts) == 1 else IntShape(self.width)
        self.units = [unit_of(part.x_format, part.w_format, shape) for part in parts]
        own = [tuple(n >> k & 1 for n in range(1 << w_bits)) for k in range(w_bits)]
        self.columns: dict[tuple[int, ...], int | None] = {}
        for part in parts:
            for column in self.columns_of(part):
                self.columns.setdefault(column, own.index(column) if column in own else None)
        self.registered = None in self.columns.values()
        self.met = Meeting("planes", {f"part {n}": unit.latency for n, unit in enumerate(self.units)})
        self.latency = self.registered + self.met.latency

    def columns_of(self, part: HeapPart) -> list[tuple[int, ...]]:
        """Return the bits of a part's weight, each as a table by the weight's code."""
        return [tuple(code >> k & 1 for code in part.w_codes) for k in range(part.w_format.bits)]

    @property
    def definition(self) -> ModuleDefinition:
        """What the hardware is, as a module of the Verilog."""
        return ModuleDefinition.of(
            "coded_pe", f"{self.parts[0].x_format}_{self.w_bits}_bits_{self.simd}", x_bits=self.x_bits,
            w_bits=self.w_bits, simd=self.simd, acc_width=self.acc_shape.width, acc_signed=self.acc_shape.signed,
            latency=self.latency,
            parts=tuple((str(p.x_format), str(p.w_format), p.x_bits, p.w_codes) for p in self.parts),
            units=tuple(unit.definition.parameters for unit in self.units),
        )  # fmt: skip
