"""Mixed precision: a format for each layer, chosen by sensitivities that add up, and evaluated after that.

    noise of each layer in each format, alone           sensitivity (`ptq.measure.noise`)
    what each format saves, one layer at a time         `flow.quantizing.format_cost`, or bits of weights
    greedy path, 0/1 programs at many budgets           `ptq.assign`
    every candidate quantized, imported, run, estimated accuracy and cost as they are

What the sums predict only chooses candidates; what is returned and what budgets hold for is the evaluation.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fewbit.flow.jobs import SharedArgument, Threads, Workers, WorkUnit, run_units
from fewbit.flow.reporting import Report, ReportedJob
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Network
from fewbit.ptq.assign import cheapest, greedy, optimum
from fewbit.ptq.emit import QuantizationPlan
from fewbit.ptq.measure import noise, scores_of
from fewbit.ptq.quantize import Bits, Options, quantize

from .bits import parse_bits
from .float_model import FloatProject
from .format_cost import FormatCost
from .goal import Goal, pareto
from .quantize import golden_accuracy
from .results import FormatCandidate
from .retrain import Retraining
from .sensitivity import measured

__all__ = ["FORMATS", "MixedSearch", "evaluate_formats", "retrain_formats", "try_alone"]

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
    workers : flow.jobs.Workers or None
        Those who evaluate and train candidates; None for this thread.

    Attributes
    ----------
    cost : flow.quantizing.format_cost.FormatCost
    floats : flow.quantizing.results.Measured
        What the float model does.
    choices : list of list of ptq.quantize.Bits
        Bits of each layer, by the number of the format.
    candidates : list of flow.quantizing.results.FormatCandidate
        Every candidate that was evaluated.

    Raises
    ------
    golden.model_file.file.ModelError
        If there are fewer than two formats, or one is no format.
    """

    def __init__(
        self,
        project: FloatProject,
        options: Options,
        *,
        formats: str = FORMATS,
        cycles: int | None = None,
        workers: Workers | None = None,
    ):
        self.project, self.options = project, options
        self.workers: Workers = workers or Threads()
        pairs = [_pair(text.strip(), formats) for text in formats.split(",")]
        if len(pairs) < 2:
            raise ModelError(f"a search needs two formats at least, not {formats!r}")
        self.cost = FormatCost(project, options, reference=max(max(p) for p in pairs), cycles=cycles)
        self._shared = SharedArgument(value=self.cost, contents=self.cost.contents)
        names = [layer.name for layer in project.model.layers]
        self.choices = [[self.cost.of(name, *pair) for pair in pairs] for name in names]
        self.names = names
        self.candidates: list[FormatCandidate] = []
        self._seen: dict[tuple[Bits, ...], FormatCandidate] = {}
        # By the identity of a candidate: its QONNX, and the candidate before training.
        self._trained: dict[int, tuple[bytes, FormatCandidate]] = {}
        self.floats = measured(project, QuantizationPlan())

    def run(self, goal: Goal, report: Report) -> None:
        """Measure layer by layer, choose candidates, and evaluate them."""
        noises, costs = self._additive(goal.cost, report)
        wanted = [((f,) * len(self.names), "uniform") for f in range(len(self.choices[0]))]
        path = greedy(noises, costs)
        path = [path[round(k)] for k in np.linspace(0, len(path) - 1, min(len(path), _STEPS))]
        wanted += [(assignment, "greedy") for assignment in path]
        budgets = np.linspace(costs.min(axis=1).sum(), costs.max(axis=1).sum(), _BUDGETS)
        optima = [optimum(noises, costs, budget) for budget in budgets]
        self.evaluate(wanted + [(found, "program") for found in optima if found is not None], report)
        if goal.budget is not None:
            self._within(noises, costs, goal, report)
        if goal.drop is not None:
            self._around(noises, costs, goal, report)

    def evaluate(self, assignments: Sequence[tuple[Sequence[int], str]], report: Report) -> list[FormatCandidate]:
        """Quantize, measure, import and estimate assignments, and return the candidates that they are.

        An assignment has the number of each layer's format, and beside it stands what chose it. What is known already
        is not done again.
        """
        keys, units = [], {}
        for assignment, by in assignments:
            bits = {name: row[f] for name, row, f in zip(self.names, self.choices, assignment, strict=True)}
            keys.append(key := tuple(bits.values()))
            if key not in self._seen and key not in units:
                units[key] = self._unit(" ".join(map(str, key)), evaluate_formats, bits), bits, by
        found = run_units(report, "candidates", [unit for unit, *_ in units.values()], self.workers)
        for key, (unit, bits, by) in units.items():
            self._seen[key] = FormatCandidate(
                formats={name: str(b) for name, b in bits.items()}, by=by, **found[unit.name],
                weight_bits=self.cost.weight_bits(bits),
            )  # fmt: skip
            self.candidates.append(self._seen[key])
        return [self._seen[key] for key in keys]

    def _unit(self, name: str, function: Callable[..., Any], bits: dict[str, Bits], *more: Any) -> WorkUnit:
        """Return the unit of work ``function(cost, options, bits, *more)``; JSON can hold ``more``."""
        written = {n: [one.weights, one.activations] for n, one in bits.items()}
        return WorkUnit(
            name=name, function=function, arguments=(self._shared, self.options, bits, *more),
            contents=(self.options.__dict__, written, *more),
        )  # fmt: skip

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
        shared = SharedArgument(value=retraining, contents=(self.project.contents, retraining.steps))
        units = []
        for before in picked:
            bits = self.bits_of(before)
            unit = self._unit(" ".join(before.formats.values()), retrain_formats, bits)
            units.append(replace(unit, arguments=(*unit.arguments, shared)))
        found = run_units(report, "retraining", units, self.workers)
        for before, unit in zip(picked, units, strict=True):
            result = dict(found[unit.name])
            content = b64decode(result.pop("qonnx"))
            after = replace(before, by="retrained", noise=None, **result)
            self._trained[id(after)] = content, before
            self.candidates.append(after)
            report.say(f"{unit.name}: {before.accuracy:.2%}, retrained {after.accuracy:.2%}")

    def bits_of(self, candidate: FormatCandidate) -> dict[str, Bits]:
        """Return the bits of every layer of a candidate, by name."""
        if id(candidate) in self._trained:
            candidate = self._trained[id(candidate)][1]
        key = next(key for key, known in self._seen.items() if known is candidate)
        return dict(zip(self.names, key, strict=True))

    def made(self, candidate: FormatCandidate) -> tuple[bytes, Network]:
        """Return the QONNX of a candidate, and the network that fewbit imports of it."""
        if id(candidate) in self._trained:
            content, _ = self._trained[id(candidate)]
            return content, self.project.imported(content)
        return self.project.qonnx(self._plan(self.bits_of(candidate)))

    def _plan(self, bits: Mapping[str, Bits]) -> QuantizationPlan:
        return quantize(self.project.model, self.project.calibration, dict(bits), self.options)

    def _additive(self, cost: str, report: Report) -> tuple[np.ndarray, np.ndarray]:
        """Return noise and cost of each layer in each format, both ``(layers, formats)``.

        The noise is with the other layers float, and the cost with the others in the first format.
        """
        layers, formats = len(self.names), len(self.choices[0])
        noises, costs = np.zeros((layers, formats)), np.zeros((layers, formats))
        base = {name: row[0] for name, row in zip(self.names, self.choices, strict=True)}
        places, units = [], []
        for k, name in enumerate(self.names):
            for f, bits in enumerate(self.choices[k]):
                # Formats may be given twice, and names of units are not.
                unit = self._unit(f"{name}, {bits}, {f + 1}", try_alone, base | {name: bits}, name)
                places.append((k, f))
                units.append(unit)
        results = run_units(report, "layers", units, self.workers)
        for (k, f), unit, bits in zip(places, units, (unit.arguments[2] for unit in units), strict=True):
            noises[k, f], luts = results[unit.name]["noise"], results[unit.name]["luts"]
            costs[k, f] = self.cost.weight_bits(bits) if cost == "weight_bits" else luts
        whole = self._cost(base, cost)
        return noises, costs - whole + whole / layers

    def _cost(self, bits: Mapping[str, Bits], cost: str) -> int:
        return self.cost.weight_bits(bits) if cost == "weight_bits" else self.cost.hardware(bits).luts

    def _within(self, noises: np.ndarray, costs: np.ndarray, goal: Goal, report: Report) -> None:
        """Solve programs at the budget itself; where the whole network turns out larger, with as much less."""
        assert goal.budget is not None  # who calls it has seen to that
        budget = goal.budget
        for _ in range(_TRIES):
            assignment = optimum(noises, costs, budget)  # of the least noise within the budget
            if assignment is None:
                return
            (found,) = self.evaluate([(assignment, "program")], report)
            if found.cost(goal.cost) <= goal.budget:
                return
            budget -= max(1, found.cost(goal.cost) - goal.budget)

    def _around(self, noises: np.ndarray, costs: np.ndarray, goal: Goal, report: Report) -> None:
        """Solve programs for noises from that of the cheapest candidate that keeps the drop to the next larger one."""
        kept = goal.best(self.candidates, self.floats)
        if kept is None:
            return
        least = kept.noise_or_most
        above = [c.noise_or_most for c in self.candidates if c.noise_or_most > least]
        found = [cheapest(noises, costs, most) for most in np.linspace(least, min(above, default=2 * least), _TRIES)]
        self.evaluate([(assignment, "program") for assignment in found if assignment is not None], report)


# Units of work: what they return JSON can hold


def try_alone(
    cost: FormatCost, options: Options, bits: dict[str, Bits], layer: str, job: ReportedJob
) -> dict[str, float]:
    """Return the noise of a layer's format with the others float, and the LUTs of all ``bits`` together."""
    project = cost.project
    plan = quantize(project.model, project.calibration, {layer: bits[layer]}, options)
    scores = scores_of(project.model, plan, project.calibration.samples)
    return {"noise": noise(project.calibration.scores, scores), "luts": cost.hardware(bits).luts}


def evaluate_formats(cost: FormatCost, options: Options, bits: dict[str, Bits], job: ReportedJob) -> dict[str, Any]:
    """Return what a candidate's formats do, and what they take."""
    project = cost.project
    plan = quantize(project.model, project.calibration, dict(bits), options)
    # A corrected bias may put thresholds out of reach: what is estimated is the very network that a file would have.
    return measured(project, plan).to_dict() | cost.hardware_of(project.qonnx(plan)[1]).to_dict()


def retrain_formats(
    cost: FormatCost, options: Options, bits: dict[str, Bits], retraining: Retraining, job: ReportedJob
) -> dict[str, Any]:
    """Train briefly in a candidate's formats; return its QONNX, accuracy, and what it takes."""
    project = cost.project
    plan = quantize(project.model, project.calibration, dict(bits), options)
    content, network = project.qonnx(retraining.train(plan))
    return {
        "qonnx": b64encode(content).decode(), "accuracy": golden_accuracy(network, project.images),
        **cost.hardware_of(network).to_dict(),
    }  # fmt: skip


def _pair(text: str, formats: str) -> tuple[int, ...]:
    """Return the bits of weights and activations that one of ``formats`` says."""
    match = re.fullmatch(r"w(\d+)a(\d+)", text)
    if not match:
        raise ModelError(f"formats are like w4a4 or w1a2, bits of weights and activations, not {text!r}")
    return tuple(parse_bits(n, formats) for n in match.groups())
