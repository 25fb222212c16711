"""What the folder of a Zynq board says to people: its README and its notebook."""

from fewbit.flow.exports import notebook_text
from fewbit.flow.pages import render
from fewbit.host.build import Build
from fewbit.hw.shell.dma import WORD

__all__ = ["notebook", "readme"]

_CELL = "--- cell: "  # begins a cell of the notebook, with its kind


def readme(title: str, build: Build, clock: float) -> str:
    """Return the README of a folder: of a build on the board ``title`` at ``clock`` MHz."""
    sizes = (*(given.frame_bytes for given in build.inputs), build.result_bytes)
    *frames, result = (-(-size // WORD) * WORD for size in sizes)
    return render(
        __file__, "zynq_readme.md", title=title, build=build, clock=f"{clock:g}", word=WORD, result=result,
        frames=list(zip(frames, build.inputs, strict=True)), shapes=_shapes(build),
        external=build.manifest.get("external"), loadable="loadable" in build.manifest,
    )  # fmt: skip


def _shapes(build):
    """Return the shape of a batch of each input, by name."""
    return {given.name: ", ".join(map(str, ("count", *given.shape))) for given in build.inputs}


def notebook(title: str, build: Build) -> str:
    """Return the notebook of the same folder, for the board's Jupyter."""
    text = render(__file__, "zynq_notebook.md", title=title, build=build, shapes=_shapes(build))
    parts = (part.partition("\n") for part in text.split(_CELL)[1:])
    return notebook_text([(kind, source.strip()) for kind, _, source in parts])
