"""What the cycle model finds: when frames enter and leave."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from fewbit.golden.limits.limit import CYCLES_SECONDS, LimitError

__all__ = ["Clock", "Outcome", "Repetition", "Standstill", "SteadyTiming", "Timing", "mean_interval", "steady_interval"]


class Clock:
    """The time that a run may still take.

    Parameters
    ----------
    advice : str
        What makes such a run quicker, in words.
    """

    def __init__(self, advice: str):
        self._advice, self._end = advice, time.monotonic() + CYCLES_SECONDS.value

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end

    def too_long(self, left: int, frames: int, cycles: int) -> LimitError:
        """Return the error of a run in which ``left`` of ``frames`` frames have left in ``cycles`` cycles."""
        return LimitError(
            f"the cycle model takes too long: {left} of {frames} frames have left after {cycles:,} cycles; "
            f"{self._advice}; {CYCLES_SECONDS.advice}"
        )


class Standstill(RuntimeError):
    """The pipeline stands still: no beat moves any more, and none ever will."""

    @classmethod
    def of(cls, left: int, frames: int, cycles: int) -> "Standstill":
        """Return the error of a run in which ``left`` of ``frames`` frames have left in ``cycles`` cycles."""
        return cls(f"the pipeline stands still: {left} of {frames} frames left in {cycles} cycles")


@dataclass(frozen=True)
class Timing:
    """Times of frames in cycles from the first input beat of the first frame, for a source and sink that never wait.

    Attributes
    ----------
    entered, left : list of int
        The cycles in which each frame's first beat entered and its last beat left.
    """

    entered: list[int]
    left: list[int]

    @property
    def latency(self) -> int:
        """The cycles from the first beat of the first frame in to the last beat of its result out."""
        return self.left[0] - self.entered[0]

    @property
    def interval(self) -> int | float | None:
        """The cycles between results in steady state, as of `steady_interval`."""
        return steady_interval(self.left)


@dataclass(frozen=True)
class SteadyTiming(Timing):
    """The `Timing` of so many frames that the last half of them leave in steady state."""

    @property
    def interval(self) -> int | float:
        """The cycles between results in steady state."""
        return mean_interval(self.left)


def steady_interval(left: Sequence[int]) -> int | float | None:
    """Return the cycles between results in steady state: the mean over the last half of the frames.

    ``left`` are the cycles in which frames left. None stands for fewer than two frames.
    """
    return mean_interval(left) if len(left) > 1 else None


def mean_interval(left: Sequence[int]) -> int | float:
    """Return `steady_interval` of two frames or more."""
    half = max(1, len(left) // 2)
    span = left[-1] - left[-1 - half]
    return span // half if span % half == 0 else span / half


@dataclass(frozen=True)
class Repetition:
    """From some frame on everything repeats after so many ``frames`` and ``cycles``."""

    frames: int
    cycles: int


@dataclass(frozen=True)
class Outcome:
    """What a run of frames through a pipeline has given.

    Attributes
    ----------
    timing : Timing or None
        The frames' times; None if one left later than it may.
    repetition : Repetition or None
        How everything repeats, if that was seen.
    needs : dict of str to int
        By the name of each queue, the depth with which it would have taken every beat as soon as it did: two more than
        the beats behind its output register whenever it took one. 0 where it took none.
    steps : int
        Steps of single machines that it took, which is what a run costs.
    """

    timing: Timing | None
    repetition: Repetition | None
    needs: dict[str, int]
    steps: int
