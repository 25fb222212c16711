"""Windows in a pipeline: which unit makes them, and how wide; a node's reader says what it needs."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from fewbit.golden.network.dense import Dense, FloatDense
from fewbit.golden.network.graph import Edge, Network, Node, Output
from fewbit.golden.network.spatial import Largest, View, Windows
from fewbit.hw.layer.plan import LayerPlan
from fewbit.hw.memory.buffers import ultra_style

from .registry import stage_of
from .window_columns_plan import ColumnsPlan
from .window_plan import SlidingPlan, columns_first, simd_of_window

Kind = TypeVar("Kind", bound=SlidingPlan)

__all__ = ["layer_window", "window_plan", "windowed", "windows_of"]


def windows_of(network: Network) -> dict[str, Windows]:
    """Return the `Windows` node of an edge, by the edge's name, for all edges whose one reader makes the windows.

    A layer and a pool do, each as wide as it needs them. Of windows that anything else reads, or several nodes, there
    is a stage: zeros around an image in front of a quantizer, say.
    """
    found = {}
    for node in network.nodes:
        if isinstance(node, Windows) and _reader_makes_them(network, node.y, node.window.out_size):
            found[node.y] = node
        elif isinstance(node, View) and node.x in found:
            found[node.y] = found[node.x]  # several of them at a time
    return found


def _reader_makes_them(network: Network, edge: str, out_size: tuple[int, ...]) -> bool:
    readers = network.readers(edge)
    if len(readers) != 1:
        return False
    (reader,) = readers
    if isinstance(reader, View):  # for a layer that computes several at a time, with a group for each
        behind = network.readers(reader.y)
        return len(behind) == 1 and _computes_several(behind[0], reader.size, out_size)
    return isinstance(reader, Dense | FloatDense | Largest)


def _computes_several(reader: Node | Output, size: tuple[int, ...], out_size: tuple[int, ...]) -> bool:
    """Say whether a node reads ``out_size`` windows as an image of ``size``, with a group for each in a pixel."""
    if not isinstance(reader, Dense | FloatDense) or len(size) != 2:
        return False
    return reader.groups > 1 and (size[0], size[1] * reader.groups) == out_size


@stage_of(Windows)
def _(assembly, node):
    """Make nothing where the reader makes the windows; else a `SlidingWindow` of the fewest channels that keep up."""
    if node.y in assembly.windows:
        assembly.streams.rename(node.x, node.y)
        return
    group = assembly.edges[node.x].channels // node.groups

    def sliding(n: int) -> SlidingPlan:
        return window_plan(assembly.edges, node, SlidingPlan, lanes=n, blocks=node.groups, chunks=group // n)

    lanes = assembly.channels_at_once(group, lambda n: max(sliding(n).beats_in, sliding(n).beats_out))
    assembly.streams.publish(node.y, windowed(assembly, node, sliding(lanes), node.x))


@stage_of(View)
def _(assembly, node):
    """Make nothing: the stream stays as it is."""
    if node.x in assembly.windows:
        assembly.streams.rename(node.x, node.y)
    else:
        assembly.streams.publish(node.y, assembly.streams.take(node.x))


def window_plan(edges: Mapping[str, Edge], node: Windows, kind: type[Kind], **options: Any) -> Kind:
    """Return the plan of the class ``kind`` for a `Windows` node; ``options`` are what it takes besides formats."""
    x, y = edges[node.x], edges[node.y]
    pad = int(y.format.encode(np.array([node.pad]))[0]) if any(node.window.pads) else 0
    recode = None
    if x.format != y.format:
        recode = y.format.encode(x.format.decode(np.arange(2**x.format.bits))).tolist()
    return kind(
        window=node.window, channels=x.channels, bits=x.format.bits, out_bits=y.format.bits, pad_code=pad,
        recode=recode, **options,
    )  # fmt: skip


def layer_window(edges: Mapping[str, Edge], node: Windows, plan: LayerPlan) -> SlidingPlan:
    """Return the plan of a layer's window: of a tap a beat, or with a SIMD beyond the channels of several.

    Parameters
    ----------
    edges : dict of golden edges
    node : golden.network.spatial.Windows
        The window in front of the layer.
    plan : hw.layer.plan.LayerPlan

    Raises
    ------
    ValueError
        If the layer's SIMD is none that the window can have.
    """
    edge = edges[node.x]
    group = edge.channels // node.groups
    abreast = plan.parallel if node.groups == 1 else 1
    legal = simd_of_window(node, edge, parallel=plan.parallel > 1)
    if plan.simd not in legal:
        raise ValueError(f"{plan.name}: SIMD must be one of {', '.join(map(str, legal))}, not {plan.simd}")
    common = dict(pace=plan.cycles // plan.pixels)
    if plan.simd > group or abreast > 1:
        whole = columns_first(node, edge, plan.simd) is None
        return window_plan(edges, node, ColumnsPlan, whole=whole, abreast=abreast, **common)
    if plan.parallel > 1:
        shape = dict(lanes=plan.lanes_in, blocks=plan.vectors, chunks=1)
    else:
        shape = dict(lanes=plan.simd, blocks=node.groups, chunks=group // plan.simd)
    return window_plan(edges, node, SlidingPlan, **shape, **common)


def windowed(assembly: Any, node: Windows, plan: SlidingPlan, edge: str) -> Any:
    """Return the stream of windows, which the unit of ``plan`` makes of the stream of ``edge``.

    Parameters
    ----------
    assembly : hw.pipeline.assembly.Assembly
    node : golden.network.spatial.Windows
    plan : SlidingPlan
    edge : str

    Returns
    -------
    hw.pipeline.flows.Flow
    """
    streams = assembly.streams
    flow = streams.regrouped(streams.take(edge), plan.lanes_in, plan.channels)
    if assembly.ultra_ram and not isinstance(plan, ColumnsPlan):
        plan.ram = ultra_style(plan.bits * plan.lanes, plan.depth)
    lanes = plan.lanes_out
    return streams.stage(node.name, plan, flow, edge=assembly.edges[node.y], lanes=lanes, unit=lanes)
