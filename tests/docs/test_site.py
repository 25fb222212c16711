"""The site: what is made of the code is complete, links stay inside, and a strict build loads nothing from the net."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from fewbit.places import HOME


def _hook():
    spec = importlib.util.spec_from_file_location("pages_of_the_site", HOME / "docs" / "site" / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOK = _hook()


@pytest.mark.long
def test_the_command_line_has_every_command_and_option():
    from typer.main import get_command

    from fewbit.flow.commands.cli import app

    page = HOOK.cli_page()
    commands = get_command(app).commands
    assert len(commands) > 15
    for name, command in commands.items():
        chapter = re.search(rf"^## fewbit {name}\n(.*?)(?=^## |\Z)", page, re.S | re.M)[1]
        for parameter in command.params:
            if not parameter.hidden and parameter.param_type_name == "option":
                assert parameter.opts[-1] in chapter, (name, parameter.opts)


@pytest.mark.long
def test_the_formats_and_dialects_are_those_that_are_declared():
    from fewbit.golden.importing.registry import DECLARED
    from fewbit.golden.numbers.formats import kinds_of_format

    page = HOOK.formats_page()
    for kind in kinds_of_format():
        assert f"| `{kind.__name__}` |" in page
    for operator in DECLARED.values():
        dialect = operator.handler.__module__.split(".")[-2]
        chapter = re.search(rf"^### Dialect {dialect}\n(.*?)(?=^### |\Z)", page, re.S | re.M)[1]
        assert f"| `{operator.name}` |" in chapter
    assert "### Dialect tflite" in page and "| `bipolar` | 1 |" in page


def test_links_that_leave_the_pages_become_text():
    text = "see [the recipe](../../examples/digits/README.md) and [folding](../folding.md#limits)"
    wanted = "see the recipe (`examples/digits/README.md`) and [folding](../folding.md#limits)"
    assert HOOK.linked(text, "howto/brevitas.md") == wanted
    block = "```sh\necho [a](../../hw)\n```"
    assert HOOK.linked(block, "howto/brevitas.md") == block


def test_the_top_of_the_checkout_has_pages():
    assert "](howto/brevitas.md)" in HOOK.top_page("README.md")
    assert "](../install.md)" in HOOK.top_page("CONTRIBUTING.md")
    assert "](../about" not in HOOK.top_page("CHANGELOG.md") and "](about/changelog.md)" in HOOK.top_page("README.md")


@pytest.mark.slow
def test_it_builds_strictly_and_loads_nothing_from_the_net(scratch):
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(scratch / "site")],
        cwd=HOME, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    pages = list((scratch / "site").rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(
            r"<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=\"?(https?:[^\"\s>]*|//[^\"\s>]*)", text
        )
        loaded += re.findall(
            r"<link\b[^>]*rel=\"?(?:stylesheet|preload|preconnect|icon)[^>]*href=\"?(https?:[^\"\s>]*)", text
        )
        assert not loaded, (page, loaded)
    for sheet in (scratch / "site").rglob("*.css"):
        assert not re.findall(r"url\(\"?https?:|@import \"?https?:", sheet.read_text(encoding="utf-8")), sheet
    assert (scratch / "site" / "search" / "search_index.js").is_file()
