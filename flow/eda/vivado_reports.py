"""What Vivado wrote of a design: texts of ``report_utilization``, hierarchical or not, and ``report_timing_summary``.

The layout is the same from 2018 to 2025 but for names: columns are found by their heads, rows by the kind of site.
There is no Vivado where this is tested: the texts of tests are made to the documented layout.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fewbit.golden.limits.files import read_bounded

__all__ = ["Instance", "ReportError", "ReportHead", "TimingReport", "UtilizationReport", "VivadoReport", "read_report"]

_LARGEST = 64 << 20  # bytes of a report
_HEAD = re.compile(r"^\| *(Tool Version|Design|Device|Design State|Command|Date) *: *(.*?) *$")
_VERSION = re.compile(r"v\.?(\d{4}\.\d+(?:\.\d+)?)")
_STATES = ("synthesized", "optimized", "placed", "physopt", "routed")  # in the order of the flow

# Names of resources, and the heads of columns of the hierarchical report and the kinds of sites of the other one that
# count them. Heads and kinds end in an asterisk where a footnote belongs to them.
_COLUMNS = {
    "lut": ("Total LUTs",), "lutram": ("LUTRAMs",), "srl": ("SRLs",), "ff": ("FFs",), "bram36": ("RAMB36",),
    "bram18": ("RAMB18",), "uram": ("URAM",), "dsp": ("DSP Blocks", "DSP48 Blocks", "DSP Slices"),
}  # fmt: skip
_SITES = {
    "lut": ("Slice LUTs", "CLB LUTs"), "lutram": ("LUT as Distributed RAM",), "srl": ("LUT as Shift Register",),
    "ff": ("Slice Registers", "CLB Registers"), "bram36": ("RAMB36/FIFO",), "bram18": ("RAMB18",), "uram": ("URAM",),
    "dsp": ("DSPs", "DSP Slices"),
}  # fmt: skip
_NEEDED = ("lut", "ff")  # without these, it is no table of resources


class ReportError(ValueError):
    """A report that cannot be read, or is of something else; one line says what and where."""


@dataclass(frozen=True, kw_only=True)
class ReportHead:
    """What stands at the beginning of a report.

    Attributes
    ----------
    file : Path
    version : str
        Of Vivado, as "2023.1"; empty if it is not said.
    design, device, state : str
        The top module, the part, and how far the design has come, as "Routed"; empty if it is not said.
    """

    file: Path
    version: str
    design: str
    device: str
    state: str

    @property
    def progress(self) -> int:
        """How far the design has come, more for later."""
        state = self.state.lower()
        return max((n for n, name in enumerate(_STATES, 1) if name in state), default=0)


@dataclass(frozen=True)
class Instance:
    """An instance of the hierarchy.

    Attributes
    ----------
    name, module : str
    used : dict of str to int
        What it takes, all inside it too, by the resource: ``lut``, ``lutram``, ``srl``, ``ff``, ``bram36``, ``bram18``,
        ``uram``, ``dsp``.
    inside : list of Instance
    """

    name: str
    module: str
    used: dict[str, int]
    inside: "list[Instance]" = field(default_factory=list)

    def every(self) -> "Iterator[Instance]":
        """Yield it and all instances inside it, from the outside in."""
        yield self
        for instance in self.inside:
            yield from instance.every()


@dataclass(frozen=True, kw_only=True)
class VivadoReport:
    """A report of a kind that is known."""

    head: ReportHead


@dataclass(frozen=True, kw_only=True)
class UtilizationReport(VivadoReport):
    """What a design takes.

    Attributes
    ----------
    used : dict of str to int
        What all of it takes, by the resource as `Instance` has them.
    available : dict of str to int
        What the device has; empty in a hierarchical report.
    top : Instance or None
        The hierarchy, if the report has it.
    """

    used: dict[str, int]
    available: dict[str, int]
    top: Instance | None


@dataclass(frozen=True, kw_only=True)
class TimingReport(VivadoReport):
    """Whether a design meets its clocks.

    Attributes
    ----------
    wns, tns, whs, ths : float or None
        Worst and total negative slack of setup and of hold, in ns; None where nothing is constrained.
    failing : int
        Endpoints that miss setup or hold.
    endpoints : int
        Endpoints that setup is checked at.
    clocks : dict of str to float
        Periods of the clocks in ns, by name.
    """

    wns: float | None
    tns: float | None
    whs: float | None
    ths: float | None
    failing: int
    endpoints: int
    clocks: dict[str, float]


def read_report(file: Path) -> VivadoReport | None:
    """Return what a report says; None if it is text, but none of these reports.

    Raises
    ------
    ReportError
        If it is one of these reports and damaged, or no text.
    golden.limits.files.FileError
        If the file cannot be read.
    """
    data = read_bounded(file, _LARGEST, what="a report")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        lines = data.decode("latin-1").splitlines()  # dates and names of hosts may be of any language
    if b"\0" in data:
        raise ReportError(f"{file}: is no text: give the reports that Vivado writes with -file, not its .pb or .rpx")
    head = _head(file, lines)
    for table in _tables(file, lines):
        if {"Instance", "Module"} <= set(table.heads):
            return _hierarchy(head, table)
    if any("Design Timing Summary" in line for line in lines):
        return _timing(head, lines)
    rows = [row for table in _tables(file, lines) if {"Site Type", "Used"} <= set(table.heads) for row in table.named()]
    return _utilization(head, rows) if rows else None


def _head(file, lines):
    found = {m[1]: m[2] for line in lines[:200] if (m := _HEAD.match(line))}
    version = _VERSION.search(found.get("Tool Version", ""))
    return ReportHead(
        file=file, version=version[1] if version else "", design=found.get("Design", ""),
        device=found.get("Device", ""), state=found.get("Design State", ""),
    )  # fmt: skip


@dataclass(frozen=True)
class _TextTable:
    """A table of cells between bars: its heads, and its rows, each with the number of its line."""

    file: Path
    heads: list[str]
    rows: list[tuple[int, list[str]]]

    def named(self):
        """Yield each row as the number of its line and its cells by their heads."""
        for number, cells in self.rows:
            if len(cells) != len(self.heads):
                raise ReportError(
                    f"{self.file}, line {number}: {len(cells)} cells in a table of {len(self.heads)} columns: the "
                    "report is cut off or was edited"
                )
            yield number, dict(zip(self.heads, cells, strict=True))


def _tables(file: Path, lines: Sequence[str]) -> Iterator[_TextTable]:
    """Yield the tables of a report: a rule, heads, a rule, rows, a rule."""
    n = 0
    while n < len(lines):
        if not _is_rule(lines[n]) or n + 2 >= len(lines) or not _is_rule(lines[n + 2]):
            n += 1
            continue
        heads = [cell.strip().rstrip("*") for cell in _cells(lines[n + 1])]
        end = n + 3
        while end < len(lines) and lines[end].lstrip().startswith("|"):
            end += 1
        yield _TextTable(file, heads, [(k + 1, _cells(lines[k])) for k in range(n + 3, end)])
        n = end


def _is_rule(line):
    return bool(re.fullmatch(r"\s*\+(-+\+)+\s*", line))


def _cells(line):
    return line.strip().strip("|").split("|") if line.strip().endswith("|") else line.strip()[1:].split("|")


def _hierarchy(head, table):
    columns = {name: column for name, columns in _COLUMNS.items() for column in columns if column in table.heads}
    _check_heads(head.file, columns, table.heads)
    path: list[tuple[int, Instance]] = []  # instances around the row, each with the depth of its name
    top = None
    for number, row in table.named():
        text = row["Instance"]
        depth, name = len(text) - len(text.lstrip()), text.strip()
        used = {r: _count(head.file, number, column, row[column]) for r, column in columns.items()}
        while path and path[-1][0] >= depth:
            path.pop()
        if name.startswith("(") and path and name == f"({path[-1][1].name})":
            continue  # what the instance itself takes, without those inside it
        instance = Instance(name, row["Module"].strip(), used)
        if path:
            path[-1][1].inside.append(instance)
        elif top is None:
            top = instance
        else:
            raise ReportError(f"{head.file}, line {number}: a second top, {name}: the report is damaged")
        path.append((depth, instance))
    if top is None:
        raise ReportError(f"{head.file}: the table of the hierarchy has no rows: the report is cut off")
    return UtilizationReport(head=head, used=top.used, available={}, top=top)


def _utilization(head, rows):
    sites = {name: (number, row) for number, row in reversed(rows) if (name := row["Site Type"].strip().rstrip("*"))}
    found = {r: sites[kind] for r, kinds in _SITES.items() for kind in kinds if kind in sites}
    _check_heads(head.file, found, sites)
    used = {r: _count(head.file, number, r, row["Used"]) for r, (number, row) in found.items()}
    available = {
        r: _count(head.file, number, r, row["Available"])
        for r, (number, row) in found.items() if row.get("Available", "").strip()
    }  # fmt: skip
    return UtilizationReport(head=head, used=used, available=available, top=None)


def _check_heads(file, found, given):
    for name in _NEEDED:
        if name not in found:
            raise ReportError(
                f"{file}: has no {' or '.join(_COLUMNS[name] + _SITES[name])}, only {', '.join(given)}: it is a "
                "report of utilization of a kind that is not known"
            )


def _count(file, number, what, text):
    """Return a count, behind which a share in percent may stand."""
    found = re.fullmatch(r"\s*<?(\d+)(?:\.0+)?\s*(?:\(\s*<?[\d.]+%\))?\s*", text)
    if not found:
        raise ReportError(f"{file}, line {number}: {what} must be a count, not {text.strip()[:40]!r}")
    return int(found[1])


_SLACKS = {"wns": "WNS(ns)", "tns": "TNS(ns)", "whs": "WHS(ns)", "ths": "THS(ns)"}


def _timing(head, lines):
    at = next(n for n, line in enumerate(lines) if "Design Timing Summary" in line)
    heads = next((n for n in range(at, min(at + 12, len(lines))) if "WNS(ns)" in lines[n]), None)
    if heads is None or heads + 2 >= len(lines):
        raise ReportError(f"{head.file}, line {at + 1}: the timing summary has no figures: the report is cut off")
    names = re.split(r" {2,}", lines[heads].strip())
    given = lines[heads + 2].split()
    if len(given) != len(names):
        raise ReportError(
            f"{head.file}, line {heads + 3}: {len(given)} figures under {len(names)} heads: the report is cut off or "
            "was edited"
        )
    row = dict(zip(names, given, strict=True))

    def number(name, kind=float):
        text = row.get(name, "NA")
        if text in ("NA", "inf"):
            return None
        try:
            return kind(text)
        except ValueError:
            raise ReportError(f"{head.file}, line {heads + 3}: {name} must be a number, not {text[:40]!r}") from None

    failing = sum(number(f"{what} Failing Endpoints", int) or 0 for what in ("TNS", "THS"))
    return TimingReport(
        head=head, **{name: number(column) for name, column in _SLACKS.items()}, failing=failing,
        endpoints=number("TNS Total Endpoints", int) or 0, clocks=_clocks(lines),
    )  # fmt: skip


_CLOCK = re.compile(r"^\s*(\S+)\s+\{[^}]*\}\s+([\d.]+)\s+[\d.]+\s*$")


def _clocks(lines):
    """Return the periods of the clocks, by name, of the clock summary."""
    at = next((n for n, line in enumerate(lines) if "Clock Summary" in line and line.startswith("|")), None)
    if at is None:
        return {}
    found = {}
    for line in lines[at + 3 :]:
        if line.startswith("---------------------------"):
            break  # the next section
        if clock := _CLOCK.match(line):
            found[clock[1]] = float(clock[2])
    return found
