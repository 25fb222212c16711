"""The pages of the documentation as tests read them: blocks of commands and code, headings and links."""

import re
from dataclasses import dataclass
from pathlib import Path

from fewbit.places import HOME

__all__ = ["OWN_TESTS", "PAGES", "RUN", "Block", "anchors_of", "blocks_of", "links_of"]

DOCS = HOME / "docs"
TOP = [HOME / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = {path.relative_to(HOME).as_posix(): path for path in [*TOP, *sorted(DOCS.rglob("*.md"))]}

RUN = {"sh", "console", "python"}
"""What blocks that are run are marked by; the others hold data, or what a program prints."""
OWN_TESTS = {"docs/extending.md": "tests/test_extending.py", "docs/api.md": "tests/flow/api/test_docs.py"}
"""Pages whose blocks other tests run, and compare what they print."""

_FENCE = re.compile(r"^( *)```(\w*)$")
_REASON = re.compile(r"^<!-- not run: (\S.*) -->$")
_BEFORE = re.compile(r"^<!-- before: (\S.*) -->$")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it begins, what it is marked by, and why it is not run, or None.

    ``before`` is a command that stands over the block in a comment: it makes what the reader has by then.
    """

    page: str
    line: int
    kind: str
    text: str
    reason: str | None
    before: str | None


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    blocks, lines = [], PAGES[page].read_text(encoding="utf-8").splitlines()
    k = 0
    while k < len(lines):
        fence = _FENCE.match(lines[k])
        if fence:
            indent, first = fence[1], k
            k += 1
            while lines[k] != f"{indent}```":
                k += 1
            text = "\n".join(line.removeprefix(indent) for line in lines[first + 1 : k]) + "\n"
            above = lines[first - 1].strip() if first else ""
            reason, before = (found[1] if (found := kind.match(above)) else None for kind in (_REASON, _BEFORE))
            blocks.append(Block(page, first + 1, fence[2], text, reason, before))
        k += 1
    return blocks


def links_of(page: str) -> list[str]:
    """Return what the links and pictures of a page lead to, those of the net left out."""
    text = re.sub(r"^( *)```.*?^\1```$", "", PAGES[page].read_text(encoding="utf-8"), flags=re.S | re.M)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"\w+:", link)]


def anchors_of(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as repositories' views and the site make them."""
    text = re.sub(r"^( *)```.*?^\1```$", "", path.read_text(encoding="utf-8"), flags=re.S | re.M)
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found
