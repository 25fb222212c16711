"""The DSP48 as accumulators: how its adder is split, and its inputs and registers that are not used then (UG479)."""

from dataclasses import dataclass

__all__ = ["DSP48E1", "DSP48E2", "REGISTERS", "SPLITS", "WIDTH", "Dsp48", "sums_of"]

WIDTH = 48
SPLITS = {4: "FOUR12", 2: "TWO24", 1: "ONE48"}  # parameter USE_SIMD by the number of parts, most parts first
REGISTERS = ("ACASCREG", "ADREG", "ALUMODEREG", "AREG", "BCASCREG", "BREG", "CARRYINREG", "CARRYINSELREG", "CREG",
             "DREG", "INMODEREG", "MREG", "OPMODEREG")  # fmt: skip


@dataclass(frozen=True)
class Dsp48:
    """A generation of the DSP48.

    Attributes
    ----------
    name : str
        Name of the primitive.
    d_bits, opmode_bits : int
        Widths of its inputs D and OPMODE.
    """

    name: str
    d_bits: int
    opmode_bits: int

    @property
    def idle(self) -> dict[str, int]:
        """Bits of the inputs that are always zero, by name; the multiplier and all registers but the last are idle."""
        return {
            "ACIN": 30, "BCIN": 18, "PCIN": 48, "D": self.d_bits, "ALUMODE": 4, "CARRYINSEL": 3, "INMODE": 5,
            **dict.fromkeys(("CARRYIN", "CARRYCASCIN", "MULTSIGNIN", "CEA1", "CEA2", "CEAD", "CEALUMODE", "CEB1",
                             "CEB2", "CEC", "CECARRYIN", "CECTRL", "CED", "CEINMODE", "CEM", "RSTA", "RSTALLCARRYIN",
                             "RSTALUMODE", "RSTB", "RSTC", "RSTCTRL", "RSTD", "RSTINMODE", "RSTM", "RSTP"), 1),
        }  # fmt: skip


DSP48E1 = Dsp48("DSP48E1", d_bits=25, opmode_bits=7)
DSP48E2 = Dsp48("DSP48E2", d_bits=27, opmode_bits=9)


def sums_of(width: int) -> int:
    """Return how many accumulators of ``width`` bits a DSP48 holds.

    Raises
    ------
    ValueError
        If it holds none.
    """
    for count in SPLITS:
        if width <= WIDTH // count:
            return count
    raise ValueError(f"A sum in a DSP has at most {WIDTH} bits, not {width}")
