"""What a check finds: output by output, how many values differ, and how many of them are ties."""

from dataclasses import dataclass

from fewbit.flow.results import JsonResult

__all__ = ["ExecutorCheck", "OutputCheck"]


@dataclass(frozen=True, kw_only=True)
class OutputCheck(JsonResult):
    """How one output of the reference compares with golden's.

    Attributes
    ----------
    name : str
    values : int
        Values that were compared.
    equal : int
        Values that are the same in every bit.
    differing : int
        Values further apart than the rounding of float32 sums (`flow.checking.bounds`); integers that are not the same.
    ties : int
        How many of these are as they are because of ties: golden, with the reference's codes where a code is a tie,
        gives the reference's value.
    frames : list of int
        Numbers of the samples that have a value which differs.
    labels : list of int
        Numbers of the samples whose label, by this output, differs.
    """

    name: str
    values: int
    equal: int
    differing: int
    ties: int
    frames: list[int]
    labels: list[int]


@dataclass(frozen=True, kw_only=True)
class ExecutorCheck(JsonResult):
    """How the reference of a model's own world compares with the golden model.

    Attributes
    ----------
    reference : str
        What has executed the model.
    samples : int
        Samples that were compared.
    labels_equal : int
        Samples with the reference's label.
    ties : int
        Samples whose labels differ by ties alone.
    outputs_equal : int
        Samples of which every value of every output is the reference's.
    codes : int
        Codes of quantizers that differ for the same inputs, in samples whose outputs are not the same in every bit.
    codes_tied : int
        How many of these are ties: the real value lies on the boundary of both codes, within ``bound``.
    bound : str
        The formula of what counts as a tie.
    outputs : list of OutputCheck
    """

    reference: str
    samples: int
    labels_equal: int
    ties: int
    outputs_equal: int
    codes: int
    codes_tied: int
    bound: str
    outputs: list[OutputCheck]

    @property
    def explained(self) -> bool:
        """Whether whatever differs is a tie."""
        return self.codes == self.codes_tied and all(o.differing == o.ties for o in self.outputs)
