"""What a part of a design takes, by formulas: quick enough to search with, close to what synthesis says.

They are of ``--target xilinx``. A stage's plan says what it takes, ``plan.cost``; what synthesis makes of expressions
is fitted to Yosys, and those constants stand beside the plan.
"""

from dataclasses import dataclass

__all__ = ["Cost", "counter_luts", "product_luts"]


@dataclass(frozen=True)
class Cost:
    """An estimate of what a part of a design takes. Costs add up.

    Attributes
    ----------
    lut, bram18, dsp : number
        LUTs, block RAMs of 18 Kbit, DSPs.
    ff, lutram, uram : number
        Flip-flops; LUTs that are memory or shift registers, which are among ``lut``; UltraRAMs.
    """

    lut: float = 0
    bram18: int = 0
    dsp: int = 0
    ff: float = 0
    lutram: float = 0
    uram: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.lut + other.lut, self.bram18 + other.bram18, self.dsp + other.dsp, self.ff + other.ff,
            self.lutram + other.lutram, self.uram + other.uram,
        )  # fmt: skip

    @property
    def row(self) -> dict[str, int]:
        """LUTs, block RAMs and DSPs for a table or JSON, as whole numbers; UltraRAMs only where there are some."""
        found = {"lut": round(self.lut), "bram18": self.bram18, "dsp": self.dsp}
        return found | ({"uram": self.uram} if self.uram else {})

    @property
    def by_resource(self) -> dict[str, int]:
        """All numbers, whole ones, by the resources' names in the order in which tables have them."""
        whole = {"lut": round(self.lut), "ff": round(self.ff), "lutram": round(self.lutram)}
        return whole | {"bram18": self.bram18, "uram": self.uram, "dsp": self.dsp}


def counter_luts(count: int) -> float:
    """Return about the LUTs of a counter through ``count`` numbers that knows when it is at its end."""
    bits = (count - 1).bit_length()
    return 1.6 * bits + 1 if bits else 0


def product_luts(a: int, b: int) -> float:
    """Return about the LUTs of a product of ``a`` by ``b`` bits: a sum for each bit of the shorter factor but one."""
    return (max(a, b) + 4) * (min(a, b) - 1)
