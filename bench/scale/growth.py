"""How the cost of a step grows: slopes on a log-log plot against the size of what the step gives."""

import math
from collections.abc import Callable, Mapping, Sequence

from .steps import NetworkSteps

__all__ = ["SHORTEST", "SIZES", "slope", "slopes"]

SIZES: dict[str, tuple[str, Callable[[NetworkSteps], float]]] = {
    "quantize": ("bytes of the model", lambda m: m.steps["quantize"].found["bytes"]),
    "import": ("weights", lambda m: m.steps["import"].found["weights"]),
    "fold": ("layers", lambda m: m.steps["import"].found["nodes"]),
    "queues": ("values that move in a frame", lambda m: m.steps["import"].found["values"]),
    "cycles": ("values that move in a frame", lambda m: m.steps["import"].found["values"]),
    "verilog": ("bytes of Verilog", lambda m: m.steps["verilog"].found["bytes"]),
}
"""What the size of a step's output is, and where it is found, by the step."""

SPREAD = 1.5
"""How many times larger the largest output of a family must be than its smallest for a slope to say anything."""
SHORTEST = 1.0
"""Seconds: what takes less is what every process takes, and says nothing of growth."""


def slope(sizes: Sequence[float], seconds: Sequence[float]) -> float | None:
    """Return the slope of the line of least squares through ``(log size, log second)``.

    It is None where the largest size is less than `SPREAD` times the smallest, or fewer than two points are there.
    """
    x, y = [math.log(s) for s in sizes], [math.log(s) for s in seconds]
    if len(x) < 2 or max(x) - min(x) < math.log(SPREAD):
        return None
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def slopes(family: Mapping[str, NetworkSteps]) -> dict[str, float | None]:
    """Return the slope of every step over a family of networks; None where it is too short to say, or its output does
    not grow."""
    found = {}
    for step, (_, size) in SIZES.items():
        points = [(size(m), m.steps[step].seconds) for m in family.values() if not m.failed]
        points = [(s, t) for s, t in points if t >= SHORTEST]
        found[step] = slope([s for s, _ in points], [t for _, t in points])
    return found
