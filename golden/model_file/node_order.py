"""The order of the nodes of a graph, and which of them its outputs need."""

from collections.abc import Iterable, Sequence

import onnx

from fewbit.golden.limits.limit import ModelError

from .describe import describe

__all__ = ["in_order", "needed"]


def in_order(graph: onnx.GraphProto, known: set[str]) -> list[onnx.NodeProto]:
    """Return the nodes of a ``GraphProto`` so that every tensor is made before it is read.

    Exporters promise that order, but editors break it.

    Parameters
    ----------
    graph : GraphProto
    known : set of str
        The tensors that no node makes: constants and the input.

    Raises
    ------
    ModelError
        If a tensor is made twice or by no node, or the graph has a cycle.
    """
    made: dict[str, int] = {}  # by a tensor's name, the number of the node that makes it
    for number, node in enumerate(graph.node):
        for name in node.output:
            if name and (name in made or name in known):
                raise ModelError(f"{describe(node)}: its output {name!r} is made a second time")
            made[name] = number
    known = known | {""}
    needs = [{made.get(name) for name in node.input if name not in known} for node in graph.node]
    readers: list[list[int]] = [[] for _ in needs]
    for number, makers in enumerate(needs):
        for maker in makers:
            if maker is not None:
                readers[maker].append(number)
    # A node's level is one above those of what it reads; within a level the nodes keep the file's order.
    levels, ready = [], [number for number, makers in enumerate(needs) if not makers]
    missing = [len(makers) for makers in needs]
    while ready:
        levels.append(ready)
        freed = []
        for number in ready:
            for reader in readers[number]:
                missing[reader] -= 1
                if not missing[reader]:
                    freed.append(reader)
        ready = sorted(freed)
    order = [graph.node[number] for level in levels for number in level]
    if len(order) < len(graph.node):
        waiting = next(number for number, count in enumerate(missing) if count)
        done = {number for level in levels for number in level}
        node = graph.node[waiting]
        name = next(i for i in node.input if i not in known and made.get(i) not in done)
        raise ModelError(f"{describe(node)}: its input {name!r} is made by no node (or the graph has a cycle)")
    for output in graph.output:
        if not output.name or (output.name not in made and output.name not in known):
            raise ModelError(f"output {output.name!r} is made by no node")
    return order


def needed(order: Sequence[onnx.NodeProto], outputs: Iterable[str]) -> list[onnx.NodeProto]:
    """Return those of the nodes, which are in order, that one of the tensors ``outputs`` depends on."""
    wanted, found = set(outputs), []
    for node in reversed(order):
        if wanted.intersection(o for o in node.output if o):
            wanted.update(node.input)
            found.append(node)
    return found[::-1]
