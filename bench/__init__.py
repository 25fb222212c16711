"""Benchmarks: what is measured, and written into pages of ``docs/``, such as by ``make bench``."""
