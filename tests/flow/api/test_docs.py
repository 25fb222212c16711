"""docs/api.md and docs/components.md: their blocks run, and print what stands behind them."""

import os
import re
import subprocess
import sys

import pytest

from fewbit.places import CACHE, HOME

_PRINTED = re.compile(r"^ *print\(.*\)  # (.*)$", re.M)


def blocks_of(page):
    return re.findall(r"^```python\n(.*?)^```$", (HOME / "docs" / page).read_text(encoding="utf-8"), re.S | re.M)


def run(text, folder):
    (folder / "examples").symlink_to(HOME / "examples", target_is_directory=True)
    done = subprocess.run(
        [sys.executable, "-"], input=text, cwd=folder, env=os.environ | {"FEWBIT_CACHE": str(CACHE)},
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


@pytest.mark.tools
@pytest.mark.slow
def test_the_api(scratch):
    text = "\n".join(blocks_of("api.md"))
    wanted = _PRINTED.findall(text)
    assert len(wanted) >= 12 and text.count("print(") == len(wanted)
    assert run(text, scratch) == wanted


@pytest.mark.long
@pytest.mark.parametrize("number", range(3))
def test_the_components(number, scratch):
    blocks = blocks_of("components.md")
    assert len(blocks) == 3
    run(blocks[number], scratch)
