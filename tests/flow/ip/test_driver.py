"""The C driver: strict C99 for several processors' sizes, and right at the Verilated block behind model DMAs."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fewbit.flow.images import load_images
from fewbit.flow.ip.destination import Destination
from fewbit.flow.ip.driver import __path__ as driver
from fewbit.flow.project.project import Project
from fewbit.hw.folding import Folding
from fewbit.places import HOME
from fewbit.sim.simulators.program import build_program
from tests.support.several_inputs import several
from tests.support.small_network import SPEC, samples, small
from tests.support.targets import PORTABLE, XILINX

SUPPORT = HOME / "tests" / "support"
STRICT = ["-Wall", "-Wextra", "-Werror", "-std=c99", "-pedantic"]
PORT = ['-DFEWBIT_PORT="driver_port.h"', f"-I{SUPPORT}"]
FRAMES = 7


def one_input(folder):
    model, values = small(folder / "m.onnx"), samples(FRAMES)
    folding = Folding.of(dense0=(1, 5), dense1=(2, 3))  # 5 codes of 5 bits a beat: lanes that no byte divides
    return Project(model, input_spec=SPEC, directory=folder / "out", folding=folding, target=XILINX), values


def three_inputs(folder):
    made = several("three", folder / "m.onnx", count=FRAMES)
    np.savez(folder / "m.npz", **made.x)
    project = Project(folder / "m.onnx", input_spec=made.spec, directory=folder / "out", target=PORTABLE)
    return project, load_images(folder / "m.npz", project.network).values


def wanted_of(project, values):
    return project.hardware_values(project.execute(values)).reshape(len(values), -1).astype(int)


def compiled(project, folder):
    """The objects of driver and application, and the program with the Verilated block and its DMAs."""
    ip, objects = project.directory / "ip", {}
    for source in (ip / "fewbit_driver.c", SUPPORT / "driver_app.c"):
        made = folder / f"{source.stem}.o"
        command = ["cc", *STRICT, "-O1", f"-I{ip}", *PORT, "-c", source, "-o", made]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        objects[made.name] = made.read_bytes()
    layouts = project.block.inputs
    shape = {
        "COUNT_INPUTS": len(layouts), "BYTES_OUT": project.block.results.bytes,
        "INPUTS(X)": " ".join(f"X({n}, {one.stream}, {one.bytes})" for n, one in enumerate(layouts)),
    }  # fmt: skip
    sources = {"accelerator_ip.v": project.ip_verilog.read_bytes()} | objects
    return build_program(
        folder / "sim", SUPPORT / "driver_bench.cpp", sources, top="accelerator_ip", shape=shape, quick=True
    )


def job_of(project, values, path):
    """The codes of every input, as the application reads them."""
    network = project.network
    parts = zip(network.inputs, network.apart(values), strict=True)
    codes = [given.format.encode(given.arranged(part)).reshape(len(values), -1) for given, part in parts]
    content = np.uint32(len(values)).tobytes() + b"".join(part.astype("<i4").tobytes() for part in codes)
    path.write_bytes(content)
    return path


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("make", [one_input, three_inputs])
def test_at_the_simulated_block(make, scratch):
    project, values = make(scratch)
    project.generate_ip()
    program, job = compiled(project, scratch), job_of(project, values, scratch / "job")
    wanted = [" ".join(["result", *map(str, row)]) for row in wanted_of(project, values).tolist()]
    assert len(set(wanted)) > 2  # results that differ
    for mode in ("simple", "sg"):
        done = subprocess.run([program, mode, job], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        lines = done.stdout.splitlines()
        expected = ["elsewhere: there is no block of fewbit at that address", "opened: all is well",
                    "interrupt before: 0"]  # fmt: skip
        if mode == "sg":
            expected += ["simple: the DMA was made without that mode",
                         "none: there are no frames, or a result has another size than the header says",
                         "misaligned: descriptors must begin at a multiple of 64 bytes",
                         *["many: all is well", *wanted] * 2]  # fmt: skip
        else:
            expected += ["scatter-gather: the DMA was made without that mode", *wanted]
        frames = FRAMES * (2 if mode == "sg" else 1)
        expected += ["interrupt after: 1", "taken: 1", "interrupt cleared: 0",
                     f"frames {frames} bad 0 latency 1 interval 1", "cleared: 0"]  # fmt: skip
        for fault in ("a result was marked: its frame was too short or too long", "a DMA reported an error",
                      "a transfer or a reset did not end in time"):  # fmt: skip
            expected += [f"fault: {fault}", "reset: all is well", "again: all is well", wanted[0]]
        assert lines == expected


@pytest.mark.tools
def test_strict_c_without_a_port_and_in_cpp(scratch):
    """As it stands, without a port, also with a prefix; the header is C++'s too."""
    model = small(scratch / "m.onnx")
    for prefix in ("", "left"):
        name = prefix or "fewbit"
        project = Project(model, input_spec=SPEC, directory=scratch / name, destination=Destination(prefix=prefix))
        project.generate_ip()
        ip = project.directory / "ip"
        source = (ip / f"{name}_driver.c").read_text()
        assert ("fewbit_" in source, "FEWBIT_" in source) == (not prefix, not prefix)
        for compiler, more in ((["cc", *STRICT, "-Wconversion"], f"{name}_driver.c"),
                               (["c++", "-Wall", "-Wextra", "-Werror", "-x", "c++"], f"{name}_driver.h")):  # fmt: skip
            command = [*compiler, "-fsyntax-only", more]
            done = subprocess.run(command, cwd=ip, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
    shutil.copytree(scratch / "left" / "ip", scratch / "both")
    for file in (scratch / "fewbit" / "ip").glob("*.[ch]"):
        shutil.copy2(file, scratch / "both")
    (scratch / "both" / "main.c").write_text(
        '#include "fewbit_driver.h"\n#include "left_driver.h"\n'
        "int main(void) { return fewbit_words(FEWBIT_OK) == left_words(LEFT_OK); }\n"
    )
    command = ["cc", *STRICT, "main.c", "fewbit_driver.c", "left_driver.c", "-o", "main"]
    subprocess.run(command, cwd=scratch / "both", check=True)


def test_every_register_that_the_driver_uses_is_in_the_map(scratch):
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch / "out")
    project.generate_ip()
    source = (Path(driver[0]) / "driver.c").read_text()
    header = (project.directory / "ip" / "fewbit.h").read_text()
    for register in project.registers.registers:
        if f"device->block + FEWBIT_{register.name}" in source:
            assert f"#define FEWBIT_{register.name} 0x{register.offset:03X}u\n" in header
    layout = project.block.inputs[0]
    assert f"#define FEWBIT_IN0_FRAME_BYTES {layout.beats * layout.bytes}u\n" in header
    entry = project.manifest()["inputs"][0]
    assert (layout.beats, layout.bytes, layout.bits, layout.lanes) == tuple(
        entry[key] for key in ("beats", "bytes", "bits", "lanes")
    )
