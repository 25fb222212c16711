"""flow.doctor: each thing that may be missing gets one line that names its Debian package."""

import subprocess
import sys
from pathlib import Path

import pytest

from fewbit.flow import doctor

SCRIPT = Path(doctor.__file__)


def run(*arguments, **options):
    command = [sys.executable, "-I", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **options)


def test_this_machine_can_install():
    done = run("install")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_old_python_is_told_the_version_it_needs():
    (line,) = doctor.python_problems(version=(3, 9))
    assert line.startswith("Python 3.11 or newer is needed, this is 3.9")


def test_no_tcl_names_the_package():
    assert doctor.tcl_problems(has=lambda name: None, which=lambda name: "/bin/tclsh") == []
    assert doctor.tcl_problems(has=lambda name: name, which=lambda name: None) == []
    (line,) = doctor.tcl_problems(has=lambda name: None, which=lambda name: None)
    assert line.endswith("install the Debian package tcl.")


@pytest.mark.parametrize("program", ["iverilog", "vvp"])
def test_no_icarus_names_the_package(program):
    assert doctor.icarus_problems(which=lambda name: f"/bin/{name}") == []
    (line,) = doctor.icarus_problems(which=lambda name: None if name == program else f"/bin/{name}")
    assert line.endswith("install the Debian package iverilog.")


def test_the_tests_need_both(scratch):
    done = run("test", env={"PATH": str(scratch)})
    assert done.returncode == 2 and done.stderr.splitlines()[-1].endswith("install the Debian package iverilog.")


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_missing_venv_names_the_package(missing):
    (line,) = doctor.python_problems(version=(3, 12), has=lambda name: name != missing)
    assert "python3-venv (python3.12-venv)" in line


@pytest.mark.parametrize("program, package", [("c++", "g++"), ("make", "make"), ("perl", "perl")])
def test_missing_program_names_the_package(program, package):
    (line,) = doctor.tool_problems(which=lambda name: None if name == program else f"/bin/{name}")
    assert line.endswith(f"is missing: install the Debian package {package}.")


def test_missing_libpython_names_the_package():
    (line,) = doctor.library_problems(find=lambda: None)
    assert f"install the Debian package libpython3.{sys.version_info.minor} " in line


def test_libpython_is_looked_for_where_debian_puts_it(scratch, monkeypatch):
    monkeypatch.delenv("LIBPYTHON_LOC", raising=False)

    def absent(name):
        raise OSError(name)

    config = {"LIBDIR": str(scratch), "MULTIARCH": "triplet"}.get
    assert doctor.shared_libpython(config, prefix=str(scratch), load=absent) is None
    library = scratch / "triplet" / f"libpython3.{sys.version_info.minor}.so.1.0"
    library.parent.mkdir()
    library.touch()
    assert doctor.shared_libpython(config, prefix=str(scratch), load=absent) == str(library)
    monkeypatch.setenv("LIBPYTHON_LOC", str(scratch / "nothing"))
    assert doctor.shared_libpython(config) is None


def test_path_that_verilator_cannot_take():
    assert doctor.path_problems("/home/me/few_bit-1.0+x") == []
    (line,) = doctor.path_problems("/home/me/few bit")
    assert "must have no spaces" in line


def test_empty_machine_gets_one_line_each_and_status_2(scratch):
    done = run("simulate", env={"PATH": str(scratch), "LIBPYTHON_LOC": str(scratch / "nothing")})
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and done.stdout == ""
    assert [line.split()[-1] for line in lines[:3]] == ["g++.", "make.", "perl."]
    assert len(lines) == 4 and "libpython" in lines[3]


def test_unknown_check_is_refused():
    done = run("everything")
    assert done.returncode == 2 and "must be one of install, simulate" in done.stderr
