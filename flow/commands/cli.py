"""The command ``fewbit``."""

import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fewbit.golden.bounds.limits import LIMITS, ModelError
from fewbit.host.processes import Terminated, ended_by_signals
from fewbit.hw.targets.named import DEFAULT, USUAL, all_targets, target_named
from fewbit.places import HOME

from .options import BAUD, CHANCE, COUNT, CYCLES, DSPS, FILE, FOLDER, LUTS, MHZ, RATE, SEED
from .ptq import app as ptq_commands
from .report import Reporter

__all__ = ["main"]

INTERRUPTED = 130
USAGE_ERRORS = typer.BadParameter.__bases__  # of typer's own click or of the installed one, as its version has it

app = typer.Typer(
    name="fewbit",
    help="From a quantized neural network to bit-exact Verilog, simulated and compared with float32.",
    epilog="Variables of the environment that bound what a file may take: "
    + "; ".join(f"`{limit.variable}`, {limit.what} (now {limit.shown})" for limit in LIMITS)
    + ". Bytes may be given as `8G`, `500M`.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

Model = Annotated[Path, typer.Argument(metavar="MODEL.onnx", help="A trained model, ONNX or QONNX.")]
ImagesFile = Annotated[
    Path | None,
    typer.Option("--images", help="Samples: .npz with `x` (floats or raw integers) and `label`, if known; or `mnist`."),
]
Input = Annotated[
    str | None,
    typer.Option("--input", help="How raw integers become the model's floats: `uint8/255`, `int16f10`, `bipolar`, …"),
]
Folding = Annotated[Path | None, typer.Option("--folding", help="Folding file, as `folding.json` of a build.")]
Output = Annotated[str, typer.Option("--output", help="`auto`: what the model ends with. `label`: the class's index.")]
Directory = Annotated[
    Path | None,
    typer.Option("-o", "--directory", **FOLDER, help="Where to write; default `build/<model>`."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on standard output.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show what the tools print.")]
Clock = Annotated[float, typer.Option("--clock", **MHZ, help="MHz, for frames per second.")]
Frames = Annotated[int | None, typer.Option("--frames", **COUNT, help="Only the first so many samples.")]


FoldingFile = Annotated[
    Path | None, typer.Option("-o", "--output-file", **FILE, help="Default `build/<model>/fold.json`.")
]


class SimulatorName(StrEnum):
    """What `--simulator` may be."""

    verilator = "verilator"
    icarus = "icarus"


# Operators, which are no family's own, come last.
_SUMMARIES = [f"`{t.name}`: of {t.summary}" for t in sorted(all_targets(), key=lambda t: not t.netlists)]
TargetName = StrEnum("TargetName", [(t.name, t.name) for t in all_targets()])  # what `--target` may be
TargetOption = Annotated[
    TargetName, typer.Option("--target", help="; ".join(_SUMMARIES).replace(": of", ": arrays of", 1) + ".")
]
USUAL_NAME = TargetName(USUAL.name)


def _project(model, input_spec, output, folding=None, directory=None, target=DEFAULT.name):
    from fewbit.flow.project.project import Project

    return Project(
        model, input_spec=input_spec, output=output, folding=folding, directory=directory,
        target=target_named(str(target)),
    )  # fmt: skip


def _images(project, path, frames, report, count=64):
    from fewbit.flow.images import find_images, load_images, random_images

    path = path or find_images(project.model)
    if path is None:
        samples = random_images(project.network, count if frames is None else frames)
        report.say(f"no samples beside the model and no --images: {len(samples)} random ones, seeded")
        return samples
    return load_images(path, project.network).first(frames)


@app.command(epilog="Example: `fewbit build examples/digits/w1a1.onnx -o build/mine`")
def build(
    model: Model, input_spec: Input = None, folding: Folding = None, directory: Directory = None,
    output: Output = "auto", target: TargetOption = USUAL_NAME, json: Json = False,
):  # fmt: skip
    """Import, fold, and write Verilog and manifest."""
    report = Reporter(json)
    project = _project(model, input_spec, output, folding, directory, target)
    with report.working("generating Verilog"):
        fresh = project.generate()
    report.build(project, fresh)


@app.command(epilog="Example: `fewbit fold examples/digits/w1a1.onnx --fps 1000000 --clock 200`")
def fold(
    model: Model,
    fps: Annotated[float | None, typer.Option("--fps", **RATE, help="Frames a second, at least.")] = None,
    max_cycles: Annotated[int | None, typer.Option("--max-cycles", **CYCLES, help="Cycles a frame, at most.")] = None,
    max_luts: Annotated[int | None, typer.Option("--max-luts", **LUTS, help="LUTs by the estimate, at most.")] = None,
    dsps: Annotated[int, typer.Option("--dsp", **DSPS, help=(
        "DSPs in all; what activations leave of them takes products or sums where that saves LUTs."))] = 0,
    clock: Clock = 200.0, input_spec: Input = None,
    file: FoldingFile = None,
    json: Json = False,
):  # fmt: skip
    """The cheapest folding that meets a target (or the fastest within so many LUTs), with its cycles."""
    from .fold import fold_model

    report = Reporter(json)
    report.fold(fold_model(model, input_spec, fps, max_cycles, max_luts, dsps, clock, file, report))


@app.command(epilog="Example: `fewbit verilog examples/digits/w1a1.onnx`")
def verilog(
    model: Model, input_spec: Input = None, folding: Folding = None, directory: Directory = None,
    output: Output = "auto", target: TargetOption = USUAL_NAME, json: Json = False,
):  # fmt: skip
    """Write the Verilog: the bare block with a Vivado script, and the IP block with its registers and descriptions."""
    report = Reporter(json)
    project = _project(model, input_spec, output, folding, directory, target)
    with report.working("generating Verilog"):
        fresh = project.generate()
    with report.working("generating the IP block"):
        fresh_ip = project.generate_ip()
    report.step("IP block", fresh_ip, project.ip_verilog.parent)
    report.build(project, fresh)


@app.command(epilog="Example: `fewbit synth build/w1a1 --part xc7z020`")
def synth(
    directory: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build, as `build/w1a1`.")],
    part: Annotated[str, typer.Option("--part", help="Device whose shares are shown.")] = "xc7a35t",
    ip: Annotated[bool, typer.Option("--ip", help="The IP block: accelerator, registers and counters.")] = False,
    json: Json = False,
):  # fmt: skip
    """Synthesize a build with Yosys: LUTs, flip-flops, carries, memory and DSPs by layer and in all."""
    from .synth import synth_build

    report = Reporter(json)
    report.synth(synth_build(directory, part, report, ip=ip))


@app.command(epilog="Example: `fewbit pnr build/w1a1 --device ecp5-45k --speed 6`")
def pnr(
    directory: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build, as `build/w1a1`.")],
    device: Annotated[str, typer.Option("--device", help="`ecp5-25k`, `ecp5-45k` or `ecp5-85k`.")] = "ecp5-85k",
    speed: Annotated[int, typer.Option("--speed", min=6, max=8, help="Speed grade; 8 is the fastest.")] = 8,
    seed: Annotated[int, typer.Option("--seed", **SEED, help="Of the placement.")] = 1,
    goal: Annotated[float, typer.Option("--goal", **MHZ, help="MHz that place and route works for.")] = 200.0,
    json: Json = False,
):  # fmt: skip
    """Place and route a build for a Lattice ECP5: maximum frequency, and the path that limits it."""
    from .pnr import pnr_build

    report = Reporter(json)
    report.pnr(pnr_build(directory, device, speed, seed, goal, report))


@app.command(epilog="Example: `fewbit board ulx3s build/w1a1` makes build/w1a1/board-ulx3s/top.bit.")
def board(
    name: Annotated[str, typer.Argument(help="`ulx3s`, `arty-a7-35`, `pynq-z2` or `arty-z7`.")],
    directory: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build, as `build/w1a1`.")],
    clock: Annotated[float | None, typer.Option("--clock", **MHZ, help="MHz; default: the board's own.")] = None,
    baud: Annotated[int, typer.Option("--baud", **BAUD, help="Of the serial port.")] = 1_000_000,
    seed: Annotated[int, typer.Option("--seed", **SEED, help="Of the placement.")] = 1,
    run: Annotated[bool, typer.Option("--run/--files", help="Make the bitstream, or only write the design.")] = True,
    json: Json = False,
):  # fmt: skip
    """Write a complete design for a board, pins and clocks included; for the ULX3S make its bitstream too."""
    from fewbit.flow.boards.designs import build_board

    report = Reporter(json)
    report.board(build_board(name, directory, report, clock=clock, baud=baud, seed=seed, run=run))


@app.command(epilog="Example: `fewbit demo build/w1a1` and open the page that it names.")
def demo(
    directory: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build, as `build/w1a1`.")],
    serial: Annotated[
        str | None, typer.Option("--serial", help="Port of a board; without: the Verilator model.")
    ] = None,
    baud: Annotated[int, typer.Option("--baud", **BAUD, help="Of the serial port.")] = 1_000_000,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Of the page; 0 takes a free one.")] = 8000,
    images: ImagesFile = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="Draw in the terminal instead of a page.")] = False,
):
    """Draw an image, send it to the accelerator and see the score of every class."""
    from fewbit.flow.demo.demo import run_demo

    run_demo(directory, Reporter(), serial=serial, baud=baud, port=port, terminal=terminal, images=images)


@app.command(hidden=True)
def model(directory: Annotated[Path, typer.Argument(metavar="BUILD", help="Folder of a build, as `build/w1a1`.")]):
    """Compile the program that stands for a build in `Accelerator.verilator`, if need be, and print its path."""
    from fewbit.flow.boards.verilator_models import model_of

    print(model_of(directory))


@app.command(epilog="Example: `fewbit run examples/digits/w1a1.onnx --images examples/digits/test.npz`")
def run(
    model: Model, images: ImagesFile = None, input_spec: Input = None, output: Output = "auto", frames: Frames = None,
    check: Annotated[bool, typer.Option("--check", help="Compare with the qonnx executor, sample by sample.")] = False,
    json: Json = False,
):  # fmt: skip
    """Execute the golden model: outputs and labels."""
    report = Reporter(json)
    project = _project(model, input_spec, output)
    samples = _images(project, images, frames, report)
    result = project.execute(samples.values)
    checked = None
    if check:
        from fewbit.flow.project.qonnx_executor import check_with_executor

        with report.counting("qonnx executor", len(samples)) as progress:
            checked = check_with_executor(project, samples, result, progress)
    from fewbit.flow.project.level_rounding import rounding_of

    report.run(project, samples, result, checked, rounding_of(project, samples, result))
    if checked and checked["labels_equal"] + checked["ties"] != checked["samples"]:
        raise typer.Exit(1)


@app.command(epilog="Example: `fewbit sim examples/digits/w1a1.onnx --images examples/digits/test.npz --stall 0.3`")
def sim(
    model: Model, images: ImagesFile = None, frames: Frames = None,
    stall: Annotated[float, typer.Option("--stall", **CHANCE, help="Chance of an idle or blocked cycle.")] = 0.0,
    input_spec: Input = None, folding: Folding = None, directory: Directory = None, output: Output = "auto",
    target: TargetOption = USUAL_NAME, clock: Clock = 200.0,
    seed: Annotated[int, typer.Option("--seed", **SEED, help="Of the stalls.")] = 1,
    simulator: Annotated[
        SimulatorName,
        typer.Option("--simulator", help="`icarus`: Icarus Verilog, with X as in the vendors' simulators; slower."),
    ] = SimulatorName.verilator,
    ip: Annotated[bool, typer.Option("--ip", help="The IP block: registers, interrupt, soft reset, DMA.")] = False,
    waves: Annotated[bool, typer.Option("--waves", help="Leave a waveform (.vcd).")] = False,
    json: Json = False, verbose: Verbose = False,
):  # fmt: skip
    """Simulate the Verilog in Verilator (or Icarus); compare every bit with golden, every cycle with the prediction."""
    from fewbit.flow.project.simulation import simulate_ip_block, simulate_project

    report = Reporter(json)
    project = _project(model, input_spec, output, folding, directory, target)
    samples = _images(project, images, 32 if ip and frames is None else frames, report)
    if ip:
        result = simulate_ip_block(
            project, samples, report, stall=stall or 0.3, seed=seed, waves=waves, verbose=verbose, simulator=simulator
        )
        report.sim_ip(project, result)
        raise typer.Exit(0 if result["ok"] else 1)
    result = simulate_project(
        project, samples, report, stall=stall, seed=seed, clock=clock, waves=waves, verbose=verbose,
        simulator=simulator,
    )  # fmt: skip
    report.sim(project, result)
    if not result["ok"]:
        raise typer.Exit(1)


@app.command(epilog="Example: `fewbit compare` compares the digits in every format.")
def compare(
    model: Annotated[Path, typer.Argument(metavar="MODEL.onnx")] = HOME / "examples" / "digits" / "w1a1.onnx",
    images: ImagesFile = None, input_spec: Input = None, folding: Folding = None, clock: Clock = 200.0,
    waves: Annotated[bool, typer.Option("--waves", hidden=True)] = False,
    json: Json = False, verbose: Verbose = False,
):  # fmt: skip
    """The same network in float32 and in each low-bit format, side by side."""
    from fewbit.flow.comparing.compare import compare_formats

    report = Reporter(json)
    result = compare_formats(model, images, input_spec, report, clock=clock, verbose=verbose, folding=folding)
    if not result["ok"]:
        raise typer.Exit(1)


@app.command(epilog="Example: `fewbit train fashion --only w1a1` writes examples/fashion/w1a1.onnx anew.")
def train(
    example: Annotated[str, typer.Argument(help="`digits`, `digits-cnn` or `fashion`.")] = "digits",
    directory: Annotated[
        Path | None,
        typer.Option("-o", "--directory", **FOLDER, help="Default: the example's own."),
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help="Only these networks.")] = None,
    json: Json = False,
):
    """Train the networks of an example (needs the extra `train`: `make train` installs it)."""
    report = Reporter(json)
    try:
        from fewbit.train.catalogue import EXAMPLES
        from fewbit.train.fashion_data import DataError
    except ModuleNotFoundError as error:
        raise ModelError(f"training needs the package {error.name}: run `make train`, which installs it") from None
    if example not in EXAMPLES:
        raise ModelError(f"the examples are {', '.join(EXAMPLES)}, not {example!r}")
    try:
        report.trained(EXAMPLES[example].main(directory, only or None, report.say, report.training))
    except DataError as error:
        raise ModelError(error) from None


app.add_typer(ptq_commands)


def main():
    """Entry point: an expected error, wrong usage too, is one line on standard error and exit status 2; a signal that
    ends it, 128 and its number, and no tool is left running."""
    try:
        with ended_by_signals():
            status = app(args=sys.argv[1:] or ["--help"], prog_name="fewbit", standalone_mode=False)
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(status)
    except USAGE_ERRORS as error:
        command = error.ctx.command_path if error.ctx else "fewbit"
        _fail(f"{error.format_message().rstrip('.')} (see {command} --help)")
    except MemoryError:
        _fail("there is not enough memory for this: use a smaller network or fewer frames, or a machine that has more")
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted", INTERRUPTED)
    except Terminated as ended:
        _fail(f"ended by {ended}", 128 + ended.signal)
    except Exception as error:
        if not _is_expected(error):
            raise
        _fail(error)


def _is_expected(error):
    """Whether the error says what a user did, or what a tool found, rather than a fault of ours."""
    from fewbit.flow.eda.toolrun import ToolError
    from fewbit.host.build import HostError
    from fewbit.sim.errors import SimulationError

    return isinstance(error, (OSError, ValueError, HostError, SimulationError, ToolError))


def _fail(message, status=2):
    # Names in files may hold anything; a terminal must not take it for commands.
    line = "".join(c if c.isprintable() else "?" for c in " ".join(str(message).split()))
    with suppress(OSError):  # of a terminal that is closed
        print(f"fewbit: {line}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
