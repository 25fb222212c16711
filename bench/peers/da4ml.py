"""A script for da4ml's own Python, which makes Verilog of a `bench.networks.peers.PeerNetwork`.

Its command line is ``python da4ml.py NETWORK.npz FOLDER CUTOFF``.

The npz holds ``bits``, ``shifts``, ``w0..``, ``b0..``, and ``x`` to be run. One-bit values go in as 0 and 1, so that a
sum is twice that of the bits less that of the weights; the threshold takes that in. It prints JSON: seconds from the
arrays to Verilog, stages, the sums of ``x`` by da4ml's own bit-exact interpreter, and by Verilator on the Verilog.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from da4ml.codegen import RTLModel
from da4ml.trace import FixedVariableArray, HWConfig, comb_trace
from da4ml.trace.ops import quantize


def build(x, bits, weights, biases, shifts):
    """Return the ten sums as da4ml's symbols, of inputs that are symbols too."""
    for w, b, shift in zip(weights[:-1], biases, shifts, strict=True):
        if bits == 1:
            x = x @ w >= np.ceil((w.sum(axis=0) - b) / 2)
        else:
            x = quantize((x @ w + b) * 2.0**-shift, 0, bits, 0, "SAT", "TRN")
    return x @ weights[-1] * 2 - weights[-1].sum(axis=0) if bits == 1 else x @ weights[-1]


def main():
    given, folder, cutoff = np.load(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
    bits, shifts = int(given["bits"]), given["shifts"].tolist()
    weights = [given[f"w{k}"].astype(float) for k in range(len(shifts) + 1)]
    biases = [given[f"b{k}"].astype(float) for k in range(len(shifts))]
    begin = time.perf_counter()
    ones = np.ones(len(weights[0]), dtype=int)
    x = FixedVariableArray.from_kif(0 * ones, bits * ones, 0 * ones, hwconf=HWConfig(1, -1, -1))
    logic = comb_trace(x, build(x, bits, weights, biases, shifts))
    model = RTLModel(logic, "network", folder, flavor="verilog", latency_cutoff=cutoff, print_latency=False)
    model.write()
    seconds = time.perf_counter() - begin
    codes = (given["x"] > 0).astype(float) if bits == 1 else given["x"].astype(float)
    result = {"seconds": seconds, "stages": len(model._pipe.solutions), "sums": logic.predict(codes).tolist()}
    model.compile()
    result["verilog_sums"] = model.predict(codes).tolist()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
