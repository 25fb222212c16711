"""What a run of the survey is asked to do, and the errors of whoever asks for what there is not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from fewbit.golden.limits.near import did_you_mean, near_names
from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.part_list import built_in_parts
from fewbit.hw.targets.parts import Part
from fewbit.places import BUILD, HOME

from .networks import FLOAT, FRAMES, NetworkMaker, SurveyRow, rows_of

__all__ = ["LIST", "QUICK", "SEEDS", "SurveyOptions", "part_of", "rows_named"]

SEEDS = (1, 2, 3, 4, 5)
QUICK = (FLOAT, "bnn-w1a1", "ternary-w2a2", "lsq-w2a2", "ptq-mse-w2a2")
"""Rows of a quick run, unless others are asked for: float32, binary, ternary, learned steps, and without training."""
QUICK_EPOCHS = {"digits": 40, "fashion": 1}  # of a quick run, which takes seconds a network
QUICK_FRAMES = 4  # that are simulated in a quick run: the first has the latency, the others the interval
LIST = "python -m bench.survey.run --list"
_DOCS = HOME / "docs"


@dataclass(frozen=True, kw_only=True)
class SurveyOptions:
    """What a run of the survey measures, and where that goes.

    Attributes
    ----------
    dataset : str
        "digits" or "fashion".
    names : tuple of str or None
        The rows that are measured, as `rows_named` gives them; None for all, or for `QUICK` in a quick run.
    part : hw.targets.parts.Part or None
        The part of whose resources the page says what share each row takes.
    epochs : int or None
        How often each training image is seen, on the average; None for the steps of the recipes.
    quick : bool
        One seed, few rows, epochs and frames, and no parts of an accelerator that are synthesized alone.
    folder : Path or None
        Where the page and what belongs to it are written; None for a folder of the builds, or for ``docs``.

    Raises
    ------
    ValueError
        If a run of one's own is to be written into ``docs``.
    """

    dataset: str = "digits"
    names: tuple[str, ...] | None = None
    part: Part | None = None
    epochs: int | None = None
    quick: bool = False
    folder: Path | None = None

    def __post_init__(self):
        if self.folder is not None and self.folder.resolve().is_relative_to(_DOCS.resolve()):
            raise ValueError(f"{self.folder}: is in docs, whose pages are of whole runs; -o must be another folder")

    @property
    def own(self) -> bool:
        """Whether this is a run with options of one's own, whose page and record stay out of ``docs``."""
        return self.quick or not (self.epochs is self.part is self.folder is None)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that each row is trained with."""
        return SEEDS[:1] if self.quick else SEEDS

    @property
    def trained_epochs(self) -> int | None:
        """The epochs of training; None for the steps of the recipes."""
        return QUICK_EPOCHS[self.dataset] if self.quick and self.epochs is None else self.epochs

    @property
    def wanted(self) -> tuple[str, ...] | None:
        """The rows that are measured, None for all; a run of one's own has float32, which others are compared with."""
        names = QUICK if self.quick and self.names is None else self.names
        if names is None or not self.own or FLOAT in names:
            return names
        return FLOAT, *names

    @cached_property
    def builds(self) -> Path:
        """The folder of the networks and designs: runs that train alike share one, and no others do."""
        ways = ["quick"] * self.quick + ([] if self.epochs is None else [f"{self.epochs}-epochs"])
        return BUILD / "survey" / "-".join([self.dataset, *ways])

    @property
    def place(self) -> Path:
        """The folder of the CSV and the notebook, and in a run of one's own of the page, its picture and its record."""
        if self.folder is not None:
            return self.folder
        part = "" if self.part is None else f"-{self.part.name.lower()}"
        return self.builds.with_name(self.builds.name + part)

    def maker(self, folder: Path | None = None) -> NetworkMaker:
        """Return who makes the networks, in ``folder`` or among the builds."""
        return NetworkMaker(
            self.dataset, self.seeds, folder or self.builds, epochs=self.trained_epochs,
            frames=min(QUICK_FRAMES, FRAMES[self.dataset]) if self.quick else None, parts=not self.quick,
        )  # fmt: skip

    @property
    def command(self) -> str:
        """The command that measures the same, but for where it writes and for patterns that stood for names."""
        words = ["python -m bench.survey.run", *([] if self.dataset == "digits" else [self.dataset])]
        words += ["--quick"] * self.quick
        words += [] if self.epochs is None else [f"--epochs {self.epochs}"]
        words += [] if self.part is None else [f"--part {self.part.name.lower()}"]
        words += [] if self.names is None else [f"--formats {','.join(self.names)}"]
        return " ".join(words)

    def to_dict(self, every: Iterable[SurveyRow]) -> dict[str, Any]:
        """Return what the page of a run of one's own says of it; ``every`` are all rows by the recipes."""
        rows = list(every)
        return {
            "command": self.command, "quick": self.quick, "epochs": self.trained_epochs, "rows": len(rows),
            "steps": sorted({row.recipe.steps for row in rows if row.recipe}),
            "part": None if self.part is None else _plain(self.part),
        }  # fmt: skip


def _plain(part):
    return {field.name: getattr(part, field.name) for field in fields(Part)}


def rows_named(texts: Sequence[str], dataset: str) -> tuple[str, ...]:
    """Return the names of the rows of a dataset that are asked for, each once, in the order in which they are.

    Parameters
    ----------
    texts : list of str
        Names and shell patterns (``lsq-*``), with commas or spaces between them.
    dataset : str
        "digits" or "fashion".

    Raises
    ------
    ValueError
        If there is no row of a name or a pattern, or none is given.
    """
    known = [row.name for row in rows_of(dataset)]
    asked = [name for text in texts for name in text.replace(",", " ").split()]
    if not asked:
        raise ValueError(f"--formats must name rows, as `lsq-*,ternary*`; {LIST} prints them")
    found: dict[str, None] = {}
    for name in asked:
        fit = [row for row in known if fnmatchcase(row, name)]
        if not fit:
            what = "no row fits" if set(name) & set("*?[") else "there is no row"
            raise ValueError(
                f"{what} {name[:60]!r} of {dataset}{did_you_mean(near_names(name[:60], known))} ({LIST} prints all)"
            )
        found |= dict.fromkeys(fit)
    return tuple(found)


def part_of(name: str) -> Part:
    """Return the part of a name, as `hw.targets.part_choice.find_part` takes it.

    Raises
    ------
    hw.targets.part_list.PartsError
        If there is none of that name.
    ValueError
        If rows are not synthesized for its family.
    """
    part = find_part(name, built_in_parts())
    if part.family != "xc7":
        raise ValueError(f"--part must be of the 7 series, which rows are synthesized for, not {part.name}")
    return part
