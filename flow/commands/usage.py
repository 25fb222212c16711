"""What is said of a command or an option that does not exist: the nearest that does."""

from typing import Any

from typer.core import TyperGroup

from fewbit.golden.limits.near import did_you_mean, near_names

__all__ = ["Commands", "usage_line"]


class Commands(TyperGroup):
    """The commands of the program; one that does not exist is refused with those near to it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name of the command, the command, and its arguments, as click asks for them.

        Raises
        ------
        click.UsageError
            If there is no such command.
        """
        if not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"No such command {args[0]!r}{did_you_mean(near_names(args[0], self.list_commands(ctx)))}")
        return super().resolve_command(ctx, args)


def usage_line(error: Any) -> str:
    """Return what an error of usage says in one line, with the command whose help says more."""
    command = error.ctx.command_path if error.ctx else "fewbit"
    return f"{_said(error)} (see {command} --help)"


def _said(error):
    wanted = getattr(error, "option_name", None)
    if wanted is None or not hasattr(error, "possibilities") or error.ctx is None:
        return error.format_message().rstrip(".")
    # Of its own parameters, so that the names are found in the same way for every version of typer.
    names = {name for p in error.ctx.command.get_params(error.ctx) for name in (*p.opts, *p.secondary_opts)}
    near = near_names(wanted, (name for name in names if name.startswith("--")))
    return f"No such option: {wanted}{did_you_mean(near)}"
