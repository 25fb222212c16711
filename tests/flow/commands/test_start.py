"""The command line starts without what only the work needs."""

import subprocess
import sys

import pytest

from fewbit.places import HOME

HEAVY = ("amaranth", "cocotb", "jax", "matplotlib", "numpy", "onnx", "onnxruntime", "pyosys", "qonnx", "scipy")


@pytest.mark.parametrize(
    "code",
    ["import fewbit", "import fewbit.flow.commands.cli", "import fewbit.hw.targets.named, fewbit.golden.limits.limit"],
)
def test_no_heavy_package_is_imported(code):
    script = f"import sys; {code}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", ["hw.layer.plan", "flow.folding.cost", "flow.folding.folding", "flow.folding.search"])
def test_plans_and_estimates_need_no_amaranth(name):
    """They are numbers: what a layer takes is known before there is any hardware."""
    script = f"import sys, fewbit.{name}; assert 'amaranth' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


FOLDED = ["digits/w1a1", "digits/w8a8", "digits-cnn/w2a2"]
SCRIPT = """
import sys
from fewbit.flow.commands.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
print("amaranth" in sys.modules, file=sys.stderr)
"""


def _imports_amaranth(folder, *arguments):
    """Run a command in a process of its own, and say whether it has imported Amaranth."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, timeout=120, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stderr.split()[-1] == "True"


@pytest.mark.long
@pytest.mark.sampled(4)
@pytest.mark.parametrize("model", FOLDED)
@pytest.mark.parametrize(
    "options", [(), ("--fps", "100000"), ("--part", "xc7z020"), ("--dsp", "8"), ("--devices", "2")], ids=" ".join
)
def test_fold_needs_no_amaranth(model, options, tmp_path):
    """A folding is numbers, its cycles too."""
    assert not _imports_amaranth(tmp_path, "fold", str(HOME / "examples" / f"{model}.onnx"), *options)


@pytest.mark.long
@pytest.mark.parametrize("command", ["layers", "run", "parts", "quantize"])
def test_what_makes_no_hardware_needs_no_amaranth(command, tmp_path):
    digits = HOME / "examples" / "digits"
    arguments = {
        "layers": [digits / "w1a1.onnx"],
        "run": [digits / "w1a1.onnx", "--images", digits / "test.npz", "--frames", "20"],
        "quantize": [digits / "float32.onnx", "--calibration", digits / "test.npz", "-o", "quantized.onnx"],
    }
    assert not _imports_amaranth(tmp_path, command, *map(str, arguments.get(command, [])))


@pytest.mark.tools
def test_what_makes_hardware_has_it(tmp_path):
    """So that the tests above would see it."""
    assert _imports_amaranth(tmp_path, "build", str(HOME / "examples" / "digits" / "w1a1.onnx"))


def test_help_is_of_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fewbit", "--help"], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
    )
    assert "Usage: fewbit" in done.stdout and "quantize" in done.stdout
