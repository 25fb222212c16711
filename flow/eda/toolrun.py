"""A tool in a process of its own: bounded in time, with progress from its log, ended with all that it started.

Yosys and nextpnr end the process when they find an error, keep their memory, and cannot be interrupted from within.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from fewbit.host.processes import Process

__all__ = ["ToolError", "run_tool"]


class ToolError(RuntimeError):
    """A tool failed or ran out of time; ``log`` is the path of what it printed."""

    def __init__(self, message, *, log):
        super().__init__(f"{message} (log: {log})")
        self.log = Path(log)


def run_tool(module, job, log, *, tool, task, timeout, progress=None, error=ToolError, environment=None):
    """Run ``python -m module JOB``, where JOB is the JSON of ``job``; what it prints goes to ``log``.

    Parameters
    ----------
    tool, task : str
        For messages: "Yosys", "synthesize top".
    timeout : float
        Seconds before it is stopped and ``error`` raised.
    progress : callable
        Called about once a second as ``progress(seconds, text)``, where the text is the tool's present step.
    error : type
        `ToolError` or a kind of it.
    environment : dict
        Variables that it gets besides ours.
    """
    _check_place()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as sink:
        process = Process(
            [sys.executable, "-m", module, json.dumps(job)], stdout=sink, stderr=subprocess.STDOUT,
            env=os.environ | _scratch() | (environment or {}),
        )  # fmt: skip
        if not _wait(process, log, timeout, progress):
            raise error(f"{tool} was stopped after {timeout:g} seconds", log=log)
    if process.returncode:
        raise error(f"{tool} could not {task}: {_last_error(log)}", log=log)


# What Yosys and the shell that it starts ABC with take for something else in the path of Yosys itself.
_SPECIAL = re.compile(r'["$`*?\[\\\n]')


def _check_place():
    """Refuse a place of Yosys that it would fail at minutes later; all other files it knows by relative names."""
    place = Path(find_spec("pyosys").origin).parent
    if found := _SPECIAL.search(str(place)):
        raise ValueError(
            f"{place}: Yosys cannot be used from a folder with {found[0]!r} in its name: move fewbit to another one"
        )


def _scratch():
    """A folder for the files of ABC, whose names Yosys does not quote."""
    return {} if re.fullmatch(r"[\w./+@=,~^-]*", tempfile.gettempdir()) else {"TMPDIR": "/tmp"}


def _wait(process, log, timeout, progress):
    """Whether ``process`` ended in time; else, or if the caller is interrupted, it and its children are killed."""
    start = time.monotonic()
    try:
        while process.poll() is None:
            seconds = time.monotonic() - start
            if seconds > timeout:
                return False
            if progress:
                progress(seconds, _present_step(log))
            try:
                process.wait(timeout=min(1, timeout - seconds + 0.01))
            except subprocess.TimeoutExpired:
                continue
        return True
    finally:
        process.end()


_STEP = re.compile(
    rb"^(?:[\d.]+ (Executing [^\n(]*)|Info: ((?:Packing|Placing|Running|Routing|Creating)[^\n\d]*))", re.M
)


def _present_step(log):
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 20_000))
        steps = _STEP.findall(file.read())
    return b"".join(steps[-1]).decode(errors="replace").strip(" .") if steps else "Starting Yosys"


def _last_error(log):
    text = log.read_text(encoding="utf-8", errors="replace")
    errors = re.findall(r"^.*ERROR: .*$", text, re.MULTILINE) or text.strip().splitlines()[-1:]
    return errors[-1].strip() if errors else "it printed nothing"
