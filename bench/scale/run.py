"""``python -m bench.scale.run`` writes ``docs/scale.md``: deep and wide networks from file to Verilog.

Each network's results are kept as ``docs/scale/<network>.json``, so that it can be measured at a time of its own:
``python -m bench.scale.run 'ResNet-20, 32 px, w2a2'``. ``--page`` assembles the page of what there is.
"""

import argparse
import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import markdown
from fewbit.extras import MissingPackage
from fewbit.flow.cache import atomic_write, digest, source_digest
from fewbit.flow.cluster import ClusterError
from fewbit.flow.commands.report import Reporter
from fewbit.flow.jobs import Workers, WorkUnit, run_units
from fewbit.flow.reporting import Report, ReportedJob
from fewbit.flow.workers import add_options, workers_of
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.part_choice import smallest_part
from fewbit.places import HOME

from .growth import SHORTEST, SIZES, slopes
from .networks import EDGE_BITS, GROWING, NETWORKS
from .steps import NetworkSteps, measure, network_of

__all__ = ["PAGE", "changed", "measure_network", "measure_networks", "write"]

PAGE = HOME / "docs" / "scale.md"
KEPT = HOME / "docs" / "scale"
LIMIT = 1800.0  # seconds that a step may take
STEPS = ("quantize", "import", "fold", "queues", "cycles", "verilog", "simulate")

HEAD = f"""# Deep and wide networks

Made by `python -m bench.scale.run`. Networks of random weights (`bench/networks`) are quantized from four random
samples, the first and the last layer to {EDGE_BITS} bits, and folded to so many cycles a frame. Behind the seconds
of the processor that each step takes, in a process of its own and with an empty cache, stands its peak memory in
MB: what is read first is in the memory, and not in the seconds. Queues are sized and cycles predicted for whole
frames, so interval and latency are those of the Verilog, exactly."""

HARDWARE = """## The hardware

LUTs, block RAMs of 18 Kbit and DSPs are the estimate of `fewbit fold`; nothing here was synthesized or placed. The
part is the smallest of Xilinx's that `fewbit parts` lists, by that estimate."""

SOURCES = """## Beside it

FINN's published accelerators were built with Vivado for real cards; their figures are theirs, and those marked "not
re-read" are from memory and were not checked against the source. MobileNetV1 W4A4, the first layer of 8 bits, 224
px, on an Alveo U250, the only card that its recipe supports (finn-examples, `build/mobilenet-v1`): 925 frames a
second (not re-read). ResNet-50 with weights of one bit and activations of two (W1A2) on the same card (Petrica and
others, FPT 2020): 2,703 frames a second at 195 MHz with about 1,027,000 LUTs (not re-read)."""


def file_of(name: str) -> Path:
    """Return where a network's results are kept."""
    return KEPT / (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") + ".json")


def kept() -> dict[str, NetworkSteps]:
    """Return what was measured, by the network's name."""
    return {name: NetworkSteps.of(found["measured"]) for name in all_names() if (found := _read(name))}


def _read(name):
    """Return what is kept of a network, or nothing."""
    file = file_of(name)
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def all_names() -> list[str]:
    """Return the names of all networks, of the families too."""
    return [*NETWORKS, *(f"{family}/{own}" for family, members in GROWING.items() for own in members)]


def write() -> None:
    """Assemble the page of what is kept."""
    found = kept()
    own = {name: found[name] for name in NETWORKS if name in found}
    parts = [
        HEAD,
        "## Every step",
        _steps(own),
        _frames(own),
        _failures(own),
        HARDWARE,
        _hardware(own),
        *_growth(found),
        SOURCES,
    ]
    atomic_write(PAGE, "\n\n".join(part for part in parts if part) + "\n")
    print(f"scale: {PAGE.relative_to(HOME)}")


def _steps(found):
    rows = []
    for name, measured in found.items():
        cells = [_cell(measured.steps.get(step)) for step in STEPS]
        rows.append([name, *cells, f"{sum(s.seconds for n, s in measured.steps.items() if n in STEPS[:-1]):.0f} s"])
    return markdown.table(["network", *STEPS, "file to Verilog"], rows, left=1)


def _cell(step):
    return "" if step is None else f"{step.seconds:.1f} s, {step.memory_mb:,}"


def _frames(found):
    """Say of every network that was simulated what came of it."""
    lines = []
    for name, measured in found.items():
        if "simulate" not in measured.steps:
            continue
        sim = measured.steps["simulate"].found
        latency = sim["latency"]
        equal = "equal to golden in every bit" if sim["ok"] else "**not as golden**"
        lines.append(
            f"- {name}: whole frames in Verilator: {sim['frames']}, {equal}; latency {latency['simulated']:,} cycles, "
            f"predicted {latency['predicted']:,}{_proved(sim['proved'])}"
        )
    return "\n".join(markdown.filled(line) for line in lines)


def _proved(proved):
    """Say what was simulated by its behaviour, to which its Verilog is proved equal."""
    if proved is None:
        return ", all of the Verilog as it is"
    return (f"; {proved['elements']} of {proved['all_elements']} PEs and {proved['memories']} of "
            f"{proved['all_memories']} memories proved equal to their behaviour, and simulated by it")  # fmt: skip


def _failures(found):
    return "\n".join(f"- {name} ended at {m.failed}" for name, m in found.items() if m.failed)


def _hardware(found):
    rows = []
    for name, measured in found.items():
        if "cycles" not in measured.steps:
            continue
        cost, timing = measured.steps["fold"].found, measured.steps["cycles"].found
        figures = [cost["lut"], cost["bram18"], cost["dsp"], timing["interval"], timing["bound"], timing["latency"]]
        size = measured.steps["verilog"].found["bytes"] / 1e6 if "verilog" in measured.steps else None
        yosys = measured.steps["synthesize"].found["lut"] if "synthesize" in measured.steps else None
        figures.insert(1, yosys)
        part = smallest_part(USUAL.parts, lut=cost["lut"], bram18=cost["bram18"], dsp=cost["dsp"])
        rows.append([name, *("" if x is None else f"{x:,}" for x in figures), "" if size is None else f"{size:.1f} MB",
                     part.name if part else "none of them"])  # fmt: skip
    heads = ["network", "LUT", "by Yosys", "BRAM18", "DSP", "interval", "bound", "latency", "Verilog", "part"]
    return markdown.table(heads, rows, left=1, right_of=9)


def _growth(found):
    """Yield the section on growth, if anything of it was measured."""
    rows = []
    for family, members in GROWING.items():
        measured = {own: found[f"{family}/{own}"] for own in members if f"{family}/{own}" in found}
        if len(measured) > 1:
            of = slopes(measured)
            rows.append([f"{family}: {', '.join(measured)}", *(_slope(of[step]) for step in SIZES)])
    if rows:
        against = ", ".join(f"{step} against {what}" for step, (what, _) in SIZES.items())
        yield "## Growth"
        yield markdown.filled(
            f"Slopes on a log-log plot of seconds against the size of what a step gives: {against}. One is linear. "
            f"Steps of less than {SHORTEST:.0f} s are left out, and so are those whose output does not grow."
        )
        yield markdown.table(["what grows", *SIZES], rows, left=1)


def _slope(value):
    return "–" if value is None else f"{value:.2f}"


def changed() -> list[str]:
    """Return the names of networks that were not measured since anything has changed that they depend on."""
    return [name for name in all_names() if _read(name).get("key") != _key()]


def _key():
    return digest(source_digest(), HOME / "bench")


def measure_network(name: str, limit: float, job: ReportedJob) -> dict[str, Any]:
    """Measure a network, and return its steps as JSON holds them."""
    job.now("measuring")
    return asdict(measure(name, limit))


def measure_networks(names: Sequence[str], report: Report, workers: Workers, limit: float = LIMIT) -> None:
    """Measure networks, each step at most ``limit`` seconds long, and write the page as each comes."""
    left = list(names)

    def keep(found: dict[str, Any]) -> None:
        atomic_write(file_of(left.pop(0)), json.dumps({"key": _key(), "measured": found}, indent=1) + "\n")
        write()

    units = [
        WorkUnit(name=name, function=measure_network, arguments=(name, limit), contents=(name, limit)) for name in names
    ]
    run_units(report, "measuring", units, workers, tell=keep, keep=False)
    write()


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.run", description=__doc__.splitlines()[0])
    parser.add_argument(
        "names",
        nargs="*",
        help="networks to measure; else all that changed since",
    )
    parser.add_argument("--page", action="store_true", help="only assemble the page")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds that a step may take")
    add_options(parser, "1: what runs beside a measurement disturbs it")
    args = parser.parse_args()
    report = Reporter()
    for name in args.names:
        network_of(name)
    try:
        with workers_of(args.jobs, args.cluster, report.say) as workers:
            measure_networks([] if args.page else args.names or changed(), report, workers, args.limit)
    except (ValueError, MissingPackage, ClusterError) as error:
        parser.exit(2, f"fewbit: {error}\n")


if __name__ == "__main__":
    main()
