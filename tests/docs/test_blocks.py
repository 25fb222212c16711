"""The commands and the code of the pages run, page by page, each in a folder that has the examples and stand-ins."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from fewbit.places import CACHE, HOME
from tests.support.pages import OWN_TESTS, PAGES, RUN, blocks_of

SECONDS = 1500  # for a page
DIGITS = HOME / "examples" / "digits"
RUNNABLE = {
    page: [b for b in blocks_of(page) if b.kind in RUN and b.reason is None] for page in PAGES if page not in OWN_TESTS
}
# Called in the folder of the page, `make` is the checkout's; simulators are built by make elsewhere.
MAKE = """#!/bin/sh
[ "$PWD" = '{folder}' ] || exec {make} "$@"
PATH='{path}' exec {make} -C '{home}' -o .venv/.for-use -o .venv/.for-tests "$@"
"""


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page, blocks in RUNNABLE.items() if blocks])
def test_the_blocks_of_a_page_run(page, scratch):
    environment = _prepare(scratch)
    for block in RUNNABLE[page]:
        place = f"{page}:{block.line}"
        if block.before:
            done = _run(["bash", "-euo", "pipefail", "-s"], block.before, scratch, environment)
            assert done.returncode == 0, f"{place}, before\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"
        if block.kind == "console":
            _check_console(block.text, scratch, environment, place)
            continue
        command = [sys.executable, "-"] if block.kind == "python" else ["bash", "-euo", "pipefail", "-s"]
        done = _run(command, block.text, scratch, environment)
        assert done.returncode == 0, f"{place}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"


def _run(command, text, folder, environment):
    return subprocess.run(
        command, input=text, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )


def _check_console(text, folder, environment, place):
    """Run each line behind a dollar sign: what it says on standard error, and single numbers, are as printed."""
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, _, printed = part.partition("\n")
        done = _run(["bash", "-s"], command, folder, environment)
        wanted = [line for line in printed.splitlines() if re.match(r"fewbit: |\d+$|\{\"error\"", line)]
        if not any(line.startswith("fewbit: ") for line in wanted) and "echo $?" not in command:
            assert done.returncode == 0, f"{place}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"
        found = [_plain(line) for line in (done.stdout + done.stderr).splitlines()]
        for line in wanted:
            assert _plain(line) in found, f"{place}\n{line}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"


def _plain(line):
    """Return a line without the port that a dashboard happens to get."""
    return re.sub(r"(dashboard http://127\.0\.0\.1):\d+", r"\1", line)


def _prepare(folder):
    """Make the files that the pages name, and return the environment of their commands."""
    (folder / "tests").mkdir()
    for name in "examples", "tests/models":
        (folder / name).symlink_to(HOME / name, target_is_directory=True)
    (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    _stand_ins(folder)
    tools = folder / "tools"
    tools.mkdir()
    path = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]])
    (tools / "make").write_text(MAKE.format(folder=folder, make=shutil.which("make"), home=HOME, path=path))
    (tools / "make").chmod(0o755)
    path = os.pathsep.join([str(tools), path])
    build = folder / "build"
    build.mkdir()
    return os.environ | {"PATH": path, "FEWBIT_CACHE": str(CACHE), "FEWBIT_BUILD": str(build), "COLUMNS": "120"}


def _stand_ins(folder):
    """Write models and samples by the names that pages give to those of their readers.

    They are the digits', as if the sensor gave 8 bits.
    """
    test = np.load(DIGITS / "test.npz")
    raw = np.round(test["x"][:60] * 255).astype(np.uint8)
    label = test["label"][:60]
    for name in "samples", "images", "raw":
        np.savez(folder / f"{name}.npz", x=raw, label=label)
    for name in "test", "train":
        np.savez(folder / f"{name}.npz", x=(raw.astype(np.float32) / np.float32(255)), label=label)
    for name, source in ("mine", "w1a1"), ("float", "float32"):
        model = onnx.load(DIGITS / f"{source}.onnx")
        kept = [p for p in model.metadata_props if p.key != "fewbit.input"]
        del model.metadata_props[:]
        model.metadata_props.extend(kept)
        onnx.save(model, folder / f"{name}.onnx")
    onnx.save(_retrained(onnx.load(DIGITS / "w4a4.onnx")), folder / "retrained.onnx")


def _retrained(model):
    """Return a model of the same shape and formats with other weights: those of each layer's inputs are rolled."""
    for tensor in model.graph.initializer:
        if len(tensor.dims) == 2:
            values = onnx.numpy_helper.to_array(tensor)
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.roll(values, 1, axis=0).copy(), tensor.name))
    return model
