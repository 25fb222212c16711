"""How every script finds the part that it makes a project for."""

__all__ = ["part_tcl"]


def part_tcl(part: str, argument: int = 0) -> str:
    """Return Tcl that sets ``part``: to the script's argument of that number, else to ``part``.

    A device without package and speed grade is no part of Vivado's; it stands for the first one of its packages and
    speed grades, by name, that the Vivado at hand has.
    """
    return f"""\
set part {part}
if {{[llength $argv] > {argument}}} {{
    set part [lindex $argv {argument}]
}}
if {{[llength [get_parts -quiet $part]] == 0}} {{
    set found [lsort [get_parts -quiet "${{part}}*"]]
    if {{[llength $found] == 0}} {{
        error "this Vivado has no part $part: its devices are not installed, or the name is wrong"
    }}
    set part [lindex $found 0]
}}
"""
