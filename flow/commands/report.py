"""What the command prints: tables for people, or JSON alone; progress goes to standard error."""

import json
import time
from contextlib import contextmanager
from dataclasses import asdict

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

__all__ = ["Job", "Reporter", "Stopped", "table_of"]


class Reporter:
    """One command's output.

    Parameters
    ----------
    as_json : bool
        Print nothing but JSON on standard output; all else still goes to standard error.
    """

    def __init__(self, as_json=False):
        self.as_json = as_json
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def say(self, text):
        """A line about what is being done."""
        self.err.print(f"fewbit: {text}", markup=False)

    def step(self, what, fresh, where):
        """That a stage was done, or was up to date."""
        self.say(f"{what}: {'made' if fresh else 'up to date,'} {where}")

    def json(self, value):
        print(json.dumps(value, indent=2))

    @contextmanager
    def _progress(self, what, total, *columns):
        """A display that goes when the step ends, and that a terminal alone is shown."""
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            task = progress.add_task(what, total=total)
            yield lambda done: progress.update(task, completed=done)

    @contextmanager
    def working(self, what):
        """A spinner and the time, for a step that is mostly short."""
        with self._progress(what, None, SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()):
            yield

    @contextmanager
    def stepping(self, what):
        """As `working`, and beside it the step that a tool is at; yields ``progress(seconds, step)``."""
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=self.err, transient=True, disable=not self.err.is_terminal) as progress:
            task = progress.add_task(what, total=None)
            yield lambda _, step: progress.update(task, description=f"{what}: {step}")

    @contextmanager
    def estimating(self, what, seconds):
        """A bar with the time left, for a step that takes about ``seconds``; yields a function to call meanwhile."""
        began = time.monotonic()
        columns = TextColumn("{task.description}"), BarColumn(), TextColumn("about"), TimeRemainingColumn()
        with self._progress(what, seconds, *columns) as progress:
            yield lambda: progress(min(time.monotonic() - began, 0.99 * seconds))

    @contextmanager
    def counting(self, what, total):
        """A bar with the time left; yields ``progress(done)``."""
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with self._progress(what, total, *columns) as progress:
            yield progress

    @contextmanager
    def jobs(self, what, steps):
        """A bar over ``steps`` of work with the time left, and below it a line for each job.

        Yields ``start(name, total)``, which gives a `Job`. Jobs may run in threads of their own.
        """
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn(),
                   TextColumn("{task.fields[left]}"), TimeRemainingColumn())  # fmt: skip
        # Steps take minutes, so the speed must be that of the whole run.
        shown = {"transient": True, "disable": not self.err.is_terminal, "speed_estimate_period": 3600}
        with Progress(*columns, console=self.err, **shown) as progress:
            whole = progress.add_task(what, total=steps, left="left:")
            yield lambda name, total: Job(self, progress, whole, name, total)

    # One method a command

    def build(self, project, fresh):
        manifest = project.manifest()
        self.step("Verilog", fresh, project.directory / "verilog")
        if self.as_json:
            self.json({"directory": str(project.directory), "up_to_date": not fresh, **manifest})
            return
        rows = [
            (
                name,
                f"{p['inputs']} → {p['neurons']}",
                p["activations"],
                p["weights"],
                p["pe"],
                p["simd"],
                p["cycles"],
                p["weights_in"],
                p["products_in"],
            )
            for name, p in manifest["layers"].items()
        ]
        heads = ["layer", "size", "activations", "weights", "PE", "SIMD", "cycles", "weights in", "products in"]
        self.out.print(table_of(heads, rows))
        self._notes(project)
        c = manifest["cycles"]
        self.out.print(f"latency {c['latency']} cycles, interval {c['interval']} cycles (bound {c['bound']})")
        self.out.print(f"written to {project.directory}", markup=False)

    def fold(self, r):
        """The folding, what it takes, and what other targets would."""
        if self.as_json:
            self.json(r)
            return
        rows = [
            (row["layer"], f"{row['pixels']} x {row['groups'] * row['neurons']}", row["inputs"], row["pe"], row["simd"],
             f"{row['cycles']:,}", f"{100 * row['share']:.0f} %", f"{row['lut']:,}", row["bram18"], row["dsp"])
            for row in r["layers"]
        ]  # fmt: skip
        heads = ["layer", "pixels x neurons", "inputs", "PE", "SIMD", "cycles", "share", "LUTs, about", "BRAM18", "DSP"]
        self.out.print(table_of(heads, rows))
        e = r["estimate"]
        speed = f"{r['interval']:,} cycles ({r['fps']:,.0f} frames/s at {r['clock_mhz']:g} MHz)"
        self.out.print(f"interval {speed}, latency {r['latency']:,} cycles")
        self.out.print(f"about {e['lut']:,} LUTs, {e['bram18']} BRAM18, {e['dsp']} DSPs by formula")
        rows = [(f"{p['cycles']:,}", f"{p['fps']:,}", f"{p['lut']:,}", p["bram18"], p["dsp"]) for p in r["pareto"]]
        self.out.print(table_of(["other targets: cycles", "frames/s", "LUTs, about", "BRAM18", "DSP"], rows))
        self.out.print(f"folding: {r['file']} (edit it; pass it back with --folding)", markup=False)

    def synth(self, r):
        """What synthesis found."""
        if self.as_json:
            self.json(r)
            return
        kinds = {"lut": "LUTs", "lutram": "as RAM", "ff": "FFs", "carry4": "CARRY4", "carry8": "CARRY8", "muxf": "MUXF",
                 "bram18": "BRAM18", "bram36": "BRAM36", "dsp": "DSPs"}  # fmt: skip
        found = r["stages"] | {"flattened": r["total"]}
        always = ("lut", "ff", "dsp")  # the others where there are any
        kinds = {k: name for k, name in kinds.items() if k in always or any(row[k] for row in found.values())}
        on_path = {"lut": "LUT levels", "carry": "carry bits"}
        rows = [
            (name, *(f"{row[kind]:,}" for kind in kinds), *(row["path"].get(kind, "–") for kind in on_path))
            for name, row in found.items()
        ]
        self.out.print(table_of(["stage", *kinds.values(), *on_path.values()], rows))
        if path := r["total"]["path"]:
            self.out.print(f"longest path, flattened: {_levels(path)}; about {path['ns']:g} ns, nets assumed")
            self.out.print(f"from {path['start']} to {path['end']}", markup=False)
        use = r["use"]
        shares = f"LUTs {use['lut']:.1%}, FFs {use['ff']:.1%}, DSPs {use['dsp']:.1%}, BRAMs {use['bram18']:.1%}"
        self.out.print(f"share of an {r['part']}, flattened: {shares}")
        self.out.print(f"assumed: {'; '.join(r['assumed'])}", markup=False)
        self.out.print(f"by Yosys; arrays: {r['target']}; written to {r['directory']}/{r['written']}", markup=False)

    def pnr(self, r):
        """What place and route found."""
        if self.as_json:
            self.json(r)
            return
        names = {"lut4": "LUT4", "ff": "FFs", "lutram": "RAM blocks of LUTs", "bram": "BRAM (DP16KD)", "dsp": "DSPs"}
        rows = [(text, f"{r['used'][kind]:,}", f"{r['use'][kind]:.1%}") for kind, text in names.items()]
        self.out.print(table_of([f"{r['device']}, speed {r['speed']}", "used", "share"], rows))
        if r["built_for"] != r["target"]:
            self.out.print(f"generated again of operators: the build's {r['built_for']} primitives are not an ECP5's")
        self.out.print(f"maximum frequency {r['fmax_mhz']:g} MHz, out of context (register to register)")
        self.out.print(f"critical path: {r['critical_path']['words']}", markup=False)
        self.out.print(f"written to {r['directory']}/pnr.json", markup=False)

    def board(self, r):
        """The design of a board, and what place and route found where that is ours."""
        if self.as_json:
            self.json(r)
            return
        rows = [("clock", f"{r['clock_mhz']:g} MHz")]
        rows += [("serial port", f"{r['baud']:,} baud, 8 bits, no parity")] if "baud" in r else []
        for clock in r.get("clocks", ()):
            rows.append(("reached by nextpnr", f"{clock['fmax_mhz']:g} MHz, wanted {clock['goal_mhz']:g} MHz"))
        names = {"lut4": "LUT4", "ff": "FFs", "lutram": "RAM blocks of LUTs", "bram": "BRAM (DP16KD)", "dsp": "DSPs"}
        rows += [(names[kind], f"{n:,} ({r['use'][kind]:.1%})") for kind, n in r.get("used", {}).items()]
        rows += [("bitstream", r["bitstream"])] if "bitstream" in r else []
        self.out.print(table_of([r["board"], ""], rows))
        self.out.print(f"next: {r['next']}", markup=False)
        self.out.print(f"written to {r['directory']}", markup=False)

    def _notes(self, project):
        """Where golden is not exactly the model."""
        for note in project.network.notes:
            self.out.print(f"note: {note}", markup=False)

    def run(self, project, images, result, checked=None, rounding=None):
        name = project.output.name
        y, labels = result.outputs[name], project.labels(result)
        accuracy = None if images.labels is None else float((labels == images.labels).mean())
        if self.as_json:
            self.json({
                "model": str(project.model), "input": project.network.input_spec, "samples": len(images),
                "labels": labels.tolist(), "accuracy": accuracy, "output": name,
                "outputs": {k: v.tolist() for k, v in result.outputs.items()},
                "integers": project.hardware_values(result).tolist(), "executor": checked,
                "notes": project.network.notes, "rounding": rounding and asdict(rounding),
            })  # fmt: skip
            return
        shown = min(len(images), 10)
        rows = []
        for i in range(shown):
            numbers = " ".join(f"{v:.4g}" for v in y[i].reshape(-1)[:10])
            known = "" if images.labels is None else images.labels[i]
            rows.append((i, labels[i], known, numbers))
        self.out.print(table_of(["sample", "label", "true", "outputs"], rows))
        if shown < len(images):
            self.out.print(f"… and {len(images) - shown} more (all of them with --json)")
        if accuracy is not None:
            self.out.print(f"accuracy {100 * accuracy:.2f} % of {len(images)}")
        self._notes(project)
        if rounding is not None:
            self.out.print(f"rounding: {rounding} differ from 20-bit levels")
        if checked is not None:
            same = "{labels_equal} of {samples} labels equal, {outputs_equal} outputs equal in every bit"
            if checked["ties"]:
                same += "; {ties} more labels differ between two outputs that are equal before the executor's rounding"
            self.out.print(f"qonnx executor: {same.format(**checked)}")

    def sim(self, project, r):
        if self.as_json:
            self.json(r)
            return
        agree = "all equal to golden" if not r["mismatches"] else f"{r['mismatches']} DIFFER from fewbit.golden"
        exact = {None: "not compared under stalls", True: "every result as predicted", False: "NOT as predicted"}
        rows = [
            ("frames", f"{r['frames']}, {agree}"),
            ("accuracy", "unknown (no labels)" if r["accuracy"] is None else f"{100 * r['accuracy']:.2f} %"),
            ("latency", f"{r['latency']['simulated']} cycles, predicted {r['latency']['predicted']}"),
            ("interval", f"{_number(r['interval']['simulated'])} cycles, predicted "
                         f"{_number(r['interval']['predicted'])}, bound of the slowest stage {r['interval']['bound']}"),
            ("cycles", exact[r["cycles_exact"]]),
            ("throughput", f"{r['fps']:,} frames/s at {r['clock_mhz']:g} MHz"),
            ("damaged frames", f"{r['damaged']['damaged']} among {r['damaged']['frames']}: "
                               + ("each marked, no other touched" if not r["damaged"]["wrong"] else "WRONG")),
        ]  # fmt: skip
        self.out.print(table_of([f"{project.model.name}", ""], rows))
        for problem in r["problems"]:
            self.out.print(f"problem: {problem}", markup=False)
        for e in r["examples"]:
            self.out.print(f"frame {e['frame']}: got {e['got']}, want {e['want']}", markup=False)
        if "waves" in r:
            self.out.print(f"waveform: {r['waves']}", markup=False)

    def sim_ip(self, project, r):
        """What the bench of the IP block found."""
        if self.as_json:
            self.json(r)
            return
        agree = "all equal to golden" if not r["mismatches"] else f"{r['mismatches']} DIFFER from fewbit.golden"
        right = "as they should be" if not r["problems"] else "NOT as they should be"
        rows = [
            ("frames", f"{r['frames']}, {agree}"),
            ("interrupts", f"{r['interrupts']} served under traffic"),
            ("soft resets", f"{r['resets']} at random times, {r['cut']} with a result cut off and marked"),
            ("registers, counters, cycles", right),
            ("cycles stalled at full rate", ", ".join(f"{name} {count}" for name, count in r["stalls"].items())),
        ]
        self.out.print(table_of([f"{project.model.name}, IP block", ""], rows))
        for problem in r["problems"]:
            self.out.print(f"problem: {problem}", markup=False)
        if "waves" in r:
            self.out.print(f"waveform: {r['waves']}", markup=False)

    def compare(self, result, directory):
        """The table of a comparison, and where its page is."""
        from fewbit.flow.comparing.page import columns, table_rows

        wrong = [row["format"] for row in result["rows"] if not row["exact"]]
        if self.as_json:
            self.json(result)
        else:
            self.wide_table(columns(result), table_rows(result))
            share, clock = f"{100 * result['part']['limit']:g} %", f"{result['clock_mhz']:g} MHz"
            frames = sum(row["frames"] for row in result["rows"])
            if not wrong:
                self.out.print(f"{frames} frames simulated, every bit as golden and every cycle as predicted")
            part = result["part"]["name"]
            self.out.print(f"inferences/s: each format fills {share} of a {part} at an assumed {clock}")
            self.out.print(f"page and picture: {directory / 'index.md'}", markup=False)
        if wrong:
            self.say(f"NOT equal to the golden model or the predicted cycles: {', '.join(wrong)}")

    def wide_table(self, head, rows):
        """One table, or where the terminal is too narrow for it, two: the second begins with the first column again."""
        whole = table_of(head, rows)
        width = self.out.measure(whole, options=self.out.options.update(width=1000)).maximum
        if width <= self.out.width or not self.out.is_terminal:
            Console(file=self.out.file, width=max(width, self.out.width), highlight=False).print(whole)
            return
        middle = len(head) // 2
        self.out.print(table_of(head[:middle], [row[:middle] for row in rows]))
        self.out.print(table_of(head[:1] + head[middle:], [row[:1] + row[middle:] for row in rows]))

    def training(self, name, done, total, loss):
        """That so many steps of a training are done."""
        self.say(f"{name}: step {done} of {total}, loss {loss:.3f}")

    def trained(self, accuracy):
        if self.as_json:
            self.json(accuracy)
            return
        rows = [(name, f"{r['accuracy']:.2f} %", f"{r['correct']} of {r['images']}") for name, r in accuracy.items()]
        self.out.print(table_of(["model", "test accuracy", "right"], rows))


class Job:
    """One of several things that are done at once.

    Parameters
    ----------
    total : float
        Steps of the whole that it stands for.
    """

    def __init__(self, report, progress, whole, name, total):
        self.report, self.progress, self.whole, self.name = report, progress, whole, name
        self.left, self.stopped, self.began = total, False, time.monotonic()
        self.task = progress.add_task(name, total=None, left="")

    def now(self, what):
        """Say what is being done; raises `Stopped` if it shall not go on."""
        if self.stopped:
            raise Stopped(self.name)
        self.progress.update(self.task, description=f"{self.name}: {what}")

    def done(self, what, steps=0):
        """Say what has been done, and count ``steps`` of the total."""
        steps = min(steps, self.left)
        self.left -= steps
        self.progress.advance(self.whole, steps)
        self.report.say(f"{self.name}: {what} ({time.monotonic() - self.began:.0f} s)")

    def end(self):
        """Count what is left, and take the line away."""
        self.progress.advance(self.whole, self.left)
        self.progress.remove_task(self.task)


class Stopped(Exception):
    """A job was ended because another one has failed or the user has stopped the command."""


def _levels(path):
    """What lies on a path of `flow.eda.longest_path`, in words."""
    words = {"lut": "LUT level", "muxf": "wide multiplexer", "carry": "carry bit", "dsp": "DSP"}
    counts = {word: path[kind] for kind, word in words.items() if path[kind] or kind == "lut"}
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for word, n in counts.items())


def _number(value):
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def table_of(columns, rows):
    """A rich table."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
