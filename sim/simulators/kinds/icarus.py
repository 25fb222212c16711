"""Icarus Verilog runs the same benches: an event-driven simulator with X, as those of the vendors are."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from fewbit.host.processes import run
from fewbit.sim.design import DESIGN, digest_of, marked
from fewbit.sim.errors import SimulationError
from fewbit.sim.simulators.simulator import Simulator, register
from fewbit.sim.simulators.waves import scopes

__all__ = ["STANDARDS", "Icarus"]

# The events of time 0 differ between these: a register's initial value is one in 2005, and is none from 2009 on.
STANDARDS = ("2005", "2009", "2012")
_PROGRAM = "sim.vvp"  # the name that cocotb gives it
_SECONDS = 3600  # that a build may take
_DUMP = """module dump;
  initial begin
    $dumpfile("dump.fst");
    $dumpvars({scopes});
  end
endmodule
"""


@register
class Icarus(Simulator):
    """Icarus Verilog of this machine, which compiles in a second or two and says only what is wrong."""

    name, title, folder = "icarus", "Icarus Verilog", "icarus"
    summary = "Icarus Verilog, with X as in the vendors' simulators; slower"

    def version(self) -> str:
        for program in ("iverilog", "vvp"):
            if not shutil.which(program):
                raise SimulationError(f"Icarus Verilog ({program}) is missing: install the Debian package iverilog")
        done = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False)
        return done.stdout.partition("\n")[0]

    def program(self, top: str) -> str:
        return _PROGRAM

    def build(
        self, verilog: Path | str | bytes, folder: Path | str, *, top: str = "accelerator", quick: bool = False,
        waves: bool = False, verbose: bool = False, progress: Callable[[], None] | None = None,
        design: str | None = None, standard: str = "2012", seconds: float = _SECONDS,
    ) -> Path:  # fmt: skip
        """Do as `Simulator.build`, by one of `STANDARDS`, in ``seconds`` at most.

        Raises
        ------
        ValueError
            If there is no such standard, or no module ``top``.
        SimulationError
            If Icarus Verilog is missing, fails or takes too long; the message has the path of the log.
        """
        if standard not in STANDARDS:
            raise ValueError(f"Standard must be one of {', '.join(STANDARDS)}, not {standard!r}")
        self.version()
        from fewbit.sim.folders import fresh  # here, as the command line asks for the names of simulators

        folder = Path(folder)
        content = verilog if isinstance(verilog, bytes) else Path(verilog).read_bytes()
        log = folder / "build.log"
        with fresh(folder) as shop:
            (shop / "design.v").write_bytes(marked(content, top, design))
            (shop / "options.f").write_text("+timescale+1ns/1ps\n")
            sources, tops = ["design.v"], ["-s", top]
            if waves:
                shown = scopes(content.decode(), top)
                (shop / "dump.v").write_text(_DUMP.format(scopes=f"1, {', '.join(shown)}" if shown else f"0, {top}"))
                sources, tops = [*sources, "dump.v"], [*tops, "-s", "dump"]
            command = ["iverilog", f"-g{standard}", "-o", _PROGRAM, *tops, "-f", "options.f", *sources]
            _compile(command, shop, log, seconds)
            os.replace(shop / _PROGRAM, folder / _PROGRAM)
            (folder / DESIGN).write_text(design or digest_of(content))
        return log

    def runner(self, waves):
        from cocotb_tools import runner

        class Plain(runner.Icarus):
            """Waveforms are in FST, as Verilator's are, and lie in the folder of the run."""

            def _test_command(self):
                ((*command, _),) = super()._test_command()
                return [[*command, "-fst" if waves else "-none"]]

        return Plain()


def _compile(command, shop, log, seconds):
    with open(log, "w") as out:
        try:
            done = run(command, cwd=shop, stdout=out, stderr=out, timeout=seconds)
        except subprocess.TimeoutExpired:
            raise SimulationError(f"Icarus's build took over {seconds} s; log: {log}") from None
    if done.returncode:
        reason = (log.read_text(errors="replace").splitlines() or ["it printed nothing"])[0]
        raise SimulationError(f"Icarus's build failed ({reason.strip()[:200]}); log: {log}")
