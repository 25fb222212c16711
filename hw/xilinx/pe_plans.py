"""The numbers of a processing element that is a netlist of Xilinx primitives, before there is any hardware."""

from .dot_product import best_pe, best_rows, build_sum, smallest_pe

__all__ = ["LutHeapPEPlan", "LutIntegerPEPlan", "LutRowsPlan"]


class LutPEPlan:
    """What the processing elements here share.

    Attributes
    ----------
    pe : hw.xilinx.dot_product.LutPE
    acc_shape, feedback : as of `LutIntegerPEPlan`
    target : hw.targets.target.Target
        It places the netlist.
    latency : int
        Cycles from operands to the sum of their heap, which is accumulated at the end of that cycle.
    luts : int
        LUT6_2 that it takes, by construction.
    """

    def __init__(self, pe, *, acc_shape, feedback, target):
        self.pe, self.acc_shape, self.feedback, self.target = pe, acc_shape, bool(feedback), target
        self.latency, self.luts = pe.latency, pe.luts


class LutIntegerPEPlan(LutPEPlan):
    """A `hw.heap.pe_plans.IntegerPEPlan` whose products are part of the netlist.

    Parameters
    ----------
    x_format, w_format, simd, acc_shape, feedback : as of `hw.heap.pe_plans.IntegerPEPlan`
    target : hw.targets.target.Target
        One with netlists.
    smallest : bool
        The fewest LUTs, however many there are between two registers; not what an accelerator takes.

    Raises
    ------
    ValueError
        If there is no lane.
    """

    def __init__(self, *, x_format, w_format, simd, acc_shape, target, feedback=True, smallest=False):
        if simd < 1:
            raise ValueError(f"SIMD must be at least 1, not {simd!r}")
        self.x_format, self.w_format, self.simd = x_format, w_format, simd
        make = smallest_pe if smallest else best_pe
        super().__init__(
            make(x_format, w_format, simd, acc_shape.width, bool(feedback)),
            acc_shape=acc_shape, feedback=feedback, target=target,
        )  # fmt: skip

    def make(self):
        """Return the hardware, a `hw.xilinx.pe.LutIntegerPE`."""
        from .pe import LutIntegerPE

        return LutIntegerPE(self)


class LutHeapPEPlan(LutPEPlan):
    """A `hw.heap.pe_plans.HeapPEPlan` as a netlist.

    Parameters
    ----------
    heights, acc_shape, feedback : as of `hw.heap.pe_plans.HeapPEPlan`
    target : hw.targets.target.Target
        One with netlists.
    """

    def __init__(self, *, heights, acc_shape, target, feedback=True):
        self.heights = dict(heights)
        pe = build_sum(tuple(sorted(heights.items())), acc_shape.width, bool(feedback))
        super().__init__(pe, acc_shape=acc_shape, feedback=feedback, target=target)

    def make(self):
        """Return the hardware, a `hw.xilinx.pe.LutHeapPE`."""
        from .pe import LutHeapPE

        return LutHeapPE(self)


class LutRowsPlan:
    """The heap of a processing element, compressed to two rows of bits that something else adds and accumulates.

    Parameters
    ----------
    x_format, w_format, simd : as of `LutIntegerPEPlan`
    width : int
        Bits of a row.
    target : hw.targets.target.Target
        One with netlists.

    Attributes
    ----------
    rows : hw.xilinx.dot_product.LutRows
    latency : int
        Cycles from operands to the rows.
    """

    def __init__(self, *, x_format, w_format, simd, width, target):
        self.rows, self.target = best_rows(x_format, w_format, simd, width), target
        self.latency = self.rows.latency

    def make(self):
        """Return the hardware, a `hw.xilinx.pe.LutRowsUnit`."""
        from .pe import LutRowsUnit

        return LutRowsUnit(self)
