"""How a bit heap is compressed, stage by stage: the plan of four products of 4 by 4 bits."""

from collections import Counter

from fewbit.golden.numbers.formats import Unsigned
from fewbit.hw.heap.compression import CompressionStage, plan_compression
from fewbit.hw.heap.partial_products import product_terms

from .svg import BLUE, GOLD, GREY, INK, Drawing

__all__ = ["LANES", "NAME", "draw"]

NAME = "bit-heap"
LANES, BITS = 4, 4
_STEP, _ROW = 18, 14  # pixels between columns, and between bits of a column


def draw() -> str:
    """Return the SVG: the dots are bits, their columns weights, and what is coloured goes into one counter or adder."""
    terms = product_terms(Unsigned(BITS), Unsigned(BITS))
    heights = Counter(terms.exponents)
    plan = plan_compression({e: LANES * n for e, n in heights.items()}, fan_in=2)
    shown = [plan.heights, *(stage.heights for stage in plan.stages)]
    tops = [max(heap.values()) for heap in shown]
    columns = max(max(heap) for heap in shown) + 1
    height = sum(tops) * _ROW + 50 * len(shown) + 20
    drawing = Drawing(columns * _STEP + 420, height, "A bit heap, and what is left of it after each stage")
    y = 20
    for n, (heap, top) in enumerate(zip(shown, tops, strict=True)):
        stage = plan.stages[n] if n < len(plan.stages) else None
        y += top * _ROW
        _heap(drawing, heap, columns, y, stage)
        words = f"{sum(heap.values())} bits, at most {top} in a column"
        first = f"{LANES} products of {BITS} by {BITS} bits" if n == 0 else f"after stage {n}"
        drawing.text(columns * _STEP + 40, y - top * _ROW / 2, f"{first}: {words}", fill=INK)
        if stage is not None:
            drawing.text(columns * _STEP + 40, y - top * _ROW / 2 + 16, _what(stage), fill="#555", size=11)
        y += 50
    return drawing.done()


def _heap(drawing: Drawing, heap: dict[int, int], columns: int, bottom: float, stage: CompressionStage | None) -> None:
    """Draw the bits of each column, the lowest weight on the right."""
    colours: dict[int, list[str]] = {e: [] for e in heap}
    for group in stage.counters if stage else ():
        colours[group.exponent] += [BLUE] * (group.inputs * group.count)
    for adder in stage.adders if stage else ():
        for index, taken in enumerate(adder.rows):
            colours[adder.exponent + index] += [GOLD] * taken
    for exponent, bits in heap.items():
        x = 30 + (columns - 1 - exponent) * _STEP
        painted = colours[exponent] + [GREY] * bits
        for k in range(bits):
            drawing.dot(x, bottom - k * _ROW, 5, painted[k])
        drawing.text(x, bottom + 20, str(exponent), at="middle", size=10, fill="#777")


def _what(stage: CompressionStage) -> str:
    """Return what works in a stage, in words."""
    made = Counter({f"{group.inputs}-bit counters": 0 for group in stage.counters})
    for group in stage.counters:
        made[f"{group.inputs}-bit counters"] += group.count
    parts = [f"{count} {name}" for name, count in made.items()]
    if stage.adders:
        parts.append(
            f"{len(stage.adders)} carry-propagate adders" if len(stage.adders) > 1 else "a carry-propagate adder"
        )
    return f"{', '.join(parts) or 'products alone'}: about {stage.luts} LUTs"
