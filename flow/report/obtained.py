"""How figures of a report were obtained, and which command obtains them."""

from dataclasses import dataclass
from enum import StrEnum

from fewbit.flow.results import JsonResult

__all__ = ["Means", "NotRun", "Obtained"]


class Means(StrEnum):
    """The ways in which a figure is obtained, the surest first."""

    REPORTED = "reported by Vivado"
    PLACED = "placed and routed"
    SYNTHESIZED = "synthesized"
    SIMULATED = "simulated"
    EXECUTED = "executed by golden"
    COMPUTED = "computed"
    ESTIMATED = "estimated"


@dataclass(frozen=True, kw_only=True)
class Obtained(JsonResult):
    """How figures were obtained: by which `Means`, in a sentence, and by which command.

    Attributes
    ----------
    means : str
    text : str
    command : str
    """

    means: str
    text: str
    command: str


@dataclass(frozen=True, kw_only=True)
class NotRun(JsonResult):
    """Figures that are not there: why, and the command that gives them."""

    reason: str
    command: str
