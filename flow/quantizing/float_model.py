"""A float model with its samples, on the way to quantization, and QONNX that is known to build."""

import time
from functools import cached_property
from pathlib import Path
from typing import Any

from fewbit.flow.float_images import load_floats
from fewbit.flow.images import ImageError, Images, SamplesLike, find_images
from fewbit.flow.reporting import Report
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import INPUT_KEY, ModelError, ModelSource
from fewbit.golden.network.graph import Network
from fewbit.golden.numbers.declaration import InputSpec, parse_input, parse_inputs
from fewbit.ptq.calibrate import Calibration, calibrate
from fewbit.ptq.emit import QuantizationPlan, qonnx_model
from fewbit.ptq.graph import FloatModel
from fewbit.ptq.reader import read_model
from fewbit.ptq.sites import Site

from .held_out import halves, labelled, without

__all__ = ["FloatProject", "calibrated"]

MOST = 1024
"""Samples that ranges and biases are chosen from, at most."""


class FloatProject:
    """A float model, how its input is declared, and what it does on samples.

    Parameters
    ----------
    model : path of a ``.onnx`` file without quantizers
    input_spec : str or None
        As `golden.importing.importer.import_model` takes it.
    calibration : path, mapping, array or None
        Samples that ranges are chosen from (the first `MOST` of them), as `flow.images.images_of` takes them.
    images : path, mapping, array or None
        Samples with labels that accuracy is measured on. It and ``calibration`` stand for each other where one is left
        out; without both, it is what lies beside the model.
    frames : int or None
        Only the first so many of each.
    holding_out : bool
        Whether some images are kept away from all that chooses, for `test`.
    test : path, mapping, array or None
        Those images, with labels, if they are held out; None for half of ``images``, which then has the other half.

    Attributes
    ----------
    path : Path
    model : ptq.graph.FloatModel
    spec : golden.numbers.declaration.InputSpec or None
        How the input is declared.
    samples, images : flow.images.Images
        Samples of calibration, all of them, and those that accuracy is measured on.
    test : flow.images.Images or None
        Images that neither ranges nor formats are chosen by, if they are held out.
    calibration : ptq.calibrate.Calibration
    seconds : float
        How long the calibration took.
    notes : list of str
        What the user must know of how the samples were read.

    Raises
    ------
    golden.model_file.file.ModelError
        If the model cannot be read, or its input declaration is none.
    flow.images.ImageError
        If there are no samples, or they do not fit the model.
    """

    def __init__(
        self,
        model: Path | str,
        *,
        input_spec: str | None = None,
        calibration: SamplesLike | None = None,
        images: SamplesLike | None = None,
        frames: int | None = None,
        holding_out: bool = False,
        test: SamplesLike | None = None,
    ):
        self.path = Path(model)
        self.model: FloatModel = read_model(self.path)
        text = input_spec or self.model.file.metadata.get(INPUT_KEY)
        self.spec = self._parsed(text, self.model.file.only.name) if text else None
        if calibration is None:
            calibration = find_images(self.path) if images is None else images
        if calibration is None:
            raise ImageError(f"{self.path}: no samples beside it; give some with --calibration or --images FILE.npz")
        self.samples = self._load(calibration, frames)
        # A file that serves for both is read once: it may be replaced meanwhile.
        self.images = self.samples if images is None or _same(images, calibration) else self._load(images, frames)
        self.test: Images | None = None
        if holding_out:
            self._hold_out(test, frames)
        loaded = (self.samples, self.images, self.test)
        self.notes = list(dict.fromkeys(found.note for found in loaded if found is not None and found.note))
        # Behind a normalization zero is no integer, which padding needs: the input gets a quantizer of its own.
        declared = self.spec is not None and self.spec.normalization is None
        began = time.monotonic()
        self.calibration: Calibration = calibrate(self.model, self.samples.values[:MOST], declared)
        self.seconds = time.monotonic() - began

    def _hold_out(self, test: SamplesLike | None, frames: int | None) -> None:
        """Set `test`: the images given for it, or half of those that accuracy was to be measured on."""
        if test is None:
            both = self.samples is self.images
            self.images, self.test = halves(self.images)
            self.samples = self.images if both else self.samples
            return
        self.test = labelled(self._load(test, frames))
        for used in (self.samples, self.images):
            self.test = without(self.test, used)

    @cached_property
    def contents(self) -> tuple[object, ...]:
        """All that it is: model, declaration and samples, as `flow.cache.digest` takes them."""
        model = qonnx_model(self.model, QuantizationPlan(), {}).SerializeToString(deterministic=True)
        arrays = [a for images in (self.samples, self.images) for a in (images.values, images.floats, images.labels)]
        parts = [part for a in arrays for part in ((None,) if a is None else (str(a.dtype), a.shape, a.tobytes()))]
        return model, self.spec.text if self.spec else None, self.images is self.samples, tuple(parts)

    @staticmethod
    def _parsed(text: str, name: str) -> InputSpec | None:
        try:
            declared = parse_inputs(text, [name]).get(name)
            return None if declared is None else parse_input(declared)
        except ValueError as error:
            raise ModelError(error) from None

    def _load(self, samples: SamplesLike, frames: int | None) -> Images:
        only = self.model.file.only
        return load_floats(samples, only.shape[1:], self.spec, name=only.name).first(frames)

    @property
    def sites(self) -> list[Site]:
        """Places of the model whose activations are quantized."""
        return self.calibration.sites

    def qonnx(self, plan: QuantizationPlan) -> tuple[bytes, Network]:
        """Return the QONNX that a plan makes, and the network that fewbit imports of it.

        Raises
        ------
        golden.model_file.file.ModelError
            If that cannot be imported.
        """
        metadata = {INPUT_KEY: self.spec.text} if self.spec else {}
        content = qonnx_model(self.model, plan, metadata).SerializeToString(deterministic=True)
        return content, self.imported(content)

    def imported(self, content: bytes) -> Network:
        """Return the network that fewbit imports of QONNX bytes.

        Raises
        ------
        golden.model_file.file.ModelError
            If that cannot be imported.
        """
        try:
            return import_model(ModelSource(self.path, content))
        except ModelError as error:
            raise ModelError(f"{self.path}: once quantized it cannot be built: {error}") from None


def calibrated(model: Path | str, report: Report, **options: Any) -> FloatProject:
    """Return a float model with its samples, calibrated; ``options`` are those of `FloatProject`, whose errors it has.

    The report is told what the user must know of how the samples were read.
    """
    with report.working("calibrating"):
        project = FloatProject(model, **options)
    for note in project.notes:
        report.say(note)
    return project


def _same(one: SamplesLike, other: SamplesLike) -> bool:
    """Return whether two samples are the same object, or the same path."""
    return one is other or (
        isinstance(one, (str, Path)) and isinstance(other, (str, Path)) and Path(one) == Path(other)
    )
