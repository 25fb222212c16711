"""The PLL of Lattice's ECP5 (data sheet FPGA-DS-02012), with the feedback from its output."""

from dataclasses import dataclass

from amaranth.hdl import Instance, Module, Signal

from ..pll import PllFamily, PllPlan

__all__ = ["ECP5"]


@dataclass(frozen=True)
class _Ecp5(PllFamily):
    """EHXPLLL: ``clock = oscillator / reference * multiplier``."""

    def multiplied(self, clock: float, vco: float) -> float:
        return clock

    def make(self, m: Module, plan: PllPlan, oscillator: Signal, clock: Signal, locked: Signal) -> None:
        m.submodules.pll = Instance(
            "EHXPLLL",
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
            p_CLKI_DIV=plan.reference, p_CLKFB_DIV=plan.multiplier, p_CLKOP_DIV=plan.output, p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_CPHASE=max(0, plan.output // 2 - 1), p_CLKOP_FPHASE=0,
            p_OUTDIVIDER_MUXA="DIVA", p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            i_CLKI=oscillator, i_CLKFB=clock, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=1,
            i_PHASESTEP=1, i_PHASELOADREG=1, i_PLLWAKESYNC=0, i_ENCLKOP=0,
            o_CLKOP=clock, o_LOCK=locked,
        )  # fmt: skip


ECP5 = _Ecp5(
    name="ecp5", phase=(3.125, 400.0), vco=(400.0, 800.0), clocks=(5.0, 400.0), references=128, multipliers=80,
    outputs=128,
)  # fmt: skip
"""The PLL of every ECP5."""
