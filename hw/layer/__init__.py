"""A folded layer: its numbers, the way its products are made, and the matrix-vector unit."""
