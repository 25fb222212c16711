"""A model: what it computes, and what can be made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

from fewbit.extras import needs
from fewbit.flow import defaults
from fewbit.flow.checking.check import reference_for
from fewbit.flow.checking.executed import Executed, execute_samples
from fewbit.flow.commands.fold import Folded, fold_model
from fewbit.flow.commands.folding_options import FoldingGoal
from fewbit.flow.folding.files import parse_folding, read_folding
from fewbit.flow.images import SamplesLike
from fewbit.flow.notebook import html_of
from fewbit.flow.project.folded_model import FoldedModel
from fewbit.flow.project.project import Project
from fewbit.flow.project.samples import samples_of
from fewbit.flow.quantizing.bits import Request
from fewbit.flow.quantizing.float_model import FloatProject, calibrated
from fewbit.flow.quantizing.goal import Goal
from fewbit.flow.quantizing.quantize import quantize_model
from fewbit.flow.quantizing.results import Quantized, SearchResult, Sensitivity
from fewbit.flow.quantizing.search import search_formats
from fewbit.flow.quantizing.sensitivity import sensitivity
from fewbit.flow.results import hidden
from fewbit.flow.workers import workers_of
from fewbit.golden.model_file.file import ModelError
from fewbit.golden.model_file.source import SourceFile
from fewbit.golden.network.graph import Network
from fewbit.hw.folding import Folding
from fewbit.hw.targets.named import USUAL, target_named
from fewbit.ptq.reader import read_model

from .build import HardwareBuild, built
from .layers import LayerTable, layer_table
from .progress import ProgressCallback, Told
from .ranges import RangeOptions, options_of
from .trace import Trace, trace_of

__all__ = ["FoldedDesign", "Model", "QuantizedModel", "load"]


class Model:
    """A model file, as `load` reads it.

    Attributes
    ----------
    path : Path
        The file.
    input : str or None
        The declaration of its input that was given.
    output : str
        ``auto`` or ``label``, as it was given.
    """

    def __init__(self, path: Path | str, *, input: str | None = None, output: str = "auto"):
        self._source = SourceFile.of(path)
        self.path, self.input, self.output = self._source.path, input, output
        try:
            _ = self._project
        except ModelError as error:
            self._check_floats(error)

    def _check_floats(self, error: ModelError) -> None:
        """Raise the error of an import, unless the model can be quantized though there is no float32 baseline of it."""
        try:
            read_model(self.path)
        except ModelError:
            raise error from None

    def __repr__(self) -> str:
        declared = f", input={self.input!r}" if self.input is not None else ""
        return f"<fewbit.Model {str(self.path)!r}{declared}>"

    def _repr_html_(self) -> str:
        try:
            return self.layers._repr_html_()
        except ModelError as error:
            return html_of("Model", {"model": str(self.path), "to be quantized first": str(error)})

    @cached_property
    def _project(self) -> FoldedModel:
        return FoldedModel(self._source, input_spec=self.input, output=self.output, target=USUAL)

    @property
    def network(self) -> Network:
        """The integer network that the model is imported as.

        Raises
        ------
        fewbit.errors.ModelError
            If it cannot be imported as it is: a float model that must be quantized first.
        """
        return self._project.network

    @cached_property
    def layers(self) -> LayerTable:
        """The layers, in their order, with sizes, formats, and the default folding."""
        return layer_table(self._project)

    # What it computes

    def predict(
        self, x: SamplesLike | None = None, *, frames: int | None = None, check: bool = False,
        progress: ProgressCallback | None = None,
    ) -> Executed:  # fmt: skip
        """Return what the golden model gives for samples: labels, outputs as floats, and the hardware's integers.

        Parameters
        ----------
        x : path, mapping, array or None
            Floats as the model takes them, or raw integers as its input declares them: the path of an ``.npz`` file, a
            mapping with an array for each input and ``label`` if that is known, or an array ``(N, *shape)`` of the one
            input; without, the samples beside the model, or random ones.
        frames : int or None
            Only the first so many.
        check : bool
            Whether to compare all outputs with the model's own world: qonnx, onnxruntime or LiteRT.
        progress : callable or None
            Told a `fewbit.Progress`.

        Raises
        ------
        fewbit.errors.ImageError
            If samples do not fit the model.
        """
        report = Told(progress)
        reference = reference_for(self._project) if check else None
        samples = samples_of(self._project, x, frames, report)
        return execute_samples(self._project, samples, report, reference)

    def trace(
        self, x: SamplesLike | None = None, *, frames: int | None = None, progress: ProgressCallback | None = None
    ) -> Trace:
        """Return every tensor for some samples, by the model's own names; parameters and errors as of `predict`.

        All samples' tensors are held at the same time.
        """
        report = Told(progress)
        return trace_of(self._project, samples_of(self._project, x, frames, report), report)

    # Quantization of a float model

    def quantize(
        self, samples: SamplesLike | None = None, *, weights: int = defaults.WEIGHT_BITS,
        activations: int = defaults.ACTIVATION_BITS, images: SamplesLike | None = None, first: int | None = None,
        last: int | None = None, weights_of: Mapping[str, int] | None = None,
        activations_of: Mapping[str, int] | None = None, retrain: bool = False, steps: int = defaults.STEPS,
        frames: int | None = None, file: Path | str | None = None, progress: ProgressCallback | None = None,
        **ranges: Unpack[RangeOptions],
    ) -> "QuantizedModel":  # fmt: skip
        """Quantize the float model from samples, without training or with a little of it, and write QONNX.

        Parameters
        ----------
        samples : path, mapping, array or None
            What ranges and biases are chosen from, as `predict` takes it.
        weights, activations : int
            Bits, 1 to 8.
        images : path, mapping or None
            Samples with ``label`` that accuracy is measured on. It and ``samples`` stand for each other where one is
            left out; without both, it is what lies beside the model.
        first, last : int or None
            Bits of the first and of the last layer, where they differ.
        weights_of, activations_of : mapping of str to int, or None
            Bits of the weights of some layers, and of what they read, by the layers' names.
        retrain, steps : bool, int
            Whether to train in the chosen formats, on the labelled ``samples``, and for how many steps.
        frames : int or None
            Only the first so many samples of each kind.
        file : path or None
            Where to write; default ``build/quantized/<model>-w4a4.onnx``.
        progress : callable or None
            Told a `fewbit.Progress`.
        ranges
            As `RangeOptions` has them.

        Raises
        ------
        fewbit.errors.ModelError
            If the model is quantized already, or cannot be in these bits.
        fewbit.errors.ImageError
            If there are no samples, or they do not fit it.
        fewbit.errors.MissingPackage
            If it is to be trained without the extra ``train``.
        """
        needs(*(["train"] if retrain else []))
        report, options = Told(progress), options_of(ranges)
        request = Request(
            weights=weights, activations=activations, first=first, last=last, weights_of=_by_layer(weights_of),
            activations_of=_by_layer(activations_of),
        )  # fmt: skip
        project = self._floats(samples, images, frames, report)
        target = None if file is None else Path(file)
        found = quantize_model(project, request, options, target, report, steps=steps if retrain else None)
        return QuantizedModel(**_members(found))

    def sensitivity(
        self, images: SamplesLike | None = None, *, bits: str = defaults.TRIED_BITS, others: int = defaults.OTHER_BITS,
        of: str = "both", calibration: SamplesLike | None = None, cycles: int | None = None, frames: int | None = None,
        jobs: int | None = None, cluster: str | None = None, progress: ProgressCallback | None = None,
        **ranges: Unpack[RangeOptions],
    ) -> Sensitivity:  # fmt: skip
        """Quantize one layer at a time: accuracy lost against bits and LUTs saved.

        Parameters
        ----------
        images : path, mapping or None
            Samples with ``label`` that accuracy is measured on.
        bits : str
            Bits that each layer gets, as ``"8,4,2,1"``.
        others : int
            Bits of the other layers.
        of : str
            Whether ``weights``, ``activations`` or ``both`` of the layer change.
        calibration : path, mapping, array or None
            Samples that ranges are chosen from; default ``images``.
        cycles : int or None
            Cycles a frame that LUTs are estimated at.
        jobs : int or None
            How many layers are looked at at a time; None for one.
        cluster : str or None
            A cluster of Dask that does it instead: ``local:8``, or the address of a scheduler.
        frames, progress, ranges
            As of `quantize`.

        Raises
        ------
        ValueError
            If jobs and a cluster are given, or the cluster is no address.
        fewbit.errors.ModelError, fewbit.errors.ImageError
            As of `quantize`, or if there are no labels.
        """
        report, options = Told(progress), options_of(ranges)
        work = workers_of(jobs, cluster, report.say)
        project = self._floats(calibration, images, frames, report)
        with work as workers:
            return sensitivity(
                project, options, report, bits=bits, others=others, of=of, cycles=cycles, workers=workers
            )

    def search(
        self, images: SamplesLike | None = None, *, budget_luts: int | None = None, budget_bits: int | None = None,
        max_drop: float | None = None, formats: str = defaults.FORMATS, calibration: SamplesLike | None = None,
        test: SamplesLike | None = None,
        cycles: int | None = None, retrain: bool = False, steps: int = defaults.STEPS,
        directory: Path | str | None = None, frames: int | None = None, jobs: int | None = None,
        cluster: str | None = None, progress: ProgressCallback | None = None, **ranges: Unpack[RangeOptions],
    ) -> SearchResult:  # fmt: skip
        """Find formats for each layer within a budget, and the Pareto set of accuracy and cost, as QONNX files.

        Parameters
        ----------
        images : path, mapping or None
            Samples with ``label`` that formats are chosen by.
        test : path, mapping or None
            Samples with ``label`` that the result is scored on; by default half of ``images``, and the other half
            chooses.
        budget_luts, budget_bits : int or None
            LUTs by the estimate, and bits that weights take, at most.
        max_drop : float or None
            Points of accuracy to lose at most.
        formats : str
            What a layer may have, bits of weights and activations, as ``"w8a8,w4a4"``.
        directory : path or None
            Where to write; default ``build/search/<model>``.
        calibration, cycles, retrain, steps, frames, jobs, cluster, progress, ranges
            As of `sensitivity` and `quantize`.

        Raises
        ------
        ValueError
            As of `sensitivity`.
        fewbit.errors.ModelError, fewbit.errors.ImageError, fewbit.errors.MissingPackage
            As of `quantize`, or if nothing keeps the limits, or there are no labels.
        """
        needs("search", *(["train"] if retrain else []))
        report, options = Told(progress), options_of(ranges)
        work = workers_of(jobs, cluster, report.say)
        project = self._floats(calibration, images, frames, report, holding_out=True, test=test)
        goal = Goal(luts=budget_luts, bits=budget_bits, drop=max_drop)
        with work as workers:
            return search_formats(
                project, options, goal, report, formats=formats, cycles=cycles, directory=directory,
                steps=steps if retrain else None, workers=workers,
            )  # fmt: skip

    def _floats(
        self, calibration: SamplesLike | None, images: SamplesLike | None, frames: int | None, report: Told,
        **held_out: Any,
    ) -> FloatProject:  # fmt: skip
        """Return the model with its samples, on the way to quantization."""
        return calibrated(
            self.path, report, input_spec=self.input, calibration=calibration, images=images, frames=frames, **held_out
        )

    # Hardware

    def fold(
        self, *, file: Path | str | None = None, parts: Path | str | None = None,
        progress: ProgressCallback | None = None, **limits: Any,
    ) -> "FoldedDesign":  # fmt: skip
        """Return the cheapest folding that meets a goal, or the fastest within so many LUTs, with its cycles.

        Parameters
        ----------
        file : path or None
            Where the folding is written; default ``build/<model>/fold.json``.
        parts : path or None
            A file of parts beside those of the list.
        progress : callable or None
            Told a `fewbit.Progress`.
        limits
            The goal, as `flow.commands.folding_options.FoldingGoal` has it: one of ``fps``, ``max_cycles`` and
            ``max_luts``, with ``clock`` in MHz and ``dsps``.

        Raises
        ------
        TypeError
            If there is no such limit.
        fewbit.errors.FoldingError
            If the goal cannot be met.
        fewbit.errors.ModelError
            If the model must be quantized first.
        """
        known = [field.name for field in fields(FoldingGoal)]
        if others := [name for name in limits if name not in known]:
            raise TypeError(f"fold() has no limit {others[0]!r}; it has {', '.join(known)}")
        where, listed = (None if path is None else Path(path) for path in (file, parts))
        found = fold_model(self.path, self.input, FoldingGoal(**limits), where, Told(progress), listed)
        return FoldedDesign(**_members(found), source=self, folding=read_folding(found.file, self.network))

    def build(
        self, folder: Path | str | None = None, *, folding: "FoldedDesign | Folding | Path | str | None" = None,
        target: str = USUAL.name, ip: bool = False, progress: ProgressCallback | None = None, **options: Any,
    ) -> HardwareBuild:  # fmt: skip
        """Write the hardware of the model into a folder: Verilog, manifest, and the folding that they have.

        Parameters
        ----------
        folder : path or None
            Default ``build/<model>``.
        folding : FoldedDesign, hw.folding.Folding, path or None
            What `fold` gave, or a folding, or its file; None takes the default folding.
        target : str
            What arrays are made of: ``xilinx``, ``ultrascale`` or ``portable``.
        ip : bool
            Whether to write the IP block too, with its registers.
        progress : callable or None
            Told a `fewbit.Progress`.
        options
            What else `flow.project.project.Project` takes.

        Raises
        ------
        TypeError
            If it takes no such option.
        fewbit.errors.FoldingError
            If the folding does not fit the model.
        fewbit.errors.ModelError
            If the model must be quantized first.
        """
        chosen = folding.folding if isinstance(folding, FoldedDesign) else folding
        if isinstance(chosen, Folding):
            parse_folding(chosen.to_json().encode(), "folding", self.network)  # refuses what does not fit
        project = Project(
            self._source, input_spec=self.input, output=self.output, folding=chosen, directory=folder,
            target=target_named(target), **options,
        )  # fmt: skip
        return built(project, ip=ip, progress=progress)


@dataclass(frozen=True, kw_only=True)
class QuantizedModel(Quantized):
    """A float model that was quantized and written to ``file``."""

    def load(self) -> Model:
        """Return the quantized model."""
        return Model(self.file)


@dataclass(frozen=True, kw_only=True)
class FoldedDesign(Folded):
    """A folding of a model, what it takes, and what foldings to other targets would.

    Attributes
    ----------
    source : Model
    folding : hw.folding.Folding
        PE, SIMD and the way of making products of each layer.
    """

    source: Model = hidden()
    folding: Folding = hidden()

    def build(self, folder: Path | str | None = None, **options: Any) -> HardwareBuild:
        """Return the build of the model in this folding; parameters and errors as of `Model.build`."""
        return self.source.build(folder, folding=self, **options)


def load(path: Path | str, *, input: str | None = None, output: str = "auto") -> Model:
    """Return the model in a file: ONNX, QONNX, or TensorFlow Lite of integers.

    Parameters
    ----------
    path : path
    input : str or None
        How raw integers become the model's floats: ``uint8/255``, ``int16f10``, ``bipolar``, …; None takes what the
        model says of itself.
    output : str
        What the hardware gives: ``auto`` for what the model ends with, ``label`` for the class's index.

    Raises
    ------
    fewbit.errors.ModelError
        One line that names what cannot be read or imported, the reason, and what is supported.
    """
    return Model(path, input=input, output=output)


def _by_layer(bits: Mapping[str, int] | None) -> tuple[str, ...]:
    return tuple(f"{layer}={count}" for layer, count in (bits or {}).items())


def _members(result: Any) -> dict[str, Any]:
    """Return the fields of a dataclass by name."""
    return {field.name: getattr(result, field.name) for field in fields(result)}
