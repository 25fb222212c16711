"""What simulations of a project give. Times are in cycles."""

from dataclasses import dataclass
from pathlib import Path

from fewbit.flow.results import Result, maybe

__all__ = ["Damage", "Interval", "IpSimulation", "Latency", "Mismatch", "Simulation"]


@dataclass(frozen=True, kw_only=True)
class Latency(Result):
    """From a frame's first beat in to its result's last beat out."""

    simulated: int
    predicted: int


@dataclass(frozen=True, kw_only=True)
class Interval(Result):
    """Between results in steady state; ``simulated`` is None where there are too few, ``bound`` is what the slowest
    stage allows."""

    simulated: float | None
    predicted: float | None
    bound: int


@dataclass(frozen=True, kw_only=True)
class Damage(Result):
    """Frames that are sent with damaged ones among them: how many of each, and how many results are wrong."""

    frames: int
    damaged: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Mismatch(Result):
    """A frame whose result is not golden's, and both as integers."""

    frame: int
    got: list
    want: list


@dataclass(frozen=True, kw_only=True)
class Simulation(Result):
    """What the simulation of an accelerator shows; ``ok`` says that every bit and cycle is as it should be."""

    model: Path
    input: str
    frames: int
    mismatches: int
    examples: list[Mismatch]
    accuracy: float | None
    latency: Latency
    interval: Interval
    cycles_exact: bool | None
    stall: float
    clock_mhz: float
    fps: int
    damaged: Damage
    problems: list
    ok: bool
    source: str
    seconds: float | None = None
    waves: Path | None = maybe()


@dataclass(frozen=True, kw_only=True)
class IpSimulation(Result):
    """What the simulation of an IP block shows: the figures of `sim.simulators.run_ip.IpResult`, and whether all is as
    it should be."""

    model: Path
    stall: float
    seed: int
    frames: int
    mismatches: int
    cut: int
    resets: int
    interrupts: int
    stalls: dict
    problems: list
    waves: Path | None = maybe()
    ok: bool
