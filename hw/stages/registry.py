"""Where the hardware of nodes registers: each file of stages says beside its component which node it is for."""

from fewbit.golden.registry import ByClass

__all__ = ["stage_of"]

# A function ``(assembly, node)`` that takes the node's streams in from a `hw.pipeline.assembly.Assembly`, plans a stage
# for them, and publishes its stream out.
stage_of = ByClass("hardware stage")
