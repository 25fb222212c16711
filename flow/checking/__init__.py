"""Golden beside the reference of a model's own world, sample by sample, and how much of what differs are ties."""
