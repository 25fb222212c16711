"""The command ``fewbit``: its commands, each a file of this folder, and how it ends."""

import json
import os
import sys
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import typer

from fewbit.flow.interruption import interrupted
from fewbit.golden.limits.limit import LIMITS
from fewbit.host.processes import Terminated, ended_by_signals

from .registry import register_all
from .steps import steps_text
from .usage import Commands, usage_line
from .version import show_version

__all__ = ["main"]

INTERRUPTED = 130
COMPLETING = "_FEWBIT_COMPLETE"
"""Variable by which a shell asks what may come next in a line, as click names it."""
# Classes of typer's own click or of the installed one, by the version of typer.
USAGE_ERRORS: Any = typer.BadParameter.__bases__

app = typer.Typer(
    name="fewbit",
    cls=Commands,
    help="From a quantized neural network to bit-exact Verilog, simulated and compared with float32.",
    epilog="Variables of the environment that bound what a file may take: "
    + "; ".join(f"`{limit.variable}`, {limit.what} (now {limit.shown})" for limit in LIMITS)
    + ". Bytes may be given as `8G`, `500M`.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

register_all(app)


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""
    for limit in LIMITS:  # a variable that cannot be is refused, whether or not this command comes to need it
        _ = limit.value


def main() -> None:
    """Run the command that the arguments of the program say, and exit with its status; without any, show the steps.

    An expected error, wrong usage too, is one line on standard error and status 2; a signal that ends the command is
    128 and its number, and no tool is left running. With ``--json``, what keeps the command from its result is an
    object with ``error`` on standard output too. docs/command-line.md has the table.
    """
    try:
        if not sys.argv[1:] and COMPLETING not in os.environ:
            print(steps_text())
            sys.exit(0)
        with ended_by_signals():
            status = app(args=sys.argv[1:], prog_name="fewbit", standalone_mode=False)
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(status)
    except USAGE_ERRORS as error:
        _fail(usage_line(error))
    except MemoryError:
        _fail("there is not enough memory for this: use a smaller network or fewer frames, or a machine that has more")
    except (KeyboardInterrupt, typer.Abort):
        _fail(interrupted("interrupted"), INTERRUPTED)
    except Terminated as ended:
        _fail(interrupted(f"ended by {ended}"), 128 + ended.signal)
    except Exception as error:
        if not _is_expected(error):
            _show_json(f"a fault of fewbit: {_in_one_line(repr(error))}")
            raise
        _fail(error)


def _is_expected(error: Exception) -> bool:
    """Return whether an error says what a user did, or what a tool found, rather than a fault of ours."""
    from fewbit.errors import expected

    return isinstance(error, expected())


def _fail(message: object, status: int = 2) -> NoReturn:
    """Print a message in one line, and exit."""
    line = _in_one_line(message)
    _show_json(line)
    with suppress(OSError):  # a terminal that is closed takes nothing
        print(f"fewbit: {line}", file=sys.stderr)
    sys.exit(status)


def _in_one_line(message: object) -> str:
    # Names in files may hold anything; a terminal must not take it for commands.
    return "".join(c if c.isprintable() else "?" for c in " ".join(str(message).split()))


def _show_json(error: str) -> None:
    """Print the error as JSON if the arguments ask for that; they may be wrong ones, so that no command has read them.

    What follows ``--`` are no options.
    """
    arguments = sys.argv[1:]
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--json" in options:
        with suppress(OSError):
            print(json.dumps({"error": error}), flush=True)


if __name__ == "__main__":
    main()
