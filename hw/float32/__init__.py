"""Units of IEEE-754 single precision for the baseline."""
