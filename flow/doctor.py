"""Says in one line each what the machine lacks, before anything long begins.

Runs before the virtual environment exists, as ``python3 -I flow/doctor.py [install] [simulate] [test]``: standard
library only, and syntax that an old Python still reads, because an old Python is one of the things to tell. Exit status
0 if nothing is missing, else 2.
"""

import ctypes
import importlib.util
import os
import shutil
import sys
import sysconfig

OLDEST = (3, 11)


def python_problems(version=None, has=importlib.util.find_spec):
    """Return what keeps this Python from making the virtual environment, a line each."""
    version = tuple(version or sys.version_info[:2])
    name = "python{}.{}".format(*version)
    if version < OLDEST:
        needed = "{}.{}".format(*OLDEST)
        return [
            f"Python {needed} or newer is needed, this is {name[6:]}: install a newer python3 and python3-venv, "
            f"or name one with PYTHON=python{needed}."
        ]
    # Debian ships the module venv without the ensurepip that it needs.
    if not (has("venv") and has("ensurepip")):
        return [f"Python's venv module is missing: install the Debian package python3-venv ({name}-venv)."]
    return []


def tool_problems(which=shutil.which):
    """Return what keeps Verilator from building a simulation, a line each."""
    # Each program with the Debian package that has it. Verilator's makefiles call c++, not g++.
    needed = [("c++", "g++", "The C++ compiler"), ("make", "make", "GNU make"), ("perl", "perl", "Perl")]
    return [
        f"{what} ({program}) is missing: install the Debian package {package}."
        for program, package, what in needed
        if not which(program)
    ]


def shared_libpython(config=sysconfig.get_config_var, prefix=sys.base_prefix, load=ctypes.CDLL):
    """Return the path or name of the libpython that a simulator can load, or None.

    cocotb runs Python inside the simulator, from that library.
    """
    named = os.environ.get("LIBPYTHON_LOC")
    if named:
        return named if os.path.exists(named) else None
    plain = "libpython{}.{}.so".format(*sys.version_info[:2])
    libdir = config("LIBDIR") or ""
    for name in (plain + ".1.0", plain):
        for folder in (libdir, os.path.join(libdir, config("MULTIARCH") or ""), os.path.join(prefix, "lib")):
            if os.path.exists(os.path.join(folder, name)):
                return os.path.join(folder, name)
        try:
            load(name)
            return name
        except OSError:
            continue
    return None


def library_problems(find=shared_libpython):
    """Return what keeps cocotb from running Python inside the simulator, a line each."""
    if find():
        return []
    name = "libpython{}.{}".format(*sys.version_info[:2])
    return [
        f"The shared library {name}.so is missing: install the Debian package {name} "
        "(a Python of your own must be built with --enable-shared)."
    ]


def tcl_problems(has=importlib.util.find_spec, which=shutil.which):
    """Return what keeps the tests from running the Tcl scripts that are written for Vivado, a line each."""
    if has("_tkinter") or which("tclsh"):
        return []
    return ["A Tcl interpreter (tclsh) is missing, which the tests need: install the Debian package tcl."]


def icarus_problems(which=shutil.which):
    """Return what keeps the tests from simulating in Icarus Verilog, beside Verilator, a line each."""
    if which("iverilog") and which("vvp"):
        return []
    return ["Icarus Verilog (iverilog) is missing, which the tests need: install the Debian package iverilog."]


def path_problems(path):
    """Return a line if the checkout's path has characters that make and Verilator's makefiles cannot take."""
    if not set(path) & set(" \t\n#$:'\"\\;&"):
        return []
    return [f"The checkout's path {path!r} must have no spaces, quotes or any of # $ : ; & \\: move the checkout."]


def main(argv):
    """Check what ``argv`` names, or everything; print what is missing; return the exit status."""
    checks = {
        "install": [python_problems],
        "simulate": [tool_problems, library_problems, lambda: path_problems(os.getcwd())],
        "test": [tcl_problems, icarus_problems],
    }
    unknown = sorted(set(argv) - set(checks))
    if unknown:
        print("doctor: a check must be one of {}, not {!r}.".format(", ".join(checks), unknown[0]), file=sys.stderr)
        return 2
    problems = [line for name in argv or checks for check in checks[name] for line in check()]
    for line in problems:
        print("fewbit: " + line, file=sys.stderr)
    return 2 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
