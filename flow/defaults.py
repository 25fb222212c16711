"""What is taken where a user does not say: the one place for the command line, the Python API and what they call.

Defaults that belong to one thing stand beside it: those of targets in `hw.targets.named`, of a folding's goal in
`flow.commands.folding_options.FoldingGoal`. It imports nothing, so that the command line may read it as it starts.
"""

__all__ = [
    "ACTIVATION_BITS", "BAUD", "CLOCK_MHZ", "ECP5_DEVICE", "ECP5_SPEED", "ELEMENTS", "ELEMENT_LANES", "ELEMENT_STEPS",
    "FORMATS", "IP_RANDOM_SAMPLES", "IP_STALL", "LOAD_RANDOM_SAMPLES",
    "OTHER_BITS", "PERCENT", "PLACEMENT_SEED", "RANDOM_SAMPLES", "RANGE", "STALL_SEED", "STEPS", "SUM_BITS",
    "SYNTHESIS_PART", "TRIED_BITS", "WEIGHT_BITS",
]  # fmt: skip

# Quantization

WEIGHT_BITS = ACTIVATION_BITS = 4
SUM_BITS = 8
"""Bits of branches that a sum joins."""
OTHER_BITS = 8
"""Bits of all other layers, in a measurement of sensitivity."""
TRIED_BITS = "8,4,2,1"
FORMATS = "w8a8,w6a6,w4a4,w3a3,w2a2,w1a1"
"""Formats that a layer may have in a search."""
RANGE = "mse"
PERCENT = 99.9
STEPS = 2000
"""Steps of retraining."""

# Processing elements on their own

ELEMENTS = 8
ELEMENT_LANES = 64
ELEMENT_STEPS = 16

# Samples, where there are none

RANDOM_SAMPLES = 64
IP_RANDOM_SAMPLES = 32
LOAD_RANDOM_SAMPLES = 12
"""Of a simulation that loads other weights between frames."""

# Simulation

CLOCK_MHZ = 200.0
STALL_SEED = 1
IP_STALL = 0.3

# Synthesis, placement, boards

BAUD = 1_000_000
"""Rate of a board's serial port."""

SYNTHESIS_PART = "xc7a35t"
ECP5_DEVICE = "ecp5-85k"
ECP5_SPEED = 8
PLACEMENT_SEED = 1
