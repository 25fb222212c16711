"""Icarus Verilog for the same benches: an event-driven simulator with X, as those of the vendors are."""

import shutil
import subprocess
from pathlib import Path

from .runner import SimulationError

__all__ = ["STANDARDS", "build_icarus", "is_icarus", "runner", "version"]

# By which the events of time 0 differ: a register's initial value is one in 2005, and is none from 2009 on.
STANDARDS = ("2005", "2009", "2012")
MADE = "sim.vvp"  # as cocotb calls it


def version():
    """What this machine's Icarus Verilog calls itself; `SimulationError` if there is none."""
    for program in ("iverilog", "vvp"):
        if not shutil.which(program):
            raise SimulationError(f"Icarus Verilog ({program}) is missing: install the Debian package iverilog")
    done = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False)
    return done.stdout.partition("\n")[0]


def build_icarus(verilog, folder, *, top="accelerator", standard="2012", waves=False, seconds=3600):
    """Compile ``verilog`` with the top module ``top`` into ``folder``, for `sim.runner.simulate` and
    `sim.iprunner.simulate_ip`; returns the log's path.

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
    folder.mkdir(parents=True, exist_ok=True)
    options, log = folder / "options.f", folder / "build.log"
    options.write_text("+timescale+1ns/1ps\n")
    sources, tops = [str(verilog)], ["-s", top]
    if waves:
        dump = folder / "dump.v"
        dump.write_text(
            f'module dump;\n  initial begin\n    $dumpfile("dump.vcd");\n    $dumpvars(0, {top});\n  end\nendmodule\n'
        )
        sources, tops = [*sources, str(dump)], [*tops, "-s", "dump"]
    command = ["iverilog", f"-g{standard}", "-o", str(folder / MADE), *tops, "-f", str(options), *sources]
    with open(log, "w") as out:
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise SimulationError(f"Icarus's build took over {seconds} s; log: {log}") from None
    if done.returncode:
        reason = (log.read_text(errors="replace").splitlines() or ["it printed nothing"])[0]
        raise SimulationError(f"Icarus's build failed ({reason.strip()[:200]}); log: {log}")
    return log


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
