"""Options that several commands share, and what they are made into."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.flow import defaults
from fewbit.flow.ip.destination import CLOCK_MHZ, Destination, destination
from fewbit.hw.folding import WEIGHTS
from fewbit.hw.targets.named import USUAL, all_targets, target_named
from fewbit.hw.targets.target import Target

from .kinds import BAUD, COUNT, FOLDER, MHZ, SEED
from .report import Reporter

if TYPE_CHECKING:
    from fewbit.flow.images import Images
    from fewbit.flow.jobs import Workers
    from fewbit.flow.project.project import Project

__all__ = [
    "DECLARATION", "Baud", "Build", "Clock", "Delivering", "Doing", "Folding", "Frames", "ImagesFile", "Input", "Json",
    "Making", "Model", "Output", "PartsFile", "PlacementSeed", "Showing", "TargetName", "Verbose", "WeightsOption",
    "samples_of",
]  # fmt: skip

DECLARATION = (
    "How raw integers become the model's floats: `uint8/255`, `int16f10`, `bipolar`, "
    "`uint8/255 normalize 0.485,0.456,0.406:0.229,0.224,0.225`, …; of several inputs "
    "`image=uint8/255; features=int16f10`."
)
Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="A trained model: ONNX, QONNX, or TFLite of int8.")]
Build = Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build, as `build/w1a1`.")]
ImagesFile = Annotated[
    Path | None,
    typer.Option(
        "--images",
        help="Samples: .npz with `x` (floats or raw integers), of several inputs by their names, and `label`, "
        "if known; or `mnist`.",
    ),
]
Input = Annotated[
    str | None,
    typer.Option("--input", help=DECLARATION),
]
Folding = Annotated[Path | None, typer.Option("--folding", help="Folding file, as `folding.json` of a build.")]
Output = Annotated[str, typer.Option("--output", help="`auto`: what the model ends with. `label`: the class's index.")]
Directory = Annotated[
    Path | None,
    typer.Option("-o", "--directory", **FOLDER, help="Where to write; default `build/<model>`."),
]
PartsFile = Annotated[
    Path | None,
    typer.Option(
        "--parts",
        envvar="FEWBIT_PARTS",
        help="A table of your own parts, beside fewbit's: CSV with the columns that `fewbit parts --help` names.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the tables as CSV, and nothing else, on standard output.")]
Wide = Annotated[bool, typer.Option("--wide", help="Print all columns of tables, however wide they become.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show what the tools print.")]
Clock = Annotated[float, typer.Option("--clock", **MHZ, help="MHz, for frames per second.")]
Frames = Annotated[int | None, typer.Option("--frames", **COUNT, help="Only the first so many samples.")]
PartOption = Annotated[
    str | None,
    typer.Option(
        "--part",
        metavar="PART",
        help="Device, as `xc7z020` or `xc7z020clg400-1`, in the scripts and the IP; default: one of the target's.",
        show_default=False,
    ),
]
ConstraintClock = Annotated[float, typer.Option("--clock", **MHZ, help="MHz, in the constraints and the IP.")]
Prefix = Annotated[
    str,
    typer.Option(
        "--prefix",
        metavar="NAME",
        help="Names of modules and files begin with NAME_, so that several accelerators fit into one design.",
        show_default=False,
    ),
]
Baud = Annotated[int, typer.Option("--baud", **BAUD, help="Of the serial port.")]
PlacementSeed = Annotated[int, typer.Option("--seed", **SEED, help="Of the placement.")]


# Operators, which are no family's own, come last.
_SUMMARIES = [f"`{t.name}`: of {t.summary}" for t in sorted(all_targets(), key=lambda t: not t.netlists)]
# What `--target` may be. The checker takes no members that are not written out.
TargetName = StrEnum("TargetName", [(t.name, t.name) for t in all_targets()])  # type: ignore[misc]
TargetOption = Annotated[
    TargetName, typer.Option("--target", help="; ".join(_SUMMARIES).replace(": of", ": arrays of", 1) + ".")
]
# Where the weights of layers come from. The checker takes no members that are not written out.
WeightsName = StrEnum("WeightsName", [(name, name) for name in WEIGHTS])  # type: ignore[misc]
WeightsOption = Annotated[
    WeightsName | None,
    typer.Option(
        "--weights",
        help="Where the weights of all layers are: `fixed` in the bitstream; `loadable` in memories that software "
        "writes; `external` in memory outside. By default as the folding says, or fixed.",
        show_default=False,
    ),
]


@dataclass(frozen=True, kw_only=True)
class Making:
    """The options that say what hardware is made of a model, and where."""

    input_spec: Input = None
    folding: Folding = None
    directory: Directory = None
    output: Output = "auto"
    target: TargetOption = TargetName(USUAL.name)
    weights: WeightsOption = None

    def project(self, model: Path, delivering: "Delivering | None" = None) -> "Project":
        """Return the project of the model at a path, for what ``delivering`` says or else as the folder has it."""
        from fewbit.flow.project.project import Project

        target = target_named(str(self.target))
        project = Project(
            model, input_spec=self.input_spec, output=self.output, folding=self.folding, directory=self.directory,
            target=target, weights=None if self.weights is None else str(self.weights),
            destination=None if delivering is None else delivering.destination(target),
        )  # fmt: skip
        if not project.folding.devices:
            return project
        from fewbit.flow.project.devices import DeviceChain

        return DeviceChain(project)


@dataclass(frozen=True, kw_only=True)
class Showing:
    """The options that say how a result is printed."""

    json: Json = False
    csv: Csv = False
    wide: Wide = False

    def reporter(self) -> Reporter:
        """Return what prints so.

        Raises
        ------
        typer.BadParameter
            If JSON and CSV are asked for.
        """
        if self.json and self.csv:
            raise typer.BadParameter("--json and --csv are two ways to print one result: give one of them")
        return Reporter(self.json, as_csv=self.csv, wide=self.wide)


@dataclass(frozen=True, kw_only=True)
class Doing:
    """The options that say who does units of work."""

    jobs: Annotated[int | None, typer.Option("--jobs", **COUNT, help="Pieces of work at a time, on this machine.")] = (
        None
    )
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="ADDRESS",
            help="Work on a cluster of Dask: `local:8` starts 8 workers here, `tcp://host:8786` is one that runs.",
        ),
    ] = None

    def workers(self, report: Reporter, count: int = 1, *, keeps: bool = False) -> "AbstractContextManager[Workers]":
        """Return those who do the work, as a context; ``count`` threads unless the options say other.

        ``keeps`` says whether threads keep results, as a cluster always does.

        Raises
        ------
        typer.BadParameter
            If the options do not fit each other, or the cluster is no address.
        """
        from fewbit.flow.jobs import Threads
        from fewbit.flow.workers import workers_of

        try:
            return workers_of(self.jobs, self.cluster, report.say, partial(Threads, keeps=keeps), count=count)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None


@dataclass(frozen=True, kw_only=True)
class Delivering:
    """The options that say what the Verilog is for: the part and the clock in scripts, and the names of modules."""

    part: PartOption = None
    clock: ConstraintClock = CLOCK_MHZ
    prefix: Prefix = ""
    parts: PartsFile = None

    def destination(self, target: Target) -> Destination:
        """Return the destination of a build of ``target``.

        Raises
        ------
        ValueError
            If there is no such part, ``target`` is not for it, or the prefix is none.
        """
        return destination(target, part=self.part, clock=self.clock, prefix=self.prefix, parts=self.parts)


def samples_of(
    project: "Project", path: Path | None, frames: int | None, report: Reporter, count: int = defaults.RANDOM_SAMPLES
) -> "Images":
    """Return the samples of a project.

    They are those at ``path``, else those beside its model, else ``count`` random ones; only the first ``frames`` of
    them, if that is given.

    Raises
    ------
    flow.images.ImageError
        If the samples cannot be read, or do not fit the model.
    """
    from fewbit.flow.project import samples

    return samples.samples_of(project, path, frames, report, count)
