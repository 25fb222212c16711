"""Texts in the layout of Vivado's reports, as its documents show it, from 2018 to 2025: there is no Vivado here.

What differs between versions and series of devices: names of some columns and sites, a column more, a line more at the
beginning, and marks of footnotes.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["EDITIONS", "Edition", "hierarchical", "timing_summary", "utilization"]


@dataclass(frozen=True)
class Edition:
    """How one version writes reports of one series.

    Attributes
    ----------
    version, device : str
        Of Vivado, and the device as that version writes it.
    ultrascale : bool
    dsp : str
        The head of the column of DSPs in a hierarchy.
    prohibited : bool
        Whether utilization has that column.
    speed_file : bool
        Whether the head says the speed grade in a line of its own.
    mark : str
        What stands behind the name of the sites of LUTs, for the footnote of a design that is only synthesized.
    state : str
        How far the design has come.
    """

    version: str
    device: str
    ultrascale: bool = False
    dsp: str = "DSP Blocks"
    prohibited: bool = True
    speed_file: bool = True
    mark: str = ""
    state: str = "Routed"


EDITIONS = {
    "2018.3": Edition("2018.3", "7z020clg400-1", dsp="DSP48 Blocks", prohibited=False, speed_file=False),
    "2018.3 ultrascale": Edition("2018.3", "xczu3egsbva484-1", True, "DSP48 Blocks", False, False),
    "2019.2": Edition("2019.2", "7a35tcpg236-1", dsp="DSP48 Blocks", prohibited=False, speed_file=False, mark="*",
                      state="Synthesized"),
    "2020.2": Edition("2020.2", "7z020clg400-1", prohibited=False, speed_file=False, state="Fully Placed"),
    "2021.2": Edition("2021.2", "xc7z020clg400-1", speed_file=False),
    "2022.2 ultrascale": Edition("2022.2", "xczu3eg-sbva484-1-e", True),
    "2023.1": Edition("2023.1", "xc7z020clg400-1", mark="*", state="Synthesized"),
    "2024.2": Edition("2024.2", "xc7k325tffg900-2", state="Physopt postRoute"),
    "2025.2 ultrascale": Edition("2025.2", "xck26-sfvc784-2LV-c", True),
}  # fmt: skip


def _head(edition, command, design):
    lines = [
        f"Tool Version : Vivado v.{edition.version} (lin64) Build 1234567 Thu Jan  1 00:00:00 MST 2026",
        "Date         : Thu Jan  1 12:00:00 2026", "Host         : anyone running 64-bit Linux",
        f"Command      : {command}", f"Design       : {design}", f"Device       : {edition.device}",
        *(["Speed File   : -1"] if edition.speed_file else []), f"Design State : {edition.state}",
    ]  # fmt: skip
    rule = "-" * 100
    return "\n".join(["Copyright by the maker of the tool.", rule, *(f"| {line}" for line in lines), rule, ""])


def _table(heads, rows, first_left=True):
    columns = list(zip(heads, *rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    rule = "+" + "+".join("-" * (w + 2) for w in widths) + "+"
    lines = [rule, "|" + "|".join(f" {h:^{w}} " for h, w in zip(heads, widths, strict=True)) + "|", rule]
    for row in rows:
        cells = [f" {c:<{w}} " if n == 0 else f" {c:>{w}} " for n, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("|" + "|".join(cells) + "|")
    return "\n".join([*lines, rule, ""])


def hierarchical(edition, design, tree, percentages=False):
    """Return the text of ``report_utilization -hierarchical``.

    ``tree`` is ``(name, module, own, inside)``: what an instance takes without those inside, by the resource, and
    the trees inside.
    """
    names = ["lut", "lutram", "srl", "ff", "bram36", "bram18", *(["uram"] if edition.ultrascale else []), "dsp"]

    def whole(node):
        _, _, own, inside = node
        return {n: own.get(n, 0) + sum(whole(part)[n] for part in inside) for n in names}

    def cells(counts):
        logic = counts["lut"] - counts["lutram"] - counts["srl"]
        given = [counts["lut"], logic, *(counts[n] for n in names[1:])]
        return [f"{n}({n / 500:.2f}%)" if percentages else str(n) for n in given]

    def rows(node, depth):
        name, module, own, inside = node
        yield ["  " * depth + name, module, *cells(whole(node))]
        if inside:
            yield ["  " * (depth + 1) + f"({name})", module, *cells({n: own.get(n, 0) for n in names})]
        for part in inside:
            yield from rows(part, depth + 1)

    heads = ["Instance", "Module", "Total LUTs", "Logic LUTs", "LUTRAMs", "SRLs", "FFs", "RAMB36", "RAMB18",
             *(["URAM"] if edition.ultrascale else []), edition.dsp]  # fmt: skip
    note = "* Note: The sum of lower-level cells may be larger than their parent cells total.\n"
    return "\n".join([
        _head(edition, "report_utilization -hierarchical -file utilization.rpt", design),
        "Utilization Design Information", "", "Table of Contents", "-----------------", "1. Utilization by Hierarchy",
        "", "1. Utilization by Hierarchy", "---------------------------", "", _table(heads, list(rows(tree, 0))), note,
    ])  # fmt: skip


def utilization(edition, design, used, available):
    """Return the text of ``report_utilization``; the dicts have counts by the resource."""
    kind = "CLB" if edition.ultrascale else "Slice"

    def row(name, resource, limit=True):
        n, most = used.get(resource, 0), available.get(resource, 0)
        more = [str(most), f"{100 * n / most:.2f}"] if limit and most else ["", ""]
        return [name, str(n), "0", *(["0"] if edition.prohibited else []), *more]

    heads = ["Site Type", "Used", "Fixed", *(["Prohibited"] if edition.prohibited else []), "Available", "Util%"]
    logic = [
        row(f"{kind} LUTs{edition.mark}", "lut"), row("  LUT as Logic", "logic"), row("  LUT as Memory", "memory"),
        row("    LUT as Distributed RAM", "lutram", False), row("    LUT as Shift Register", "srl", False),
        row(f"{kind} Registers", "ff"), row("  Register as Flip Flop", "ff"), row("  Register as Latch", "none"),
    ]  # fmt: skip
    if edition.ultrascale:
        logic.append(row("CARRY8", "carry"))
    memory = [row("Block RAM Tile", "tile"), row("  RAMB36/FIFO*", "bram36"), row("    RAMB36E2 only", "bram36", False),
              row("  RAMB18", "bram18")]  # fmt: skip
    if edition.ultrascale:
        memory.append(row("URAM", "uram"))
    dsps = [row("DSPs", "dsp"), row("  DSP48 only", "dsp", False)]
    names = ("BLOCKRAM", "ARITHMETIC") if edition.ultrascale else ("Memory", "DSP")
    sections = {f"{kind} Logic": logic, names[0]: memory, names[1]: dsps}
    text = [
        _head(edition, "report_utilization -file utilization_flat.rpt", design),
        "Utilization Design Information",
        "",
    ]
    for number, (title, rows) in enumerate(sections.items(), 1):
        text += [f"{number}. {title}", "-" * (len(title) + 3), "", _table(heads, rows)]
    text += [
        "7. Primitives",
        "-------------",
        "",
        _table(["Ref Name", "Used", "Functional Category"], [["FDRE", "77", "Register"], ["LUT6", "99", "LUT"]]),
    ]
    return "\n".join(text)


def timing_summary(edition, design, slacks, clocks, failing=0, endpoints=1000):
    """Return the text of ``report_timing_summary``; ``slacks`` are WNS, TNS, WHS, THS, ``clocks`` periods by name."""
    rule = "-" * 96
    heads = ["WNS(ns)", "TNS(ns)", "TNS Failing Endpoints", "TNS Total Endpoints", "WHS(ns)", "THS(ns)",
             "THS Failing Endpoints", "THS Total Endpoints", "WPWS(ns)", "TPWS(ns)", "TPWS Failing Endpoints",
             "TPWS Total Endpoints"]  # fmt: skip
    wns, tns, whs, ths = ("NA" if s is None else f"{s:.3f}" for s in slacks)
    counts = ["NA"] * 2 if slacks[0] is None else [str(failing), str(endpoints)]
    hold = ["NA"] * 2 if slacks[2] is None else ["0", str(endpoints)]
    values = [wns, tns, *counts, whs, ths, *hold, "2.000", "0.000", "0", "400"]
    widths = [max(len(h), len(v)) + 2 for h, v in zip(heads, values, strict=True)]
    lines = [
        "".join(f"{h:>{w}}  " for h, w in zip(heads, widths, strict=True)),
        "".join(f"{'-' * len(h):>{w}}  " for h, w in zip(heads, widths, strict=True)),
        "".join(f"{v:>{w}}  " for v, w in zip(values, widths, strict=True)),
    ]
    listed = [f"{name:<8}  {{0.000 {p / 2:.3f}}}        {p:.3f}           {1000 / p:.3f}" for name, p in clocks.items()]
    return "\n".join([
        _head(edition, "report_timing_summary -max_paths 10 -file timing.rpt", design),
        rule, "| Timer Settings", "| --------------", rule, "", "  Enable Multi Corner Analysis :  Yes", "",
        "check_timing report", "", "1. checking no_clock (0)", "------------------------", "", rule,
        "| Design Timing Summary", "| ---------------------", rule, "", *lines, "", "",
        "All user specified timing constraints are met." if not failing else "Timing constraints are not met.", "",
        rule, "| Clock Summary", "| -------------", rule, "",
        "Clock     Waveform(ns)         Period(ns)      Frequency(MHz)",
        "-----     ------------         ----------      --------------", *listed, "", "",
        rule, "| Intra Clock Table", "| -----------------", rule, "",
        "Clock    WNS(ns)      TNS(ns)", "-----    -------      -------", "aclk      0.100        0.000", "",
    ])  # fmt: skip


def main(build):
    """Write reports of a build into its folder: in Vivado's layout, with the figures that ``fewbit synth`` counted.

    The slack is invented.
    """
    found, edition = json.loads((build / "synth.json").read_text()), EDITIONS["2023.1"]
    names = ("lut", "lutram", "ff", "bram36", "bram18", "dsp")
    stages = {name: {n: used[n] for n in names} for name, used in found["stages"].items()}
    inside = [(name, f"accelerator_{name}", used, []) for name, used in stages.items() if name != "the rest"]
    tree = ("accelerator", "(top)", {}, [("accelerator", "accelerator_accelerator", {}, inside)])
    tree[2].update(stages.get("the rest", {}))
    (build / "verilog" / "utilization.rpt").write_text(hierarchical(edition, "accelerator", tree))
    period = round(1000 / json.loads((build / "manifest.json").read_text())["destination"]["clock"], 3)
    slacks = (0.312, 0.0, 0.054, 0.0)
    (build / "verilog" / "timing.rpt").write_text(timing_summary(edition, "accelerator", slacks, {"aclk": period}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
