"""The rows of the survey and their networks, which are trained, or quantized without training, and kept by content.

A row's networks are five QONNX files, one for each seed. The first is the one that becomes hardware.
"""

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fewbit.flow.cache import BuildStage, atomic_write, digest, source_digest
from fewbit.flow.reporting import ReportedJob
from fewbit.places import BUILD, HOME
from fewbit.sim.folders import locked

if TYPE_CHECKING:  # only rows that are not kept need them
    from fewbit.flow.quantizing.float_model import FloatProject
    from fewbit.train.data import Dataset, Split
    from fewbit.train.recipe import Recipe

__all__ = ["FLOAT", "FRAMES", "NetworkMaker", "SurveyRow", "rows_of"]

FLOAT = "float32"
PTQ = {8: ("mse",), 4: ("minmax", "percentile", "mse", "kl"), 2: ("minmax", "mse")}  # ranges by bits
CALIBRATION = 1024  # training images that ranges are chosen from
# Of the larger data there is every method once or twice, and only so many steps, so that they take minutes.
FASHION_STEPS = 1000
FASHION_ROWS = (
    FLOAT, "uniform-w4a4", "bnn-w1a1", "bnn-bireal-w1a1", "bnn-warm-w1a1", "xnor-w1a1", "ternary-w2a2", "twn-w2a2",
    "ternary-learned-w2a2", "ttq-w2a2", "m5", "dorefa-w1a2g6", "dorefa-w2a2", "pact-w2a2", "lsq-w2a2", "lsq-w4a4",
    "lq-w2a2", "clusters-w4a4", "power-w4a4", "stochastic-w1a1", "stochastic-w1s1", "stochastic-w2a2",
    "stochastic-w2s2", "ptq-minmax-w4a4", "ptq-percentile-w4a4", "ptq-mse-w4a4", "ptq-kl-w4a4", "ptq-mse-w2a2",
)  # fmt: skip
FRAMES = {"digits": 24, "fashion": 4}  # that are simulated


@dataclass(frozen=True, kw_only=True)
class SurveyRow:
    """A row of the survey.

    Attributes
    ----------
    name : str
    method : str
        The name of the method in the literature, or a description.
    weight_bits, act_bits : float
        The nominal bits; ``log2`` of the number of levels where that is no power of two.
    kind : str
        "float", "QAT" or "PTQ".
    recipe : train.recipe.Recipe or None
        None where nothing is trained.
    start : str or None
        The row whose networks this one begins with, or is quantized from.
    ranges : str or None
        How post-training quantization finds the range of a tensor (`golden.methods.ranges`).
    dsp : bool
        Whether synthesis may use DSPs.
    """

    name: str
    method: str
    weight_bits: float
    act_bits: float
    kind: str = "QAT"
    recipe: "Recipe | None" = None
    start: str | None = None
    ranges: str | None = None
    dsp: bool = True


def rows_of(dataset: str) -> list[SurveyRow]:
    """Return every `SurveyRow` of a dataset, "digits" or "fashion", in the order of the table."""
    from fewbit.train.survey import ROWS

    rows = []
    for row in ROWS.values():
        recipe = row.recipe
        if dataset == "fashion":
            recipe = replace(recipe, steps=FASHION_STEPS, copies=2, calibration=4096)
        kind = "float" if row.name == FLOAT else "QAT"
        rows.append(SurveyRow(name=row.name, method=row.method, weight_bits=row.weight_bits, act_bits=row.act_bits,
                              kind=kind, recipe=recipe, start=row.start))  # fmt: skip
        if kind == "float":
            rows.append(replace(rows[-1], name=f"{FLOAT}-luts", method=f"{row.method} without DSPs", dsp=False))
    rows += _after_training()
    return rows if dataset == "digits" else [row for row in rows if row.name in FASHION_ROWS]


def _after_training() -> list[SurveyRow]:
    """Return the rows of post-training quantization."""
    words = {"minmax": "min-max", "kl": "KL", "mse": "MSE", "percentile": "percentile"}
    return [
        SurveyRow(name=f"ptq-{ranges}-w{bits}a{bits}", method=f"PTQ, {words[ranges]}", weight_bits=bits, act_bits=bits,
                  kind="PTQ", start=FLOAT, ranges=ranges)
        for bits, every in PTQ.items()
        for ranges in every
    ]  # fmt: skip


def _training():
    """Return the digest of the source that training runs: not that of recipes, which are parts of a key themselves."""
    others = {"__init__.py", "catalogue.py", "digits.py", "digits_cnn.py", "examples.py", "fashion.py", "ranges.py",
              "survey.py"}  # fmt: skip
    files = [*(HOME / "train").glob("*.py"), *(HOME / "golden" / "methods").glob("*.py")]
    files += [HOME / "golden" / name for name in ("model_file/exchange.py", "numbers/random.py")]
    return digest(*(path for path in sorted(files) if path.name not in others))


class NetworkMaker:
    """A maker of the networks of rows, each once; several threads may ask.

    Parameters
    ----------
    dataset : str
        "digits" or "fashion".
    seeds : tuple of int
    folder : Path or None
        Gets a folder for each row. None stands for ``build/survey/<dataset>``.
    epochs : int or None
        How often each training image is seen, on the average; None for the steps of the recipes.
    frames : int or None
        How many are simulated; None for those of `FRAMES`.
    parts : bool
        Whether the parts that a method pays for are synthesized alone, too.
    """

    def __init__(
        self, dataset: str, seeds: Iterable[int], folder: Path | None = None, *, epochs: int | None = None,
        frames: int | None = None, parts: bool = True,
    ):  # fmt: skip
        self.name, self.seeds, self.epochs, self.parts = dataset, tuple(seeds), epochs, parts
        self.folder = folder or BUILD / "survey" / dataset
        self.frames = FRAMES[dataset] if frames is None else frames
        self._locks: dict[str, threading.Lock] = {}
        self._begun: dict[str, Any] = {}  # parameters by the name of the row
        self._guard = threading.Lock()

    def __reduce__(self) -> tuple[object, ...]:
        # Another process makes what it needs itself, in the same place of its builds.
        folder = self.folder.relative_to(BUILD) if self.folder.is_relative_to(BUILD) else self.folder
        return _maker_in, (self.name, self.seeds, folder, self.epochs, self.frames, self.parts)

    @property
    def contents(self) -> tuple[object, ...]:
        """All that it was made from, but the folder: networks depend on what is in them, not on where they are."""
        return self.name, list(self.seeds), self.epochs, self.frames, self.parts

    @cached_property
    def rows(self) -> dict[str, SurveyRow]:
        """All rows by name, with the recipes by which they are trained here.

        Of epochs, steps are ``ceil(epochs * images / batch)``.
        """
        rows = {row.name: row for row in rows_of(self.name)}
        return rows if self.epochs is None else {name: self._shortened(row) for name, row in rows.items()}

    def _shortened(self, row):
        if row.recipe is None:
            return row
        steps = math.ceil(self.epochs * len(self.splits[0]) / row.recipe.batch)
        return replace(row, recipe=replace(row.recipe, steps=steps))

    @cached_property
    def dataset(self) -> "Dataset":
        """The images, as samples of one axis."""
        from fewbit.train.data import DIGITS
        from fewbit.train.fashion_data import FASHION

        return DIGITS if self.name == "digits" else replace(FASHION, shape=(784,))

    @cached_property
    def splits(self) -> "tuple[Split, Split]":
        """The images to train with, and those to test with."""
        return self.dataset.load()

    @cached_property
    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """The test samples as the exported networks take them, and their labels."""
        return self.dataset.to_onnx(self.dataset.to_input(self.splits[1].raw)), self.splits[1].label

    @cached_property
    def _images(self):
        """The training images, by the number of versions of each image."""
        return {}

    def _augmented(self, copies):
        with self._lock("images"):
            if copies not in self._images:
                self._images[copies] = self.dataset.augment(self.splits[0].raw, copies=copies, seed=1)
            return self._images[copies]

    def _lock(self, name):
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())

    def files(self, row: SurveyRow, rows: Mapping[str, SurveyRow], job: ReportedJob) -> list[Path]:
        """Return the paths of a row's networks in the order of the seeds; ``rows`` are all rows by name."""
        own = replace(row, dsp=True)
        folder = self.folder / (FLOAT if row.kind == "float" else row.name)
        # The one holds threads, the other processes: a cluster's workers may have one build folder.
        with self._lock(f"files of {folder.name}"), locked(folder, job.now):
            if row.kind == "PTQ":
                stage = self._quantized(own, folder, self.files(rows[row.start], rows, job), job)
            else:
                stage = self._trained(own, folder, rows, job)
        return [folder / name for name in stage.outputs if name.endswith(".onnx")]

    # Training

    def latents(self, row: SurveyRow) -> list[np.ndarray] | None:
        """Return the latent weights of the first seed's layers, in order.

        None stands for a row whose file has the weights that were quantized.
        """
        if row.kind == "PTQ":
            return None
        with np.load(self.folder / (FLOAT if row.kind == "float" else row.name) / "latents.npz") as file:
            return [file[name] for name in file.files]

    def _trained(self, row, folder, rows, job):
        start = rows[row.start].recipe if row.start else None
        stage = BuildStage(
            directory=folder, name="train",
            inputs=[self.name, repr(replace(row.recipe, name="")), repr(start), list(self.seeds),
                    _training(), version("jax"), version("jaxlib"), version("optax")],
        )  # fmt: skip
        if stage.done:
            return stage
        from fewbit.train import export, fit

        params = self._params(row, rows, job)
        with stage:
            for place, seed in enumerate(self.seeds):
                export.write(row.recipe, self.dataset, fit.of_seed(params, place), folder / f"seed{seed}.onnx")
                stage.outputs.append(f"seed{seed}.onnx")
            first = [np.asarray(layer["weight"]) for layer in fit.of_seed(params, 0) if "weight" in layer]
            np.savez(folder / "latents.npz", *first)
            stage.outputs.append("latents.npz")
        return stage

    def _params(self, row, rows, job):
        """Return the trained parameters, which are kept in memory where other rows begin with them."""
        from fewbit.train import fit

        if row.start is None and not any(other.start == row.name and other.recipe for other in rows.values()):
            return self._fitted(row, None, job, fit)
        if row.start is not None:
            return self._fitted(row, self._params(rows[row.start], rows, job), job, fit)
        with self._lock(f"parameters of {row.name}"):
            if row.name not in self._begun:
                self._begun[row.name] = self._fitted(row, None, job, fit)
            return self._begun[row.name]

    def _fitted(self, row, start, job, fit):
        def told(done, loss):
            job.now(f"training {row.name}: step {done} of {row.recipe.steps}, loss {loss:.3f}")

        job.now(f"training {row.name}")
        images = self._augmented(row.recipe.copies)
        label = self.splits[0].label
        return fit.train_seeds(row.recipe, self.dataset, images, label, self.seeds, told, start)[0]

    # Post-training quantization

    def _quantized(self, row, folder, floats, job):
        stage = BuildStage(
            directory=folder, name="quantize",
            inputs=[tuple(floats), row.ranges, row.weight_bits, row.act_bits, CALIBRATION,
                    source_digest("golden", "ptq")],
        )  # fmt: skip
        if stage.done:
            return stage
        from fewbit.ptq.quantize import Bits, Options, quantize

        job.now("quantizing")
        with stage:
            for path in floats:
                project = self.float_project(path)
                raw = {name for site in project.sites if site.raw for name in site.layers}
                bits = {layer.name: Bits(row.weight_bits, None if layer.name in raw else row.act_bits)
                        for layer in project.model.layers}  # fmt: skip
                options = Options(activations=row.ranges, weights=row.ranges)
                plan = quantize(project.model, project.calibration, bits, options)
                atomic_write(folder / path.name, project.qonnx(plan)[0])
                stage.outputs.append(path.name)
        return stage

    def float_project(self, path: Path) -> "FloatProject":
        """Return a float network on its way to a quantized one, calibrated on training images."""
        from fewbit.flow.quantizing.float_model import FloatProject

        with self._lock("calibration"):
            file = self.folder / "calibration.npz"
            if not file.is_file():
                x = self.dataset.to_onnx(self.dataset.to_input(self.splits[0].raw[:CALIBRATION]))
                content = BytesIO()
                np.savez(content, x=x, label=self.splits[0].label[:CALIBRATION])
                atomic_write(file, content.getvalue())
        return FloatProject(path, calibration=file)


def _maker_in(
    dataset: str, seeds: tuple[int, ...], folder: Path, epochs: int | None, frames: int, parts: bool
) -> NetworkMaker:
    """Return the maker of another process, in the builds of this one."""
    return NetworkMaker(dataset, seeds, BUILD / folder, epochs=epochs, frames=frames, parts=parts)
