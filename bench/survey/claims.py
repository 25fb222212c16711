"""What the survey's figures show is said in words that are made from them, so that none can contradict the table."""

import math
from collections.abc import Iterable
from typing import Any

__all__ = ["FLOAT", "FLOAT_LUTS", "Figures", "claims", "left_out"]

FLOAT, FLOAT_LUTS = "float32", "float32-luts"
# What random weights in training, and random activations, are compared with.
RANDOM_WEIGHTS = (("stochastic-w1a1", "bnn-w1a1"), ("stochastic-w2a2", "ternary-w2a2"))
RANDOM_ACTIVATIONS = (("stochastic-w1s1", "bnn-w1a1"), ("stochastic-w2s2", "ternary-w2a2"))
TRAINED = {8: "uniform-w8a8", 4: "lsq-w4a4", 2: "lsq-w2a2"}
BINARY = "bnn-w1a1"
WITHIN = 1.0  # points of accuracy that a row may be below float32 to be recommended


class Figures:
    """The rows of a survey by name, and comparisons of them."""

    def __init__(self, result: dict[str, Any]):
        self.rows = {row["name"]: row for row in result["rows"]}
        self.seeds = len(result["seeds"])

    @property
    def noisy(self) -> bool:
        """Whether the noise between seeds is known: of one seed it is not, so that no accuracies can be compared."""
        return self.seeds > 1

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def __getitem__(self, name: str) -> dict[str, Any]:
        return self.rows[name]

    def hardware(self, name: str) -> dict[str, Any] | None:
        """Return the hardware figures of a row; None if the row is not there."""
        return self.rows[name]["hardware"] if name in self.rows else None

    def difference(self, name: str, other: str) -> tuple[float, float]:
        """Return ``(points, noise)``: accuracy of a row minus that of another, and twice the standard error of it."""
        a, b = self.rows[name], self.rows[other]
        error = math.sqrt((a["spread"] ** 2 + b["spread"] ** 2) / self.seeds)
        return 100 * (a["accuracy"] - b["accuracy"]), 200 * error

    def verdict(self, name: str, other: str) -> int:
        """Return 1 if a row is better than another by more than the noise, -1 if it is worse, else 0."""
        points, noise = self.difference(name, other)
        return (points > noise) - (points < -noise)

    def compared(self, name: str, other: str) -> str:
        """Return the comparison of two rows in words."""
        points, noise = self.difference(name, other)
        words = {1: "better", -1: "worse", 0: "the same within the noise"}[self.verdict(name, other)]
        return f"`{name}` against `{other}` {points:+.2f} points (noise {noise:.2f}): {words}"

    def pairs(self, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return those pairs of names of which both rows are there."""
        return [(a, b) for a, b in pairs if a in self and b in self]


def claims(result: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the points of the page's text, each ``(claim, what the figures show)``.

    What cannot be said from the rows that were measured, or from one seed, is left out (`left_out`).
    """
    return [(claim, shown) for claim, shown in _all(result).items() if shown]


def left_out(result: dict[str, Any]) -> list[str]:
    """Return the claims about which the figures say nothing."""
    return [claim for claim, shown in _all(result).items() if not shown]


def _all(result):
    """Return what the figures show of every claim, None where they show nothing."""
    figures = Figures(result)
    return {
        "Stochastic quantizers generalize better.": _stochastic(figures),
        "Random bits cost a generator.": _generator(figures),
        "Training beats quantizing afterwards.": _training(figures),
        "Binary weights save 32 times the memory.": _memory(figures),
        "The first and the last layer are the sensitive ones.": _layers(result["sensitivity"]),
        f"What to take for a loss of at most {WITHIN:g} point.": _cheapest(figures),
    }


def _listed(items):
    return "; ".join(items)


def _stochastic(figures):
    pairs = figures.pairs(RANDOM_WEIGHTS + RANDOM_ACTIVATIONS)
    if not (pairs and figures.noisy):
        return None
    verdicts = [figures.verdict(*pair) for pair in pairs]
    better, worse = verdicts.count(1), verdicts.count(-1)
    if better and not worse:
        start = f"Seen here in {better} of {len(pairs)} comparisons"
    elif worse and not better:
        start = f"Not seen here: {worse} of {len(pairs)} comparisons go the other way, none this way"
    elif better:
        start = f"Mixed here: {better} of {len(pairs)} comparisons go this way, {worse} the other"
    else:
        start = f"Not seen here: none of {len(pairs)} comparisons is beyond the noise"
    return f"{start}. {_listed(figures.compared(*p) for p in pairs)}."


def _generator(figures):
    costs = []
    for name, other in figures.pairs(RANDOM_ACTIVATIONS):
        own, plain = figures.hardware(name), figures.hardware(other)
        if not (own["unit"] and own["generators"] and plain["unit"]):
            continue  # a quick run synthesizes no units alone
        more = {key: own["cost"][key] - plain["cost"][key] for key in ("lut", "dsp")}
        costs.append(
            f"the units of `{name}` take {_amount(own['unit'])}, of which the generators alone are "
            f"{_amount(own['generators'])}; those of `{other}` take {_amount(plain['unit'])}; the whole accelerator "
            f"{more['lut']:+,} LUTs and {more['dsp']:+} DSPs"
        )
    text = _listed(costs)
    return f"{text[0].upper()}{text[1:]}." if costs else None


def _amount(cost):
    dsps = f", {cost['dsp']} DSPs" if cost["dsp"] else ""
    return f"{cost['lut']:,} LUTs{dsps} and {cost['ff']:,} flip-flops"


def _training(figures):
    lines, verdicts = [], []
    for bits, trained in TRAINED.items():
        without = [r for r in figures.rows.values() if r["kind"] == "PTQ" and r["nominal"] == [bits, bits]]
        if trained in figures and without:
            best = max(without, key=lambda row: row["accuracy"])["name"]
            verdicts.append((bits, figures.verdict(trained, best)))
            lines.append(figures.compared(trained, best))
    if not (lines and figures.noisy):
        return None
    wins = [f"{bits}" for bits, verdict in verdicts if verdict > 0]
    losses = [f"{bits}" for bits, verdict in verdicts if verdict < 0]
    start = f"Training with quantizers is better at {' and '.join(wins)} bits" if wins else "Not seen here at any bits"
    if losses:
        start += f", worse at {' and '.join(losses)}"
    start += ", against the best range that post-training quantization has there"
    return f"{start}. {_listed(lines)}."


def _memory(figures):
    binary, base, whole = figures.hardware(BINARY), figures.hardware(FLOAT), figures.hardware(FLOAT_LUTS)
    if not (binary and base):
        return None
    points, noise = figures.difference(BINARY, FLOAT)
    known = f"noise {noise:.2f}" if figures.noisy else "one seed, so the noise is not known"
    text = (
        f"{binary['compression']:.0f} times here: {base['weight_bits']:,} bits become {binary['weight_bits']:,}, for "
        f"{points:+.2f} points of accuracy ({known}). Bit operations fall by "
        f"{base['bit_operations'] / binary['bit_operations']:,.0f} times. The accelerator does not shrink as much: "
        f"{binary['cost']['lut']:,} LUTs and {binary['cost']['dsp']} DSPs against {base['cost']['lut']:,} and "
        f"{base['cost']['dsp']}"
    )
    if whole:
        times = whole["cost"]["lut"] / binary["cost"]["lut"]
        text += f" (or {whole['cost']['lut']:,} LUTs without DSPs, {times:.1f} times)"
    if binary["array"]:
        lanes = sum(pe * simd for _, pe, simd in binary["folding"])
        products = lanes * binary["array"]["lut"] / binary["array_lanes"]
        text += (
            f": at this folding its {lanes} products a cycle take about {products:.0f} LUTs, by those of a lane, and "
            "streams, memories and control the rest"
        )
    return f"{text}."


def _layers(sensitivity):
    if not sensitivity:
        return None
    lines, ends_worst = [], []
    for bits, lost in sensitivity.items():
        mean = {name: sum(points) / len(points) for name, points in lost.items()}
        names = list(mean)
        if len(names) < 3:
            return None
        middle = max(mean[name] for name in names[1:-1])
        ends_worst.append(
            (min(mean[names[0]], mean[names[-1]]) > middle, max(mean[names[0]], mean[names[-1]]) > middle)
        )
        listed = ", ".join(f"{mean[name]:.2f}" for name in names)
        lines.append(
            f"at {bits} bit{'s' if int(bits) > 1 else ''} the layers lose, from first to last, {listed} points"
        )
    both, one = all(b for b, _ in ends_worst), all(o for _, o in ends_worst)
    start = (
        "Both lose more than what is between them" if both else
        "One of them loses most, the other does not" if one else "Not seen throughout in this network"
    )  # fmt: skip
    return f"{start}. With the weights of one layer at a time quantized and not retrained, {_listed(lines)}."


def _cheapest(figures):
    if FLOAT not in figures:
        return None
    base = figures[FLOAT]["accuracy"]
    near = [row for row in figures.rows.values()
            if row["kind"] != "float" and 100 * (base - row["accuracy"]) <= WITHIN]  # fmt: skip
    if not near:
        return None
    lut = min(near, key=lambda row: row["hardware"]["cost"]["lut"])
    bits = min(near, key=lambda row: row["hardware"]["weight_bits"])
    cost = lut["hardware"]["cost"]
    mean = "mean is" if figures.noisy else "accuracy, of one seed, is"
    if len(near) == 1:
        return (f"`{lut['name']}`, which takes {cost['lut']:,} LUTs and {cost['dsp']} DSPs, is the only row whose "
                f"{mean} within a point of float32.")  # fmt: skip
    text = (f"`{lut['name']}` takes the fewest LUTs, {cost['lut']:,} and {cost['dsp']} DSPs, "
            f"of the {len(near)} rows whose {mean} within a point of float32")  # fmt: skip
    if bits is not lut:
        text += f"; `{bits['name']}` needs the least weight memory, {bits['hardware']['weight_bits']:,} bits"
    return f"{text}."
