"""Where the hardware of nodes registers: each file of stages says beside its component which node it is for."""

from fewbit.golden.registry import ByClass

__all__ = ["cost_of", "stage_of"]

# A function ``(assembly, node)`` that takes the node's streams in from a `hw.pipeline.assembly.Assembly`, plans a stage
# for them, and publishes its stream out.
stage_of = ByClass("hardware stage")

# A function ``(node, edges, cycles)`` that returns the `hw.cost.Cost` of a node's stage, of dict of golden edges, where
# no layer takes more than so many cycles a frame. Layers and pools have theirs in `flow.folding.cost`.
cost_of = ByClass("cost of a stage")
