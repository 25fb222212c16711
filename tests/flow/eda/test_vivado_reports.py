"""Reports in Vivado's layout of 2018 to 2025 are read, and what is none, or damaged, is said in a line."""

from pathlib import Path

import pytest

from fewbit.flow.eda.vivado_reports import ReportError, ReportHead, TimingReport, UtilizationReport, read_report
from fewbit.golden.limits.files import FileError
from tests.support.vivado_texts import EDITIONS, hierarchical, timing_summary, utilization

TREE = ("top", "(top)", {"lut": 7, "ff": 3}, [
    ("core", "core_module", {"lut": 100, "lutram": 12, "srl": 5, "ff": 40}, [
        ("dense0", "top_core_dense0", {"lut": 1000, "ff": 900, "bram36": 2, "dsp": 4}, []),
        ("dense1", "top_core_dense1", {"lut": 20, "bram18": 3}, []),
    ]),
    ("file", "registers", {"lut": 50, "ff": 60, "uram": 1}, []),
])  # fmt: skip
WHOLE = {"lut": 1177, "lutram": 12, "srl": 5, "ff": 1003, "bram36": 2, "bram18": 3, "dsp": 4}


def saved(folder, text, name="x.rpt", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


@pytest.mark.parametrize("percentages", [False, True], ids=["counts", "percentages"])
@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_hierarchy(edition, percentages, scratch):
    found = read_report(saved(scratch, hierarchical(edition, "top", TREE, percentages)))
    assert isinstance(found, UtilizationReport) and found.top is not None
    head = found.head
    assert (head.version, head.design, head.device, head.state) == (
        edition.version, "top", edition.device, edition.state
    )  # fmt: skip
    more = {"uram": 1} if edition.ultrascale else {}
    assert found.used == WHOLE | more
    assert [i.name for i in found.top.every()] == ["top", "core", "dense0", "dense1", "file"]
    assert found.top.inside[0].inside[0].used["dsp"] == 4 and found.top.inside[0].used["lut"] == 1120
    assert found.top.inside[1].module == "registers"


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_flat(edition, scratch):
    available = {"lut": 53200, "ff": 106400, "bram36": 140, "bram18": 280, "dsp": 220, "tile": 140, "uram": 48}
    found = read_report(saved(scratch, utilization(edition, "top", WHOLE | {"uram": 9}, available)))
    assert isinstance(found, UtilizationReport) and found.top is None
    kinds = set(available) - {"tile"} - (set() if edition.ultrascale else {"uram"})
    assert found.available == {name: available[name] for name in kinds}
    assert found.used == WHOLE | ({"uram": 9} if edition.ultrascale else {})


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_timing(edition, scratch):
    text = timing_summary(edition, "top", (-0.25, -12.5, 0.011, 0.0), {"aclk": 5.0, "other": 8.0}, 57, 973)
    found = read_report(saved(scratch, text))
    assert isinstance(found, TimingReport)
    assert (found.wns, found.tns, found.whs, found.ths) == (-0.25, -12.5, 0.011, 0.0)
    assert (found.failing, found.endpoints, found.clocks) == (57, 973, {"aclk": 5.0, "other": 8.0})


def test_timing_without_constraints(scratch):
    found = read_report(saved(scratch, timing_summary(EDITIONS["2023.1"], "top", (None,) * 4, {})))
    assert (found.wns, found.failing, found.endpoints, found.clocks) == (None, 0, 0, {})


def test_progress():
    order = ["2023.1", "2020.2", "2024.2"]
    folder = [read_progress(EDITIONS[name].state) for name in order]
    assert folder == sorted(folder) and len(set(folder)) == 3


def read_progress(state):
    return ReportHead(file=Path("x"), version="", design="", device="", state=state).progress


def test_other_languages_and_line_ends(scratch):
    text = hierarchical(EDITIONS["2021.2"], "top", TREE).replace("anyone", "böb").replace("\n", "\r\n")
    for encoding in ("latin-1", "utf-8", "utf-8-sig"):
        assert read_report(saved(scratch, text, encoding=encoding)).used == WHOLE


@pytest.mark.parametrize("text", ["", "nothing\n", "+---+\n| a |\n+---+\n| 1 |\n+---+\n", "| Design : x\n"])
def test_other_texts_are_no_reports(text, scratch):
    assert read_report(saved(scratch, text)) is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [(" 1000 |", " ", r"line \d+: 9 cells in a table of 10 columns"),
     (" 1000 |", " many |", "Total LUTs must be a count, not 'many'"),
     ("Total LUTs", "Total ALMs", "has no Total LUTs or Slice LUTs"),
     ("|   core  ", "| core    ", "a second top, core")],
    ids=["a cell", "a word", "another vendor's", "two tops"],
)  # fmt: skip
def test_damaged_hierarchies(old, new, said, scratch):
    text = hierarchical(EDITIONS["2023.1"], "top", TREE)
    assert old in text
    with pytest.raises(ReportError, match=said):
        read_report(saved(scratch, text.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda t: t.replace("-0.250", "quick"), "WNS.ns. must be a number, not 'quick'"),
     (lambda t: t.replace("-0.250", ""), "11 figures under 12 heads"),
     (lambda t: t[: t.index("WNS(ns)")], "has no figures: the report is cut off")],
)  # fmt: skip
def test_damaged_timing(change, said, scratch):
    text = timing_summary(EDITIONS["2018.3"], "top", (-0.25, -1.0, 0.1, 0.0), {"aclk": 5.0}, 3)
    with pytest.raises(ReportError, match=said):
        read_report(saved(scratch, change(text)))


def test_what_cannot_be_read(scratch):
    with pytest.raises(ReportError, match="is no text"):
        read_report(saved(scratch, "a\0b"))
    with pytest.raises(FileError, match="no such file"):
        read_report(scratch / "none.rpt")
