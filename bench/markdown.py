"""Markdown of the measured pages: tables, and paragraphs with lines of even length."""

import re
import textwrap
from collections.abc import Sequence

__all__ = ["filled", "table"]


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int | None = None, right_of: int | None = None
) -> str:
    """Return a table of texts as Markdown.

    Parameters
    ----------
    heads, rows : list of str, list of lists of str
        The first line, and the others.
    left, right_of : int or None
        Columns from ``left`` on, up to ``right_of``, are aligned to the right; by default none is.
    """
    count = len(heads)
    left, right_of = count if left is None else left, count if right_of is None else right_of
    rules = ["---:" if left <= n < right_of else "---" for n in range(count)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rules, *rows))


def filled(block: str) -> str:
    """Return a paragraph or a list with lines of at most 118 characters; other blocks stay as they are."""
    if block.startswith(("#", "!", "|")):
        return block
    indent = "  " if block.startswith("- ") else ""
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()), 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for item in re.split(r"\n(?=- )", block.strip())
    )
