"""The version is that of the installed package."""

import tomllib
from importlib import metadata

from fewbit.places import HOME


def test_the_version_is_that_of_the_package(fewbit):
    with open(HOME / "pyproject.toml", "rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert fewbit("--version") == (0, f"fewbit {version}\n", "")


def test_a_copy_that_is_not_installed_says_so(fewbit, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    status, out, err = fewbit("--version")
    assert (status, out) == (2, "") and "not installed" in err and err.count("\n") == 1
