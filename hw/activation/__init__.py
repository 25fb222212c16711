"""What stands behind an array: from accumulators to codes."""
