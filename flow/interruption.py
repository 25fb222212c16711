"""What is kept of a command's work if it is interrupted: whoever keeps something says so here.

It belongs to the process, which runs one command; ``begin`` starts anew.
"""

__all__ = ["begin", "ends_so", "interrupted", "keep"]

_kept: dict[str, str] = {}
_ends_so = False
_MANY = 4  # things that are named


def begin() -> None:
    """Forget what was kept by a command before."""
    global _ends_so
    _ends_so = False
    _kept.clear()


def ends_so() -> None:
    """Note that the command ends by an interruption, as a server does, so that nothing is to be said of going on."""
    global _ends_so
    _ends_so = True


def keep(name: str, what: str) -> None:
    """Note that something is kept and found again by the same command: ``what`` it is by now, under a name."""
    _kept.pop(name, None)
    _kept[name] = what


def interrupted(how: str) -> str:
    """Return the line that an interrupted command ends with: ``how``, what is kept, and how to go on."""
    if _ends_so:
        return how
    if not _kept:
        return f"{how}; nothing was finished that is kept: the same command begins again"
    last = list(_kept.values())[-_MANY:]
    more = f", and {len(_kept) - _MANY} things before" if len(_kept) > _MANY else ""
    return f"{how}; kept: {', '.join(last)}{more}; the same command goes on from there"
