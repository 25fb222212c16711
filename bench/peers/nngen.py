"""A script for NNgen's own Python: ``python nngen.py FOLDER PAR SEED`` makes Verilog of 64-64-32-10 in int8.

NNgen has no bipolar or ternary products in its dense layers and rescales by shifts of its own, so this is a network of
the same shape with its own random weights, and its reference is NNgen's own evaluation. ``PAR`` is how many inputs by
how many neurons it computes at a time. It prints JSON: seconds to Verilog, cycles of an inference that Verilator ran
with weights in a memory behind AXI, and whether all results were equal to the reference.
"""

import json
import math
import os
import re
import sys
import time
from pathlib import Path

import nngen as ng
import numpy as np
import veriloggen.thread as vthread
from veriloggen import Module, Not, Seq, simulation
from veriloggen.types import axi

WIDTHS = (64, 64, 32, 10)
CHUNK, WORD = 64, 32  # bytes that parameters are aligned to; bits of the AXI bus


def network(par, rng):
    """Return NNgen's operators: the input, and the output."""
    first = x = ng.placeholder(ng.int8, shape=(1, WIDTHS[0]), name="x")
    for k, (inputs, neurons) in enumerate(zip(WIDTHS[:-1], WIDTHS[1:], strict=True)):
        weights = ng.variable(ng.int8, shape=(neurons, inputs), name=f"w{k}")
        weights.set_value(rng.integers(-127, 128, weights.shape))
        last = k == len(WIDTHS) - 2
        x = ng.matmul(x, weights, transposed_b=True, act_func=None if last else ng.relu, sum_dtype=ng.int32,
                      name="y" if last else f"layer{k}")  # fmt: skip
        x.attribute(par_ich=par, par_och=par, cshamt_out=9)
    return first, x


def testbench(block, x, y, values, wanted):
    """Return a module that loads a memory, runs one inference and compares; the cycles are printed."""

    def aligned(address):
        return math.ceil(address / CHUNK) * CHUNK

    parameters = ng.export_ndarray([y], CHUNK)
    start = aligned(x.addr + x.memory_size)
    check = aligned(start + len(parameters))
    scratch = aligned(check + y.memory_size)
    memory = np.zeros(1 << 18, dtype=np.int64)
    lanes = WORD // 8
    axi.set_memory(memory, values, WORD, 8, x.addr, lanes)
    axi.set_memory(memory, parameters, WORD, 8, start)
    axi.set_memory(memory, wanted, WORD, 8, check, lanes)

    m = Module("test")
    m.copy_params(block)
    ports = m.copy_sim_ports(block)
    clk, resetn = ports["CLK"], ports["RESETN"]
    rst = m.Wire("RST")
    rst.assign(Not(resetn))
    model = axi.AxiMemoryModel(m, "memory", clk, rst, datawidth=WORD, memimg=memory, memimg_name="memory.out",
                               memimg_datawidth=WORD)  # fmt: skip
    model.connect(ports, "maxi")
    control = vthread.AXIMLite(m, "control", clk, rst, noio=True)
    control.connect(ports, "saxi")
    cycles = m.Reg("cycles", 32, initval=0)
    Seq(m, "seq", clk, rst)(cycles.inc())
    count = WIDTHS[-1]

    def run():
        for _ in range(100):
            pass
        ng.sim.set_global_addrs(control, scratch)
        begin = cycles.value
        ng.sim.start(control)
        ng.sim.wait(control)
        print("cycles: %d" % (cycles.value - begin))  # noqa: UP031  veriloggen translates this line
        equal = 0
        for n in range(count):
            if model.read_word(n, y.addr, 8) == model.read_word(n, check, 8):
                equal += 1
        print("equal: %d" % equal)  # noqa: UP031
        vthread.finish()

    vthread.Thread(m, "main", clk, rst, run).start()
    m.Instance(block, "block", params=m.connect_params(block), ports=m.connect_ports(block))
    simulation.setup_clock(m, clk, hperiod=5)
    simulation.setup_reset(m, resetn, m.make_reset(), period=100, polarity="low")
    return m


def main():
    folder, par, rng = Path(sys.argv[1]), int(sys.argv[2]), np.random.default_rng(int(sys.argv[3]))
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    begin = time.perf_counter()
    x, y = network(par, rng)
    block = ng.to_veriloggen([y], "network", silent=True, config={"maxi_datawidth": WORD})
    Path("network.v").write_text(block.to_verilog())
    seconds = time.perf_counter() - begin
    values = rng.integers(-127, 128, x.shape)
    (wanted,) = ng.eval([y], x=values)
    printed = simulation.Simulator(testbench(block, x, y, values, wanted), sim="verilator").run()
    found = {key: int(number) for key, number in re.findall(r"(cycles|equal): *(\d+)", printed)}
    result = {"seconds": seconds, "cycles": found["cycles"], "equal": found["equal"] == WIDTHS[-1],
              "wanted": np.asarray(wanted).reshape(-1).tolist()}  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
