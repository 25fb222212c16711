"""``fewbit --version``: the version that is installed."""

import typer

__all__ = ["show_version"]

_PACKAGE = "fewbit"


def show_version(asked: bool) -> None:
    """Print the version of the installed package and end the command, if that was ``asked``.

    Raises
    ------
    ValueError
        If the package is not installed, so that it has no metadata.
    """
    if not asked:
        return
    from importlib import metadata  # takes a while to import

    try:
        version = metadata.version(_PACKAGE)
    except metadata.PackageNotFoundError:
        raise ValueError("this copy is not installed and has no version: install it with `pip install .`") from None
    print(f"{_PACKAGE} {version}")
    raise typer.Exit
