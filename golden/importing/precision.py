"""How many bits the levels of non-uniform quantizers get where they are in no whole ratios.

The fewest at which no code and no label changes. Over all inputs that cannot be proved: nearly every sum of a product
is reachable, and some lies beside a threshold. It is measured, on random samples that are drawn from the whole of the
input's format, beside the same network of `PRECISE_BITS` bits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from fewbit.golden.network.execute import Result, run
from fewbit.golden.network.graph import Network
from fewbit.golden.network.pointwise import Rescale, Threshold

__all__ = ["PRECISE_BITS", "SAMPLES", "RoundingChanges", "changes", "compared_edges", "network_of_fewest_bits"]

PRECISE_BITS = 20
SAMPLES = 256
_CHOICE = range(8, 17)  # fewer save little in hardware, and take outputs further from the model's


@dataclass(frozen=True)
class RoundingChanges:
    """How many codes and labels rounded levels change on some samples.

    Attributes
    ----------
    codes : int
        Codes that were compared: those of all quantizers behind products.
    codes_changed : int
        Codes that differ; a changed one changes what follows it too.
    labels_changed : int
        Samples whose label differs.
    samples : int
        Samples that were compared.
    """

    codes: int
    codes_changed: int
    labels_changed: int
    samples: int

    def __str__(self) -> str:
        return f"{self.codes_changed} of {self.codes} codes and {self.labels_changed} of {self.samples} labels"


def network_of_fewest_bits(make: Callable[[int], Network]) -> Network:
    """Return the network, with a note that says how many bits its levels have and what they change.

    Parameters
    ----------
    make : callable
        ``make(bits)`` returns the `Network` with levels of so many bits, which says whether that rounds any of them.
    """
    network = make(_CHOICE[0])
    if not network.rounds_levels:
        return network
    precise = make(PRECISE_BITS)
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, given.format.levels, (SAMPLES, *given.shape)) for given in precise.inputs]
    reference = run(precise, _values(precise, drawn), keep=compared_edges(precise))

    def tried(bits: int) -> tuple[Network, RoundingChanges]:
        network = make(bits)
        result = run(network, _values(network, drawn), keep=compared_edges(network))
        return network, changes(network, result, precise, reference)

    def same(bits: int) -> bool:
        found = tried(bits)[1]
        return not (found.codes_changed or found.labels_changed)

    bits = next((bits for bits in _CHOICE[:-1] if same(bits)), _CHOICE[-1])
    network, found = tried(bits)
    network.notes.append(f"levels of {bits} bits: {found} of random samples change with them")
    return network


def _values(network: Network, drawn: Sequence[np.ndarray]) -> np.ndarray:
    """Return samples of a network: of each input the values of its format with the numbers ``drawn``, from 0 on."""
    formats = [given.format for given in network.inputs]
    return network.together(
        [fmt.values[d] if fmt.levels <= 1 << 16 else fmt.lo + d for fmt, d in zip(formats, drawn, strict=True)]
    )


def compared_edges(network: Network) -> set[str]:
    """Return the edges of codes that `changes` compares."""
    return {n.y for n in network.nodes if isinstance(n, Threshold | Rescale)}


def changes(network: Network, result: Result, precise: Network, reference: Result) -> RoundingChanges:
    """Return the `RoundingChanges` between two networks of one model.

    Parameters
    ----------
    network, precise : Network
        The networks of rounded levels, and of `PRECISE_BITS` bits.
    result, reference : golden.network.execute.Result
        What they give for the same samples, with the edges that `compared_edges` names.
    """
    edges, others = network.edges(), precise.edges()
    total = changed = 0
    for name in compared_edges(network) & set(reference.edges):
        mine, theirs = (e[name].format.encode(r.edges[name]) for e, r in ((edges, result), (others, reference)))
        if mine.shape == theirs.shape:
            total, changed = total + mine.size, changed + int((mine != theirs).sum())
    labels = int((result.labels != reference.labels).sum())
    return RoundingChanges(total, changed, labels, len(result.labels))
