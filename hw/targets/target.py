"""What a target decides, and the register of all targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from .parts import ListedPart, Part

if TYPE_CHECKING:
    from amaranth.hdl import Module, Value

    from fewbit.golden.numbers.format import Format
    from fewbit.hw.heap.pe_plans import PEPlan
    from fewbit.hw.shapes import IntShape
    from fewbit.hw.xilinx.dsp48 import Dsp48
    from fewbit.hw.xilinx.netlist import Netlist

__all__ = ["REGISTERED", "Target", "register"]

REGISTERED: dict[str, type["Target"]] = {}  # target classes by name, in the order in which they were registered

Kind = TypeVar("Kind", bound=type["Target"])


def register(cls: Kind) -> Kind:
    """Register a subclass of `Target` under its ``name``, as a decorator.

    Raises
    ------
    ValueError
        If another target has that name.
    """
    if cls.name in REGISTERED:
        raise ValueError(f"target {cls.name!r} is registered already")
    REGISTERED[cls.name] = cls
    return cls


@dataclass(frozen=True)
class Target:
    """What a design is made of. Everything that depends on the family of the FPGA is asked from this object.

    A family is a subclass in a file of its own (`hw.targets.families`) with the class attributes and methods below. The
    file imports hardware only inside its methods: the command line names targets without it.

    Parameters
    ----------
    dsp : bool
        Whether float32 products may use DSP blocks; without, they are built from LUTs on purpose.

    Attributes
    ----------
    name : str
        Name of the target, as ``--target`` and manifests have it.
    summary : str
        What arrays are made of, in a few words that read on after "of".
    title : str
        The family's name in messages.
    netlists : bool
        Whether arrays, tables and matrices of constants are netlists of LUTs and carry chains (`hw.xilinx.netlist`),
        which `place` makes into hardware; else they are operators.
    dsp48 : hw.xilinx.dsp48.Dsp48 or None
        The DSP block that holds accumulators; ``None`` where it is described by operators.
    own_cells : str
        What only its parts have, for messages.
    parts : tuple of hw.targets.parts.Part
        FPGAs whose cells a design can be mapped to.
    ip_families : tuple of str
        Device families that an IP block is declared for, as Vivado names them.
    vivado_part : str
        A device, package and speed grade on which Vivado's scripts try a design.
    assumed : tuple of str
        What counts of a synthesis take for granted, in sentences, besides what they do of any design.
    """

    dsp: bool = True

    name: ClassVar[str]
    summary: ClassVar[str]
    title: ClassVar[str]
    netlists: ClassVar[bool] = False
    parts: ClassVar[tuple[Part, ...]] = ()
    ip_families: ClassVar[tuple[str, ...]] = ()
    vivado_part: ClassVar[str]
    assumed: ClassVar[tuple[str, ...]] = ()

    @property
    def dsp48(self) -> "Dsp48 | None":
        """The DSP block that holds accumulators, if the design has one."""
        return None

    @property
    def multiplier_port(self) -> int:
        """Bits of the wider port of a DSP block's multiplier, the sign included; the other one has 18."""
        return 18

    @property
    def made_of(self) -> str:
        """What its processing elements and tables are made of, by which modules of the Verilog are told apart."""
        return self.summary if self.netlists else "operators"

    @property
    def instances(self) -> bool:
        """Whether the cells of a netlist become instances of primitives, not expressions."""
        return self.netlists

    @property
    def own_cells(self) -> str:
        """Words for what only parts of the family have."""
        return f"cells of {self.title}"

    def suits(self, part: Part) -> bool:
        """Return whether a design can be mapped to a part: one of `parts`, or one of a family of which it has listed
        ones."""
        return part in self.parts or part.family in {p.family for p in self.parts if isinstance(p, ListedPart)}

    @property
    def form(self) -> str:
        """Word that stands for the family in `fingerprint`."""
        return self.name.upper()

    @property
    def fingerprint(self) -> str:
        """Text by which digests tell targets apart. It must stay as it is: builds and registers of IP blocks hold such
        digests."""
        return f"Target(luts=<Luts.{self.form}: {self.name!r}>, dsp={self.dsp!r})"

    def integer_pe(
        self, *, x_format: "Format", w_format: "Format", simd: int, acc_shape: "IntShape", feedback: bool
    ) -> "PEPlan":
        """Return the plan of a processing element of integer products, such as a `hw.heap.pe_plans.IntegerPEPlan`.

        Parameters
        ----------
        x_format, w_format : golden formats of activations and weights
        simd : int
            Products a cycle.
        acc_shape : hw.shapes.IntShape
        feedback : bool
            Whether it accumulates over cycles.

        Raises
        ------
        ValueError
            If a format has no partial products, or there is no lane.
        """
        raise NotImplementedError

    def heap_pe(
        self, *, heights: Mapping[int, int], acc_shape: "IntShape", feedback: bool, fan_in: int = 1
    ) -> "PEPlan":
        """Return the plan of what is behind the products of a processing element, such as a
        `hw.heap.pe_plans.HeapPEPlan`.

        Parameters
        ----------
        heights : dict of int to int
            Bits of the heap by exponent.
        acc_shape, feedback : as `integer_pe`
        fan_in : int
            Signals that one bit of the heap depends on.
        """
        raise NotImplementedError

    def place(self, m: "Module", netlist: "Netlist", bits: "dict[int, Value]", *, keep: bool = False) -> None:
        """Put a netlist into module ``m``, where the target has `netlists`; parameters as `hw.xilinx.primitives.place`
        has them."""
        raise NotImplementedError

    def models(self, *, sums: bool = False) -> str:
        """Return Verilog text that simulators need besides a design's own: modules of the primitives in it.

        Parameters
        ----------
        sums : bool
            Whether the design has accumulators in DSP blocks.
        """
        return ""
