"""References, a file a kind of model file; each registers itself."""
