"""Operators of model files, a family a file; each registers itself in `golden.importing.registry`."""
