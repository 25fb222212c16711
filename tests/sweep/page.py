"""``docs/sweep.md``: the figures of a run of the sweep."""

from collections import Counter

from tests.sweep.case import ARRAYS, KINDS, TARGETS

__all__ = ["write_page"]

_WHAT = {
    "plain": "integer products, as bits of a heap", "dsp": "products in DSPs, several in each",
    "sums": "accumulators in DSPs", "decode": "weights decoded from codes", "shift": "weights that are powers of two",
    "planes": "a heap for every plane, and what combines them", "constant": "all unfolded: weights are constants",
    "float32": "the float32 baseline", "activation": "a function of single codes, before a layer",
    "pool": "the largest of a window", "add": "the sum of two branches",
}  # fmt: skip


def write_page(path, found, seconds, command):
    """Write the page of these findings of `tests.sweep.run.sweep`."""
    counts, features = (
        Counter((f["kind"], f["target"]) for f in found),
        Counter(x for f in found for x in f["features"]),
    )
    arrays = [f for f in found if f["kind"] in ARRAYS]
    wrong = sum(bool(f["wrong"]) for f in found)
    rows = [
        f"| {kind} | {_WHAT[kind]} | {' | '.join(str(counts[kind, t]) for t in TARGETS)} | "
        f"{sum(bool(f['wrong']) for f in found if f['kind'] == kind)} |"
        for kind in KINDS if any(counts[kind, t] for t in TARGETS)
    ]  # fmt: skip
    behind = ", ".join(f"{name} {count}" for name, count in sorted(features.items()))
    text = f"""# The sweep: every kind of array and unit against golden

Units of random formats, sizes and foldings, generated for all three targets, in Verilator. Of each, every code that
leaves is compared with `golden.network.execute`, and the cycle in which every beat enters and leaves with the cycle
model; sources idle and sinks refuse at random, and between beats inputs are noise. The text that is simulated is that
of an accelerator: primitives, and Verilator's models of them. Stimuli are drawn so that no code is more than half of a
unit's.

`{command}` made this page, on two cores in {seconds:,} s:

**{len(arrays):,} arrays and {len(found) - len(arrays):,} other units; {sum(f.get("codes", 0) for f in found):,} codes
compared; {wrong} units not equal.**

| kind | what | {" | ".join(TARGETS)} | not equal |
| --- | --- | {" | ".join("---" for _ in TARGETS)} | --- |
{chr(10).join(rows)}

In or behind them: {behind}. {_sizes(arrays)}

A case follows from its seed alone: `make fuzz ARGS='--count 1 --first SEED'` repeats it. Seeds of cases that were once
wrong, or are of interest, are in `tests/sweep/kept.json` and part of `make test`.
"""
    path.write_text(text)


def _sizes(arrays):
    if not arrays:
        return ""
    return (
        f"PE is 1 to {max(f['pe'] for f in arrays)}, SIMD 1 to {max(f['simd'] for f in arrays)}; "
        f"{sum(f['groups'] > 1 for f in arrays):,} arrays have groups."
    )
