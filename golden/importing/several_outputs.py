"""Several outputs: the hardware gives them one after the other, in one frame."""

from dataclasses import replace

import numpy as np

from fewbit.golden.network.graph import Output
from fewbit.golden.network.joins import Concat
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.elementwise import mapped

from .import_state import ImportState
from .quantized_joins import one_format

__all__ = ["gathered"]


def gathered(importer: ImportState, outputs: list[Output]) -> list[Output]:
    """Return the outputs on one edge, which joins those that they were on; they stay as they are if it was one."""
    names = list(dict.fromkeys(output.edge for output in outputs))
    if len(names) == 1:
        return outputs
    lengths = {name: importer.edge(name).length for name in names}
    starts = dict(zip(names, np.cumsum([0, *lengths.values()]).tolist(), strict=False))
    total = sum(lengths.values())
    parts = [_vector(importer, name) for name in names]
    parts, fmt = one_format(importer, parts)
    edge = importer.new("outputs")
    importer.add(Concat(edge, parts[0], edge, tuple(parts[1:]), fmt))

    def moved(output: Output) -> Output:
        """Return the output at its place on the new edge."""
        start, length = starts[output.edge], lengths[output.edge]

        def spread(parameter: np.ndarray) -> np.ndarray:
            if parameter.size == 1:
                return parameter
            whole = np.full(total, parameter[0], dtype=parameter.dtype)
            whole[start : start + length] = np.tile(parameter, length // parameter.size)
            return whole

        return replace(output, edge=edge, index=output.index + start, chain=mapped(output.chain, spread))

    return [moved(output) for output in outputs]


def _vector(importer: ImportState, edge: str) -> str:
    """Return the edge as one of a vector."""
    if not importer.edge(edge).size:
        return edge
    name = importer.new("view")
    return importer.add(View(name, edge, name))
