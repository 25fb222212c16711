"""The integer network: its nodes, and their execution in NumPy."""
