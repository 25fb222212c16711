"""Results as HTML, which notebooks show: tables that screen readers can read, every text escaped."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["html_of"]

_MOST_ROWS = 100
_MOST_ITEMS = 10  # of a list in a cell
_DEEPEST = 4


@dataclass(frozen=True)
class _Table:
    """A table of texts; ``heads`` is None where rows are a name and a value."""

    title: str
    heads: Sequence[str] | None
    rows: list[list[str]]


def html_of(title: str, content: Mapping[str, Any]) -> str:
    """Return the HTML of a result that is named ``title``: ``content`` is what JSON holds of it.

    Numbers and texts are rows of one table; a list of objects is a table of its own, a column for each of their
    members, and what is an object is a table of rows. Long lists are cut, and say so.
    """
    from .pages import render  # it takes a while to import

    return render(__file__, "notebook.html", tables=list(_tables(_in_words(title), content, 0))).strip()


def _tables(title: str, content: Mapping[str, Any], depth: int) -> Iterable[_Table]:
    plain = {name: value for name, value in content.items() if not _is_nested(value)}
    if plain:
        yield _Table(title, None, [[_label(name), _cell(value)] for name, value in plain.items()])
    for name, value in content.items():
        if not _is_nested(value):
            continue
        inner = f"{title}: {_label(name)}"
        if isinstance(value, Mapping):
            yield from _mapping(inner, value, depth + 1)
        else:
            yield _rows(inner, value)


def _mapping(title: str, value: Mapping[str, Any], depth: int) -> Iterable[_Table]:
    if value and all(isinstance(one, Mapping) for one in value.values()):
        first = "name" if all("name" not in one for one in value.values()) else "key"
        yield _rows(title, [{first: name, **one} for name, one in value.items()])
    elif depth < _DEEPEST:
        yield from _tables(title, value, depth)
    else:
        yield _Table(title, None, [[_label(name), _cell(one)] for name, one in value.items()])


def _rows(title: str, rows: Sequence[Mapping[str, Any]]) -> _Table:
    """Return a table of objects, a row each."""
    flat = [dict(_flattened(row)) for row in rows[:_MOST_ROWS]]
    heads = list(dict.fromkeys(name for row in flat for name in row))
    more = f" (the first {_MOST_ROWS} of {len(rows)})" if len(rows) > _MOST_ROWS else ""
    cells = [[_cell(row[name]) if name in row else "" for name in heads] for row in flat]
    return _Table(title + more, [_label(name) for name in heads], cells)


def _flattened(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Yield the members of an object, those of objects in it too."""
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{name} ")
        else:
            yield prefix + name, value


def _is_nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, (list, tuple, Mapping)) and not value):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (list, tuple)):
        shown = ", ".join(_cell(one) for one in value[:_MOST_ITEMS])
        return f"{shown}, … ({len(value)} in all)" if len(value) > _MOST_ITEMS else shown
    return str(value)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _in_words(title: str) -> str:
    """Return the name of a class as words: ``ExecutorCheck`` as "Executor check"."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", title).split()
    return " ".join([*words[:1], *(word.lower() for word in words[1:])])
