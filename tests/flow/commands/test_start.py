"""The command line starts without what only the work needs."""

import subprocess
import sys

import pytest

HEAVY = ("amaranth", "cocotb", "jax", "matplotlib", "numpy", "onnx", "onnxruntime", "pyosys", "qonnx", "scipy")


@pytest.mark.parametrize(
    "code",
    ["import fewbit", "import fewbit.flow.commands.cli", "import fewbit.hw.targets.named, fewbit.golden.bounds.limits"],
)
def test_no_heavy_package_is_imported(code):
    script = f"import sys; {code}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == []


def test_help_is_of_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fewbit", "--help"], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
    )
    assert "Usage: fewbit" in done.stdout and "quantize" in done.stdout
