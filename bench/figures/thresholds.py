"""What becomes of batch norm and quantizer: the thresholds of neurons of the digits with 4 bits."""

import numpy as np

from fewbit.flow.api.model import load
from fewbit.golden.network.pointwise import Threshold
from fewbit.places import HOME

from .svg import BLUE, GOLD, GREY, INK, Drawing

__all__ = ["NAME", "draw"]

NAME = "thresholds"
MODEL = HOME / "examples" / "digits" / "w4a4.onnx"
_LEFT, _BOTTOM, _WIDTH, _HEIGHT = 60, 290, 640, 240


def draw() -> str:
    """Return the SVG: the codes of two neurons over all that their accumulators can reach."""
    network = load(MODEL).network
    node = next(n for n in network.nodes if isinstance(n, Threshold) and len(n.thresholds) > 1)
    spans = node.thresholds[:, -1] - node.thresholds[:, 0]
    order = np.argsort(spans)
    chosen = [(int(order[len(order) // 8]), BLUE), (int(order[-len(order) // 8]), GOLD)]
    rows = [node.thresholds[k] for k, _ in chosen]
    first, last = min(r[0] for r in rows), max(r[-1] for r in rows)
    margin = (last - first) // 12 + 1
    low, high = int(first - margin), int(last + margin)
    codes = node.table()

    def x(value: float) -> float:
        return _LEFT + (value - low) * _WIDTH / (high - low)

    def y(code: float) -> float:
        return _BOTTOM - (code - codes.min()) * _HEIGHT / (codes.max() - codes.min())

    drawing = Drawing(720, 345, "Codes of two neurons over their accumulators")
    drawing.line([(_LEFT, _BOTTOM - _HEIGHT - 10), (_LEFT, _BOTTOM + 8), (_LEFT + _WIDTH, _BOTTOM + 8)], INK)
    for code in range(int(codes.min()), int(codes.max()) + 1, 3):
        drawing.text(_LEFT - 8, y(code) + 4, str(code), at="end", size=11)
        drawing.line([(_LEFT, y(code)), (_LEFT + _WIDTH, y(code))], "#eee", 1)
    for value in np.linspace(low, high, 7).round().astype(int):
        drawing.text(x(value), _BOTTOM + 24, f"{value:,}", at="middle", size=11)
    drawing.text(_LEFT + _WIDTH / 2, _BOTTOM + 45, "accumulator, an integer", at="middle")
    for n, (channel, colour) in enumerate(chosen):
        row, points = node.thresholds[channel], [(x(low), y(codes[channel][0]))]
        for k, threshold in enumerate(row):
            points += [(x(threshold), y(codes[channel][k])), (x(threshold), y(codes[channel][k + 1]))]
            drawing.line([(x(threshold), _BOTTOM + 8), (x(threshold), _BOTTOM + 2)], colour, 1)
        drawing.line([*points, (x(high), y(codes[channel][-1]))], colour, 2)
        words = f"neuron {channel} of {node.name}: thresholds {row[0]:,} to {row[-1]:,}"
        drawing.text(_LEFT + 16, 30 + 18 * n, words, fill=colour)
    drawing.text(14, _BOTTOM - _HEIGHT - 14, "code", fill=GREY)
    return drawing.done()
