"""How time, memory and hardware grow with the network: ``docs/scale.md``."""
