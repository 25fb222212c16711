"""Max pools of functions that no integers of an edge have the order of: SiLU falls and rises.

The largest float of a window has no integer then. But the code of the largest is the largest code, as long as what
stands between the pool and a quantizer rises. So such a pool waits for its quantizer, which comes in front of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from fewbit.golden.model_file.file import ModelError
from fewbit.golden.network.graph import Edge, Network, Node

from .import_state import ImportState
from .tensors import Data

__all__ = ["DeferredPool", "check_none_is_left", "deferred_behind"]


@dataclass(frozen=True, eq=False)
class DeferredPool(Node):
    """A pool that has not been made yet. Nothing but a quantizer may read it, and then nobody does.

    Attributes
    ----------
    data : Data
        What it looks for the largest floats of, on the edge ``x``.
    size : tuple of int
        Height and width of its output.
    pooled : callable
        ``pooled(importer, data)`` appends the pool of ``data`` whose integers rise with its floats; returns its edge.
    where : str
        How an error names the pool.
    """

    data: Data
    size: tuple[int, ...]
    pooled: Callable[[ImportState, Data], str]
    where: str

    def out(self, x: Edge) -> Edge:
        return replace(x, size=self.size)


def deferred_behind(importer: ImportState, data: Data) -> DeferredPool | None:
    """Return the pool that waits for what quantizes ``data``, if it stands on the edge of one."""
    return next((n for n in importer.result.nodes if n.y == data.edge and isinstance(n, DeferredPool)), None)


def check_none_is_left(network: Network) -> None:
    """Check that nothing depends on a pool that still waits for its quantizer.

    Raises
    ------
    ModelError
        If something does.
    """
    needed = {output.edge for output in network.outputs}
    for node in reversed(network.nodes):
        if node.y in needed:
            needed.update(node.inputs)
            if isinstance(node, DeferredPool):
                raise ModelError(
                    f"{node.where}: it looks for the largest of a function that does not rise, so what follows must be "
                    "operations that rise, and a quantizer; put a quantizer in front of the pool"
                )
    kept = [node for node in network.nodes if not isinstance(node, DeferredPool)]
    network.nodes[:] = kept
