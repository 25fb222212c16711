"""Section: what all of the build takes, by every means that it was counted by."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult

from .obtained import Means, NotRun, Obtained
from .subject import ReportSubject

__all__ = ["CountedResources", "ResourcesFigures", "ReportedClock", "resources_figures"]


@dataclass(frozen=True, kw_only=True)
class CountedResources(JsonResult):
    """What the build takes as one means counted it: of what device, how many of each resource, and their shares.

    Block RAM of 36 Kbit counts as two of 18.
    """

    device: str
    counts: dict[str, int]
    shares: dict[str, float]
    obtained: Obtained


@dataclass(frozen=True, kw_only=True)
class ReportedClock(JsonResult):
    """A clock that was found: in MHz, for what device, and in words what limits it."""

    device: str
    fmax_mhz: float | None
    path: str
    obtained: Obtained


@dataclass(frozen=True, kw_only=True)
class ResourcesFigures(JsonResult):
    """What the build takes, a row for each means; the clocks that were found; and what was not run."""

    rows: list[CountedResources]
    clocks: list[ReportedClock]
    not_run: list[NotRun]


_KINDS = ("lut", "ff", "lutram", "bram18", "uram", "dsp")


def resources_figures(subject: ReportSubject) -> ResourcesFigures:
    """Return what a build takes as estimated, and as other commands found it."""
    rows, clocks, missing = [_estimated(subject)], [], []
    for found, count, clock, command, why in (
        (subject.synthesized, _synthesized, None, "synth", "Yosys has not counted this Verilog"),
        (subject.placed, _placed, _placed_clock, "pnr", "it was not placed and routed for an ECP5"),
        (subject.reported, _reported, _reported_clock, "import-reports", "no reports of Vivado were imported"),
    ):
        if found is None:
            missing.append(NotRun(reason=why, command=subject.command(command)))
            continue
        rows.append(count(subject, found))
        if clock is not None and (one := clock(subject, found)) is not None:
            clocks.append(one)
    return ResourcesFigures(rows=rows, clocks=clocks, not_run=missing)


def _estimated(subject):
    counts, part = subject.design.total.by_resource, subject.part
    form = "" if subject.project.target.netlists else ", of arrays as target xilinx has them"
    shares = {} if part is None else {k: round(n / getattr(part, k), 4) for k, n in counts.items() if getattr(part, k)}
    text = f"LUTs and flip-flops by formulas, memories and DSPs by the plan{form}"
    return CountedResources(
        device="any part" if part is None else part.name, counts=counts, shares=shares,
        obtained=Obtained(means=Means.ESTIMATED, text=text, command=subject.model_command("fold")),
    )  # fmt: skip


def _synthesized(subject, found):
    counts = _whole({kind: getattr(found.total, kind) for kind in ("lut", "ff", "lutram", "bram18", "bram36", "dsp")})
    return CountedResources(
        device=found.part, counts=counts, shares=found.use,
        obtained=Obtained(means=Means.SYNTHESIZED, text=f"by Yosys; {'; '.join(found.assumed)}",
                          command=subject.command("synth", "--part", found.part)),
    )  # fmt: skip


def _placed(subject, found):
    return CountedResources(
        device=found.device, counts=dict(found.placed.used), shares=dict(found.placed.use),
        obtained=_how_placed(subject, found),
    )  # fmt: skip


def _how_placed(subject, found):
    text = f"by nextpnr, in its form of {found.target} primitives, speed grade {found.speed}"
    return Obtained(means=Means.PLACED, text=text, command=subject.command("pnr", "--device", found.device))


def _placed_clock(subject, found):
    return ReportedClock(
        device=found.device, fmax_mhz=found.placed.fmax_mhz, path=found.placed.critical_path.words,
        obtained=_how_placed(subject, found),
    )  # fmt: skip


def _reported(subject, found):
    counts = _whole(found.reported)
    shares = {kind: round(n / found.available[kind], 4) for kind, n in counts.items() if found.available.get(kind)}
    return CountedResources(device=found.device, counts=counts, shares=shares, obtained=_how_reported(subject, found))


def _how_reported(subject, found):
    text = f"by Vivado {found.vivado or 'of unknown version'}, {found.state.lower() or 'of unknown state'}"
    return Obtained(means=Means.REPORTED, text=text, command=subject.command("import-reports"))


def _reported_clock(subject, found):
    timing = found.timing
    if timing is None or timing.wns is None:
        return None
    met = "timing is met" if timing.met else f"timing is missed by {timing.failing} of {timing.endpoints} endpoints"
    return ReportedClock(
        device=found.device, fmax_mhz=timing.fmax_mhz, path=f"{met}, worst slack {timing.wns:g} ns",
        obtained=_how_reported(subject, found),
    )  # fmt: skip


def _whole(counts):
    """Return counts with block RAM of both sizes as one number of 18 Kbit."""
    both = {kind: counts[kind] for kind in _KINDS if kind in counts}
    if "bram36" in counts:
        both["bram18"] = both.get("bram18", 0) + 2 * counts["bram36"]
    return both
