"""A design of LiteX with the wrapper of a build, as a program: its Verilog, and where its registers are.

Run as a program in a process of its own, since LiteX keeps state in its modules: ``python litex_bench.py IP_FOLDER
MODULE OUT`` writes ``design.v`` and ``map.json``.
"""

import importlib.util
import json
import sys
from pathlib import Path

from litex.build.generic_platform import Pins, Subsignal
from litex.build.io import CRG
from litex.build.sim import SimPlatform
from litex.soc.integration.export import get_csr_json
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import wishbone

IO = [
    ("sys_clk", 0, Pins(1)), ("sys_rst", 0, Pins(1)),
    ("host", 0, Subsignal("adr", Pins(30)), Subsignal("dat_w", Pins(32)), Subsignal("dat_r", Pins(32)),
     Subsignal("sel", Pins(4)), Subsignal("cyc", Pins(1)), Subsignal("stb", Pins(1)), Subsignal("ack", Pins(1)),
     Subsignal("we", Pins(1)), Subsignal("cti", Pins(3)), Subsignal("bte", Pins(2)), Subsignal("err", Pins(1))),
]  # fmt: skip


def main(folder, module, out):
    spec = importlib.util.spec_from_file_location(module, Path(folder) / f"{module}.py")
    wrapper = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(wrapper)
    platform = SimPlatform("SIM", IO, name="litex_bench")
    soc = SoCCore(platform, 100_000_000, cpu_type=None, integrated_rom_size=0, integrated_sram_size=0,
                  integrated_main_ram_size=0x2000, with_uart=False, with_timer=False, ident="")  # fmt: skip
    soc.crg = CRG(platform.request("sys_clk"), platform.request("sys_rst"))
    host = wishbone.Interface(data_width=32, address_width=32, addressing="word")
    soc.comb += host.connect_to_pads(platform.request("host"), mode="slave")
    soc.bus.add_master("host", host)
    accelerator = wrapper.Accelerator(platform)
    soc.add_module("accelerator", accelerator)
    accelerator.add_to(soc, "block", origin=0x30000000)
    accelerator.add_dmas(soc, "accelerator")
    soc.finalize()
    written = platform.get_verilog(soc, name="litex_bench")
    (Path(out) / "design.v").write_text(written.main_source)
    for name, content in written.data_files.items():  # what its memories begin with
        (Path(out) / name).write_text(content)
    described = json.loads(get_csr_json(soc.csr_regions, soc.constants, soc.mem_regions))
    registers = {name: given["addr"] for name, given in described["csr_registers"].items()}
    memories = {name: given["base"] for name, given in described["memories"].items()}
    (Path(out) / "map.json").write_text(json.dumps({"registers": registers, "memories": memories}))


if __name__ == "__main__":
    main(*sys.argv[1:])
