"""Names of the network's nodes: those that the model gives its own, made short and safe for every file and tool.

A layer is called after the operator whose weights it has; what else that operator becomes (windows, a padding) has the
kind behind it. An operator without a name is called by its kind and its number among those of its kind, as ``Conv_3``.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Network, Node

__all__ = ["MOST_LETTERS", "OperatorNames", "short_name", "with_model_names"]

MOST_LETTERS = 24
"""Letters that a name of the model keeps."""
_WORD = re.compile(r"[A-Za-z0-9]+")
# Words of Verilog and SystemVerilog, as far as a model may use them, and the names of what stands beside the stages.
_RESERVED = """
    always and assert assign assume automatic before begin bind bins bit break buf byte case cell chandle checker
    class clk clock config const constraint context continue cover cross deassign default define design disable do
    edge else end enum event expect export extends extern final first for force foreach forever fork function generate
    global highz0 highz1 i if iff ifnone import include initial inout input inside instance int integer interface
    intersect join large let liblist library local logic longint macromodule matches medium modport module nand
    negedge new nor not null o or output package packed parameter posedge primitive priority program property
    protected pull0 pull1 pure rand randc randcase real realtime ref reg release repeat restrict return rst scalared
    sequence shortint shortreal signed small solve specify specparam static string strong strong0 strong1 struct super
    supply0 supply1 sync table tagged task this throughout time timeprecision timeunit tran tri tri0 tri1 triand trior
    trireg type typedef union unique unsigned until use uwire var vectored virtual void wait wand weak weak0 weak1
    while wildcard wire with within wor xnor xor load stalls weights
"""
_TAKEN = frozenset(_RESERVED.split())
_STAGES = re.compile(r"(gearbox|queue|fork|tile|device\d+)(_|\d|$)", re.IGNORECASE)  # what the hardware adds to nodes


class OperatorNames:
    """The names of a file's operators, in their order."""

    def __init__(self):
        self._counts: Counter[str] = Counter()

    def next(self, operator: str, name: str = "") -> tuple[str, str]:
        """Return the name of the next operator, and its kind; without a ``name`` of its own it gets a number."""
        number = self._counts[operator]
        self._counts[operator] += 1
        return name or f"{operator}_{number}", operator


def short_name(name: str, operator: str) -> str:
    """Return a name of the model as letters, digits and single underscores, at most `MOST_LETTERS` of them.

    What exporters add is left out: ``/layer1/layer1.0/conv1/Conv`` is ``layer1_0_conv1``. Of long ones the end stays.
    """
    segments: list[str] = []
    for segment in filter(None, name.split(";")[0].split("/")):
        if segments and segment.startswith(f"{segments[-1]}."):
            segments.pop()
        segments.append(segment)
    if len(segments) > 1 and segments[-1] == operator:
        segments.pop()
    words = [word for segment in segments for word in _WORD.findall(segment)]
    while len(words) > 1 and len("_".join(words)) > MOST_LETTERS:
        words.pop(0)
    text = "_".join(words)[:MOST_LETTERS] or "_".join(_WORD.findall(operator))[:MOST_LETTERS] or "node"
    if text[0].isdigit():
        text = f"n{text}"[:MOST_LETTERS]
    return f"{text}_0" if text.lower() in _TAKEN or _STAGES.match(text) else text


def with_model_names(network: Network) -> Network:
    """Return the network with nodes, and the edges that they make, called after the operators that they come from.

    Nodes whose origin is not known keep their names.
    """
    names = _names(network)
    edges = {node.y: names[node.name] for node in network.nodes}
    nodes = [_renamed(node, names, edges) for node in network.nodes]
    return replace(
        network,
        nodes=nodes,
        outputs=[replace(output, edge=edges.get(output.edge, output.edge)) for output in network.outputs],
        origins={
            names[node.name]: network.origins[node.name] for node in network.nodes if node.name in network.origins
        },
    )


def _renamed(node: Node, names: dict[str, str], edges: dict[str, str]) -> Node:
    """Return a node with its new name, which makes and reads edges of new names."""
    read = [edge for edge in dict.fromkeys(node.inputs) if edge in edges]
    for edge in read:  # a new name may be the old one of another edge
        node = node.reading(edge, f"/{edge}")
    for edge in read:
        node = node.reading(f"/{edge}", edges[edge])
    return replace(node, name=names[node.name], y=edges[node.y])


def _names(network: Network) -> dict[str, str]:
    """Return the new name of every node by its old one: operators get theirs first, then those with a kind behind."""
    found = {node.name: node.name for node in network.nodes if node.name not in network.origins}
    used = {name.lower() for name in (*found, *(given.edge for given in network.inputs))}
    groups: dict[tuple[str, str], list[Node]] = {}
    for node in network.nodes:
        if node.name in network.origins:
            origin = network.origins[node.name]
            groups.setdefault((origin.name, origin.operator), []).append(node)
    stems: dict[str, str] = {}
    for origin_of, nodes in groups.items():
        main = next((n for n in nodes if isinstance(n, Dense | FloatDense)), nodes[-1])
        found[main.name] = stem = _free(short_name(*origin_of), used)
        stems |= {node.name: stem for node in nodes if node is not main}
    for name, stem in stems.items():
        found[name] = _free(f"{stem}_{name.rstrip('0123456789')}", used)
    return found


def _free(name: str, used: set[str]) -> str:
    """Return the name, with the least number behind it that makes it none of those ``used``, and take it."""
    found = next(one for one in _numbered(name) if one.lower() not in used)
    used.add(found.lower())
    return found


def _numbered(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}_{number}" for number in count(2))
