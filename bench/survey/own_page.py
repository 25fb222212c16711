"""The page of a run with options of one's own: it says what such a run cannot show, and claims nothing beyond it."""

import re
from typing import Any

from bench.markdown import filled

from .claims import FLOAT, Figures, left_out
from .exports import CSV, NOTEBOOK
from .page import claims_list, notes, shape, steps, table

__all__ = ["PICTURE", "own_page"]

PICTURE = "survey.svg"
_DATA = {"digits": "the 8x8 digits", "fashion": "Fashion-MNIST"}

_TEXT = """# Some quantization methods, trained and as hardware

Made by `{command}`: {count} of the {rows} rows of the survey, on {data} ({train:,} images to train with, {test:,} to
test), {seeds}. Each row is a network {shape}, {trained}, or quantized after training (PTQ), and the accelerator that
{seed} becomes. The run took {took[seconds]:,} s, {took[cpu_seconds]:,} s of processor time, without what earlier runs
had made. `{csv}` has the figures and `{notebook}` draws them.

![accuracy against LUTs, a point a row]({picture})

## What this run does not show

{limits}

## What the figures show

{claims}

## The rows

{table}

## How

{notes}
"""


def own_page(result: dict[str, Any]) -> str:
    """Return the page of a run of one's own as Markdown.

    Parameters
    ----------
    result : dict
        As of `bench.survey.run.survey`, with ``run`` as of `bench.survey.options.SurveyOptions.to_dict`.

    Raises
    ------
    ValueError
        If the float32 row is missing, or rows differ in their foldings.
    """
    figures, run = Figures(result), result["run"]
    if FLOAT not in figures:
        raise ValueError(f"{result['dataset']}: {FLOAT} is not measured, and every row is compared with it")
    text = _TEXT.format(
        command=run["command"], count=len(result["rows"]), rows=run["rows"], data=_DATA[result["dataset"]],
        train=result["images"][0], test=result["images"][1], shape=shape(result), took=result["took"],
        seeds=f"{figures.seeds} seeds each" if figures.noisy else "one seed each", trained=_trained(result),
        seed="its first seed" if figures.noisy else "it", csv=CSV, notebook=NOTEBOOK, picture=PICTURE,
        limits=_limits(result, figures), table=table(result), notes=notes(result, "`docs/quantizers.md`"),
        claims=claims_list(result) or "None of the survey's claims can be judged by these rows.",
    )  # fmt: skip
    return "\n\n".join(filled(block) for block in re.split(r"\n\n+", text) if block.strip()) + "\n"


def _trained(result):
    epochs = result["run"]["epochs"]
    if epochs is None:
        return f"trained for {steps(result)} steps"
    return f"trained for {epochs:,} epoch{'s' if epochs > 1 else ''} ({steps(result)} steps)"


def _limits(result, figures):
    """Return what cannot be said from these rows, as a Markdown list."""
    run, found = result["run"], []
    whole = " or ".join(f"{n:,}" for n in run["steps"])
    if not figures.noisy:
        found.append(
            "- **One seed**: another one gives another accuracy, often by a point or more for networks of few bits. So "
            "no row is called better than another here: that takes the several seeds of a whole run."
        )
    if run["epochs"] is not None and result["steps"] != run["steps"]:
        found.append(
            f"- **Other epochs**: the recipes were made for {whole} steps. "
            + ("No row is trained to the end, which costs some methods more than others: compare rows with each other, "
               "not with `docs/survey.md`." if max(result["steps"]) < max(run["steps"]) else
               "Compare rows with each other, not with `docs/survey.md`.")
        )  # fmt: skip
    if len(result["rows"]) < run["rows"]:
        found.append(
            f"- **Few rows**: the other {run['rows'] - len(result['rows'])} may be cheaper or more accurate than those "
            "here; `--list` names them, `--formats` measures them."
        )
    if any(row["hardware"]["array"] is None for row in result["rows"]):
        found.append("- **Parts of an accelerator** were not synthesized alone, so what they take is not here.")
    silent = left_out(result)
    if silent:
        found.append(f"- **Left out**, as these rows do not show it: {' '.join(silent)}")
    return "\n".join(found) or "It has all rows, seeds and steps of `docs/survey.md`."
