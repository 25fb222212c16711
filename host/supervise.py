"""Runs a command for `host.processes`, as a program of its own, and ends it with all that it started when asked to, or
when whoever asked for it is gone.

    python -I -S supervise.py DESCRIPTOR COMMAND…

DESCRIPTOR is the reading end of a pipe whose other end the parent alone holds: its end of file, which comes however the
parent ends, kills the whole group of processes. So it does where there is no parent-death signal (macOS), and for
processes that the command itself has started. It imports next to nothing, since it runs beside every tool.
"""

import os
import signal
import sys
import threading

_PR_SET_PDEATHSIG = 1


def main(descriptor: str, *command: str) -> None:
    """Run ``command`` in a session of its own, and exit with its status, or with 128 and the signal that ended it."""
    child = os.fork()
    if not child:
        _become(command)
    threading.Thread(target=_watch, args=(int(descriptor), child), daemon=True).start()
    _, status = os.waitpid(child, 0)
    _kill(child)  # what it has left behind
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


def _become(command):
    """Replace this process by the command, in a new session."""
    try:
        os.setsid()
        _die_with_the_supervisor()
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: cannot be started ({error.strerror})\n")
        sys.stderr.flush()
    finally:
        os._exit(127)


def _die_with_the_supervisor():
    """Let the system kill the command if the supervisor itself is killed.

    Linux alone has this, and it does not reach what the command starts.
    """
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def _watch(descriptor, child):
    """Wait until the parent's end of the pipe is closed, then kill the child's group."""
    while os.read(descriptor, 4096):
        pass
    _kill(child)


def _kill(group):
    try:  # contextlib takes longer to import than all of this
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        return


if __name__ == "__main__":
    main(*sys.argv[1:])
