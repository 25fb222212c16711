"""Ten networks folded for four parts, each built and synthesized: within the limits, and as the estimate said?

``python -m bench.cost.by_part`` folds every network for every part, synthesizes what the chosen folding makes
(`flow.eda.synth`), keeps the figures in ``docs/benchmarks/by-part.json``, each as soon as it is there, and writes
``docs/by-part.md``. ``--only NETWORK`` measures one network again.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.markdown import table
from bench.networks.integer import IntegerNetwork, integer_mlp
from fewbit.flow.cache import atomic_write, digest
from fewbit.flow.eda.synth import synthesize
from fewbit.flow.folding.by_part import BestFolding, best_folding
from fewbit.flow.folding.limits import RESOURCES, FoldingLimits, limits_of
from fewbit.golden.importing.importer import import_model
from fewbit.golden.network.graph import Network
from fewbit.golden.network.spatial import View
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.folding import FoldingError
from fewbit.hw.shell.verilog import emit
from fewbit.hw.targets.named import USUAL
from fewbit.hw.targets.part_choice import find_part
from fewbit.hw.targets.part_list import built_in_parts
from fewbit.places import BUILD, HOME

__all__ = ["NETWORKS", "PARTS", "MeasuredFolding", "measured", "page"]

NETWORKS = ("digits/w1a1", "digits/w1a2", "digits/ternary", "digits/w4a4", "digits/w8a8", "digits-cnn/w1a1",
            "digits-cnn/w2a2", "mlp", "pools", "branches")  # fmt: skip
PARTS = {"XC7S15": 32.0, "XC7A35T": 11.0, "XC7Z020": 4.5, "XCK26": 2.0}
"""Parts, and the share of each in percent: so that a synthesis takes a minute, not an hour."""
KEPT, PAGE = HOME / "docs" / "benchmarks" / "by-part.json", HOME / "docs" / "by-part.md"
CLOSE = 0.10  # how far the estimate of LUTs may be off
EXACT = ("bram18", "uram", "dsp")


@dataclass(frozen=True, kw_only=True)
class MeasuredFolding:
    """A network folded for a part: cycles, the limits, what the estimate and what the synthesis says, by resource.

    ``refused`` is what the search said where nothing fits, and everything else is empty then.
    """

    network: str
    part: str
    cycles: int
    latency: int
    limits: dict[str, int]
    estimate: dict[str, int]
    found: dict[str, int]
    refused: str | None = None

    @property
    def within(self) -> bool:
        """Whether the synthesis keeps every limit."""
        return all(self.found[name] <= most for name, most in self.limits.items())

    @property
    def off(self) -> float:
        """By how much the estimate of LUTs is more than the synthesis, as a share of that."""
        return self.estimate["lut"] / self.found["lut"] - 1

    @property
    def exact(self) -> bool:
        """Whether block RAM, UltraRAM and DSPs are as estimated."""
        return all(self.estimate[name] == self.found[name] for name in EXACT)


def measured(network: str, part: str, share: float) -> MeasuredFolding:
    """Return the figures of one example in the fastest folding within a share of a part."""
    limits = limits_of(part=find_part(part, built_in_parts()), share=share, goal="fps")
    most = {name: limit.most for name, limit in limits.resources.items()}
    try:
        best = best_folding(_network(network), limits, USUAL)
    except FoldingError as error:
        return MeasuredFolding(network=network, part=part, cycles=0, latency=0, limits=most, estimate={}, found={},
                        refused=str(error))  # fmt: skip
    return MeasuredFolding(
        network=network, part=part, cycles=int(best.timing.interval), latency=best.timing.latency, limits=most,
        estimate=best.design.total.by_resource, found=_synthesized(best, limits),
    )  # fmt: skip


def _network(name: str) -> Network:
    if "/" in name:
        return import_model(HOME / "examples" / f"{name}.onnx")
    if name == "mlp":
        return integer_mlp(Signed(8), Signed(6, True), layers=(32, 24, 5), bits=6)
    if name == "pools":
        return _pools()
    net = IntegerNetwork("branches", (8, 8, 3), Unsigned(8))
    weights = Signed(3, True)
    net.conv(4, 3, weights)
    before = net.quantize(Unsigned(3))
    for _ in range(2):
        net.conv(4, 3, weights)
        net.quantize(Unsigned(3))
    net.add(before)
    net.quantize(Unsigned(3))
    net.average()
    net.quantize(Unsigned(3))
    net.dense(10, weights)
    return net.done()


def _pools() -> Network:
    """Return a network of two convolutions, a max pool behind each."""
    net, weights = IntegerNetwork("pools", (12, 12, 2), Unsigned(4)), Signed(2, True)
    for neurons in (6, 8):
        net.conv(neurons, 3, weights)
        net.quantize(Unsigned(2))
        net.max_pool(2, 2)
    net.then(View, ())
    net.dense(10, weights)
    return net.done()


def _synthesized(best: BestFolding, limits: FoldingLimits) -> dict[str, int]:
    """Return what the design of a folding takes by Yosys, by resource."""
    text = emit(best.plan)
    path = BUILD / "bench" / "by-part" / f"{digest(text)}.v"
    atomic_write(path, text)
    found = synthesize(path, "accelerator", family=limits.family)
    return {
        "lut": found.lut, "ff": found.ff, "lutram": found.lutram, "bram18": found.bram18 + 2 * found.bram36,
        "uram": found.uram, "dsp": found.dsp,
    }  # fmt: skip


def page(rows: Sequence[MeasuredFolding]) -> str:
    """Return the page as Markdown."""
    built = [row for row in rows if row.refused is None]
    lines = [
        [row.network, row.part, f"{row.cycles:,}", *(_pair(row, name) for name in RESOURCES), f"{row.off:+.1%}"]
        for row in built
    ]
    refused = "".join(f"- {row.network} on {row.part}: {row.refused}.\n" for row in rows if row.refused is not None)
    if refused:
        refused = f"\nNot built, as nothing fits, which is said before anything is built:\n\n{refused}"
    return TEXT.format(
        parts=", ".join(f"{share:g} % of {name}" for name, share in PARTS.items()), count=len(built),
        table=table(["network", "part", "cycles a frame", *RESOURCES.values(), "LUTs off by"], lines),
        within=sum(row.within for row in built), close=sum(abs(row.off) <= CLOSE for row in built),
        exact=sum(row.exact for row in built),
        refused=refused,
    )  # fmt: skip


def _pair(row: MeasuredFolding, name: str) -> str:
    most = row.limits.get(name)
    return f"{row.estimate[name]:,} / {row.found[name]:,}" + (f" of {most:,}" if most is not None else "")


TEXT = """# Folding by part, checked

`python -m bench.cost.by_part` folds for {parts}, for the most frames a second (`fewbit fold --part NAME --share P`),
builds what is chosen, and synthesizes it (Yosys, before place and route). Each cell is the estimate, what Yosys counts,
and the limit. Shares are small so that a synthesis takes moments; they are small for every resource alike. `branches`
is a residual block of two convolutions: it has forks, queues and a sum. `mlp` has three dense layers of 6-bit weights,
`pools` two convolutions with max pools. All three have random weights.

{table}

Of {count} designs, {within} are within every limit, {close} have LUTs within 10 % of the estimate, and {exact} have
block RAM, UltraRAM and DSPs exactly as estimated.
{refused}"""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost.by_part", description=__doc__)
    parser.add_argument("--only", choices=NETWORKS, help="measure this network again, and no other")
    parser.add_argument("--again", action="store_true", help="measure everything again")
    options = parser.parse_args(argv)
    kept = {} if options.again else _kept(KEPT)
    for network in NETWORKS:
        for part, share in PARTS.items():
            if (network, part) in kept and network != options.only:
                continue
            if options.only in (None, network):
                kept[network, part] = row = measured(network, part, share)
                print(f"bench: {row}", flush=True)
                atomic_write(KEPT, json.dumps([asdict(found) for found in kept.values()], indent=1) + "\n")
    order = [kept[n, p] for n in NETWORKS for p in PARTS if (n, p) in kept]
    atomic_write(PAGE, page(order))


def _kept(file: Path) -> dict[tuple[str, str], MeasuredFolding]:
    """Return what is kept in a file, by network and part."""
    if not file.is_file():
        return {}
    rows = (MeasuredFolding(**row) for row in json.loads(file.read_text(encoding="utf-8")))
    return {(row.network, row.part): row for row in rows}


if __name__ == "__main__":
    main()
