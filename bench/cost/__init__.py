"""What a multiplication costs in every format: ``docs/cost.md``."""
