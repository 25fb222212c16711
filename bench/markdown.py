"""Markdown of the measured pages: tables, and paragraphs with lines of even length."""

import re
import textwrap

__all__ = ["filled", "table"]


def table(heads, rows, *, left=None, right_of=None):
    """Return a table of texts.

    Parameters
    ----------
    heads, rows : list of str, lists of str
    left, right_of : int or None
        Columns from ``left`` on, up to ``right_of``, are aligned to the right; by default none is.
    """
    count = len(heads)
    left, right_of = count if left is None else left, count if right_of is None else right_of
    rules = ["---:" if left <= n < right_of else "---" for n in range(count)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (heads, rules, *rows))


def filled(block):
    """Return a paragraph or a list with lines of 118 characters at most; anything else as it is."""
    if block.startswith(("#", "!", "|")):
        return block
    indent = "  " if block.startswith("- ") else ""
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()), 118, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        for item in re.split(r"\n(?=- )", block.strip())
    )
