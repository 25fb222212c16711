"""Results as notebooks show them: HTML that is well-formed, with every text escaped, and tables that can be read."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

import fewbit
from fewbit.flow.notebook import html_of
from fewbit.flow.results import JsonResult, hidden
from fewbit.places import HOME

DIGITS = HOME / "examples" / "digits"


def tables(html):
    """The tables of HTML, each as its caption, its heads and its rows; a check that each is one of cells and heads."""
    root, found = ElementTree.fromstring(html), {}
    assert root.tag == "div" and root.get("class") == "fewbit"
    for table in root:
        assert [child.tag for child in table if child.tag != "thead"] == ["caption", "tbody"]
        heads = table.findall("thead/tr/th")
        assert all(head.get("scope") == "col" for head in heads)
        rows = table.findall("tbody/tr")
        assert all([cell.tag for cell in row][:1] == ["th"] and row[0].get("scope") == "row" for row in rows)
        assert len({len(row) for row in rows}) == 1 and (not heads or len(heads) == len(rows[0]))
        found[table.find("caption").text] = (
            [head.text for head in heads],
            [["".join(c.itertext()) for c in r] for r in rows],
        )
    return found


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    scratch, model = tmp_path_factory.mktemp("results"), fewbit.load(DIGITS / "w1a1.onnx")
    folded = model.fold(max_luts=20_000, file=scratch / "fold.json")
    floats = fewbit.load(DIGITS / "float32.onnx")
    return {
        "model": model, "layers": model.layers, "run": model.predict(frames=12, check=True),
        "trace": model.trace(frames=2), "fold": folded, "build": folded.build(scratch / "b"),
        "quantize": floats.quantize(frames=20, file=scratch / "q.onnx"), "row": model.layers[0],
    }  # fmt: skip


@pytest.mark.slow
@pytest.mark.long
def test_every_result_is_shown(results):
    shown = {name: tables(result._repr_html_()) for name, result in results.items()}
    heads, rows = shown["layers"]["Layer table: layers"]
    assert shown["model"] == shown["layers"] and heads[:5] == ["layer", "pixels", "groups", "inputs", "neurons"]
    assert [row[0] for row in rows] == ["fc1", "fc2", "logits"] and rows[0][5] == "4,096"
    assert dict(shown["build"]["Hardware build: cycles"][1]).keys() == {"latency", "interval", "bound"}
    assert len(shown["trace"]["Trace: tensors"][1]) == 8
    heads, rows = shown["run"]["Executed: outputs"]
    assert (heads, rows[0][:3]) == (["output", "shape", "type", "least", "most"], ["logits", "12 x 10", "float32"])
    assert ["accuracy", f"{results['run'].accuracy:.6g}"] in shown["run"]["Executed"][1]
    assert "Quantized model: layers" in shown["quantize"] and "Folded design: pareto" in shown["fold"]


@dataclass(frozen=True, kw_only=True)
class Shown(JsonResult):
    """A result of everything that may be in one."""

    path: Path
    text: str
    none: None
    flag: bool
    many: list[int]
    empty: list[int]
    nested: dict
    rows: list
    secret: object = hidden()


def test_all_text_is_escaped_and_long_lists_are_cut():
    evil = "<script>alert('&')</script>"
    result = Shown(
        path=Path("a/<b>"), text=evil, none=None, flag=True, many=list(range(1000)), empty=[],
        nested={evil: {"x": {"y": 1.5}, evil: evil}}, rows=[{"a": n, "b": {"c": evil}} for n in range(250)],
        secret=evil,
    )  # fmt: skip
    html = result._repr_html_()
    assert "<script" not in html and "<b>" not in html and "secret" not in result.to_dict()
    found = tables(html)
    plain = dict(found["Shown"][1])
    assert plain["path"] == "a/<b>" and plain["text"] == evil and plain["none"] == "–" and plain["flag"] == "yes"
    assert plain["many"] == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (1000 in all)" and plain["empty"] == "–"
    heads, rows = found["Shown: rows (the first 100 of 250)"]
    assert heads == ["a", "b c"] and len(rows) == 100 and rows[3] == ["3", evil]
    assert found["Shown: nested"] == (["name", "x y", evil.replace("_", " ")], [[evil, "1.5", evil]])
    with pytest.raises(TypeError):
        Shown.from_dict(result.to_dict())


def test_titles_are_words():
    assert tables(html_of("ExecutorCheck", {"a": 1})) == {"Executor check": ([], [["a", "1"]])}
