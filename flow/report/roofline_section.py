"""Section: the roofline: what multipliers and streams allow, and what the build and its layers reach."""

from dataclasses import dataclass

from fewbit.flow.folding.external import bytes_a_frame
from fewbit.flow.results import JsonResult

from .obtained import Means, Obtained
from .subject import ReportSubject

__all__ = ["RooflineFigures", "RooflinePoint", "roofline_figures"]


@dataclass(frozen=True, kw_only=True)
class RooflinePoint(JsonResult):
    """The build, or a layer: multiplications a byte that it takes and gives, and multiplications a second.

    ``peak`` are those of its multipliers, if none ever rested.
    """

    name: str
    intensity: float
    reached: float
    peak: float


@dataclass(frozen=True, kw_only=True)
class RooflineFigures(JsonResult):
    """What limits a design: its multipliers, or the bytes that cross its border.

    Attributes
    ----------
    whole : RooflinePoint
        The build; its bytes are frames, results and external weights.
    layers : list of RooflinePoint
        Of each layer; its bytes are what it reads and gives inside the device.
    bandwidth : float
        Bytes a second that the build's streams, and its port to memory, can carry.
    bound : str
        What limits it: ``multipliers`` or ``streams``.
    obtained : Obtained
    """

    whole: RooflinePoint
    layers: list[RooflinePoint]
    bandwidth: float
    bound: str
    obtained: Obtained


def roofline_figures(subject: ReportSubject) -> RooflineFigures:
    """Return the roofline of a build at its clock."""
    plan, hertz = subject.project.plan, subject.clock * 1e6
    points, multipliers = [], 0
    for name, layer in plan.layers.items():
        made, macs = layer.pe * layer.simd, subject.layers[name].macs
        multipliers += made
        x, given = subject.layers[name].source, subject.layers.edges[subject.dense[name].y].length
        moved = (x.length * x.format.bits + given * layer.format.bits) / 8
        points.append(RooflinePoint(
            name=name, intensity=macs / moved, reached=macs * subject.fps, peak=made * hertz,
        ))  # fmt: skip
    manifest = subject.manifest
    streams = [*manifest["inputs"], manifest["output"]]
    frame = sum(one["beats"] * one["bytes"] for one in streams)
    carried = sum(one["bytes"] for one in streams)
    if plan.weight_port is not None:
        frame += bytes_a_frame(subject.layers, subject.project.folding)
        carried += plan.weight_port.bus // 8
    macs = sum(layer.macs for layer in subject.layers.values())
    whole = RooflinePoint(
        name=manifest["model"], intensity=macs / frame, reached=macs * subject.fps, peak=multipliers * hertz,
    )  # fmt: skip
    bandwidth = carried * hertz
    return RooflineFigures(
        whole=whole, layers=points, bandwidth=bandwidth,
        bound="streams" if bandwidth * whole.intensity < whole.peak else "multipliers",
        obtained=Obtained(
            means=Means.COMPUTED, text=f"from PE x SIMD, beats and the interval, at an assumed {subject.clock:g} MHz",
            command=subject.command("report"),
        ),
    )  # fmt: skip
