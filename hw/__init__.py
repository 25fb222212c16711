"""Hardware in Amaranth: processing elements, layers, the accelerator, its AXI4-Stream shell and Verilog emission.

Its parts can be used in designs of one's own. These are at hand as ``fewbit.hw.NAME``, imported when they are first
used; docs/components.md has examples, and each has its formula, its members and its latency in its docstring.

- Products and sums: `array_alone` plans processing elements with weights at their ports (`IntegerArray`, by
  ``plan.make()``); ``target_named("xilinx").integer_pe(…)`` plans one of them; `product_terms` is what a product adds
  to a bit heap; `BitHeap`, `plan_compression` and `Compressor` sum any weighted bits.
- Windows: `SlidingWindow` of a `SlidingPlan` gives the windows of images tap by tap, `WindowColumns` of a `ColumnsPlan`
  by columns or whole; `Window` is their geometry.
- Streams: `code_stream` is the signature of all; `Gearbox` changes lanes, `Fork` of a `ForkPlan` copies, `Queue` of a
  `QueuePlan` waits, `StreamUnit` is what units of one stream in and one out derive from.
- Memory: `Rom`.
- Verilog: `convert` writes a component as text that is right in every simulator.
- `Folding` and `LayerFolding` are PE and SIMD of a network's layers, `FoldingError` what is wrong with them.
"""

from importlib import import_module
from typing import Any

_PLACES = {
    "BitHeap": "heap.bit_heap", "ColumnsPlan": "stages.window_columns_plan", "Compressor": "heap.bit_heap",
    "Folding": "folding", "FoldingError": "folding", "Fork": "stages.routing", "ForkPlan": "stages.routing_plan",
    "Gearbox": "gearbox", "IntegerArray": "arrays.integer", "IntegerArrayPlan": "arrays.integer_plan",
    "LayerFolding": "folding", "Queue": "stages.routing", "QueuePlan": "stages.routing_plan", "Rom": "memory.rom",
    "SlidingPlan": "stages.window_plan", "SlidingWindow": "stages.sliding_window", "StreamUnit": "streams",
    "WindowColumns": "stages.window_columns", "array_alone": "arrays.alone", "code_stream": "streams",
    "convert": "shell.verilog", "plan_compression": "heap.compression", "product_terms": "heap.partial_products",
    "target_named": "targets.named",
}  # fmt: skip
_ELSEWHERE = {"Window": "fewbit.golden.network.window"}

__all__ = [*sorted({*_PLACES, *_ELSEWHERE})]


def __getattr__(name: str) -> Any:
    """Return a part, which is imported when it is first used."""
    place = _ELSEWHERE.get(name) or (f"{__name__}.{_PLACES[name]}" if name in _PLACES else None)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(place), name)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
