"""``fewbit search``: formats of each layer within a budget, the Pareto set as QONNX files, a table and a picture."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from fewbit.flow.cache import atomic_write
from fewbit.flow.images import Images
from fewbit.flow.jobs import Workers
from fewbit.flow.reporting import Report
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.execute import labels_of
from fewbit.places import BUILD
from fewbit.ptq.emit import QuantizationPlan
from fewbit.ptq.measure import scores_of
from fewbit.ptq.quantize import Options
from fewbit.sim.folders import locked

from .confidence import held_out_accuracy
from .duration import PASSES, say_if_long
from .float_model import FloatProject
from .goal import Goal, pareto
from .held_out import labelled
from .mixed import FORMATS, MixedSearch
from .quantize import golden_right
from .results import SearchGoal, SearchResult, samples
from .retrain import Retraining
from .sensitivity import with_labels

__all__ = ["search_formats"]


def search_formats(
    project: FloatProject,
    options: Options,
    goal: Goal,
    report: Report,
    *,
    formats: str = FORMATS,
    cycles: int | None = None,
    directory: Path | str | None = None,
    steps: int | None = None,
    workers: Workers | None = None,
) -> SearchResult:
    """Search formats of each layer, write what was found to a folder, and return it.

    Formats are chosen by the project's images; what is said of the files that are written was measured on others, which
    nothing was chosen by.

    Parameters
    ----------
    project : flow.quantizing.float_model.FloatProject
        It holds images out.
    options : ptq.quantize.Options
    goal : flow.quantizing.goal.Goal
    report : flow.reporting.Report
    formats : str
        Formats that a layer may have, as `flow.quantizing.mixed.MixedSearch` takes them.
    cycles : int or None
        Cycles a frame that LUTs are estimated at.
    directory : path or None
        Default ``build/search/<model>/``.
    steps : int or None
        Steps of `flow.quantizing.retrain.Retraining`; None trains nothing.
    workers : flow.jobs.Workers or None
        Those who quantize, measure and train; None for this thread.

    Raises
    ------
    golden.model_file.file.ModelError
        If nothing keeps the limits, or formats are none.
    flow.images.ImageError
        If the images have no labels, or there is nothing to train on.
    ValueError
        If the project holds no images out.
    """
    images, test = with_labels(project), project.test
    if test is None:
        raise ValueError("Project of a search must hold images out")
    retraining = Retraining(project, steps) if steps else None
    search = MixedSearch(project, options, formats=formats, cycles=cycles, workers=workers)
    runs = len(search.names) * len(search.choices[0])
    advice = ", --formats w8a8,w4a4 tries two formats"
    say_if_long(report, project, f"quantizing {runs} times", runs * (PASSES + 1), advice)
    search.run(goal, report)
    if retraining:
        search.retrain(retraining, goal, report)
    best = goal.best(search.candidates, search.floats)
    if best is None:
        raise ModelError(_nothing(search, goal))
    front = pareto(search.candidates, goal.cost)
    points = front if best in front else sorted([*front, best], key=lambda c: c.cost(goal.cost))
    directory = Path(directory) if directory else BUILD / "search" / project.path.stem
    files, written = {}, {}  # the second by the identity of a point
    floats_right = _floats_right(project, test)
    for k, point in enumerate(points):
        content, network = search.made(point)
        file = str(directory / f"{k + 1:02}.onnx")
        written[id(point)] = replace(
            point, file=file, test=held_out_accuracy(golden_right(network, test), floats_right)
        )
        files[file] = content
    result = SearchResult(
        model=project.path, images=samples(images), test=samples(test),
        goal=SearchGoal(budget_luts=goal.luts, budget_bits=goal.bits, max_drop=goal.drop, cost=goal.cost,
                        budget=goal.budget, drop_floor=_floor(goal, search.floats)),
        retrained=retraining.described if retraining else None, floats=search.floats,
        floats_test=held_out_accuracy(floats_right), cycles=search.cost.cycles,
        folding=search.cost.folding.sizes,
        evaluated=len(search.candidates), best=written[id(best)] if goal.given else None,
        pareto=[written[id(point)] for point in points],
        candidates=[written.get(id(candidate), candidate) for candidate in search.candidates],
    )  # fmt: skip
    with locked(directory):
        _write(directory, files, search.cost.folding.to_json(), result)
    return replace(result, directory=directory)


def _floats_right(project: FloatProject, test: Images) -> np.ndarray:
    """Return whether the float model has each image right."""
    return labels_of(scores_of(project.model, QuantizationPlan(), test.values)) == labelled(test).labels


def _floor(goal, floats):
    return None if goal.drop is None else floats.accuracy - goal.drop / 100


def _nothing(search, goal):
    found = search.candidates
    limits = {
        f"{goal.luts} LUTs": goal.luts, f"{goal.bits} bits of weights": goal.bits,
        f"a loss of {goal.drop} points": goal.drop,
    }  # fmt: skip
    asked = " and ".join(text for text, limit in limits.items() if limit is not None)
    luts, bits = (min(c.cost(kind) for c in found) for kind in ("luts", "weight_bits"))
    lost = 100 * (search.floats.accuracy - max(c.accuracy for c in found))
    return (
        f"{search.project.path}: nothing is within {asked}; of {len(found)} assignments of formats the smallest take "
        f"about {luts} LUTs or {bits} bits of weights, and the most accurate loses {lost:.2f} points"
    )


def _write(directory, files, folding, result):
    from .search_picture import picture

    drawing = picture(result)
    names = ("best.onnx", "folding.json", "search.json", "pareto.svg")
    for old in [*directory.glob("[0-9][0-9].onnx"), *(directory / name for name in names)]:
        old.unlink(missing_ok=True)
    for path, content in files.items():
        atomic_write(path, content)
    if result.best:
        shutil.copyfile(result.best.file, directory / "best.onnx")
    atomic_write(directory / "folding.json", folding)
    atomic_write(directory / "pareto.svg", drawing)
    atomic_write(directory / "search.json", json.dumps(result.to_dict(), indent=2) + "\n")
