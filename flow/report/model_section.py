"""Section: what the model is, where it came from, and what its input means."""

from dataclasses import dataclass
from pathlib import Path

from fewbit.flow.results import JsonResult

from .subject import ReportSubject, shown_path

__all__ = ["InputFigures", "ModelFigures", "model_figures"]


@dataclass(frozen=True, kw_only=True)
class InputFigures(JsonResult):
    """An input: its shape, how raw integers become the model's floats, and how a frame of it enters."""

    name: str
    shape: list[int]
    declaration: str
    format: str
    beats: int
    lanes: int
    bits: int


@dataclass(frozen=True, kw_only=True)
class ModelFigures(JsonResult):
    """A model, and the hardware that was built of it.

    Attributes
    ----------
    name, sha256 : str
        Name of the model's file, and its SHA-256.
    file : str or None
        Where that file was, if it is known.
    network : str
        The name that the model gives itself.
    inputs : list of InputFigures
    outputs : list of str
        What the model gives, by name, and what that means.
    layers, parameters, weight_bits, macs : int
        Layers, weights, bits that they take, and multiplications of a frame.
    target, identity, build : str
        What arrays are made of; the digests that hardware and host compare, and of all that the hardware depends on.
    part : str or None
        The part that it is for, if it was named.
    clock_mhz : float
    notes : list of str
        Where golden is not exactly the model, and what else the user must know.
    """

    name: str
    sha256: str
    file: str | None
    network: str
    inputs: list[InputFigures]
    outputs: list[str]
    layers: int
    parameters: int
    weight_bits: int
    macs: int
    target: str
    part: str | None
    clock_mhz: float
    identity: str
    build: str
    notes: list[str]


def _name(subject: ReportSubject) -> str:
    return subject.manifest["model"] if subject.origin.model is None else Path(subject.origin.model).name


def model_figures(subject: ReportSubject) -> ModelFigures:
    """Return what a report says of the model."""
    manifest, project, model = subject.manifest, subject.project, subject.origin.model
    inputs = [
        InputFigures(**{name: given[name] for name in InputFigures.__dataclass_fields__})
        for given in manifest["inputs"]
    ]
    return ModelFigures(
        name=_name(subject), sha256=manifest["sha256"], file=None if model is None else shown_path(model),
        network=project.network.name,
        inputs=inputs, outputs=[f"{o['name']}: {o['meaning']}" for o in manifest["outputs"]], layers=len(subject.dense),
        parameters=sum(node.weights.size for node in subject.dense.values()),
        weight_bits=sum(subject.weight_bits(name) for name in subject.dense),
        macs=sum(layer.macs for layer in subject.layers.values()), target=manifest["target"],
        part=project.destination.part, clock_mhz=subject.clock, identity=manifest["identity"], build=manifest["build"],
        notes=manifest["notes"],
    )  # fmt: skip
