"""The command line starts without what only the work needs."""

import subprocess
import sys

import pytest

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


def test_help_is_of_the_package(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "fewbit", "--help"], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
    )
    assert "Usage: fewbit" in done.stdout and "quantize" in done.stdout
