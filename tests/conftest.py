"""What all tests share: property tests that draw the same examples each time, and a scratch folder under build/."""

import gc
import os
import re
import shutil
import sys
from collections import Counter
from importlib.abc import MetaPathFinder
from pathlib import Path

import hypothesis
import pytest

from fewbit.sim.cycles.engine.library import library
from tests.support import tools

ROOT = Path(__file__).resolve().parent.parent

# The suite must give the same verdict twice, on a slow machine too.
hypothesis.settings.register_profile("fewbit", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("fewbit")


class _NoBareRooms(MetaPathFinder):
    """Refuses ``import hw`` and the like, which would find the room a second time, beside ``fewbit.hw``."""

    ROOMS = {"golden", "host", "hw", "sim", "ptq", "train", "flow"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.ROOMS:
            raise ModuleNotFoundError(f"{name} is fewbit.{name}", name=name)


sys.meta_path.insert(0, _NoBareRooms())

# Designs and graphs are many objects that live as long as their test: to look for cycles among them takes time, and
# frees next to nothing.
gc.set_threshold(100_000, 20, 20)


def pytest_configure(config):
    # What JAX compiles in a short test runs for a moment only: most optimizations take longer than they save. With the
    # slow tests, all is compiled as a user's training is.
    if "not slow" in config.option.markexpr:
        os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
    # The cycle model is compiled once, as whatever asks it for times would do.
    library()
    config.add_cleanup(tools.watch())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.tools(started=False))
    _leave_most_cases_to_the_slow_tests(items)


def _leave_most_cases_to_the_slow_tests(items):
    """Mark as slow all cases of a test but every n-th, if it says ``sampled(n)``."""
    seen = Counter()
    for item in items:
        if mark := item.get_closest_marker("sampled"):
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[test] += 1


def _may_start_tools(item):
    starts = any(mark.kwargs.get("started", True) for mark in item.iter_markers("tools"))
    return tools.allowed() if starts else tools.forbidden()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    with _may_start_tools(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with _may_start_tools(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item):
    with _may_start_tools(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.failed = True
    return report


@pytest.fixture
def scratch(request):
    """An empty folder of the test's own under ``build/test/``; it stays if the test fails."""
    folder = ROOT / "build" / "test" / re.sub(r"[^\w.-]+", "_", request.node.nodeid).strip("_")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield folder
    if not getattr(request.node, "failed", False):
        shutil.rmtree(folder, ignore_errors=True)
