"""The targets that tests run through, and one that Amaranth's own simulator can execute."""

from fewbit.hw.targets.named import target_named

__all__ = ["EXPRESSIONS", "PORTABLE", "ULTRASCALE", "XILINX", "name_of"]

PORTABLE, XILINX, ULTRASCALE = target_named("portable"), target_named("xilinx"), target_named("ultrascale")
EXPRESSIONS = target_named("xilinx", as_expressions=True)  # the structure of primitives, as expressions


def name_of(value):
    """Return the id of a parameter that is a target, so that tests are named by it."""
    name = getattr(value, "name", None)
    return None if name is None else "expressions" if value == EXPRESSIONS else name
