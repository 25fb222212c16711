"""Networks whose trained numbers may be replaced: made so, and given those of another network of the same shape.

`loadable` marks layers; what hardware is made of then follows from formats alone. `given` puts the numbers of another
network, imported for itself, into a network that is marked, or says in one line why they do not go there.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, NoReturn

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge, Network, Node, Output
from fewbit.golden.network.joins import Add
from fewbit.golden.network.loadable import (
    LoadableAdd,
    LoadableDense,
    LoadableRescale,
    LoadableScore,
    LoadableThreshold,
)
from fewbit.golden.network.pointwise import Rescale, Score, Threshold, activation_behind
from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import Signed
from fewbit.golden.numbers.thresholds import find_thresholds, steps_of

__all__ = ["OtherShapeError", "given", "is_trained", "loadable"]

_MOST_LEVELS = 256  # of an activation that is searched for, whatever else it could be
_FACTOR_BITS = 16  # bits of a multiplier beside its sign: with it, one side of a DSP block
_SPARE = 3  # bits, at least, that other multipliers may be longer than those that the hardware was made with
_STEEPER = 2  # of these, those that are for steeper lines; the others are for longer shifts


class OtherShapeError(ValueError):
    """Trained numbers do not go where they are to be loaded; the message, one line, names the layer and the reason."""


def is_trained(layer: Dense) -> bool:
    """Say whether a layer's weights are trained numbers: not those of an average, which are all one number."""
    lo, hi = layer.weight_range
    return lo < hi


def loadable(network: Network, names: Collection[str]) -> Network:
    """Return the network with the weights of some layers, and the activations behind them, loadable.

    Where all layers with trained weights are, so are activations that stand on their own (behind the input, a pool or a
    sum) and the multipliers of sums. The network computes the same. What is loadable already stays as it is.

    Raises
    ------
    ValueError
        If a layer has no loadable form; the message names it.
    """
    edges, nodes = network.edges(), list(network.nodes)
    layers = [node for node in network.nodes if isinstance(node, Dense | FloatDense)]
    if all(node.name in names or isinstance(node, Dense) and not is_trained(node) for node in layers):
        behind = [activation_behind(network, layer) for layer in layers]
        nodes = [node if any(node is act for act in behind) else _alone(node, edges) for node in nodes]
    for number, node in enumerate(network.nodes):
        if node.name not in names or isinstance(node, LoadableDense):
            continue
        if isinstance(node, FloatDense):
            raise ValueError(f"{node.name}: weights of a float32 layer cannot be loadable; leave it fixed, or quantize "
                             "the model")  # fmt: skip
        if isinstance(node, Dense) and is_trained(node):
            nodes[number] = _layer(node)
        act = activation_behind(network, node)
        if act is not None:
            nodes[network.nodes.index(act)] = _activation(act, edges[act.x])
    return network.with_nodes(nodes)


def _layer(node: Dense) -> LoadableDense:
    return LoadableDense(node.name, node.x, node.y, node.weights, node.groups, held=node.weight_format.roomy)


def _activation(act: Node, edge: Edge) -> Node:
    """Return an activation behind a layer that gives ``edge``, in its loadable form."""
    if isinstance(act, LoadableThreshold | LoadableRescale | LoadableScore):
        return act
    common = (act.name, act.x, act.y)
    if isinstance(act, Score):
        bits = _bits_of(act.multiplier) + _SPARE
        return LoadableScore(*common, act.multiplier, act.addend, factor_bits=bits, held=_wider(act.out(edge).format))
    if isinstance(act, Rescale) and act.kink is None and act.ties is None and act.exceptions is None:
        spare = max(_SPARE, _FACTOR_BITS - _bits_of(act.multiplier))
        bits = _bits_of(act.multiplier) + spare
        line = LoadableRescale(
            *common, act.multiplier, act.addend, act.shift, act.format, act.clip, factor_bits=bits
        )  # fmt: skip
        return _shifted(line, act.shift + spare - _STEEPER)
    if isinstance(act, Rescale) and act.format.levels > _MOST_LEVELS:
        raise ValueError(f"{act.name}: an activation of {act.format.levels} levels that is no plain multiplication and "
                         "shift cannot be loadable; leave its layer fixed")  # fmt: skip
    assert isinstance(act, Threshold | Rescale)
    searched = act if isinstance(act, Threshold) else _searched(act, edge)
    most = None if _keeps_direction(searched) else searched.thresholds.shape[1]
    return LoadableThreshold(*common, searched.thresholds, searched.codes, searched.format, most=most)


def _alone(node: Node, edges: Mapping[str, Edge]) -> Node:
    """Return a node that is not part of a layer in its loadable form, if it has one."""
    if isinstance(node, Add) and not isinstance(node, LoadableAdd):
        bits = _bits_of(node.multipliers) + _SPARE
        return LoadableAdd(node.name, node.x, node.y, node.others, node.multipliers, factor_bits=bits)
    if not isinstance(node, Threshold | Rescale) or not edges[node.x].format.integral:
        return node
    act = _activation(node, edges[node.x])
    return replace(act, alike=len(act.thresholds) == 1) if isinstance(act, LoadableThreshold) else act


def _bits_of(numbers: np.ndarray) -> int:
    return max(1, int(np.abs(numbers).max(initial=0)).bit_length())


def _wider(fmt: Format) -> Format:
    """Return a format of one more bit, with a sign."""
    return Signed(fmt.bits + 1 + (not fmt.signed))


def _shifted(line: Rescale, shift: int) -> Any:
    """Return the same line with another shift, which is not less."""
    more = shift - line.shift
    return replace(line, multiplier=line.multiplier << more, addend=line.addend << more, shift=shift)


def _searched(act: Rescale, edge: Edge) -> Threshold:
    """Return the `Threshold` that gives the same codes on ``edge``."""
    thresholds, codes = find_thresholds(act.values, edge.lo, edge.hi, monotone=act.exceptions is None)
    regular = steps_of(thresholds, codes, edge.lo, edge.hi, act.format)
    if regular is not None:
        return Threshold(act.name, act.x, act.y, regular, None, act.format)
    return Threshold(act.name, act.x, act.y, thresholds, codes, act.format)


def _keeps_direction(act: Threshold) -> bool:
    """Say whether the codes of every channel rise, or fall, with its accumulator."""
    steps = np.diff(act.table(), axis=1)
    return bool(((steps >= 0).all(axis=1) | (steps <= 0).all(axis=1)).all())


# The numbers of another network


def given(network: Network, other: Network) -> Network:
    """Return ``network``, some of whose layers are `loadable`, with the trained numbers of ``other``.

    It has the structure of ``network`` in every respect, and computes what ``other`` does.

    Parameters
    ----------
    network : Network
        A network that `loadable` returned.
    other : Network
        A network as it is imported.

    Raises
    ------
    OtherShapeError
        If ``other`` is of another shape: what is loadable does not fit, or what is not loadable is not the same.
    """
    _check_inputs(network, other)
    edges = other.edges()
    names = dict(zip((i.edge for i in other.inputs), (i.edge for i in network.inputs), strict=True))
    behind, behind_other = _behind(network, network), _behind(network, other)
    nodes: list[Node] = []
    mine, others = (_pairable(n, acts) for n, acts in ((network, behind), (other, behind_other)))
    for node, its in zip(mine, others, strict=False):
        got = _renamed(its, names)
        names[its.y] = node.y
        if isinstance(node, LoadableDense):
            nodes.append(_weights(node, got))
        elif isinstance(node, LoadableAdd):
            nodes.append(_given_sum(node, got))
        elif isinstance(node, LoadableThreshold | LoadableRescale):
            nodes.append(_given_alone(node, got, edges[its.x]))
        elif type(node) is type(got):
            _check_same(node, got)
            nodes.append(node)
        else:
            _refuse(node.name, f"is {_kind(node)} here and {_kind(got)} in the other network")
        act, its_act = behind.get(node.name), behind_other.get(its.name)
        if act is not None:
            nodes.append(_given_activation(act, its_act, edges[its.y]))
        if act is not None and its_act is not None:
            names[its_act.y] = act.y
        elif its_act is not None:
            _refuse(node.name, "has no activation behind it here, and one in the other network")
    if len(mine) != len(others):
        raise OtherShapeError(f"the other network has {len(others)} layers and other operations, not {len(mine)}")
    ordered = {node.y: node for node in nodes}
    return replace(
        network, name=other.name, nodes=[ordered[node.y] for node in network.nodes],
        outputs=_outputs(network, other, names), notes=other.notes,
    )  # fmt: skip


def _refuse(name: str, reason: str) -> NoReturn:
    raise OtherShapeError(f"{name}: {reason}")


def _kind(node: Node) -> str:
    return type(node).__name__.removeprefix("Loadable")


def _check_inputs(network: Network, other: Network) -> None:
    if len(network.inputs) != len(other.inputs):
        raise OtherShapeError(f"the other network has {len(other.inputs)} inputs, not {len(network.inputs)}")
    for mine, its in zip(network.inputs, other.inputs, strict=True):
        for what in "shape", "format", "text":
            here, there = getattr(mine, what), getattr(its, what)
            if here != there:
                word = "declaration" if what == "text" else what
                raise OtherShapeError(f"input {mine.name}: the other network's {word} is {there}, not {here}")
        if not _equal(mine.order, its.order):
            raise OtherShapeError(f"input {mine.name}: the other network takes its values in another order")


def _behind(network: Network, of: Network) -> dict[str, Node]:
    """Return the activations of ``of`` behind layers that are loadable in ``network``, by the layer's name.

    Layers are known by their number, as names may differ.
    """
    layers = [[n for n in net.nodes if isinstance(n, Dense | FloatDense)] for net in (network, of)]
    found: dict[str, Node] = {}
    for mine, its in zip(*layers, strict=False):
        act = activation_behind(network, mine)
        marked = isinstance(mine, LoadableDense)
        marked |= isinstance(act, LoadableThreshold | LoadableRescale | LoadableScore)
        there = activation_behind(of, its) if marked else None
        if there is not None:
            found[its.name] = there
    return found


def _pairable(network: Network, behind: dict[str, Node]) -> list[Node]:
    """Return the nodes of a network but for activations that belong to a layer."""
    return [node for node in network.nodes if not any(node is act for act in behind.values())]


def _renamed(node: Node, names: dict[str, str]) -> Node:
    """Return a node that reads the edges that stand for its own."""
    for old in node.inputs:
        node = node.reading(old, "\0" + names.get(old, "?"))  # so that no name is replaced twice
    for new in node.inputs:
        node = node.reading(new, new.removeprefix("\0"))
    return node


def _weights(node: LoadableDense, got: Node) -> LoadableDense:
    if not isinstance(got, Dense):
        _refuse(node.name, f"is a layer of integers here and {_kind(got)} in the other network")
    if got.inputs != node.inputs:
        _refuse(node.name, "reads something else in the other network")
    if got.weights.shape != node.weights.shape or got.groups != node.groups:
        _refuse(node.name, f"has {_size(got)} in the other network, not {_size(node)}")
    try:
        node.held.encode(got.weights)
    except ValueError:
        _refuse(node.name, f"its weights here are of {node.held}, {node.held.lo} to {node.held.hi}, and the other "
                           f"network has {_not_held(node.held, got.weights)}")  # fmt: skip
    return replace(node, weights=got.weights)


def _not_held(held: Format, weights: np.ndarray) -> int:
    """Return a weight that a format does not hold."""
    return next(int(w) for w in np.unique(weights) if held.widened(int(w)) != held)


def _size(layer: Dense) -> str:
    groups = f" in {layer.groups} groups" if layer.groups > 1 else ""
    return f"{layer.weights.shape[1]} inputs and {len(layer.weights)} neurons{groups}"


def _check_same(node: Node, got: Node) -> None:
    """Refuse a node that is not loadable and not the same."""
    if node.inputs != got.inputs:
        _refuse(node.name, "reads something else in the other network")
    for f in fields(node):
        if f.name not in ("name", "x", "y", "second") and not _equal(getattr(node, f.name), getattr(got, f.name)):
            _refuse(node.name, f"is not loadable, and has other {f.name} in the other network")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return a is not None and b is not None and np.array_equal(a, b)
    return bool(a == b)


def _given_activation(act: Node, its: Node | None, edge: Edge) -> Node:
    """Return the activation ``act`` with the numbers of the other network's, which reads ``edge``."""
    if its is None:
        _refuse(act.name, "there is no activation there in the other network")
    common = (act.name, act.x, act.y)
    if isinstance(act, LoadableScore):
        return _given_score(act, its, edge)
    if isinstance(its, Score):
        _refuse(act.name, "is an activation here, and multiplies scores in the other network")
    assert isinstance(act, LoadableThreshold | LoadableRescale) and isinstance(its, Threshold | Rescale)
    if act.format != its.format:
        _refuse(act.name, f"gives codes of {its.format} in the other network, not of {act.format}")
    if isinstance(act, LoadableRescale):
        return _given_line(act, its)
    searched = _searched(its, edge) if isinstance(its, Rescale) else its
    if act.most is None and not _keeps_direction(searched):
        _refuse(act.name, "its codes rise, or fall, with the accumulator here, and do both in the other network")
    if act.most is not None and searched.thresholds.shape[1] > act.most:
        _refuse(act.name, f"has {searched.thresholds.shape[1]} thresholds in the other network, not {act.most} at most")
    return LoadableThreshold(*common, searched.thresholds, searched.codes, act.format, most=act.most)


def _given_alone(act: LoadableThreshold | LoadableRescale, got: Node, edge: Edge) -> Node:
    """Return an activation that stands on its own with the numbers of the other network's, which reads ``edge``."""
    if not isinstance(got, Threshold | Rescale):
        _refuse(act.name, f"is an activation here and {_kind(got)} in the other network")
    if got.inputs != act.inputs:
        _refuse(act.name, "reads something else in the other network")
    found = _given_activation(act, got, edge)
    if isinstance(found, LoadableThreshold) and isinstance(act, LoadableThreshold):
        if act.alike and (len(found.thresholds) > 1 or len(found.table()) > 1):
            _refuse(act.name, "is the same for all channels here, and not in the other network")
        found = replace(found, alike=act.alike)
    return found


def _given_sum(node: LoadableAdd, got: Node) -> LoadableAdd:
    if not isinstance(got, Add):
        _refuse(node.name, f"is a sum here and {_kind(got)} in the other network")
    if got.inputs != node.inputs:
        _refuse(node.name, "reads something else in the other network")
    bits = _bits_of(got.multipliers)
    if bits > node.factor_bits:
        _refuse(node.name, f"needs a multiplier of {bits} bits in the other network, of {node.factor_bits} at most")
    return replace(node, multipliers=got.multipliers)


def _given_line(act: LoadableRescale, its: Node) -> LoadableRescale:
    if not isinstance(its, Rescale):
        _refuse(act.name, "is a multiplication and shift here, and thresholds that are on no line in the other network")
    for what, words in (("kink", "rounds twice"), ("ties", "rounds halves to even"), ("exceptions", "has exceptions")):
        if getattr(its, what) is not None:
            _refuse(act.name, f"is a plain multiplication and shift here, and {words} in the other network")
    if its.shift > act.shift:
        _refuse(act.name, f"needs a shift by {its.shift} bits in the other network, of {act.shift} at most")
    line = replace(act, multiplier=its.multiplier, addend=its.addend, shift=its.shift, clip=its.clip)
    return _fitting(_shifted(line, act.shift))


def _given_score(act: LoadableScore, its: Node, edge: Edge) -> LoadableScore:
    if not isinstance(its, Score):
        _refuse(act.name, "multiplies scores here, and does something else in the other network")
    lo, hi = (int(pick(np.stack([its.out(edge).lo, its.out(edge).hi]))) for pick in (np.min, np.max))
    if lo < act.held.lo or hi > act.held.hi:
        _refuse(act.name, f"its scores are of {act.held} here, and {lo} to {hi} in the other network")
    return _fitting(replace(act, multiplier=its.multiplier, addend=its.addend))


def _fitting(act: Any) -> Any:
    """Return a line, or scores, whose multipliers are not too long."""
    bits = _bits_of(act.multiplier)
    if bits > act.factor_bits:
        _refuse(act.name, f"needs a multiplier of {bits} bits in the other network, of {act.factor_bits} at most")
    return act


def _outputs(network: Network, other: Network, names: dict[str, str]) -> list[Output]:
    if len(network.outputs) != len(other.outputs):
        raise OtherShapeError(f"the other network has {len(other.outputs)} outputs, not {len(network.outputs)}")
    return list(_same_outputs(network, other, names))


def _same_outputs(network: Network, other: Network, names: dict[str, str]) -> Iterator[Output]:
    for mine, its in zip(network.outputs, other.outputs, strict=True):
        same = names.get(its.edge) == mine.edge and np.array_equal(mine.index, its.index) and mine.scores == its.scores
        if not same or [name for name, _ in mine.closing] != [name for name, _ in its.closing]:
            raise OtherShapeError(
                f"output {mine.name}: the other network's is of another shape, or means something else"
            )
        yield replace(its, edge=mine.edge)
