"""One run of Yosys, a process of its own: it maps the memories of ``design.v`` and writes the cells of every module."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path


def main(argv: Sequence[str]) -> None:
    """Map memories as ``flow.eda.synth`` does."""
    parser = argparse.ArgumentParser()
    parser.add_argument("job", type=json.loads)
    job = parser.parse_args(argv).job
    from pyosys import libyosys

    os.chdir(job["work"])
    design = libyosys.Design()
    synth = f"synth_xilinx -top top -family {job['family']} -noiopad -noclkbuf{' -uram' * job['ultra']}"
    for command in (
        "read_verilog design.v", "read_verilog -lib -specify +/xilinx/cells_sim.v",
        "read_verilog -lib +/xilinx/cells_xtra.v", "hierarchy -top top", f"{synth} -run prepare:map_memory",
        "setparam -set INIT 1'bx t:$mem_v2 a:rom_style=block %i", f"{synth} -run map_memory:map_ffram",
        "tee -q -o statistics.json stat -json",
    ):  # fmt: skip
        libyosys.run_pass(command, design)
    modules = json.loads(Path("statistics.json").read_text())["modules"]
    cells = {name.removeprefix("\\"): module["num_cells_by_type"] for name, module in modules.items()}
    Path("cells.json").write_text(json.dumps(cells))


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
