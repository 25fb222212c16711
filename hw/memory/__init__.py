"""Read-only memories, and where each of them costs least."""
