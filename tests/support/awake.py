"""What a Verilog text must have so that its processes run at time 0; `hw.shell.verilog.wake` says why."""

import re

__all__ = ["asleep"]


def asleep(text):
    """Return the lines of ``text`` that begin a process which may never run; the text must have processes."""
    lines = text.split("\n")
    awake = {found[1] for found in re.finditer(r"^  initial (\S+) <= 1'h1;$", text, re.M)}
    processes = [k for k, line in enumerate(lines) if line.lstrip().startswith("always") and "edge" not in line]
    assert processes and awake
    touched = {k: re.fullmatch(r" *if \((\S+) *\) begin end", lines[k + 1]) for k in processes}
    return [lines[k] for k, found in touched.items() if not found or found[1] not in awake]
