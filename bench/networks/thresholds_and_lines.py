"""What stands behind the layers of a model: thresholds that are kept, lines, and exceptions of lines.

``python -m bench.networks.thresholds_and_lines build/mobilenetv2.onnx`` prints it for a model that
`bench.networks.quantized` wrote.
"""

import argparse
from pathlib import Path

from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.dense import Dense
from fewbit.golden.network.graph import Network
from fewbit.golden.network.pointwise import Rescale, Threshold

__all__ = ["described"]


def described(network: Network) -> list[str]:
    """Return a line for each kind of what is behind layers, with its bits."""
    edges, nodes = network.edges(), network.nodes
    kept = [n for n in nodes if isinstance(n, Threshold)]
    lines = [n for n in nodes if isinstance(n, Rescale)]
    some = [n for n in lines if n.exceptions is not None]
    exceptions = sum(0 if n.exceptions is None else len(n.exceptions) for n in some)
    spared = sum(len(n.multiplier) * (n.format.levels - 1) * edges[n.x].format.bits for n in some)
    bits = sum(n.thresholds.size * edges[n.x].format.bits for n in kept)
    weights = sum(n.weights.size * n.weight_format.bits for n in nodes if isinstance(n, Dense))
    return [
        f"weights: {weights / 1e6:.2f} Mbit",
        f"thresholds: {len(kept)} nodes, {bits / 1e6:.2f} Mbit",
        f"lines: {len(lines)} nodes, {len(some)} of them with {exceptions:,} exceptions in all",
        f"thresholds that those would have kept: {spared / 1e6:.2f} Mbit",
    ]


def main() -> None:
    """Print it for the model of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    print("\n".join(described(import_model(parser.parse_args().model))))


if __name__ == "__main__":
    main()
