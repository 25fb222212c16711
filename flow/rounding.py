"""What rounding levels that are in no whole ratios changes, measured on samples: beside a network of many more bits."""

from golden.execute import run
from golden.importer import import_model
from golden.network import Rescale, Threshold

__all__ = ["PRECISE_BITS", "rounding_of"]

PRECISE_BITS = 20


def rounding_of(project, images, result):
    """Counts of what differs from `PRECISE_BITS` bits: dict of ``codes``, ``codes_changed``, ``labels_changed`` and
    ``samples``; ``None`` for a network that is exact.

    Codes are those of all quantizers behind products; a changed one changes what follows it too.
    """
    network = project.network
    if not network.notes:
        return None
    precise = import_model(project.model, project.input_option, output=project.output_option, precision=PRECISE_BITS)
    reference = run(precise, precise.encode(images.floats) if images.floats is not None else images.values)
    names = {n.y for n in network.nodes if isinstance(n, Threshold | Rescale)}
    edges, others = network.edges(), precise.edges()
    total = changed = 0
    for name in names & set(reference.edges):
        mine, theirs = (e[name].format.encode(r.edges[name]) for e, r in ((edges, result), (others, reference)))
        if mine.shape == theirs.shape:
            total, changed = total + mine.size, changed + int((mine != theirs).sum())
    labels = int((project.labels(result) != project.labels(reference)).sum())
    return {"codes": total, "codes_changed": changed, "labels_changed": labels, "samples": len(images)}
