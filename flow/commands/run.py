"""``fewbit run``: the golden model on samples."""

from typing import Annotated

import typer

from .options import Frames, ImagesFile, Input, Model, Output, Showing, samples_of
from .registry import command

__all__ = ["run"]

_CHECK = "Compare all outputs with the model's own world: qonnx, onnxruntime, or LiteRT's reference kernels."
_MANY = 8  # numbers of frames in a line


@command(rank=90, epilog="Example: `fewbit run examples/digits/w1a1.onnx --images examples/digits/test.npz`")
def run(
    *, model: Model, images: ImagesFile = None, input_spec: Input = None, output: Output = "auto",
    frames: Frames = None,
    check: Annotated[bool, typer.Option("--check", help=_CHECK)] = False,
    showing: Showing,
):  # fmt: skip
    """Execute the golden model: outputs and labels."""
    from fewbit.flow.checking.check import reference_for
    from fewbit.flow.checking.executed import execute_samples
    from fewbit.flow.project.project import Project

    report = showing.reporter()
    project = Project(model, input_spec=input_spec, output=output)
    reference = reference_for(project) if check else None
    samples = samples_of(project, images, frames, report)
    executed = execute_samples(project, samples, report, reference)
    report.show(executed, lambda report, result: _table(report, result, samples.labels))
    checked = executed.executor
    exact = executed.rounding is None and project.network.integral
    if checked and (checked.labels_equal + checked.ties != checked.samples or (exact and not checked.explained)):
        raise typer.Exit(1)


def _table(report, r, known):
    """Print the first samples, beside their ``known`` labels if there are such, and what was compared."""
    shown, y = min(r.samples, 10), r.outputs[r.output]
    rows = []
    for i in range(shown):
        numbers = " ".join(f"{v:.4g}" for v in y[i].reshape(-1)[:10])
        rows.append((i, r.labels[i], "" if known is None else known[i], numbers))
    report.table(["sample", "label", "true", "outputs"], rows)
    if shown < r.samples:
        report.line(f"… and {r.samples - shown} more (all of them with --json)")
    if r.accuracy is not None:
        report.line(f"accuracy {100 * r.accuracy:.2f} % of {r.samples}")
    report.notes(r.notes)
    if r.rounding is not None:
        report.line(f"rounding: {r.rounding} differ from 20-bit levels")
    if r.executor is not None:
        _checked(report, r.executor)


def _checked(report, found):
    """Print how the reference compares, and what is known of every output that differs."""
    same = f"{found.labels_equal} of {found.samples} labels equal, {found.outputs_equal} outputs equal in every bit"
    if found.ties:
        same += f"; {found.ties} more labels differ by ties"
    report.line(f"{found.reference}: {same}")
    for output in found.outputs:
        if output.differing:
            report.line(
                f"output {output.name!r}: {output.differing:,} of {output.values:,} values differ, {output.ties:,} of "
                f"them are ties; frames {_listed(output.frames)}; labels of frames {_listed(output.labels)}"
            )
        elif len(found.outputs) > 1:
            report.line(f"output {output.name!r}: {output.values:,} values equal, {output.equal:,} in every bit")
    if found.codes:
        report.line(
            f"codes that differ for equal inputs: {found.codes:,}, of which {found.codes_tied:,} are ties: the real "
            f"value is at the boundary of both codes, within the rounding of K float32 terms, {found.bound}"
        )


def _listed(numbers):
    """Return numbers of frames as text, not more than a few."""
    more = f", and {len(numbers) - _MANY} more" if len(numbers) > _MANY else ""
    return ", ".join(str(number) for number in numbers[:_MANY]) + more or "none"
