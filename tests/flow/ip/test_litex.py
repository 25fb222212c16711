"""The wrapper for LiteX, in a design of LiteX: its registers on the bus, frames and results by its DMAs."""

import json
import subprocess
import sys

import numpy as np
import pytest

from fewbit.flow.images import find_images, load_images
from fewbit.flow.ip.destination import Destination
from fewbit.flow.project.project import Project
from fewbit.host.build import Build
from fewbit.hw.shell.registers import MAGIC
from fewbit.places import HOME
from fewbit.sim.simulators.program import build_program
from tests.support.small_network import SPEC, small
from tests.support.targets import PORTABLE

SUPPORT = HOME / "tests" / "support"
FRAMES = 4


@pytest.mark.tools
@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "left"])
def test_in_a_design(prefix, scratch):
    model = HOME / "examples" / "digits" / "w1a1.onnx"
    project = Project(model, directory=scratch / "out", target=PORTABLE, destination=Destination(prefix=prefix))
    project.generate_ip()
    build, block = Build(project.directory), project.block
    module = f"{block.prefix}_litex"
    command = [sys.executable, SUPPORT / "litex_bench.py", project.directory / "ip", module, scratch]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    sources = {"design.v": (scratch / "design.v").read_bytes(), "block.v": project.ip_verilog.read_bytes()}
    program = build_program(
        scratch / "sim", SUPPORT / "litex_bench.cpp", sources, top="litex_bench", shape={}, quick=True
    )
    given = json.loads((scratch / "map.json").read_text())
    at, memory, base = given["registers"], given["memories"]["main_ram"], given["memories"]["block"]
    images = load_images(find_images(model), project.network).first(FRAMES)
    frames, words = build.encode(images.values), -(-build.result_bytes // 4)
    lines = [f"r {base:x}", f"r {base + project.registers['BEATS_OUT'].offset:x}"]
    for frame in frames:
        lines += [f"w {memory + 4 * k:x} {word:x}" for k, word in enumerate(frame.view("<u4").tolist())]
        for dma, place, size in (("writer", memory + 0x1000, 4 * words), ("reader0", memory, len(frame))):
            name = f"accelerator_{dma}"
            lines += [f"w {at[f'{name}_enable']:x} 0", f"w {at[f'{name}_base'] + 4:x} {place:x}",
                      f"w {at[f'{name}_length']:x} {size:x}", f"w {at[f'{name}_enable']:x} 1"]  # fmt: skip
        lines += [f"p {at['accelerator_writer_done']:x} 1 1"]
        lines += [f"r {memory + 0x1000 + 4 * k:x}" for k in range(words)]
    lines += [f"r {base + project.registers[name].offset:x}" for name in ("FRAMES", "BAD_FRAMES")]
    (scratch / "job").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [program, scratch / "job"], cwd=scratch, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-300:]
    found = [int(line, 16) for line in done.stdout.split()]
    assert found[:2] == [MAGIC, build.beats_out] and found[-2:] == [FRAMES, 0]
    results = np.array(found[2:-2], "<u4").reshape(FRAMES, words).view(np.uint8)[:, : build.result_bytes]
    wanted = project.hardware_values(project.execute(images.values)).reshape(FRAMES, -1)
    assert np.array_equal(results.view(np.int8), wanted) and len(np.unique(wanted, axis=0)) > 1


def test_the_wrapper_is_python_with_the_sizes_of_the_build(scratch):
    project = Project(small(scratch / "m.onnx"), input_spec=SPEC, directory=scratch / "out")
    project.generate_ip()
    text = (project.directory / "ip" / "fewbit_litex.py").read_text()
    compile(text, "fewbit_litex.py", "exec")
    layout = project.block.inputs[0]
    assert f'INPUTS = {{"s_axis": {8 * layout.bytes}}}' in text
    assert f'FRAME_BYTES = {{"s_axis": {layout.frame_bytes}}}' in text
