"""Icarus Verilog for the same benches: an event-driven simulator with X, as those of the vendors are."""

import os
import shutil
import subprocess
from pathlib import Path

from fewbit.host.processes import run
from fewbit.sim.design import DESIGN, digest_of, marked
from fewbit.sim.errors import SimulationError
from fewbit.sim.folders import fresh

__all__ = ["STANDARDS", "build_icarus", "is_icarus", "runner", "version"]

# By which the events of time 0 differ: a register's initial value is one in 2005, and is none from 2009 on.
STANDARDS = ("2005", "2009", "2012")
MADE = "sim.vvp"  # as cocotb calls it
_DUMP = """module dump;
  initial begin
    $dumpfile("dump.vcd");
    $dumpvars(0, {top});
  end
endmodule
"""


def version():
    """What this machine's Icarus Verilog calls itself; `SimulationError` if there is none."""
    for program in ("iverilog", "vvp"):
        if not shutil.which(program):
            raise SimulationError(f"Icarus Verilog ({program}) is missing: install the Debian package iverilog")
    done = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def build_icarus(verilog, folder, *, top="accelerator", standard="2012", waves=False, seconds=3600):
    """Compile ``verilog`` with the top module ``top`` into ``folder``, for `sim.simulators.run.simulate` and
    `sim.simulators.run_ip.simulate_ip`; returns the log's path.

    Parameters
    ----------
    standard : str
        One of `STANDARDS`.
    waves : bool
        Whether a run leaves ``dump.vcd`` in its folder.

    Raises
    ------
    SimulationError
        If Icarus is missing, finds an error, or takes longer than ``seconds``.
    """
    if standard not in STANDARDS:
        raise ValueError(f"Standard must be one of {', '.join(STANDARDS)}, not {standard!r}")
    version()
    folder = Path(folder)
    content, log = Path(verilog).read_bytes(), folder / "build.log"
    with fresh(folder) as shop:
        (shop / "design.v").write_bytes(marked(content, top))
        (shop / "options.f").write_text("+timescale+1ns/1ps\n")
        sources, tops = ["design.v"], ["-s", top]
        if waves:
            (shop / "dump.v").write_text(_DUMP.format(top=top))
            sources, tops = [*sources, "dump.v"], [*tops, "-s", "dump"]
        _compile(["iverilog", f"-g{standard}", "-o", MADE, *tops, "-f", "options.f", *sources], shop, log, seconds)
        os.replace(shop / MADE, folder / MADE)
        (folder / DESIGN).write_text(digest_of(content))
    return log


def _compile(command, shop, log, seconds):
    with open(log, "w") as out:
        try:
            done = run(command, cwd=shop, stdout=out, stderr=out, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise SimulationError(f"Icarus's build took over {seconds} s; log: {log}") from None
    if done.returncode:
        reason = (log.read_text(errors="replace").splitlines() or ["it printed nothing"])[0]
        raise SimulationError(f"Icarus's build failed ({reason.strip()[:200]}); log: {log}")


def is_icarus(folder):
    """Whether the simulator in ``folder`` is one of Icarus."""
    return (Path(folder) / MADE).is_file()


def runner(waves):
    """cocotb's runner of what `build_icarus` made, for its tests only."""
    from cocotb_tools.runner import Icarus

    class Plain(Icarus):
        """Waveforms are in VCD, as Verilator's are, and lie in the folder of the run."""

        def _test_command(self):
            ((*command, _),) = super()._test_command()
            return [[*command, "-vcd" if waves else "-none"]]

    return Plain()
