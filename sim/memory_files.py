"""The first contents of memories as files of hexadecimal words, which simulators and Yosys read faster than blocks."""

import re
from collections.abc import Callable

__all__ = ["with_memory_files"]

_WORD = re.compile(r"\s+(\\?[\w.$]+ ?)\[(\d+)\] = \d+'([hd])([0-9a-f]+);\s*")
_BLOCK = re.compile(r"^( *)initial begin\n((?:" + _WORD.pattern + r"\n)+)\1end$", re.MULTILINE)


def with_memory_files(text: str, name_of: Callable[[int, str], str]) -> tuple[str, dict[str, str]]:
    """Return Verilog whose memories have their first contents from files, and these files, each by its name.

    An initial block that gives one memory its words from the first on, one a line, as `hw.shell.verilog` has them,
    becomes one ``$readmemh``: of a block Yosys makes a cell a word, and takes time by the square of the block's length;
    a simulator makes a statement of each. Every other block is left as it is, and so is every line's number.

    Parameters
    ----------
    text : str
    name_of : callable
        ``name_of(place, content)`` gives the name of a file, as Verilog is to have it, for a block at that place of the
        text.
    """
    files = {}

    def as_file(block):
        found = [_WORD.fullmatch(line).groups() for line in block[2].splitlines()]
        names, places, bases, numbers = zip(*found, strict=True)
        if len(set(names)) > 1 or list(map(int, places)) != list(range(len(places))):
            return block[0]
        words = (f"{int(number):x}" if base == "d" else number for base, number in zip(bases, numbers, strict=True))
        content = "\n".join(words) + "\n"
        name = name_of(block.start(), content)
        files[name] = content
        return f'{block[1]}initial $readmemh("{name}", {names[0]});' + "\n" * (len(places) + 1)

    return _BLOCK.sub(as_file, text), files
