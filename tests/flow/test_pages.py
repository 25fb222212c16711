"""Templates: text is escaped in HTML, what is not given is an error, and numbers are written for people."""

import jinja2
import pytest

from fewbit.flow.pages import number, percent, render, short


@pytest.fixture
def place(scratch):
    (scratch / "templates").mkdir()
    for name in ("a.html", "a.md"):
        (scratch / "templates" / name).write_text("{{ text }}: {{ count|number }}\n")
    return str(scratch / "code.py")


def test_text_is_escaped_in_html_alone(place):
    assert render(place, "a.html", text="<b>&", count=1234) == "&lt;b&gt;&amp;: 1,234\n"
    assert render(place, "a.md", text="<b>&", count=0.5) == "<b>&: 0.50\n"


def test_what_is_not_given_is_an_error(place):
    with pytest.raises(jinja2.UndefinedError, match="count"):
        render(place, "a.md", text="x")


@pytest.mark.parametrize(
    ("function", "value", "wanted"),
    [
        (number, 1234567, "1,234,567"), (number, 2.0, "2"), (number, 1.256, "1.26"), (number, None, "–"),
        (percent, 0.256, "26 %"), (percent, None, "–"), (short, 6.25e6, "6.25 M"), (short, 999.6, "1 k"),
        (short, 12.0, "12"), (short, 2e12, "2 T"), (short, None, "–"),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people(function, value, wanted):
    assert function(value) == wanted
