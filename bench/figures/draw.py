"""``python -m bench.figures.draw`` draws the figures of ``docs/explained``, or those that it is given by name.

All but ``timing`` and ``queues`` take seconds; ``timing`` builds a simulator, and ``queues`` sizes those of a residual
network.
"""

import argparse
from collections.abc import Callable

from fewbit.places import HOME

from . import cycles, folding, heap, queues, thresholds, timing

__all__ = ["FIGURES", "FOLDER"]

FOLDER = HOME / "docs" / "explained"
FIGURES: dict[str, Callable[[], str]] = {
    figure.NAME: figure.draw for figure in (heap, thresholds, folding, cycles, queues, timing)
}


def main() -> None:
    """Draw what the arguments name."""
    parser = argparse.ArgumentParser(prog="python -m bench.figures.draw", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FIGURES)}; default all")
    names = parser.parse_args().names or list(FIGURES)
    if wrong := [name for name in names if name not in FIGURES]:
        parser.error(f"there is no figure {wrong[0]!r}; there are {', '.join(FIGURES)}")
    for name in names:
        (FOLDER / f"{name}.svg").write_text(FIGURES[name](), encoding="utf-8")
        print(f"docs/explained/{name}.svg")


if __name__ == "__main__":
    main()
