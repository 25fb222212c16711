"""Cases of the sweep: a unit from a seed alone."""

import numpy as np

from tests.support.targets import PORTABLE, ULTRASCALE, XILINX
from tests.sweep.layers import ARRAYS, draw_layer
from tests.sweep.others import OTHERS, draw_other
from tests.sweep.unit import ANY

__all__ = ["ARRAYS", "KINDS", "TARGETS", "TURNS", "case_of", "kind_of", "target_of"]

KINDS = (*ARRAYS, *OTHERS)
# Kinds take turns, those whose arrays are of the most forms more often; a float32 unit takes as long as several others.
_OFTEN = {"plain": 5, "dsp": 5, "sums": 3, "constant": 3, "decode": 2, "shift": 2, "planes": 2}
TURNS = tuple(kind for turn in range(max(_OFTEN.values())) for kind in KINDS if turn < _OFTEN.get(kind, 1))
TARGETS = (XILINX.name, ULTRASCALE.name, PORTABLE.name)
_ATTEMPTS = 60


def kind_of(seed):
    """One of `KINDS`: each in the turn of ``seed``."""
    return TURNS[seed % len(TURNS)]


def target_of(seed):
    """One of `TARGETS`; they take turns too."""
    return TARGETS[seed // len(TURNS) % len(TARGETS)]


def case_of(seed):
    """The `Unit` of the number ``seed``: of what `kind_of` and `target_of` say, all else drawn.

    What is drawn anew until it is so: no value is more than half of what must come (three quarters where there are two
    values only). A unit that gave one value only could be wrong and would not be noticed.
    """
    kind, target = kind_of(seed), target_of(seed)
    draw = draw_layer if kind in ARRAYS else draw_other
    for attempt in range(_ATTEMPTS):
        unit = draw(np.random.default_rng([seed, attempt]), kind, target)
        if unit is not None and varied(unit.expected[unit.expected != ANY]):
            return unit
    raise RuntimeError(f"seed {seed}: all units that were drawn give nearly always the same")


def varied(codes):
    """Whether codes are many enough, and different enough, to be worth comparing."""
    counts = np.unique(codes, return_counts=True)[1]
    return codes.size >= 8 and len(counts) > 1 and counts.max() <= codes.size * (0.5 if len(counts) > 2 else 0.75)
