"""The command line ``fewbit`` and its stages: build, run, sim, verilog, compare, train."""
