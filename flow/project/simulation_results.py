"""What simulations of a project give. Times are in cycles."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fewbit.flow.results import JsonResult, maybe

__all__ = ["Damage", "Interval", "IpSimulation", "Latency", "Mismatch", "Proved", "SimulatedMemory", "Simulation"]


@dataclass(frozen=True, kw_only=True)
class Latency(JsonResult):
    """Cycles from a frame's first beat in to its result's last beat out."""

    simulated: int
    predicted: int


@dataclass(frozen=True, kw_only=True)
class Interval(JsonResult):
    """Cycles between results in steady state.

    ``simulated`` and ``predicted`` are None where there are too few results; ``bound`` is what the slowest stage
    allows.
    """

    simulated: float | None
    predicted: float | None
    bound: int


@dataclass(frozen=True, kw_only=True)
class Damage(JsonResult):
    """Frames that are sent with damaged ones among them: how many of each, and how many results are wrong."""

    frames: int
    damaged: int
    wrong: int


@dataclass(frozen=True, kw_only=True)
class Mismatch(JsonResult):
    """A frame whose result is not golden's, and both results as integers (floats of a float network)."""

    frame: int
    got: list[Any]
    want: list[Any]


@dataclass(frozen=True, kw_only=True)
class Proved(JsonResult):
    """What is simulated by its behaviour, to which the generated Verilog is proved equal.

    ``elements`` processing elements, ``memories`` read-only memories and ``matrices`` of constant weights, each counted
    once however often it stands in the design, of ``all_elements`` and so on; ``others`` says of all others why they
    are simulated as they are.
    """

    elements: int
    all_elements: int
    memories: int
    all_memories: int
    matrices: int
    all_matrices: int
    others: list[str]


@dataclass(frozen=True, kw_only=True)
class SimulatedMemory(JsonResult):
    """The memory that external weights were read from, ``bytes`` of them.

    From the first beat in until the last result it stalled in ``stalled`` cycles: it kept a burst waiting, or gave no
    beat that was due. ``within_bound`` says that no result came before its predicted cycle, nor later than that by more
    than the cycles stalled until then; it is None where streams stalled too.
    """

    latency: int
    stall: float
    bytes: int
    stalled: int
    within_bound: bool | None


@dataclass(frozen=True, kw_only=True)
class Simulation(JsonResult):
    """What the simulation of an accelerator shows; ``ok`` says that every bit and cycle is as it should be.

    ``proved`` is None where all of the Verilog was simulated as it is.
    """

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
    problems: list[str]
    ok: bool
    source: str
    seconds: float | None = None
    proved: Proved | None = None
    waves: Path | None = maybe()
    memory: SimulatedMemory | None = maybe()


@dataclass(frozen=True, kw_only=True)
class LoadSimulation(JsonResult):
    """What the simulation of an IP block shows into which weights are loaded; ``ok`` says that all is as it should be.

    Of ``frames`` results, compared with golden's of the weights that were loaded at that time, ``mismatches`` differ.
    ``before`` results left in the traffic in the middle of which the ``words`` came; ``refused`` loads failed as they
    had to.
    """

    model: Path
    other: Path
    stall: float
    seed: int
    frames: int
    mismatches: int
    before: int
    words: int
    refused: int
    problems: list[str]
    proved: Proved | None
    waves: Path | None
    ok: bool


@dataclass(frozen=True, kw_only=True)
class IpSimulation(JsonResult):
    """What the simulation of an IP block shows; ``ok`` says that all is as it should be.

    The other figures are those of `sim.simulators.run_ip.IpResult`.
    """

    model: Path
    stall: float
    seed: int
    frames: int
    mismatches: int
    cut: int
    resets: int
    interrupts: int
    stalls: dict[str, int]
    problems: list[str]
    proved: Proved | None = None
    waves: Path | None = maybe()
    ok: bool
