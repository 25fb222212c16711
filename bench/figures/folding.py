"""What folding buys: LUTs by the estimate over cycles a frame, of the digits in three formats."""

from math import log2

from fewbit.flow.api.model import load
from fewbit.flow.folding.folding import fold
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.folding.search import estimate_all
from fewbit.places import HOME

from .svg import BLUE, GOLD, INK, RED, Drawing

__all__ = ["CYCLES", "NAME", "draw"]

NAME = "folding"
FORMATS = {"w8a8": RED, "w4a4": GOLD, "w1a1": BLUE}
CYCLES = [2**n for n in range(2, 13)]
_LEFT, _BOTTOM, _WIDTH, _HEIGHT = 70, 300, 620, 250


def luts(model: str) -> list[float]:
    """Return the LUTs of an example of the digits, folded to each of `CYCLES` a frame."""
    layers = layers_of(load(HOME / "examples" / "digits" / f"{model}.onnx").network)
    return [estimate_all(layers, fold(layers, cycles)).lut for cycles in CYCLES]


def draw() -> str:
    """Return the SVG; both axes are logarithmic."""
    found = {model: luts(model) for model in FORMATS}
    least = min(min(row) for row in found.values())
    most = max(max(row) for row in found.values())
    low, high = int(log2(least)), int(log2(most)) + 1

    def point(cycles: float, lut: float) -> tuple[float, float]:
        span = log2(CYCLES[-1] / CYCLES[0])
        return _LEFT + log2(cycles / CYCLES[0]) * _WIDTH / span, _BOTTOM - (log2(lut) - low) * _HEIGHT / (high - low)

    drawing = Drawing(720, 350, "LUTs over cycles a frame, of the digits in three formats")
    drawing.line([(_LEFT, _BOTTOM - _HEIGHT), (_LEFT, _BOTTOM), (_LEFT + _WIDTH, _BOTTOM)], INK)
    for cycles in CYCLES:
        drawing.text(point(cycles, 2**low)[0], _BOTTOM + 18, f"{cycles:,}", at="middle", size=11)
    for power in range(low, high + 1):
        y = point(CYCLES[0], 2**power)[1]
        drawing.line([(_LEFT, y), (_LEFT + _WIDTH, y)], "#eee", 1)
        drawing.text(_LEFT - 8, y + 4, f"{2**power:,}", at="end", size=11)
    for model, colour in FORMATS.items():
        points = [point(cycles, lut) for cycles, lut in zip(CYCLES, found[model], strict=True)]
        drawing.line(points, colour, 2)
        for x, y in points:
            drawing.dot(x, y, 3, colour)
        drawing.text(points[0][0] + 12, points[0][1] - 8, model, fill=colour)
    drawing.text(_LEFT + _WIDTH / 2, _BOTTOM + 40, "cycles between frames", at="middle")
    drawing.text(12, 24, "LUTs, by the estimate")
    return drawing.done()
