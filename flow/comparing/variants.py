"""The networks that a comparison measures: a model in every format, trained in it or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fewbit.flow.cache import atomic_write
from fewbit.flow.reporting import Report
from fewbit.golden.importing.importer import import_model
from fewbit.golden.model_file.file import ModelError, ModelSource
from fewbit.golden.network.graph import Network

from .formats import retrained
from .measure import Variant
from .requantize import requantize

__all__ = ["AS_TRAINED", "FLOAT", "FLOAT_LUT", "VariantMaker"]

FLOAT, FLOAT_LUT, AS_TRAINED = "float32", "float32 without DSPs", "as trained"
_CALIBRATION = 64  # samples that the scales of activations are chosen from


@dataclass(frozen=True, eq=False)
class VariantMaker:
    """Makes the networks of a comparison.

    Attributes
    ----------
    source : ModelSource
        The model.
    trained_files : dict of ModelSource
        By format, where its folder has one trained in each; else empty.
    network : Network
        The model, imported.
    samples : array
        Samples as the model's own floats.
    bits : dict of (int, int)
        Bits of weights and activations of the formats that are asked for, by their names.
    input_spec : str or None
    directory : Path
        Where models that are made are written to, in ``models``.
    report : flow.reporting.Report
    """

    source: ModelSource
    trained_files: Mapping[str, ModelSource]
    network: Network
    samples: np.ndarray
    bits: Mapping[str, tuple[int, int]]
    input_spec: str | None
    directory: Path
    report: Report

    def trained(self) -> list[Variant]:
        """Return the rows of a folder with a trained model for every format, and of formats beside these."""
        kept = {name: s for name, s in self.trained_files.items() if name in (*self.bits, FLOAT)}
        rows = [Variant(name=name, model=one, note="trained") for name, one in kept.items() if name != FLOAT]
        others = {name: bits for name, bits in self.bits.items() if name not in self.trained_files}
        declared = self.network.input_spec != "codes"
        return _floats(self.trained_files[FLOAT], "trained") + rows + self._remade(others, declared)

    def not_retrained(self) -> list[Variant]:
        """Return the rows of the model as it is, and in the other formats.

        Raises
        ------
        ModelError
            If it is quantized, and there is no float32 baseline.
        """
        declared = not self.network.integral or self.network.input_spec != "codes"
        if not self.network.integral:
            rows = _floats(self.source, "as trained")
        else:
            baseline = self._remade({FLOAT: None}, declared)
            if not baseline:
                raise ModelError(f"{self.source.path}: without its float32 baseline there is nothing to compare")
            rows = _floats(baseline[0].model, "not retrained")
            rows.append(Variant(name=AS_TRAINED, model=self.source, note="as trained"))
        return rows + self._remade(self.bits, declared)

    def retrained(self, epochs: int, calibration: Path | str | None, images: Path | None) -> list[Variant]:
        """Return the rows of a float model that is trained in each format here, for so many epochs.

        Raises
        ------
        ModelError
            If the model is quantized.
        """
        if not self.trained_files and self.network.integral:
            raise ModelError(f"{self.source.path}: --epochs trains a float model in each format; this one is quantized")
        floats = self.trained_files[FLOAT] if self.trained_files else self.source
        made = retrained(floats, self.bits, epochs, calibration, images, self.input_spec, self.report)
        rows = _floats(floats, "trained")
        for name, content in made.items():
            path = self.directory / "models" / f"{name}.onnx"
            atomic_write(path, content)
            rows.append(Variant(name=name, model=ModelSource(path), note="trained briefly"))
        return rows

    def _remade(self, formats: Mapping[str, tuple[int, int] | None], declared: bool) -> list[Variant]:
        """Return the rows of the model in other formats, as far as it can be made in them."""
        rows = []
        for name, bits in formats.items():
            path = self.directory / "models" / f"{name}.onnx"
            try:
                with self.report.working(f"{name}: replacing quantizers"):
                    made = requantize(self.source, bits, self.samples[:_CALIBRATION], declared=declared)
                    atomic_write(path, made)
                    model = ModelSource(path)
                    import_model(model, self.input_spec)
            except ModelError as error:
                self.report.say(f"{name} is left out: {error}")
                continue
            rows.append(Variant(name=name, model=model, note="not retrained"))
        return rows


def _floats(model: ModelSource, note: str) -> list[Variant]:
    """Return the two rows of a float32 model."""
    return [Variant(name=FLOAT_LUT, model=model, dsp=False, note=note), Variant(name=FLOAT, model=model, note=note)]
