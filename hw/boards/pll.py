"""Clocks from a board's oscillator: the numbers of a PLL, and the PLLs of the ECP5 and of the 7 series."""

from dataclasses import dataclass

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In

__all__ = ["ECP5", "SERIES7", "Family", "Pll", "PllPlan"]


@dataclass(frozen=True)
class Family:
    """What a family's PLL can do; frequencies in MHz.

    Attributes
    ----------
    name : str
    phase : (float, float)
        Least and greatest frequency of the reference behind its divider.
    vco : (float, float)
        Least and greatest frequency of the oscillator.
    references, multipliers, outputs : int
        Largest divider of the reference, multiplier, and divider of the output.
    """

    name: str
    phase: tuple[float, float]
    vco: tuple[float, float]
    references: int
    multipliers: int
    outputs: int


# ECP5: Lattice's data sheet FPGA-DS-02012, with the feedback from the output that we use. 7 series: DS181, speed 1.
ECP5 = Family("ecp5", (3.125, 400.0), (400.0, 800.0), 128, 80, 128)
SERIES7 = Family("series7", (19.0, 450.0), (800.0, 1600.0), 5, 64, 128)


class PllPlan:
    """Dividers with which ``oscillator`` MHz becomes ``clock`` MHz, exactly.

    Parameters
    ----------
    family : Family
    oscillator, clock : float
        Frequencies in MHz of the board's oscillator and of the clock that is asked for.

    Attributes
    ----------
    reference, multiplier, output : int
        ``clock = oscillator / reference * multiplier`` for the ECP5, whose feedback is divided from the output;
        ``clock = oscillator / reference * multiplier / output`` for the 7 series.

    Raises
    ------
    ValueError
        If the PLL cannot make the clock exactly.
    """

    def __init__(self, family: Family, *, oscillator: float, clock: float):
        self.family, self.clock = family, clock
        for self.reference in range(1, family.references + 1):
            phase = oscillator / self.reference
            if not family.phase[0] <= phase <= family.phase[1]:
                continue
            # The middle of the oscillator's range is tried first.
            middle = sum(family.vco) / 2
            for self.output in sorted(range(1, family.outputs + 1), key=lambda d: abs(clock * d - middle)):
                vco = clock * self.output
                factor = vco / phase if family is SERIES7 else clock / phase
                self.multiplier = round(factor)
                fits = family.vco[0] <= vco <= family.vco[1] and 1 <= self.multiplier <= family.multipliers
                if fits and abs(factor - self.multiplier) < 1e-9:
                    return
        raise ValueError(
            f"Clock must be one that the board's PLL makes of {oscillator:g} MHz exactly, not {clock:g} MHz: "
            f"try {self._near(family, oscillator, clock)}"
        )

    @staticmethod
    def _near(family, oscillator, clock):
        """Return the whole multiples of an oscillator's fifth next to ``clock``, which every one of these PLLs can
        make.
        """
        low, high = (5.0, 400.0) if family is ECP5 else (6.25, 400.0)
        step = oscillator / 5
        near = max(1, round(clock / step)) * step
        return f"{min(max(near, low), high):g} MHz"


class Pll(wiring.Component):
    """A PLL that drives clock and reset of the domain ``sync``, which is held in reset until the PLL has locked.

    Parameters
    ----------
    plan : PllPlan or None
        Without a plan, the oscillator is the clock.

    Members
    -------
    oscillator : ``In(1)``
    reset : ``In(1)``
        Resets the whole domain, asynchronously.
    """

    def __init__(self, plan: PllPlan | None):
        self._plan = plan
        super().__init__({"oscillator": In(1), "reset": In(1)})

    def elaborate(self, platform):
        m = Module()
        clock, locked = Signal(), Signal(init=1)
        if self._plan is None:
            m.d.comb += [clock.eq(self.oscillator), locked.eq(1)]
        else:
            make = _ecp5 if self._plan.family is ECP5 else _series7
            make(m, self._plan, self.oscillator, clock, locked)
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(self.reset | ~locked)
        return m


def _ecp5(m, p, oscillator, clock, locked):
    m.submodules.pll = Instance(
        "EHXPLLL",
        a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
        p_CLKI_DIV=p.reference, p_CLKFB_DIV=p.multiplier, p_CLKOP_DIV=p.output, p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED", p_CLKOP_CPHASE=max(0, p.output // 2 - 1), p_CLKOP_FPHASE=0, p_OUTDIVIDER_MUXA="DIVA",
        p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED", p_DPHASE_SOURCE="DISABLED",
        i_CLKI=oscillator, i_CLKFB=clock, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=1,
        i_PHASESTEP=1, i_PHASELOADREG=1, i_PLLWAKESYNC=0, i_ENCLKOP=0,
        o_CLKOP=clock, o_LOCK=locked,
    )  # fmt: skip


def _series7(m, p, oscillator, clock, locked):
    feedback, made = Signal(), Signal()
    m.submodules.pll = Instance(
        "PLLE2_BASE",
        p_CLKIN1_PERIOD=1000 * p.multiplier / (p.clock * p.output * p.reference),
        p_DIVCLK_DIVIDE=p.reference, p_CLKFBOUT_MULT=p.multiplier, p_CLKOUT0_DIVIDE=p.output,
        i_CLKIN1=oscillator, i_CLKFBIN=feedback, i_RST=0, i_PWRDWN=0,
        o_CLKFBOUT=feedback, o_CLKOUT0=made, o_LOCKED=locked,
    )  # fmt: skip
    m.submodules.buffer = Instance("BUFG", i_I=made, o_O=clock)
