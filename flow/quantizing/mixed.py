"""Mixed precision: a format for each layer, chosen by sensitivities that add up, and evaluated after that.

    noise of each layer in each format, alone           sensitivity (`ptq.measure.noise`)
    what each format saves, one layer at a time         `flow.quantizing.format_cost`, or bits of weights
    greedy path, 0/1 programs at many budgets           `ptq.assign`
    every candidate quantized, imported, run, estimated accuracy and cost as they are

What the sums predict only chooses candidates; what is returned and what budgets hold for is the evaluation.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from fewbit.flow.reporting import Report
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Network
from fewbit.ptq.assign import cheapest, greedy, optimum
from fewbit.ptq.emit import QuantizationPlan
from fewbit.ptq.measure import noise, scores_of
from fewbit.ptq.quantize import Bits, Options, quantize

from .bits import parse_bits
from .float_model import FloatProject
from .format_cost import FormatCost
from .found import FormatCandidate
from .goal import Goal, pareto
from .quantize import golden_accuracy
from .retrain import Retraining
from .sensitivity import measured

__all__ = ["FORMATS", "MixedSearch"]

FORMATS = "w8a8,w6a6,w4a4,w3a3,w2a2,w1a1"
"""Formats that a layer may have, unless others are asked for."""
_BUDGETS = 12  # budgets at which a program is solved, between the least cost and the most
_STEPS = 24  # steps of the greedy path that are evaluated
_RETRAINED = 6  # candidates, at most, and the one that would be taken without
_TRIES = 6  # tries at a budget that the estimate of the whole network goes beyond


class MixedSearch:
    """One search.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
    options : ptq.quantize.Options
    formats : str
        Formats that a layer may have, bits of weights and activations, as ``w8a8,w4a4``.
    cycles : int or None
        As `flow.quantizing.format_cost.FormatCost` takes them.

    Attributes
    ----------
    cost : flow.quantizing.format_cost.FormatCost
    floats : flow.quantizing.found.Measured
        What the float model does.
    choices : list of list of ptq.quantize.Bits
        Bits of each layer, by the number of the format.
    candidates : list of flow.quantizing.found.FormatCandidate
        Every candidate that was evaluated.

    Raises
    ------
    golden.model_file.file.ModelError
        If there are fewer than two formats, or one is no format.
    """

    def __init__(self, project: FloatProject, options: Options, *, formats: str = FORMATS, cycles: int | None = None):
        self.project, self.options = project, options
        pairs = [_pair(text.strip(), formats) for text in formats.split(",")]
        if len(pairs) < 2:
            raise ModelError(f"a search needs two formats at least, not {formats!r}")
        self.cost = FormatCost(project, options, reference=max(max(p) for p in pairs), cycles=cycles)
        names = [layer.name for layer in project.model.layers]
        self.choices = [[self.cost.of(name, *pair) for pair in pairs] for name in names]
        self.names = names
        self.candidates: list[FormatCandidate] = []
        self._seen: dict[tuple[Bits, ...], FormatCandidate] = {}
        # By the identity of a candidate: its QONNX, its network, and the candidate before training.
        self._trained: dict[int, tuple[bytes, Network, FormatCandidate]] = {}
        self.floats = measured(project, QuantizationPlan())

    def run(self, goal: Goal, report: Report) -> None:
        """Measure layer by layer, choose candidates, and evaluate them."""
        noises, costs = self._additive(goal.cost, report)
        for f in range(len(self.choices[0])):
            self.evaluate((f,) * len(self.names), "uniform")
        path = greedy(noises, costs)
        path = [path[round(k)] for k in np.linspace(0, len(path) - 1, min(len(path), _STEPS))]
        with report.counting("candidates", len(path) + _BUDGETS) as progress:
            for k, assignment in enumerate(path):
                self.evaluate(assignment, "greedy")
                progress(k + 1)
            low, high = costs.min(axis=1).sum(), costs.max(axis=1).sum()
            for k, budget in enumerate(np.linspace(low, high, _BUDGETS)):
                self._program(noises, costs, budget)
                progress(len(path) + k + 1)
        if goal.budget is not None:
            self._within(noises, costs, goal)
        if goal.drop is not None:
            self._around(noises, costs, goal)

    def evaluate(self, assignment: Sequence[int], by: str) -> FormatCandidate:
        """Quantize, measure, import and estimate an assignment, and return the candidate that it is.

        The assignment has the number of each layer's format; ``by`` says what chose it. What is known already is not
        done again.
        """
        bits = {name: row[f] for name, row, f in zip(self.names, self.choices, assignment, strict=True)}
        key = tuple(bits.values())
        if key not in self._seen:
            plan = self._plan(bits)
            self._seen[key] = FormatCandidate(
                formats={name: str(b) for name, b in bits.items()}, by=by,
                **measured(self.project, plan).to_dict(), **self.cost.hardware(bits).to_dict(),
                weight_bits=self.cost.weight_bits(bits),
            )  # fmt: skip
            self.candidates.append(self._seen[key])
        return self._seen[key]

    def retrain(self, retraining: Retraining, goal: Goal, report: Report) -> None:
        """Train briefly what would be taken without, and some more that could be: `Goal.promising` ones.

        Those are of the Pareto set or uniform, evenly picked by cost.
        """
        best, front = goal.best(self.candidates, self.floats), pareto(self.candidates, goal.cost)
        wanted = [c for c in goal.promising(self.candidates, self.floats) if c.by == "uniform" or c in front]
        wanted.sort(key=lambda c: c.cost(goal.cost))
        places = np.rint(np.linspace(0, len(wanted) - 1, min(len(wanted), _RETRAINED))).astype(int)
        picked: list[FormatCandidate] = [wanted[at] for at in np.unique(places)]
        picked += [best] if goal.given and best is not None and best not in picked else []
        with report.counting("retraining", len(picked)) as progress:
            for done, before in enumerate(picked):
                content, network = self.project.qonnx(retraining.train(self._plan(self.bits_of(before))))
                found = replace(
                    before, by="retrained", noise=None, accuracy=golden_accuracy(network, self.project.images),
                    **self.cost.hardware_of(network).to_dict(),
                )  # fmt: skip
                self._trained[id(found)] = content, network, before
                self.candidates.append(found)
                words = " ".join(before.formats.values())
                report.say(f"{words}: {before.accuracy:.2%}, retrained {found.accuracy:.2%}")
                progress(done + 1)

    def bits_of(self, candidate: FormatCandidate) -> dict[str, Bits]:
        """Return the bits of every layer of a candidate, by name."""
        if id(candidate) in self._trained:
            candidate = self._trained[id(candidate)][2]
        key = next(key for key, known in self._seen.items() if known is candidate)
        return dict(zip(self.names, key, strict=True))

    def made(self, candidate: FormatCandidate) -> tuple[bytes, Network]:
        """Return the QONNX of a candidate, and the network that fewbit imports of it."""
        if id(candidate) in self._trained:
            return self._trained[id(candidate)][:2]
        return self.project.qonnx(self._plan(self.bits_of(candidate)))

    def _plan(self, bits: Mapping[str, Bits]) -> QuantizationPlan:
        return quantize(self.project.model, self.project.calibration, dict(bits), self.options)

    def _additive(self, cost: str, report: Report) -> tuple[np.ndarray, np.ndarray]:
        """Return noise and cost of each layer in each format, both ``(layers, formats)``.

        The noise is with the other layers float, and the cost with the others in the first format.
        """
        layers, formats = len(self.names), len(self.choices[0])
        noises, costs = np.zeros((layers, formats)), np.zeros((layers, formats))
        calibration = self.project.calibration
        base = {name: row[0] for name, row in zip(self.names, self.choices, strict=True)}
        with report.counting("layers", layers * formats) as progress:
            for k, name in enumerate(self.names):
                for f, bits in enumerate(self.choices[k]):
                    scores = scores_of(self.project.model, self._plan({name: bits}), calibration.samples)
                    noises[k, f] = noise(calibration.scores, scores)
                    costs[k, f] = self._cost(base | {name: bits}, cost)
                    progress(k * formats + f + 1)
        whole = self._cost(base, cost)
        return noises, costs - whole + whole / layers

    def _cost(self, bits: Mapping[str, Bits], cost: str) -> int:
        return self.cost.weight_bits(bits) if cost == "weight_bits" else self.cost.hardware(bits).luts

    def _program(self, noises: np.ndarray, costs: np.ndarray, budget: float) -> FormatCandidate | None:
        """Evaluate the least noise within a budget; None if nothing is within it."""
        found = optimum(noises, costs, budget)
        return None if found is None else self.evaluate(found, "program")

    def _within(self, noises: np.ndarray, costs: np.ndarray, goal: Goal) -> None:
        """Solve programs at the budget itself; where the whole network turns out larger, with as much less."""
        assert goal.budget is not None  # who calls it has seen to that
        budget = goal.budget
        for _ in range(_TRIES):
            found = self._program(noises, costs, budget)
            if found is None or found.cost(goal.cost) <= goal.budget:
                return
            budget -= max(1, found.cost(goal.cost) - goal.budget)

    def _around(self, noises: np.ndarray, costs: np.ndarray, goal: Goal) -> None:
        """Solve programs for noises from that of the cheapest candidate that keeps the drop to the next larger one."""
        kept = goal.best(self.candidates, self.floats)
        if kept is None:
            return
        least = kept.noise_or_most
        above = [c.noise_or_most for c in self.candidates if c.noise_or_most > least]
        for most in np.linspace(least, min(above, default=2 * least), _TRIES):
            found = cheapest(noises, costs, most)
            if found is not None:
                self.evaluate(found, "program")


def _pair(text: str, formats: str) -> tuple[int, ...]:
    """Return the bits of weights and activations that one of ``formats`` says."""
    match = re.fullmatch(r"w(\d+)a(\d+)", text)
    if not match:
        raise ModelError(f"formats are like w4a4 or w1a2, bits of weights and activations, not {text!r}")
    return tuple(parse_bits(n, formats) for n in match.groups())
