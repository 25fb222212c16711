"""docs/extending.md: each chapter's files, put into a copy of the package, do what the chapter says."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from fewbit.places import CACHE, HOME
from tests.support.type_check import ROOMS

PAGE = (HOME / "docs" / "extending.md").read_text(encoding="utf-8")
CHAPTERS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.S | re.M))
CHECK = "check.py"


def files_of(chapter):
    """The chapter's blocks by the file that stands over each."""
    return dict(re.findall(r"^`([\w/.]+)`\n\n```python\n(.*?)```$", CHAPTERS[chapter], re.S | re.M))


def test_there_is_a_chapter_of_each_kind():
    kinds = ["A number format", "A quantizer", "A node", "A board", "A device family", "A dialect"]
    assert list(CHAPTERS) == kinds
    for chapter, text in CHAPTERS.items():
        assert text.count("```python") == len(files_of(chapter)), "a block has no file over it"
        assert CHECK in files_of(chapter)


@pytest.mark.parametrize("chapter", ["A number format", "A node"])
def test_a_format_and_a_node_are_small(chapter):
    files = {path: text for path, text in files_of(chapter).items() if path != CHECK}
    assert len(files) <= 5
    assert sum(len([line for line in text.splitlines() if line.strip()]) for text in files.values()) < 100


@pytest.mark.sampled(2)
@pytest.mark.tools
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_it_works(chapter, scratch):
    package = scratch / "fewbit"
    shutil.copytree(HOME / "fewbit", package, ignore=shutil.ignore_patterns("__pycache__"))
    for room in ROOMS:
        shutil.copytree(HOME / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "examples").symlink_to(HOME / "examples", target_is_directory=True)
    for path, text in files_of(chapter).items():
        place = scratch / path if path == CHECK else package / path
        place.parent.mkdir(exist_ok=True)
        with place.open("a", encoding="utf-8") as file:
            file.write(text)
    environment = os.environ | {"PYTHONPATH": str(scratch), "FEWBIT_CACHE": str(CACHE)}
    done = subprocess.run(
        [sys.executable, CHECK], cwd=scratch, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
