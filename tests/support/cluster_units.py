"""Units of work that a cluster's workers do in tests: each writes down in a folder who has begun and ended it."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

__all__ = ["counted", "deadly", "failing", "log_of", "square"]


def square(folder, number, job):
    """Return the number squared, at once."""
    _note(folder, "begun", number)
    job.done(f"{number} squared", 1)
    return {"square": number**2, "root": number**0.5}


def counted(folder, number, job):
    """Return the number squared, as soon as the folder has a file ``go``."""
    _note(folder, "begun", number)
    job.now("waiting")
    for _ in range(1200):
        if (Path(folder) / "go").exists():
            break
        time.sleep(0.05)
    else:
        raise TimeoutError(f"no {folder}/go")
    _note(folder, "ended", number)
    return number**2


def deadly(folder, number, job):
    """Kill the process that does it."""
    _note(folder, "begun", number)
    os.kill(os.getpid(), signal.SIGKILL)


def failing(folder, number, job):
    """Raise an error that names the number."""
    raise ValueError(f"{number} cannot be done")


def _note(folder, what, number):
    with open(Path(folder) / "log", "a") as file:
        file.write(f"{what} {number} {os.getpid()}\n")


def log_of(folder):
    """How often each unit has begun and ended, by ``(what, number)``, and the processes of those that have begun."""
    file = Path(folder) / "log"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return Counter((what, int(number)) for what, number, _ in lines), {
        int(number): int(pid) for what, number, pid in lines if what == "begun"
    }
