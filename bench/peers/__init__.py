"""Other tools on the same networks."""
