"""Options that say what a folding is to meet: a goal, and limits."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.parts import ListedPart

from .kinds import BITS, CYCLES, DEVICES, DSPS, LATENCY, LUTS, NUMBER, RATE, SHARE, WrittenLatency
from .options import Clock

if TYPE_CHECKING:
    from fewbit.flow.folding.limits import FoldingLimits

__all__ = ["BestIn", "FoldingGoal"]

_SHARES = {"lut": "--lut-share", "ff": "--ff-share", "lutram": "--lutram-share", "bram18": "--bram-share",
           "uram": "--uram-share", "dsp": "--dsp-share"}  # fmt: skip


class BestIn(StrEnum):
    """What a folding is to be best in."""

    fps = "fps"
    latency = "latency"
    luts = "luts"


@dataclass(frozen=True, kw_only=True)
class FoldingGoal:
    """What a folding is to meet: limits, as many as are given, and what it is to be best in under them.

    Without any it is the default folding. With one of ``fps``, ``max_cycles`` and ``max_luts`` alone it is the
    cheapest, or fastest, by PE and SIMD; of ``dsps`` DSPs, those that activations leave then take products or
    accumulators where they save the most LUTs. With more, or a part, `flow.folding.by_part` finds it. Cut into several
    ``devices``, ``part`` are theirs in order, else it is one at most, whose resources are limits. External weights come
    through a port of ``bus`` bits, and large buffers may be in UltraRAM with ``ultra_ram``.
    """

    fps: Annotated[float | None, typer.Option("--fps", **RATE, help="Frames a second, at least.")] = None
    max_cycles: Annotated[int | None, typer.Option("--max-cycles", **CYCLES, help="Cycles a frame, at most.")] = None
    max_luts: Annotated[int | None, typer.Option("--max-luts", **LUTS, help="LUTs by the estimate, at most.")] = None
    dsps: Annotated[
        int,
        typer.Option(
            "--dsp",
            **DSPS,
            help=("DSPs in all; what activations leave of them takes products or sums where that saves LUTs."),
        ),
    ] = 0
    max_latency: Annotated[
        WrittenLatency | None,
        typer.Option("--max-latency", **LATENCY, help="Latency, at most: 100us, 2ms, or 5000 (cycles)."),
    ] = None
    devices: Annotated[
        int, typer.Option("--devices", **DEVICES, help="Cut into so many, a stream from one to the next.")
    ] = 1
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="The part whose resources there are; of several devices each one's, in order.",
        ),
    ] = None
    share: Annotated[
        float | None, typer.Option("--share", **SHARE, help="Share of each of the part's resources; 100 by default.")
    ] = None
    lut_share: Annotated[float | None, typer.Option("--lut-share", **SHARE, help="Share of its LUTs.")] = None
    ff_share: Annotated[float | None, typer.Option("--ff-share", **SHARE, help="Of its flip-flops.")] = None
    lutram_share: Annotated[float | None, typer.Option("--lutram-share", **SHARE, help="Of its LUTs as RAM.")] = None
    bram_share: Annotated[float | None, typer.Option("--bram-share", **SHARE, help="Of its block RAM.")] = None
    uram_share: Annotated[float | None, typer.Option("--uram-share", **SHARE, help="Of its UltraRAM.")] = None
    dsp_share: Annotated[float | None, typer.Option("--dsp-share", **SHARE, help="Of its DSPs.")] = None
    max_ffs: Annotated[int | None, typer.Option("--max-ffs", **NUMBER, help="Flip-flops, at most.")] = None
    max_lutram: Annotated[int | None, typer.Option("--max-lutram", **NUMBER, help="LUTs as RAM, at most.")] = None
    max_brams: Annotated[int | None, typer.Option("--max-brams", **NUMBER, help="Block RAMs of 18 Kbit, at most.")] = (
        None
    )
    max_urams: Annotated[int | None, typer.Option("--max-urams", **NUMBER, help="UltraRAMs, at most.")] = None
    max_dsps: Annotated[int | None, typer.Option("--max-dsps", **NUMBER, help="DSPs, at most.")] = None
    best_in: Annotated[
        BestIn | None,
        typer.Option(
            "--for", help="What it is to be best in; by default LUTs where a speed is asked for, else frames a second."
        ),
    ] = None
    clock: Clock = 200.0  # fmt: skip
    bus: Annotated[
        int | None, typer.Option("--bus", **BITS, help="Data bits of the port to that memory: 64, 128, 256 or 512.")
    ] = None
    ultra_ram: Annotated[
        bool, typer.Option("--ultra-ram", help="With it, large buffers may be in UltraRAM, which not every part has.")
    ] = False

    @property
    def cycles(self) -> int | None:
        """Cycles a frame, at most, if frames a second or cycles are asked for.

        Raises
        ------
        FoldingError
            If so many frames a second are more than one a cycle.
        """
        from fewbit.hw.folding import FoldingError

        by_rate = None if self.fps is None else int(self.clock * 1e6 // self.fps)
        if by_rate is not None and by_rate < 1:
            raise FoldingError(f"{self.fps:g} frames a second are more than one a cycle at {self.clock:g} MHz")
        return min((c for c in (by_rate, self.max_cycles) if c is not None), default=None)

    @property
    def is_single(self) -> bool:
        """Whether there is one target at most, of cycles or of LUTs, and no other limit."""
        others = (
            self.max_latency, self._part, self.share, *self._shares.values(), self.max_ffs, self.max_lutram,
            self.max_brams, self.max_urams, self.max_dsps, self.best_in,
        )  # fmt: skip
        single = sum(target is not None for target in (self.fps, self.max_cycles, self.max_luts)) <= 1
        return single and all(other is None for other in others)

    @property
    def _part(self) -> str | None:
        """The one part whose resources are limits."""
        return self.part[0] if self.part and self.devices == 1 else None

    def check(self, weights: str | None) -> None:
        """Refuse options that do not go together; ``weights`` is where weights are, or None.

        Raises
        ------
        FoldingError
            If there are such.
        """
        from fewbit.hw.folding import FoldingError

        if self.devices == 1 and len(self.part or ()) > 1:
            raise FoldingError("one device has one part: give --part once, or --devices too")
        if self.devices > 1 and not self.is_single:
            raise FoldingError(
                "several devices are folded to one of --fps, --max-cycles and --max-luts: give no other limit with "
                "--devices"
            )
        if weights != "external" and (self.bus is not None or self.ultra_ram):
            raise FoldingError("--bus and --ultra-ram are for external weights: give --weights external too")

    @property
    def _shares(self):
        return {
            "lut": self.lut_share, "ff": self.ff_share, "lutram": self.lutram_share, "bram18": self.bram_share,
            "uram": self.uram_share, "dsp": self.dsp_share,
        }  # fmt: skip

    def limits(self, listed: "list[ListedPart]") -> "FoldingLimits":
        """Return all limits together; ``listed`` are the parts that there are.

        Raises
        ------
        FoldingError
            If two options conflict.
        hw.targets.part_list.PartsError
            If there is no such part.
        """
        from fewbit.flow.folding.limits import limits_of
        from fewbit.hw.folding import FoldingError

        if self.dsps and self.max_dsps is not None:
            raise FoldingError("give one of --dsp and --max-dsps, not both: they are the same limit")
        part = None if self._part is None else find_part(self._part, listed)
        most = {
            "lut": self.max_luts, "ff": self.max_ffs, "lutram": self.max_lutram, "bram18": self.max_brams,
            "uram": self.max_urams, "dsp": self.max_dsps if self.max_dsps is not None else self.dsps or None,
        }  # fmt: skip
        for name, option in _SHARES.items():
            if self._shares[name] is not None and most[name] is not None:
                raise FoldingError(f"give one of {option} and a number of the same, not both")
        latency = None if self.max_latency is None else self.max_latency.cycles(self.clock)
        return limits_of(
            part=part, share=self.share, shares=self._shares, most=most, cycles=[self.cycles], latency=latency,
            goal=None if self.best_in is None else str(self.best_in),
        )  # fmt: skip
