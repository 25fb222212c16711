"""No file and no option makes a command hang, take all memory, or end in a traceback: one line, status 2, no trace."""

import os
import resource
import subprocess
import sys
from typing import get_args, get_type_hints

import numpy as np
import pytest

from fewbit.flow.commands import cli
from fewbit.golden.limits.limit import LIMITS
from fewbit.places import HOME
from tests.support import hostile

ROOT = HOME
QUANTIZED, FLOAT = (ROOT / "examples" / "digits" / f"{name}.onnx" for name in ("w1a1", "float32"))
SAMPLES = ROOT / "examples" / "digits" / "test.npz"
SIX_GB = 6 << 30


def kept(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def refused(result, message):
    status, out, err = result
    assert (status, out) == (2, ""), err
    assert err.startswith("fewbit: ") and err.count("\n") == 1 and "Traceback" not in err and len(err) < 2500
    assert message in err


# Options: which commands have them, what may not be, and what the line says

NUMBERS = ("inf", "-inf", "nan", "x", "", "1e999")
WHOLE = ("1.5", "nan", "x", "", "0x10", "9" * 5000, "-1")
COMMANDS = {
    "build": [QUANTIZED], "fold": [QUANTIZED], "verilog": [QUANTIZED], "synth": ["none"], "pnr": ["none"],
    "board": ["ulx3s", "none"], "demo": ["none"], "run": [QUANTIZED], "sim": [QUANTIZED], "compare": [QUANTIZED],
    "report": ["none"], "train": [], "quantize": [FLOAT], "sensitivity": [FLOAT], "search": [FLOAT],
    "pe": ["--weights", "ternary", "--activations", "uint4"],
}  # fmt: skip
OPTIONS = {
    "--clock": (("fold", "sim", "compare", "board", "build", "verilog", "report"), (*NUMBERS, "0", "-5", "0.5")),
    "--goal": (("pnr",), (*NUMBERS, "0", "-5")),
    "--fps": (("fold",), (*NUMBERS, "0", "-5")),
    "--stall": (("sim",), (*NUMBERS, "-0.1", "0.96", "1")),
    "--percent": (("quantize", "sensitivity", "search"), (*NUMBERS, "0", "101")),
    "--max-drop": (("search",), (*NUMBERS, "-1", "101")),
    "--frames": (("run", "sim", "quantize", "sensitivity", "search", "report"), (*WHOLE, "0")),
    "--seed": (("sim", "pnr", "board"), (*WHOLE, str(2**31))),
    "--max-cycles": (("fold",), (*WHOLE, "0")),
    "--max-luts": (("fold",), (*WHOLE, "0")),
    "--dsp": (("fold",), WHOLE),
    **{f"--{name}": (("fold",), WHOLE) for name in ("max-ffs", "max-lutram", "max-brams", "max-urams", "max-dsps")},
    **{
        f"--{name}share": (("fold",), (*NUMBERS, "101", "-5%"))
        for name in ("", "lut-", "ff-", "lutram-", "bram-", "uram-", "dsp-")
    },
    "--bus": (("fold",), (*WHOLE, "0")),
    "--devices": (("fold",), (*WHOLE, "0", "65")),
    "--jobs": (("compare", "sensitivity", "search"), (*WHOLE, "0")),
    "--memory-latency": (("sim",), (*WHOLE, "0")),
    "--memory-stall": (("sim",), (*NUMBERS, "-0.1", "0.96", "1")),
    "--cycles": (("sensitivity", "search"), (*WHOLE, "0")),
    "--epochs": (("compare",), (*WHOLE, "0")),
    "--budget-luts": (("search",), (*WHOLE, "0")),
    "--budget-bits": (("search",), (*WHOLE, "0")),
    "--steps": (("quantize", "search", "pe"), (*WHOLE, "0")),
    "--pe": (("pe",), (*WHOLE, "0")),
    "--simd": (("pe",), (*WHOLE, "0")),
    "--acc": (("pe",), (*WHOLE, "0")),
    "--baud": (("board", "demo"), (*WHOLE, "0", "299")),
    "--port": (("demo",), (*WHOLE, "65536")),
    "--speed": (("pnr",), (*WHOLE, "5", "9")),
    "--weights": (("quantize",), (*WHOLE, "0", "9")),
    "--sums": (("quantize", "sensitivity", "search"), (*WHOLE, "0", "9")),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("option", OPTIONS)
def test_numbers_that_cannot_be(fewbit, scratch, option, monkeypatch):
    monkeypatch.chdir(scratch)
    commands, values = OPTIONS[option]
    for command in commands:
        for value in values:
            refused(fewbit(command, *COMMANDS[command], option, value), f"Invalid value for '{option}'")
    assert not kept(scratch)


def test_every_number_of_every_command_is_tried():
    """An option that takes a number and is not among those above is one that nobody has tried to break."""
    found = set()
    for command in cli.app.registered_commands:
        for kind in get_type_hints(command.callback, include_extras=True).values():
            base, option = get_args(kind)
            if {int, float} & {base, *get_args(base)}:
                names = option.default, *option.param_decls  # typer takes the first name for a default
                found.add((command.name or command.callback.__name__, next(n for n in names if n.startswith("--"))))
    tried = {(command, option) for option, (commands, _) in OPTIONS.items() for command in commands}
    others = {
        ("quantize", "--activations"),
        ("quantize", "--first"),
        ("quantize", "--last"),
        ("sensitivity", "--others"),
    }
    assert found == tried | others


@pytest.mark.parametrize("command", ["build", "verilog", "sim", "train", "search", "pe"])
@pytest.mark.parametrize("place", ["", " ", "/", "//", "/proc/none", "FILE", "FILE/in/it", "PIPE", "x" * 5000])
def test_folders_that_cannot_be(fewbit, scratch, command, place, monkeypatch):
    monkeypatch.chdir(scratch)
    where = _place(scratch, place)
    refused(fewbit(command, *COMMANDS[command], "-o", where), "Invalid value for '-o' / '--directory'")
    assert kept(scratch) == ["file", "pipe"] and (scratch / "file").read_text() == "mine"


@pytest.mark.parametrize("command", ["fold", "quantize"])
@pytest.mark.parametrize("place", ["", " ", "/", ".", "none/", "/proc/none", "FILE/x", "PIPE", "/dev/null", "x" * 5000])
def test_files_that_cannot_be(fewbit, scratch, command, place, monkeypatch):
    monkeypatch.chdir(scratch)
    where = _place(scratch, place)
    refused(fewbit(command, *COMMANDS[command], "-o", where), "Invalid value for '-o' / '--output-file'")
    assert kept(scratch) == ["file", "pipe"]


def _place(folder, place):
    (folder / "file").write_text("mine")
    os.mkfifo(folder / "pipe")
    return place.replace("FILE", str(folder / "file")).replace("PIPE", str(folder / "pipe"))


def test_a_folder_without_permission(fewbit, scratch):
    scratch.chmod(0o500)
    # Root may write into any folder but those that the system itself makes.
    place = scratch / "out" if os.geteuid() else "/proc/fewbit"
    try:
        refused(fewbit("build", QUANTIZED, "-o", place), "cannot write to")
    finally:
        scratch.chmod(0o700)


TEXTS = {
    "a part": (["synth", "BUILD", "--part", "x" * 99], ""),
    "an input": (["build", QUANTIZED, "--input", "uint8/" + "9" * 9000], "Input declaration must"),
    "an input by nothing": (["build", QUANTIZED, "--input", "uint8/0"], "Input declaration must"),
    "an input by infinity": (["build", QUANTIZED, "--input", "uint8*1e999"], "Input declaration must"),
    "no input": (["build", QUANTIZED, "--input", "\x1b[2J"], "Input declaration must"),
    "bits": (["sensitivity", FLOAT, "--bits", "8,x"], ""),
    "formats": (["search", FLOAT, "--max-drop", "1", "--formats", "w9a9"], ""),
    "a layer's bits": (["quantize", FLOAT, "--weights-of", "x=4"], ""),
    "a layer's many bits": (["quantize", FLOAT, "--weights-of", "0=" + "9" * 5000], ""),
    "a layer without bits": (["quantize", FLOAT, "--activations-of", "0"], ""),
    "an example": (["train", "x"], "the examples are"),
    "a target": (["build", QUANTIZED, "--target", "x"], "Invalid value for '--target'"),
    "a board": (["board", "x", "none"], ""),
    "a folder that is no build": (["synth", "/dev"], ""),
    "a device as a build": (["pnr", "/dev/zero"], ""),
    "a model of no name": (["build", "..onnx"], "a model must have a name"),
    "a model with an empty path": (["build", ""], "a folder, not an ONNX or TFLite file"),
    "a folding of no name": (["build", QUANTIZED, "--folding", ""], "a folder, not a folding file"),
    "an endless folding": (["build", QUANTIZED, "--folding", "/dev/zero"], "a device or pipe, not a folding"),
    "endless samples": (["run", QUANTIZED, "--images", "/dev/zero"], "/dev/zero: a device or pipe, not an .npz file"),
    "endless calibration": (["quantize", FLOAT, "--calibration", "/dev/zero"], "a device or pipe, not an .npz file"),
    "more frames than memory": (["run", "MODEL", "--frames", "1000000000"], "so many random samples take too much"),
}  # fmt: skip


@pytest.mark.parametrize("what", TEXTS)
def test_texts_that_cannot_be(fewbit, scratch, what, monkeypatch):
    command, message = TEXTS[what]
    monkeypatch.chdir(scratch)
    (scratch / "alone.onnx").write_bytes(QUANTIZED.read_bytes())
    refused(fewbit(*("alone.onnx" if c == "MODEL" else c for c in command)), message)
    assert kept(scratch) == ["alone.onnx"]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.variable)
def test_limits_that_cannot_be(fewbit, limit, monkeypatch):
    monkeypatch.setenv(limit.variable, "much")
    refused(fewbit("run", QUANTIZED, "--images", SAMPLES), f"{limit.variable} must be a number of {limit.unit} above 0")


@pytest.mark.parametrize("command", ["build", "quantize"])
@pytest.mark.parametrize("what", ["Loop of 2^62 trips", "Expand", "a device", "a pipe", "20,000 inputs", "a text"])
def test_models(fewbit, scratch, command, what, monkeypatch):
    monkeypatch.setenv("FEWBIT_IMPORT_BYTES", "1G")
    write, message = hostile.MODELS[what]
    path = write(scratch)
    before = kept(scratch)
    result = fewbit(command, path, "-o", scratch / "out")
    refused(result, message if command == "build" else "")
    assert kept(scratch) == before


# In a process of its own, which the system holds to 6 GB and a minute


def bounded(*command, **environment):
    def hold():
        resource.setrlimit(resource.RLIMIT_AS, (SIX_GB, SIX_GB))

    done = subprocess.run(
        [sys.executable, "-m", "fewbit.flow.commands.cli", *map(str, command)], cwd=ROOT, preexec_fn=hold,
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=os.environ | environment,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.sampled(3)
@pytest.mark.long
@pytest.mark.parametrize(
    "what", ["Loop of 2^62 trips", "Concat again and again", "functions that call each other twice"]
)
def test_models_under_the_system_s_own_bounds(scratch, what):
    write, _ = hostile.MODELS[what]
    path = write(scratch)
    refused(bounded("build", path, "-o", scratch / "out", FEWBIT_IMPORT_BYTES="1G"), "")
    assert kept(scratch) == ["m.onnx"]


def test_samples_under_the_system_s_own_bounds(scratch):
    np.savez_compressed(scratch / "s.npz", x=np.zeros((1 << 21, 64), dtype=np.uint8))
    assert (scratch / "s.npz").stat().st_size < 1 << 20
    refused(bounded("run", QUANTIZED, "--images", scratch / "s.npz"), "FEWBIT_IMAGE_BYTES=16G, say, to raise it")
