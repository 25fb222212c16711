"""The wheel: it takes one name, holds all that it needs, and works in any folder, whatever else lies there."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fewbit.places import HOME
from tests.support.small_network import SPEC, samples, small

NAMES = ("flow", "golden", "host", "hw", "ptq", "sim", "train")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built of the files that git has, so that nothing that lies about gets into it."""
    copy, folder = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=HOME, capture_output=True, text=True,
        check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if (HOME / name).is_file() and not name.startswith(("tests/", "docs/")):
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(HOME / name, copy / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps", "-w", folder, "."],
        cwd=copy, check=True, timeout=300,
    )  # fmt: skip
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The Python of an environment with the wheel in it, and the packages that it needs."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    home = next((folder / "lib").glob("python*/site-packages"))
    # Folders named in a .pth file are searched for packages, and their own .pth files, ours among them, are not read.
    (home / "others.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("site-packages")))
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--ignore-installed",
         "--disable-pip-version-check", wheel], check=True, timeout=300,
    )  # fmt: skip
    return python


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """An empty folder but for files that have the names of our rooms."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("raise ImportError('a file of the user, which is not ours to import')\n")
    small(tmp_path / "m.onnx")
    x = samples(24)
    np.savez(tmp_path / "samples.npz", x=x, label=np.arange(len(x)) % 3)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("FEWBIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("FEWBIT_BUILD", raising=False)
    return tmp_path


@pytest.mark.slow
def test_it_takes_one_name(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"fewbit"}
    data = {
        "sim/simulators/model.cpp", "sim/cycles/engine/engine.cpp", "sim/cycles/engine/machine.h",
        "flow/demo/demo.html", "examples/digits/w1a1.onnx", "flow/templates/notebook.html",
        "flow/report/templates/page.html", "flow/report/templates/page.css", "flow/comparing/templates/compare.md",
        "flow/boards/templates/zynq_readme.md",
    }  # fmt: skip
    assert {f"fewbit/{name}" for name in data} <= set(names)
    ours = subprocess.run(["git", "ls-files", *NAMES], cwd=HOME, capture_output=True, text=True, check=True).stdout
    assert {f"fewbit/{name}" for name in ours.split()} <= set(names)


@pytest.mark.tools
@pytest.mark.slow
def test_commands_work_in_any_folder(installed, elsewhere):
    def fewbit(*arguments):
        done = subprocess.run(
            [installed.with_name("fewbit"), *arguments], cwd=elsewhere, capture_output=True, text=True, timeout=900,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    declared = ("--input", SPEC)
    fewbit("build", "m.onnx", *declared)
    assert (elsewhere / "build" / "m" / "verilog" / "accelerator.v").is_file()
    assert "all equal to golden" in fewbit("sim", "m.onnx", "--images", "samples.npz", *declared)
    assert "LUT" in fewbit("synth", "build/m")
    fewbit("report", "build/m")
    assert "<title>m.onnx" in (elsewhere / "build" / "m" / "report.html").read_text()
    fewbit("compare", "m.onnx", "--images", "samples.npz", *declared)
    code = (
        "import numpy as np; from fewbit.host import Accelerator\n"
        "with Accelerator.verilator('build/m') as a: print(len(a.infer(np.load('samples.npz')['x']).values))"
    )
    command = [installed, "-c", code]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == ["24"], done.stderr
    _demo(installed.with_name("fewbit"), elsewhere)


def _demo(program, folder):
    subprocess.run([program, "build", HOME / "examples" / "digits" / "w1a1.onnx"], cwd=folder, check=True,
                   capture_output=True, timeout=300)  # fmt: skip
    log = folder / "demo.log"
    with open(log, "w") as out:
        process = subprocess.Popen(
            [program, "demo", "build/w1a1", "--port", "0"], cwd=folder, stdout=out, stderr=out, env=dict(os.environ)
        )
    try:
        for _ in range(600):
            if found := re.search(r"http://\S+:\d+", log.read_text()):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        with urllib.request.urlopen(found[0], timeout=30) as answer:
            assert b"<html" in answer.read()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


@pytest.mark.slow
def test_a_checkout_and_a_wheel_have_the_same_modules(wheel):
    held = {n.removeprefix("fewbit/") for n in zipfile.ZipFile(wheel).namelist() if n.endswith(".py")}
    here = {str(p.relative_to(HOME)) for name in NAMES for p in Path(HOME / name).rglob("*.py")}
    assert here <= held
