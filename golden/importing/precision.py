"""How many bits the levels of non-uniform quantizers get where they are in no whole ratios.

The fewest at which no code and no label changes. Over all inputs that cannot be proved: nearly every sum of a product
is reachable, and some lies beside a threshold. It is measured, on random samples that are drawn from the whole of the
input's format, beside the same network of `PRECISE_BITS` bits.
"""

import numpy as np

from fewbit.golden.network.execute import run
from fewbit.golden.network.pointwise import Rescale, Threshold

__all__ = ["PRECISE_BITS", "SAMPLES", "changes", "network_of_fewest_bits"]

PRECISE_BITS = 20
SAMPLES = 256
_CHOICE = range(8, 17)  # fewer save little in hardware, and take outputs further from the model's


def network_of_fewest_bits(make):
    """The network, with a note that says how many bits its levels have and what they change.

    Parameters
    ----------
    make : callable
        ``make(bits)`` is the `Network` with levels of so many bits, and has notes if that rounds any of them.
    """
    network = make(_CHOICE[0])
    if not network.notes:
        return network
    precise = make(PRECISE_BITS)
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, precise.input_format.levels, (SAMPLES, *precise.input_shape))
    reference = run(precise, _values(precise, drawn))

    def tried(bits):
        network = make(bits)
        return network, changes(network, run(network, _values(network, drawn)), precise, reference)

    def same(bits):
        found = tried(bits)[1]
        return not (found["codes_changed"] or found["labels_changed"])

    bits = next((bits for bits in _CHOICE[:-1] if same(bits)), _CHOICE[-1])
    network, found = tried(bits)
    counts = "{codes_changed} of {codes} codes and {labels_changed} of {samples} labels".format(**found)
    network.notes.append(f"levels of {bits} bits: {counts} of random samples change with them")
    return network


def _values(network, drawn):
    """Inputs of a network: the values of its input format with these numbers."""
    fmt = network.input_format
    return fmt.values[drawn] if fmt.levels <= 1 << 16 else fmt.lo + drawn


def changes(network, result, precise, reference):
    """Counts of what differs between the results of two networks of one model: dict of ``codes``, ``codes_changed``,
    ``labels_changed`` and ``samples``.

    Codes are those of all quantizers behind products; a changed one changes what follows it too.
    """
    names = {n.y for n in network.nodes if isinstance(n, Threshold | Rescale)}
    edges, others = network.edges(), precise.edges()
    total = changed = 0
    for name in names & set(reference.edges):
        mine, theirs = (e[name].format.encode(r.edges[name]) for e, r in ((edges, result), (others, reference)))
        if mine.shape == theirs.shape:
            total, changed = total + mine.size, changed + int((mine != theirs).sum())
    labels = int((result.labels != reference.labels).sum())
    return {"codes": total, "codes_changed": changed, "labels_changed": labels, "samples": len(result.labels)}
