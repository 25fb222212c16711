"""What a target decides, and the register of all targets."""

from dataclasses import dataclass

__all__ = ["REGISTERED", "Target", "register"]

REGISTERED = {}  # target classes by name, in the order in which they were registered


def register(cls):
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
        As ``--target`` and manifests have it.
    summary : str
        What arrays are made of, after "of", in a few words.
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

    name = summary = title = None
    netlists = False
    dsp48 = None
    parts = ip_families = assumed = ()
    vivado_part = None

    @property
    def own_cells(self):
        return f"cells of {self.title}"

    @property
    def form(self):
        """The family's word in `fingerprint`."""
        return self.name.upper()

    @property
    def fingerprint(self):
        """Text by which digests tell targets apart. It must stay as it is: builds and registers of IP blocks hold such
        digests."""
        return f"Target(luts=<Luts.{self.form}: {self.name!r}>, dsp={self.dsp!r})"

    def integer_pe(self, *, x_format, w_format, simd, acc_shape, feedback):
        """Return the plan of a processing element of integer products, such as a `hw.heap.pe_plans.IntegerPEPlan`.

        Parameters
        ----------
        x_format, w_format : golden formats of activations and weights
        simd : int
            Products a cycle.
        acc_shape : hw.shapes.IntShape
        feedback : bool
            Whether it accumulates over cycles.
        """
        raise NotImplementedError

    def heap_pe(self, *, heights, acc_shape, feedback, fan_in=1):
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

    def place(self, m, netlist, bits, *, keep=False):
        """Put a netlist into module ``m``, where the target has `netlists`; parameters as `hw.xilinx.primitives.place`
        has them."""
        raise NotImplementedError

    def models(self, *, sums=False):
        """Return Verilog text that simulators need besides a design's own: modules of the primitives in it.

        Parameters
        ----------
        sums : bool
            Whether the design has accumulators in DSP blocks.
        """
        return ""
