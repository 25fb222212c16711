"""Networks of random weights that benchmarks build."""
