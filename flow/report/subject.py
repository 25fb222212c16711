"""What a report is of: a build, its samples if there are any, and what other commands found of it."""

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from fewbit.flow.folding.design import DesignCost, cost_of_design
from fewbit.flow.folding.layers import FoldableNetwork, layers_of
from fewbit.flow.images import Images
from fewbit.flow.project.imported_reports import KEPT, ImportedReports
from fewbit.flow.project.placed import PlacedBuild
from fewbit.flow.project.project import Project
from fewbit.flow.project.simulation_results import Simulation
from fewbit.flow.project.synthesized import Synthesized
from fewbit.flow.results import JsonResult
from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.part_list import built_in_parts
from fewbit.hw.targets.parts import ListedPart

from .kept import KeptFigures

__all__ = ["Origin", "ReportSubject", "shown_path"]

_Result = TypeVar("_Result", bound=JsonResult)
_FAMILY = "xc7"  # of which costs are estimated where no part says other


@dataclass(frozen=True, kw_only=True)
class Origin(JsonResult):
    """Where a build came from: the model's file, and the samples that were used with it; None if that is not known."""

    model: str | None = None
    samples: str | None = None


class ReportSubject:
    """A build that a report is of.

    Parameters
    ----------
    project : flow.project.project.Project
        Its Verilog is in its folder.
    clock : float or None
        MHz; None is that which the build is for.
    images : flow.images.Images or None
        Samples that golden is executed on.
    whole : bool
        Whether what takes long is done; else it is taken from the folder, or left out.
    parts : sequence of ListedPart or None
        Parts that the build is compared with; None is the list that comes with the package.

    Attributes
    ----------
    directory : Path
    manifest : dict
        As the folder has it.
    kept : flow.report.kept.KeptFigures
    """

    def __init__(
        self,
        project: Project,
        *,
        clock: float | None = None,
        images: Images | None = None,
        whole: bool = True,
        parts: tuple[ListedPart, ...] | None = None,
    ):
        self.project, self.images, self.whole = project, images, whole
        self.directory = project.directory
        self.clock = project.destination.clock if clock is None else clock
        self.parts = built_in_parts() if parts is None else parts
        self.manifest: Mapping[str, Any] = json.loads((self.directory / "manifest.json").read_text(encoding="utf-8"))
        self.kept = KeptFigures(self.directory, project.design())

    # What the build is

    @cached_property
    def layers(self) -> FoldableNetwork:
        """The network as a folding sees it."""
        return layers_of(self.project.network)

    @cached_property
    def dense(self) -> dict[str, Dense | FloatDense]:
        """The network's own node of every layer, by name; a plan's may compute several pixels at a time."""
        return {node.name: node for node in self.project.network.nodes if isinstance(node, Dense | FloatDense)}

    def weight_bits(self, name: str) -> int:
        """Return the bits that the weights of a layer take."""
        return self.dense[name].weights.size * self.layers[name].weight_format.bits

    @property
    def interval(self) -> float:
        """Cycles between results in steady state, as the manifest has them."""
        return self.manifest["cycles"]["interval"]

    @property
    def latency(self) -> int:
        """Cycles of latency, as the manifest has them."""
        return self.manifest["cycles"]["latency"]

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.clock * 1e6 / self.interval

    @cached_property
    def part(self) -> ListedPart | None:
        """The part that the build is for, if it was named and is one of the list."""
        named = (self.project.destination.part or "").lower()
        fits = [part for part in self.parts if named.startswith(part.name.lower())]
        return max(fits, key=lambda part: len(part.name), default=None)

    @cached_property
    def design(self) -> DesignCost:
        """What the build takes, by the estimate."""
        family = _FAMILY if self.part is None else self.part.family
        return cost_of_design(self.layers, self.project.folding, self.project.plan, family)

    @property
    def steps_of_run(self) -> int:
        """About the machine steps of a run of the cycle model, at most: what a run costs."""
        return len(self.project.plan.stages) * (self.latency + 4 * int(self.interval))

    # What other commands found

    @cached_property
    def simulation(self) -> Simulation | None:
        """The last simulation of the Verilog in the folder."""
        return self.kept.get("simulation", Simulation)

    @cached_property
    def synthesized(self) -> Synthesized | None:
        """What ``fewbit synth`` found of it."""
        return self._written("synth.json", Synthesized)

    @cached_property
    def placed(self) -> PlacedBuild | None:
        """What ``fewbit pnr`` found of it."""
        return self._written("pnr.json", PlacedBuild)

    @cached_property
    def reported(self) -> ImportedReports | None:
        """What ``fewbit import-reports`` read."""
        return self._written(KEPT, ImportedReports)

    @cached_property
    def origin(self) -> Origin:
        """Where the build came from, as `flow.report.write.remember` noted it."""
        return self.kept.get("origin", Origin) or Origin()

    def _written(self, name: str, kind: type[_Result]) -> _Result | None:
        """Return the result in a file of the folder, unless the Verilog is newer."""
        file = self.directory / name
        try:
            if file.stat().st_mtime < self.project.verilog.stat().st_mtime:
                return None
            return kind.from_dict(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            return None

    # Commands, as a user types them

    def command(self, name: str, *options: str) -> str:
        """Return the command line of a command that takes the folder of a build."""
        return " ".join(["fewbit", name, _quoted(self.directory), *options])

    def model_command(self, name: str, *options: str) -> str:
        """Return the command line of a command that takes the model, with the folding and the folder of the build."""
        model = self.origin.model or str(self.directory / f"model{self.project.source.SUFFIX}")
        return " ".join(["fewbit", name, _quoted(Path(model)), *options])

    @property
    def execute(self) -> str:
        """The command that executes golden on samples, for the report."""
        return self.command("report", "--images", "FILE")

    @property
    def simulate(self) -> str:
        """The command that simulates the build."""
        folder = _quoted(self.directory)
        options = ["--folding", f"{folder}/folding.json", "-o", folder, *self._declared]
        if self.project.target != USUAL:
            options += ["--target", self.project.target.name]
        return self.model_command("sim", *options)

    @property
    def _declared(self) -> list[str]:
        spec = self.project.network.input_spec
        return [] if self.origin.model is None or spec in ("codes", "float32") else ["--input", shlex.quote(spec)]


def shown_path(path: Path | str) -> str:
    """Return a path relative to the working folder where it lies in that: what is beyond is nobody's but the user's."""
    with suppress(ValueError):
        return str(Path(path).relative_to(Path.cwd()))
    return str(path)


def _quoted(path: Path) -> str:
    """Return a path as a shell takes it."""
    return shlex.quote(shown_path(path))
