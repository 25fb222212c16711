"""The rooms of the checkout become one package: ``hw/`` is installed as ``fewbit.hw``. pyproject.toml has all else."""

from setuptools import find_packages, setup

ROOMS = ("golden", "host", "hw", "sim", "ptq", "train", "flow")

setup(
    packages=["fewbit", "fewbit.examples"]
    + [f"fewbit.{name}" for room in ROOMS for name in (room, *(f"{room}.{inner}" for inner in find_packages(room)))],
    package_dir={f"fewbit.{name}": name for name in (*ROOMS, "examples")},
    package_data={
        "fewbit": ["py.typed"],
        "fewbit.hw.targets.tables": ["*.csv"],
        "fewbit.sim.cycles.engine": ["*.cpp", "*.h"],
        "fewbit.sim.simulators": ["*.cpp"],
        "fewbit.flow": ["templates/*"],
        "fewbit.flow.boards": ["templates/*"],
        "fewbit.flow.comparing": ["templates/*"],
        "fewbit.flow.demo": ["*.html"],
        "fewbit.flow.report": ["templates/*"],
        "fewbit.flow.ip.driver": ["*.c", "*.h"],
        "fewbit.examples": ["*/*.onnx", "*/*.npz", "*/*.json"],
    },
)
