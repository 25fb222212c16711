"""The PLL of Xilinx's 7 series (DS181, speed grade 1), whose feedback does not pass its output."""

from dataclasses import dataclass

from amaranth.hdl import Instance, Module, Signal

from ..pll import PllFamily, PllPlan

__all__ = ["SERIES7"]


@dataclass(frozen=True)
class _Series7(PllFamily):
    """PLLE2_BASE: ``clock = oscillator / reference * multiplier / output``."""

    def multiplied(self, clock: float, vco: float) -> float:
        return vco

    def make(self, m: Module, plan: PllPlan, oscillator: Signal, clock: Signal, locked: Signal) -> None:
        feedback, made = Signal(), Signal()
        m.submodules.pll = Instance(
            "PLLE2_BASE",
            p_CLKIN1_PERIOD=1000 * plan.multiplier / (plan.clock * plan.output * plan.reference),
            p_DIVCLK_DIVIDE=plan.reference, p_CLKFBOUT_MULT=plan.multiplier, p_CLKOUT0_DIVIDE=plan.output,
            i_CLKIN1=oscillator, i_CLKFBIN=feedback, i_RST=0, i_PWRDWN=0,
            o_CLKFBOUT=feedback, o_CLKOUT0=made, o_LOCKED=locked,
        )  # fmt: skip
        m.submodules.buffer = Instance("BUFG", i_I=made, o_O=clock)


SERIES7 = _Series7(
    name="series7", phase=(19.0, 450.0), vco=(800.0, 1600.0), clocks=(6.25, 400.0), references=5, multipliers=64,
    outputs=128,
)  # fmt: skip
"""The PLL of every FPGA of the 7 series."""
