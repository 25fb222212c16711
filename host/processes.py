"""Every tool that fewbit starts is started here: it ends with whoever started it, together with all that it started.

A tool runs in a session of its own, so that neither a closed terminal nor Ctrl-C reaches it by itself, under a small
supervisor (`host/supervise.py`) that holds one end of a pipe. When the other end is closed, by `Process.end` or because
this process is gone, even by SIGKILL, the supervisor kills the tool's whole group.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["Process", "Terminated", "ended_by_signals", "run"]

_SUPERVISOR = Path(__file__).resolve().with_name("supervise.py")
_SECONDS = 10  # for a supervisor to end once it was told to

_running = set()
_lock = threading.RLock()  # a signal may interrupt the thread that holds it
_ending = False


class Terminated(BaseException):
    """A signal asked this process to end; ``signal`` is its number. No ``except Exception`` takes it for an error."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.signal = number


class Process:
    """A command that runs, as `subprocess.Popen` is.

    Parameters
    ----------
    command : list
        Program and arguments. ``FileNotFoundError`` if there is no such program.
    stdin, stdout, stderr, cwd, env, text
        As of `subprocess.Popen`; without ``stdin`` it reads nothing.

    Attributes
    ----------
    stdin, stdout, stderr : files or None
    returncode : int or None
        128 and the number of the signal where one ended it.
    """

    def __init__(self, command, *, stdin=subprocess.DEVNULL, stdout=None, stderr=None, cwd=None, env=None, text=False):
        command = [str(word) for word in command]
        found = shutil.which(command[0], path=(os.environ if env is None else env).get("PATH"))
        if found is None:
            raise FileNotFoundError(2, "no such program", command[0])
        command[0] = os.path.abspath(found)  # of this folder, not of ``cwd``
        reader, self._alive = os.pipe()
        try:
            with _lock:
                if _ending:
                    raise InterruptedError(f"{command[0]} is not started: fewbit is ending")
                self._popen = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(_SUPERVISOR), str(reader), *command],
                    stdin=stdin, stdout=stdout, stderr=stderr, cwd=cwd, env=env, text=text,
                    pass_fds=(reader,), start_new_session=True,
                )  # fmt: skip
                _running.add(self)
        except BaseException:
            os.close(self._alive)
            raise
        finally:
            os.close(reader)
        self.stdin, self.stdout, self.stderr = self._popen.stdin, self._popen.stdout, self._popen.stderr

    @property
    def returncode(self):
        return self._popen.returncode

    def poll(self):
        """Its status, or None while it runs."""
        if self._popen.poll() is not None:
            self._done()
        return self.returncode

    def wait(self, timeout=None):
        """Its status once it has ended; `subprocess.TimeoutExpired` after ``timeout`` seconds."""
        self._popen.wait(timeout)
        self._done()
        return self.returncode

    def end(self):
        """Kill it, and all that it started, if it still runs. A second call does nothing."""
        self._done()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(_SECONDS)
            return
        self._popen.kill()  # the supervisor itself hangs
        self._popen.wait()

    def _done(self):
        with _lock:
            _running.discard(self)
            alive, self._alive = self._alive, None
            if alive is not None:
                os.close(alive)


def run(command, *, timeout=None, **options):
    """Run a command to its end; a `subprocess.CompletedProcess` with what it printed, if its output is a ``PIPE``.

    Parameters
    ----------
    timeout : float or None
        Seconds after which it is killed, and `subprocess.TimeoutExpired` raised.
    options : as of `Process`
    """
    process = Process(command, **options)
    try:
        out, err = process._popen.communicate(timeout=timeout)
        return subprocess.CompletedProcess(command, process.wait(), out, err)
    finally:
        process.end()


@contextmanager
def ended_by_signals():
    """Within it SIGTERM, SIGHUP and SIGINT kill every tool that runs, and raise `Terminated` (SIGINT
    `KeyboardInterrupt`) in the main thread: what waits in other threads for a tool goes on at once, and ends.

    A signal that is ignored, as ``nohup`` has it, stays so.
    """
    global _ending

    def ends(number, _):
        global _ending
        _ending = True
        with _lock:
            for process in list(_running):
                process._done()
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, ends) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _ending = False
