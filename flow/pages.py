"""Pages that people read, made of templates: a folder ``templates`` beside the code that knows what stands in them."""

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

__all__ = ["number", "percent", "render", "short"]


def render(place: str, template: str, **values: Any) -> str:
    """Return a template with values in it.

    Parameters
    ----------
    place : str
        The file of the code that asks, beside which the folder ``templates`` lies.
    template : str
        Name of the template; what it puts into a page that ends in ``.html`` is escaped.
    values
        What the template names; a name that it has and that is not given is an error.
    """
    return _environment(Path(place).parent / "templates").get_template(template).render(**values)


@cache
def _environment(folder: Path) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder), autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {"number": number, "percent": percent, "short": short}
    return environment


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with commas, whole ones without decimals; a dash for None."""
    if value is None:
        return "–"
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{digits}f}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share of 1 in percent; a dash for None."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def short(value: float | None) -> str:
    """Return a number in three digits with a unit's prefix, as ``6.25 M``; a dash for None."""
    if value is None:
        return "–"
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{value / size:.3g} {prefix}"
    return f"{value:.3g}"
