"""What the folder of a Zynq board says to people: its README and its notebook."""

import json

from fewbit.host.build import Build
from fewbit.hw.shell.dma import WORD

__all__ = ["notebook", "readme"]


def readme(title: str, build: Build, clock: float) -> str:
    """Return the README of a folder: of a build on the board ``title`` at ``clock`` MHz."""
    sizes = (*(given.frame_bytes for given in build.inputs), build.result_bytes)
    *frames, result = (-(-size // WORD) * WORD for size in sizes)
    taken = " and ".join(f"{size} bytes" + _of(given, build) for size, given in zip(frames, build.inputs, strict=True))
    several = "; each input has a DMA of its own" if len(build.inputs) > 1 else ""
    return f"""\
# {build.name} on a {title}

1. `vivado -mode batch -source design.tcl` makes the block design, `accelerator.bit` and `accelerator.hwh`: the
   processor, AXI DMA (simple, {8 * WORD} bits{several}), the accelerator with its registers, and a bridge between
   the DMA's words and the accelerator's beats, all at {clock:g} MHz. Interrupts 0 and 1 are those of
   the DMA, 2 is the accelerator's.
2. Copy this folder to the board, without `project/` and `accelerator/`, and open `accelerator.ipynb` in its Jupyter; or

   ```python
   from fewbit.host import Accelerator

   with Accelerator.pynq(".") as accelerator:
       results = accelerator.infer(images)
   ```

   `images` {_shapes(build)}. Nothing but NumPy and pynq is needed.{_loading(build)}{_weights(build)}

In memory a frame takes {taken} and a result {result} bytes: each begins at a
word of {WORD} bytes. One transfer holds any number of them.
"""


def _weights(build):
    """Say what becomes of external weights, if the build has such."""
    external = build.manifest.get("external")
    if external is None:
        return ""
    return (
        f"\n\n`{external['image']}` is what the accelerator reads while frames pass: {external['bytes']:,} bytes of "
        "weights.\nThe driver checks that it is this build's image, puts it into memory, and says where it is."
    )


def _loading(build):
    """Say how weights are loaded, where they can be."""
    if "loadable" not in build.manifest:
        return ""
    return """

3. Other weights: `fewbit weights retrained.onnx --build BUILD -o weights.npz`, where fewbit is, with the build folder
   that this one is in; copy the file here, then `accelerator.load("weights.npz")`. Results are that network's from
   then on."""


def _of(given, build):
    """Say which input a size is of, where there are several."""
    return f" (input `{given.name}`)" if len(build.inputs) > 1 else ""


def _shapes(build):
    """Say what images are, behind that word."""
    shapes = {given.name: ", ".join(map(str, ("count", *given.shape))) for given in build.inputs}
    if len(shapes) == 1:
        return f"has the shape ({next(iter(shapes.values()))})"
    return "is a dict of arrays: " + ", ".join(f"`{name}` of shape ({shape})" for name, shape in shapes.items())


def notebook(title: str, build: Build) -> str:
    """Return the notebook of the same folder, for the board's Jupyter."""
    cells = [
        ("markdown", f"# {build.name} on a {title}\n\nThe folder of this notebook is the board folder that "
                     "`fewbit board` wrote, with the bitstream that Vivado made of it."),
        ("code", "from fewbit.host import Accelerator\n\n"
                 "# Loads accelerator.bit and compares its build with the manifest.\n"
                 "accelerator = Accelerator.pynq(\".\")"),
        ("markdown", f"`images` {_shapes(build)}: raw integers, or floats as the model takes them."),
        ("code", "build = accelerator.build\n"
                 "images = build.random(1000)  # or your own: np.load(…)\n"
                 "results = accelerator.infer(images)\nprint(results)\nprint(results.labels[:20])"),
        ("markdown", "The block's own counters, in cycles of its clock:"),
        ("code", "for name in \"FRAMES BAD_FRAMES LATENCY INTERVAL INPUT_STALLS OUTPUT_STALLS\".split():\n"
                 "    print(f\"{name:14} {accelerator.connection.register(name):,}\")"),
    ]  # fmt: skip
    made: list[dict[str, object]] = []
    for number, (kind, text) in enumerate(cells):
        cell = {"cell_type": kind, "id": f"cell{number}", "metadata": {}, "source": text.splitlines(keepends=True)}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return json.dumps({"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
