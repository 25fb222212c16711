"""How results are printed: tables that fit, CSV, and progress where there is no terminal."""

import csv
import io
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from fewbit.flow import interruption
from fewbit.flow.commands import report as module
from fewbit.flow.commands.report import Reporter

HEADS = ["layer", "PE", "LUTs, about", "share", "a long column of notes", "found by"]
ROWS = [
    (f"layer{k}", 8, f"{1234 * k:,}", f"{k / 10:.2f} %", "words of a note", "program of twelve budgets")
    for k in range(1, 4)
]
LEAST = ("found by", "a long column of notes", "PE")


@pytest.fixture
def printed(capsys):
    def call(width=80, **options):
        report = Reporter(**options)
        report.out = Console(highlight=False, soft_wrap=True, width=width)
        report.table(HEADS, ROWS, least=LEAST)
        return capsys.readouterr()

    return call


@pytest.mark.parametrize(("width", "gone"), [(120, 0), (80, 0), (60, 1), (40, 2), (30, 3)])
def test_the_least_columns_go_first(printed, width, gone):
    out, err = printed(width)
    table, _, said_below = out.rpartition("┘")
    top, _, _ = table.partition("┡")
    assert err == "" and max(map(len, table.splitlines())) <= width and "…" not in table
    assert [head.split()[-1] in top for head in LEAST] == [k >= gone for k in range(3)]
    assert all(cell in table for row in ROWS for cell in (row[0], row[2], row[3]))
    said = f"more columns by --wide: {'; '.join(LEAST[:gone])}"
    assert said_below == (f"\n{said}\n" if gone else "\n")


def test_wide_prints_all_columns(printed):
    out, _ = printed(40, wide=True)
    assert all(head in out.splitlines()[1] for head in HEADS) and "--wide" not in out


def test_csv_has_all_columns_and_numbers(printed):
    out, err = printed(40, as_csv=True)
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["layer", "PE", "LUTs, about", "share, %", "a long column of notes", "found by"]
    assert rows[3] == ["layer3", "8", "3702", "0.30", "words of a note", "program of twelve budgets"] and err == ""


def test_lines_beside_csv_go_to_standard_error(capsys):
    report = Reporter(as_csv=True)
    report.table(["a"], [("1",)])
    report.line("said of it")
    report.table(["b"], [("[red]2[/red]",)])
    assert capsys.readouterr() == ("a\n1\n\nb\n[red]2[/red]\n", "said of it\n")


def test_cells_are_no_markup(capsys):
    Reporter().table(["[bold]head"], [("[red]cell",)])
    out = capsys.readouterr().out
    assert "[bold]head" in out and "[red]cell" in out


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.02)


def waited(capsys, text):
    """Return what is on standard error once ``text`` is."""
    said, end = "", time.monotonic() + 20
    while text not in said:
        assert time.monotonic() < end, said
        time.sleep(0.01)
        said += capsys.readouterr().err
    return said


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys, soon):
    report = Reporter()
    with report.counting("counting", 4) as progress:
        progress(1)
        time.sleep(0.05)
        progress(2)
        waited(capsys, "fewbit: counting: 50% after ")
    with report.working("thinking"):
        waited(capsys, "fewbit: thinking: ")
    with report.jobs("comparing", 100) as start:
        job = start("w4a4", 60)
        job.now("simulating")
        waited(capsys, "; w4a4: simulating\n")
        job.end()
    capsys.readouterr()
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_what_took_no_time_is_not_counted_as_done(monkeypatch):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock.now)
    report = Reporter()
    with report.jobs("comparing", 300) as start:
        kept, made = start("kept", 100), start("made", 200)
        (task,) = [task for task in kept.progress.tasks if task.id == kept.whole]
        kept.done("from before", 100)
        assert (task.completed, task.total) == (0, 200)
        clock.now += 50
        made.done("measured", 50)
        assert (task.completed, task.total) == (50, 200)
        made.done("from before", 100)
        made.end()  # less was to do than it stood for
        assert (task.completed, task.total) == (50, 50)


def test_what_is_kept_is_said_by_the_line_of_an_interruption():
    interruption.begin()
    assert interruption.interrupted("interrupted").startswith("interrupted; nothing was finished that is kept")
    for k in range(1, 4):
        interruption.keep("candidates", f"{k} of 9 candidates")
    interruption.keep("Verilog", "Verilog in build/a")
    assert interruption.interrupted("ended") == (
        "ended; kept: 3 of 9 candidates, Verilog in build/a; the same command goes on from there"
    )
    interruption.ends_so()
    assert interruption.interrupted("interrupted") == "interrupted"
    interruption.begin()
