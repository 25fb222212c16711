"""What several tensors are functions of: an edge that all of them stand on, or that thresholds made their edges of."""

from collections.abc import Sequence

from fewbit.golden.network.pointwise import Threshold
from fewbit.golden.numbers.branching import Lookup
from fewbit.golden.numbers.elementwise import Chain

from .import_state import ImportState
from .tensors import Data

__all__ = ["origin"]


def origin(importer: ImportState, datas: Sequence[Data], *, through: bool) -> tuple[Data, list[Chain]] | None:
    """Return what all of ``datas`` are functions of, as far as it is the same, and what each of them is behind that.

    Parameters
    ----------
    importer : ImportState
    datas : sequence of Data
        They are at the same positions of their edges.
    through : bool
        Whether they may stand on different edges that thresholds make of one.

    Returns
    -------
    (Data, list of Chain) or None
        None where they are made of different edges.
    """
    paths = [_behind(importer, d) if through else {d.edge: d.chain} for d in datas]
    edge = next((e for e in paths[0] if all(e in path for path in paths)), None)
    if edge is None:
        return None
    chains = [path[edge] for path in paths]
    same = 0
    while all(len(c) > same and c[same] is chains[0][same] for c in chains):
        same += 1
    return Data(edge, datas[0].index, chains[0][:same]), [c[same:] for c in chains]


def _behind(importer: ImportState, data: Data) -> dict[str, Chain]:
    """Return the chains of data behind its own edge, and behind those that thresholds have made that of, nearest
    first."""
    nodes = {node.y: node for node in importer.result.nodes}
    edge, chain = data.edge, data.chain
    found = {edge: chain}
    while isinstance(node := nodes.get(edge), Threshold):
        edge, chain = node.x, (_as_operation(node), *chain)
        found[edge] = chain
    return found


def _as_operation(node: Threshold) -> Lookup:
    return Lookup.of(node.thresholds, node.table())
