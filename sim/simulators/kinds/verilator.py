"""Verilator makes a program of generated Verilog, which is built once."""

import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from fewbit.places import CACHE
from fewbit.sim.design import DESIGN, NAME, digest_of, marked
from fewbit.sim.simulators.process import LIBS, run_module
from fewbit.sim.simulators.runtime import (
    ANY_FOLDER,
    HEADER,
    keep_runtime,
    link_verilator,
    reuse_header,
    reuse_runtime,
    runtime_folder,
    runtime_to_make,
)
from fewbit.sim.simulators.simulator import Simulator, register
from fewbit.sim.simulators.tops import TOPS
from fewbit.sim.simulators.waves import fst_problem

__all__ = ["WHOLE", "Verilator"]

_RUNTIME = CACHE / "verilated"
_SECONDS = 3600  # that a build may take
WHOLE = 1_000_000  # bytes of Verilog up to which one compiler run takes less than several and precompiled headers


@register
class Verilator(Simulator):
    """Verilator of the package of that name; a quick build is not optimized."""

    name, title, folder = "verilator", "Verilator", "sim"
    few = 300_000  # cycles up to which a build that is not optimized saves more than the simulation takes longer

    def version(self) -> str:
        from importlib.metadata import version

        return version("verilator")

    def program(self, top: str) -> str:
        return top

    def build(
        self, verilog: Path | str | bytes, folder: Path | str, *, top: str = "accelerator", quick: bool = False,
        waves: bool = False, verbose: bool = False, progress: Callable[[], None] | None = None,
        design: str | None = None,
    ) -> Path:  # fmt: skip
        from fewbit.sim.folders import fresh  # here, as the command line asks for the names of simulators

        folder = Path(folder)
        verilog = verilog if isinstance(verilog, bytes) else Path(verilog).read_bytes()
        log = folder / "build.log"
        with fresh(folder) as shop:
            (shop / "design.v").write_bytes(marked(verilog, top, design))
            (shop / "ports.vlt").write_text("`verilator_config\n" + "".join(
                f'public_flat_rw -module "{top}" -var "{port}"\n' for port in (*TOPS[top].ports, NAME)))  # fmt: skip
            run_module(
                __spec__.name, [top, str(int(waves)), str(int(quick))], shop, log, what="Verilator's build",
                seconds=_SECONDS, verbose=verbose, poll=progress,
            )  # fmt: skip
            os.replace(shop / top, folder / top)
            (folder / DESIGN).write_text(design or digest_of(verilog))
        return log

    def seconds(self, size: int, quick: bool) -> float:
        # Fitted to the examples on two cores.
        return 4 + 1.5e-6 * size if quick else 9 + 5e-6 * size

    def runner(self, waves):
        return _runner()


def _runner(*more):
    from cocotb_tools.runner import Verilator

    class Quick(Verilator):
        """cocotb's runner with other commands.

        Only the ports of `TOPS` are public (by ports.vlt), so that Verilator may optimize everything else. Every file
        has a name in the working folder, as `main` gives one to what lies elsewhere: make and the shell would split and
        expand the names of folders. make is told ``more``.
        """

        def _build_command(self):
            verilator, make = super()._build_command()
            verilator.remove("--public-flat-rw")
            if "--trace-fst" in verilator:
                verilator.remove("--trace")  # which is VCD
            verilator[verilator.index("-Mdir") + 1] = "."
            verilator[verilator.index("-LDFLAGS") + 1] = f"-Wl,-rpath,{LIBS} -L{LIBS} -lcocotbvpi_verilator"
            files = [os.path.basename(word) if os.path.isabs(word) else word for word in verilator[1:]]
            at = make.index("-C")
            return [[verilator[0], *files], [*make[:at], *make[at + 2 :], *ANY_FOLDER, *more]]

    return Quick()


def main(top: str, waves: str, quick: str) -> None:
    """Build in the working folder, in a process of its own; ``waves`` and ``quick`` are "1" or "0"."""
    import cocotb_tools.config as cocotb

    folder, verilog, traced, unoptimized = Path.cwd(), Path("design.v"), waves == "1", quick == "1"
    options = ["-Wno-fatal", "-Wno-lint", "-Wno-style"]
    if not traced:
        options += ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--no-trace-top"]
    elif fst_problem() is None:
        options.append("--trace-fst")
    include = Path(os.environ["VERILATOR_ROOT"]) / "include"
    flags = ["-O0" if unoptimized else "-O1"]
    store = runtime_folder(_RUNTIME, include, (options, flags, traced))
    whole = verilog.stat().st_size < WHOLE
    # Of builds that begin together, the first compiles the runtime for all; a large design would have them wait long.
    with runtime_to_make(store) if whole else nullcontext(False) as missing:
        more = [f"--old-file={name}" for name in reuse_runtime(store, folder)]
        if missing:  # by compilers side by side, as others wait
            more.append(f"-j{min(2, os.cpu_count() or 1)}")
        if whole:
            more.append("VM_PARALLEL_BUILDS=0")
        if unoptimized:
            more.append(f"OPT_FAST={flags[0]}")  # of the main program, whose own makefile rule has it last
        if unoptimized and whole:  # in parts, Verilator precompiles a header of its own, and there can be only one
            reuse_header(store, folder, include, flags, "--trace-fst" in options and "FST" or traced and "VCD" or "")
            flags += ["-include", HEADER]
        os.environ |= link_verilator(os.environ)
        os.symlink(cocotb.libs_dir, LIBS)
        os.symlink(cocotb.share_dir / "lib" / "verilator" / "verilator.cpp", "verilator.cpp")
        _runner(*more).build(
            sources=["ports.vlt", verilog], hdl_toplevel=top, build_dir=folder, always=True, waves=traced,
            timescale=("1ns", "1ps"), build_args=[*options, "-CFLAGS", " ".join(flags)],
        )  # fmt: skip
        keep_runtime(folder, store)


if __name__ == "__main__":
    main(*sys.argv[1:])
