"""PLLs: dividers that give the clock exactly, within what the family can do."""

import pytest

from fewbit.hw.boards.pll import PllPlan
from fewbit.hw.boards.plls.ecp5 import ECP5
from fewbit.hw.boards.plls.series7 import SERIES7


def test_the_plan_of_ecppll():
    """Project Trellis's ecppll, asked for 50 MHz of 25 MHz, says 1, 2 and 12, with 600 MHz in between."""
    plan = PllPlan(ECP5, oscillator=25, clock=50)
    assert (plan.reference, plan.multiplier, plan.output) == (1, 2, 12)


@pytest.mark.parametrize("family, oscillator", [(ECP5, 25.0), (SERIES7, 100.0)], ids=["ECP5", "7 series"])
def test_plans_are_exact_and_legal(family, oscillator):
    made = 0
    for clock in (6.25, 10, 12.5, 25, 30, 33.125, 40, 50, 62.5, 66, 75, 80, 100, 120, 125, 150, 200, 250):
        try:
            plan = PllPlan(family, oscillator=oscillator, clock=clock)
        except ValueError:
            continue
        made += 1
        phase, vco = oscillator / plan.reference, clock * plan.output
        assert family.phase[0] <= phase <= family.phase[1] and family.vco[0] <= vco <= family.vco[1]
        assert phase * plan.multiplier == pytest.approx(clock if family is ECP5 else vco, rel=1e-12)
        assert 1 <= plan.multiplier <= family.multipliers and 1 <= plan.output <= family.outputs
    assert made >= 14


def test_what_cannot_be_names_what_can():
    with pytest.raises(ValueError, match=r"makes of 25 MHz exactly, not 51.237 MHz: try 50 MHz"):
        PllPlan(ECP5, oscillator=25, clock=51.237)
    PllPlan(ECP5, oscillator=25, clock=50)
