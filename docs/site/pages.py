"""What MkDocs asks for while it builds the site: pages that are made of the code, and links that leave ``docs/``.

- ``index.md`` is the README, and ``about/`` has the other pages of the checkout's top.
- ``reference/cli.md`` is made of the commands themselves, ``reference/formats.md`` of what formats, products and
  operators declare.
- A link to a file outside of ``docs/`` becomes its text with the file's path: the site is read without the checkout.
"""

import inspect
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

__all__ = ["MADE", "cli_page", "formats_page", "linked", "on_files", "on_page_markdown", "on_startup", "top_page"]

HOME = Path(__file__).resolve().parents[2]
PACKAGE = HOME / "build" / "docs" / "fewbit"  # the rooms as they are in the package, for mkdocstrings to read
ROOMS = ("golden", "host", "hw", "sim", "ptq", "train", "flow")
TOP = {"README.md": "index.md", "CHANGELOG.md": "about/changelog.md", "CONTRIBUTING.md": "about/contributing.md"}
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_USUAL = 4  # bits of the example that stands for a class of formats
_ANY_LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


# --- pages that are made ------------------------------------------------------------------------------------------


def cli_page() -> str:
    """Return the reference of the command line, from the commands' own help."""
    import typer

    from fewbit.flow.commands.cli import app

    program: Any = typer.main.get_command(app)
    context = program.make_context("fewbit", [], resilient_parsing=True)
    lines = [
        "# Command line", "",
        "Every command with its options, made of what `fewbit COMMAND --help` reads. Exit codes and JSON are on "
        "[the page for scripts](../command-line.md).", "", _text(program.help), "",
        *_table(["command", "what it does"], ([f"[`{name}`](#fewbit-{name})", _first(program.commands[name])]
                                             for name in program.list_commands(context))),
    ]  # fmt: skip
    for name in program.list_commands(context):
        found = program.commands[name]
        inner = found.make_context(name, [], parent=context, resilient_parsing=True)
        lines += ["", f"## fewbit {name}", "", "    " + _usage(found, inner), "", _text(found.help)]
        lines += ["", *_table(["argument or option", "what it says"], _options(found, inner))]
        if found.epilog:
            lines += ["", _text(found.epilog)]
    return "\n".join([*lines, "", _text(program.epilog), ""])


def _usage(found: Any, context: Any) -> str:
    return " ".join([context.command_path, *found.collect_usage_pieces(context)])


def _options(command: Any, context: Any) -> list[list[str]]:
    """Return the rows of a command's arguments and options: how each is written, and what it says."""
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    return [[f"`{written}`", _text(said)] for written, said in filter(None, records)]


def formats_page() -> str:
    """Return the formats, the products between them, and the operators of every dialect by what they become."""
    from fewbit.golden.importing.operators import Role
    from fewbit.golden.numbers import formats

    kinds = sorted(formats.kinds_of_format(), key=lambda kind: kind.__name__)
    examples = [min(kind.examples(), key=lambda one: abs(one.bits - _USUAL)) for kind in kinds]
    lines = [
        "# Formats, layers and dialects", "",
        "Made of what the code declares: classes of formats, partial products, and handlers of operators.", "",
        "## Number formats", "",
        "A code is the bits on a wire, a value the number that it stands for. The first example of each class is what "
        "its row says, and stands for the class in the table of products.", "",
        *_table(
            ["class", "for example", "bits", "values", "a code is", "linear", "what it is"],
            ([f"`{kind.__name__}`", _names(str(e) for e in _unique([one, *kind.examples()])[:3]), one.bits,
              f"{one.lo:g} to {one.hi:g}", _text(one.describe()), "yes" if one.linear else "", _first(kind)]
             for kind, one in zip(kinds, examples, strict=True)),
        ), "",
        "## Products in a layer", "",
        "Rows are formats of activations, columns formats of weights; a cell has the bits that a product adds to the "
        "[bit heap](../explained/bit-heap.md). Formats that are missing have no such products: floats have units of "
        "their own, activations of tables come back as integers in front of a layer, weights of tables are decoded, "
        "or planes of single bits ([design.md](../design.md#from-integers-to-hardware)).", "",
    ]  # fmt: skip
    shown = _unique([one for one in examples if one.integral] + [formats.parse_format("ternary")])
    products = {str(x): [_bits(x, w) for w in shown] for x in shown}
    columns = [k for k in range(len(shown)) if any(row[k] for row in products.values())]
    lines += _table(
        ["activation", *(f"`{shown[k]}`" for k in columns)],
        ([f"`{x}`", *(row[k] for k in columns)] for x, row in products.items() if any(row)),
    )
    lines += ["", "## Operators by dialect", "", *_dialects([role.value for role in Role])]
    return "\n".join([*lines, ""])


def _bits(x: Any, w: Any) -> str:
    from fewbit.hw.heap.partial_products import product_terms

    try:
        return str(len(product_terms(x, w).exponents))
    except (ValueError, NotImplementedError):
        return ""


def _dialects(roles: Sequence[str]) -> list[str]:
    """Return a table of dialects by what their operators become, and one of all operators with their limits."""
    from importlib import import_module

    operators = _supported()
    dialects = list(dict.fromkeys(one["dialect"] for one in operators))
    onnx = [name for name in dialects if any(o["becomes"] in roles for o in operators if o["dialect"] == name)]
    rows = []
    for role in roles:
        cells = [
            _names(o["operator"] for o in operators if (o["dialect"], o["becomes"]) == (name, role)) for name in onnx
        ]
        rows.append([role, *cells])
    lines = _table(["what it makes of data", *(f"`{name}`" for name in onnx)], rows)
    for name in dialects:
        said = _text(import_module(f"fewbit.golden.importing.{name}").__doc__)
        lines += ["", f"### Dialect {name}", "", said, ""]
        mine = [o for o in operators if o["dialect"] == name]
        lines += _table(["operator", "domain", "as it is imported"],
                        ([f"`{o['operator']}`", f"`{o['domain']}`" if o["domain"] else "", _text(o["limits"])]
                         for o in mine))  # fmt: skip
    return lines


def _supported() -> list[dict[str, str]]:
    """Return what ``fewbit supported-ops --json`` prints."""
    from typer.testing import CliRunner

    from fewbit.flow.commands.cli import app

    found = CliRunner().invoke(app, ["supported-ops", "--json"])
    if found.exit_code:
        raise RuntimeError(f"fewbit supported-ops failed: {found.output}")
    operators: list[dict[str, str]] = json.loads(found.stdout)["operators"]
    return operators


def top_page(name: str) -> str:
    """Return a page of the top of the checkout as it is in the site, its links to pages set right."""
    place = PurePosixPath(TOP[name]).parent

    def target(match: re.Match[str]) -> str:
        path = match[2]
        if "://" in path:
            return match[0]
        inside = TOP.get(path, path.removeprefix("docs/") if path.startswith("docs/") else None)
        there = os.path.relpath(inside, place) if inside else os.path.relpath(HOME / path, HOME / "docs" / place)
        return match[1] + Path(there).as_posix() + match[3]

    return _ANY_LINK.sub(target, (HOME / name).read_text(encoding="utf-8"))


MADE = {
    "reference/cli.md": cli_page,
    "reference/formats.md": formats_page,
    **{page: lambda name=name: top_page(name) for name, page in TOP.items()},
}


# --- what MkDocs calls --------------------------------------------------------------------------------------------


def on_startup(command: str, dirty: bool) -> None:
    """Put the rooms of the checkout together as they are in the package, for mkdocstrings, which follows no links."""
    shutil.rmtree(PACKAGE, ignore_errors=True)
    for source, place in [(HOME / "fewbit", PACKAGE), *((HOME / room, PACKAGE / room) for room in ROOMS)]:
        for path in source.rglob("*.py"):
            there = place / path.relative_to(source)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, there)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    for page, make in MADE.items():
        files.append(File.generated(config, page, content=make()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Return a page whose links stay in the site."""
    return linked(markdown, page.file.src_uri)


def linked(markdown: str, page: str) -> str:
    """Return a page's text, in which a link to a file or folder that is outside of ``docs/`` is its text and its path.

    Links in a block of code are left alone.
    """
    place = HOME / "docs" / PurePosixPath(page).parent

    def target(match: re.Match[str]) -> str:
        text, path = match[1], match[2]
        if "://" in path or path.startswith("mailto:"):
            return match[0]
        there = Path(os.path.normpath(place / path))
        if there.is_relative_to(HOME / "docs"):
            return match[0]
        name = there.relative_to(HOME).as_posix()
        return f"`{name}`" if text.strip("`") == name else f"{text} (`{name}`)"

    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.S | re.M)
    return "".join(part if part.startswith("```") else _LINK.sub(target, part) for part in parts)


# --- Markdown -----------------------------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table."""
    cells = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in cells]


def _text(text: str | None) -> str:
    """Return a text in one line, without what would be HTML; what stands in double backticks has single ones."""
    line = " ".join((text or "").replace("\b", "").split()).replace("``", "`")
    return re.sub(r"`[^`]*`|<", lambda match: "&lt;" if match[0] == "<" else match[0], line)


def _first(thing: Any) -> str:
    """Return the first sentence of a class's or a command's documentation."""
    said = thing.help if hasattr(thing, "help") else inspect.getdoc(thing)
    return _text((said or "").split("\n\n")[0])


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _unique(things: Iterable[Any]) -> list[Any]:
    return list({str(one): one for one in things}.values())


if __name__ == "__main__":  # python docs/site/pages.py reference/cli.md: a page as it is made
    print(MADE[sys.argv[1]]())
