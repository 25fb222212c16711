"""The generated Verilog of the examples, as digests: what must not change where nothing of the hardware does.

``python -m tests.support.emitted`` says what differs from ``tests/support/emitted.json``; with ``--write`` it records
anew. A change of the hardware records them in the commit that makes it, so that its history says which designs it
touched.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from fewbit.flow.folding.folding import default_folding, fold, least_cycles
from fewbit.flow.folding.layers import layers_of, slowest
from fewbit.flow.folding.search import with_dsps
from fewbit.flow.project.project import Project
from fewbit.hw.folding import Folding
from fewbit.hw.shell.verilog import emit, emit_ip
from fewbit.hw.targets.named import target_named

__all__ = ["CASES", "RECORD", "digest_of", "recorded"]

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
RECORD = HERE / "emitted.json"
TARGETS = ("portable", "xilinx", "ultrascale")
DSPS = 40


def _faster(network):
    """Return a folding of a quarter of the default one's cycles, or of as few as there can be."""
    cycles = slowest(layers_of(network), default_folding(network))
    return fold(network, max(least_cycles(network), cycles // 4))


FOLDINGS = {
    "default": default_folding,
    "faster": _faster,
    "dsps": lambda network: with_dsps(network, default_folding(network), DSPS),
}
MODELS = [f"{path.parent.name}/{path.stem}" for path in sorted(EXAMPLES.rglob("*.onnx"))]
CASES = [f"{model} {folding} {target}" for model in MODELS for folding in FOLDINGS for target in TARGETS]
CASES += [f"{model} ip {target}" for model in MODELS for target in TARGETS]


def digest_of(case):
    """Return the SHA-256 of the Verilog of one of `CASES`, in hex."""
    model, folding, target = case.split()
    project = Project(EXAMPLES / f"{model}.onnx", folding=Folding(), target=target_named(target))
    project.folding = FOLDINGS.get(folding, default_folding)(project.network)
    text = emit_ip(project.plan, project.registers) if folding == "ip" else emit(project.plan)
    return hashlib.sha256(text.encode()).hexdigest()


def recorded():
    return json.loads(RECORD.read_text())


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.support.emitted", description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="beginnings of cases; all without")
    parser.add_argument("--write", action="store_true", help="record what comes out")
    options = parser.parse_args()
    before = recorded() if RECORD.exists() else {}
    cases = [case for case in CASES if not options.only or case.startswith(tuple(options.only))]
    found = {}
    for case in cases:
        found[case] = digest_of(case)
        print(f"{case}: {'the same' if found[case] == before.get(case) else 'differs'}", flush=True)
    if options.write:
        RECORD.write_text(json.dumps({c: (before | found)[c] for c in CASES if c in before | found}, indent=1) + "\n")
    return int(not options.write and any(found[c] != before.get(c) for c in cases))


if __name__ == "__main__":
    sys.exit(main())
