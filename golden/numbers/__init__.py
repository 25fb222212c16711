"""Numbers: what an integer code means, how weights and inputs are written, and functions of one number."""
