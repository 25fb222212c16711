"""Clocks from a board's oscillator: what a family's PLL can do, the numbers of one, and the component around it."""

from dataclasses import dataclass

from amaranth.hdl import ClockSignal, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import ResetSynchronizer
from amaranth.lib.wiring import In

__all__ = ["Pll", "PllFamily", "PllPlan"]


@dataclass(frozen=True, kw_only=True)
class PllFamily:
    """What a family's PLL can do; frequencies in MHz. Each family is a subclass in a file of `hw.boards.plls`.

    Attributes
    ----------
    name : str
    phase : (float, float)
        Least and greatest frequency of the reference behind its divider.
    vco : (float, float)
        Least and greatest frequency of the oscillator.
    clocks : (float, float)
        Least and greatest clock that a message offers.
    references, multipliers, outputs : int
        Largest divider of the reference, multiplier, and divider of the output.
    """

    name: str
    phase: tuple[float, float]
    vco: tuple[float, float]
    clocks: tuple[float, float]
    references: int
    multipliers: int
    outputs: int

    def multiplied(self, clock: float, vco: float) -> float:
        """Return which frequency is the multiplier times the reference: the clock's, or the PLL's oscillator's."""
        raise NotImplementedError

    def make(self, m: Module, plan: "PllPlan", oscillator: Signal, clock: Signal, locked: Signal) -> None:
        """Put the PLL of a plan into module ``m``: it takes ``oscillator``, and drives ``clock`` and ``locked``."""
        raise NotImplementedError


class PllPlan:
    """Dividers with which ``oscillator`` MHz becomes ``clock`` MHz, exactly.

    Parameters
    ----------
    family : PllFamily
    oscillator, clock : float
        Frequencies in MHz of the board's oscillator and of the clock that is asked for.

    Attributes
    ----------
    reference, multiplier, output : int
        Divider of the reference, multiplier, and divider of the output, as the primitive takes them; the family's class
        has the formula of ``clock``.

    Raises
    ------
    ValueError
        If the PLL cannot make the clock exactly.
    """

    def __init__(self, family: PllFamily, *, oscillator: float, clock: float):
        self.family, self.clock = family, clock
        for self.reference in range(1, family.references + 1):
            phase = oscillator / self.reference
            if not family.phase[0] <= phase <= family.phase[1]:
                continue
            # The middle of the oscillator's range is tried first.
            middle = sum(family.vco) / 2
            for self.output in sorted(range(1, family.outputs + 1), key=lambda d: abs(clock * d - middle)):
                vco = clock * self.output
                factor = family.multiplied(clock, vco) / phase
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
        low, high = family.clocks
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
            self._plan.family.make(m, self._plan, self.oscillator, clock, locked)
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(self.reset | ~locked)
        return m
