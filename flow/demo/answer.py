"""What the accelerator makes of a drawing or a sample, for the page and the terminal."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult

__all__ = ["Answer"]


@dataclass(frozen=True, kw_only=True)
class Answer(JsonResult):
    """The answer to a request; the page gets it as JSON.

    Attributes
    ----------
    label : int
        The class.
    scores : list of float or None
        The score of each class; None where it is no finite number, which JSON has not.
    pixels : list of lists of float
        The ink that the model was shown, from 0 to 1, row by row.
    detail : str
        How long it took, and the right class where that is known, in words.
    """

    label: int
    scores: list[float | None]
    pixels: list[list[float]]
    detail: str
