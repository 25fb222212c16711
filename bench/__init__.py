"""Benchmarks: what the steps from a model to a verified frame take. ``make bench`` runs them."""
