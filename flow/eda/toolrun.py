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
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fewbit.extras import missing
from fewbit.host.processes import Process

__all__ = ["ToolError", "run_tool"]


class ToolError(RuntimeError):
    """A tool failed or ran out of time; ``log`` is the path of what it printed."""

    def __init__(self, message: str, *, log: Path | str):
        super().__init__(f"{message} (log: {log})")
        self.log = Path(log)


def run_tool(
    module: str,
    job: Mapping[str, Any],
    log: Path,
    *,
    tool: str,
    task: str,
    timeout: float,
    progress: Callable[[float, str], None] | None = None,
    error: type[ToolError] = ToolError,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run ``python -m module JOB``, where JOB is the JSON of ``job``; what it prints goes to ``log``.

    Parameters
    ----------
    module : str
    job : mapping
    log : Path
    tool, task : str
        Words of messages: "Yosys", "synthesize top".
    timeout : float
        Seconds before the process is stopped.
    progress : callable or None
        Called about once a second as ``progress(seconds, text)``, where the text is the tool's present step.
    error : type
        `ToolError` or a kind of it.
    environment : mapping or None
        Variables that the process gets besides ours.

    Raises
    ------
    ToolError
        Of the kind ``error``, if the tool fails or takes too long.
    ValueError
        If Yosys is in a folder that it cannot be used from.
    """
    _check_place()
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as sink:
        process = Process(
            [sys.executable, "-m", module, json.dumps(job)], stdout=sink, stderr=subprocess.STDOUT,
            env=os.environ | _scratch() | dict(environment or {}),
        )  # fmt: skip
        if not _wait(process, log, timeout, progress):
            raise error(f"{tool} was stopped after {timeout:g} seconds", log=log)
    if process.returncode:
        raise error(f"{tool} could not {task}: {_last_error(log)}", log=log)


# What Yosys and the shell that it starts ABC with take for something else in the path of Yosys itself.
_SPECIAL = re.compile(r'["$`*?\[\\\n]')


def _check_place():
    """Refuse a place of Yosys that it would fail at minutes later; all other files it knows by relative names."""
    spec = find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise missing("pyosys", "synth")
    place = Path(spec.origin).parent
    if found := _SPECIAL.search(str(place)):
        raise ValueError(
            f"{place}: Yosys cannot be used from a folder with {found[0]!r} in its name: move fewbit to another one"
        )


def _scratch() -> dict[str, str]:
    """Return the variable that names a folder for ABC's files, whose names Yosys does not quote, if one is needed."""
    return {} if re.fullmatch(r"[\w./+@=,~^-]*", tempfile.gettempdir()) else {"TMPDIR": "/tmp"}


def _wait(process: Process, log: Path, timeout: float, progress: Callable[[float, str], None] | None) -> bool:
    """Wait for ``process``, and return whether it ended in time.

    If it does not, or the caller is interrupted, it and its children are killed.
    """
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
    """Return the step that the log of Yosys or nextpnr is at."""
    with open(log, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 20_000))
        steps = _STEP.findall(file.read())
    return b"".join(steps[-1]).decode(errors="replace").strip(" .") if steps else "Starting Yosys"


def _last_error(log):
    """Return the last error in a log, or its last line."""
    text = log.read_text(encoding="utf-8", errors="replace")
    errors = re.findall(r"^.*ERROR: .*$", text, re.MULTILINE) or text.strip().splitlines()[-1:]
    return errors[-1].strip() if errors else "it printed nothing"
