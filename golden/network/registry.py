"""Where the executions of nodes register; each stands beside its node, and only `golden.network.execute` calls it."""

from fewbit.golden.registry import ByClass

__all__ = ["execution_of"]

# What is registered is a function ``(node, *xs)``, which returns the node's values ``(B, pixels, channels)`` for such
# arrays of each of its inputs.
execution_of = ByClass("golden execution")
