"""A float model with its samples, on the way to quantization, and QONNX that is known to build."""

import tempfile
from pathlib import Path

from fewbit.flow.images import ImageError, find_images, load_floats
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import INPUT_KEY, ModelError
from fewbit.golden.numbers.declaration import parse_input
from fewbit.ptq.calibrate import calibrate
from fewbit.ptq.emit import qonnx_model
from fewbit.ptq.reader import read_model

__all__ = ["FloatProject"]

MOST = 1024  # samples that ranges and biases are chosen from


class FloatProject:
    """A float model, how its input is declared, and what it does on samples.

    Parameters
    ----------
    model : path of a ``.onnx`` file without quantizers
    input_spec : str or None
        As `golden.importing.importer.import_model` takes it.
    calibration, images : path or None
        Samples that ranges are chosen from (the first `MOST` of them), and samples with labels that accuracy is
        measured on. Each stands for the other where that is left out; without both, what lies beside the model.
    frames : int or None
        Only the first so many of each.
    """

    def __init__(self, model, *, input_spec=None, calibration=None, images=None, frames=None):
        self.path = Path(model)
        self.model = read_model(self.path)
        text = input_spec or self.model.file.metadata.get(INPUT_KEY)
        self.spec = self._parsed(text) if text else None
        calibration = calibration or images or find_images(self.path)
        if calibration is None:
            raise ImageError(f"{self.path}: no samples beside it; give some with --calibration or --images FILE.npz")
        self.samples = self._load(calibration, frames)
        # A file that serves for both is read once: it may be replaced meanwhile.
        other = images and Path(images) != Path(calibration)
        self.images = self._load(images, frames) if other else self.samples
        self.calibration = calibrate(self.model, self.samples.floats[:MOST], self.spec is not None)

    @staticmethod
    def _parsed(text):
        try:
            return parse_input(text)
        except ValueError as error:
            raise ModelError(error) from None

    def _load(self, path, frames):
        return load_floats(path, self.model.file.input_shape[1:], self.spec).first(frames)

    @property
    def sites(self):
        return self.calibration.sites

    def qonnx(self, plan):
        """``(bytes, network)``: the QONNX that a `ptq.emit.QuantizationPlan` makes, and what fewbit imports of it."""
        metadata = {INPUT_KEY: self.spec.text} if self.spec else {}
        content = qonnx_model(self.model, plan, metadata).SerializeToString(deterministic=True)
        return content, self.imported(content)

    def imported(self, content):
        """The network that fewbit imports of QONNX bytes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.path.name
            path.write_bytes(content)
            try:
                return import_model(path)
            except ModelError as error:
                raise ModelError(f"{self.path}: once quantized it cannot be built: {error}") from None
