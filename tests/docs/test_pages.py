"""The pages hold together: links lead somewhere, each block is run or says why not, and the README is short."""

import re
from pathlib import Path

import pytest
import yaml

from fewbit.places import HOME
from tests.support.pages import DOCS, OWN_TESTS, PAGES, RUN, anchors_of, blocks_of, links_of

README_LINES = 150
# What blocks that hold no commands are marked by.
DATA = {"", "c", "json"}
COMMAND = re.compile(r"^(\$ )?(fewbit|make|pip|python3?|\.venv/\S+) ", re.M)


def test_the_readme_is_short():
    assert len(PAGES["README.md"].read_text(encoding="utf-8").splitlines()) <= README_LINES


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        there = Path((PAGES[page].parent / path).resolve()) if path else PAGES[page]
        made = there.is_relative_to(DOCS) and there.relative_to(DOCS).as_posix() in MADE
        assert there.exists() or made, f"{page} leads to {link}"
        if anchor and there.suffix == ".md" and there.exists():
            assert anchor in anchors_of(there), f"{page} leads to {link}"


@pytest.mark.parametrize("page", PAGES)
def test_each_block_is_run_or_says_why_not(page):
    for block in blocks_of(page):
        place = f"{page}:{block.line}"
        assert block.kind in RUN | DATA, f"{place}: a block of {block.kind!r} is neither run nor data"
        if block.kind in DATA:
            assert not COMMAND.search(block.text), f"{place}: a block with a command is marked sh or console"
            assert block.reason is None, f"{place}: only a block that could be run says why it is not"


def test_most_blocks_are_run():
    blocks = [b for page in PAGES if page not in OWN_TESTS for b in blocks_of(page) if b.kind in RUN]
    assert len(blocks) > 40
    assert sum(b.reason is None for b in blocks) > 2 * sum(b.reason is not None for b in blocks)


def test_every_page_is_in_the_site():
    listed = set(re.findall(r"[\w/-]+\.md", (HOME / "mkdocs.yml").read_text(encoding="utf-8")))
    there = {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")}
    assert there | set(MADE) == listed


def test_the_citation_names_what_the_package_is():
    cited = yaml.safe_load((HOME / "CITATION.cff").read_text(encoding="utf-8"))
    project = (HOME / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{cited["version"]}"' in project and f'\nlicense = "{cited["license"]}"' in project
    assert cited["cff-version"] == "1.2.0" and cited["authors"] and cited["title"] and cited["message"]


MADE = {"index.md", "about/changelog.md", "about/contributing.md", "reference/cli.md", "reference/formats.md"}
