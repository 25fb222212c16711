"""How codes become beats and words: the first code in the lowest bits."""

__all__ = ["beats", "check_lanes", "pack"]


def beats(length, lanes):
    """Return the beats that ``length`` codes take, the last one padded."""
    return -(-length // lanes)


def check_lanes(name, channels, lanes):
    """Check that beats of so many lanes end with a pixel's channels.

    Raises
    ------
    ValueError
        With the stage's ``name``, if ``lanes`` do not divide ``channels``.
    """
    if channels % lanes:
        raise ValueError(f"{name}: lanes must divide its {channels} channels, not {lanes}")


def pack(words, bits):
    """Return ``words`` as one integer, the first in the lowest bits."""
    total = 0
    for i, word in enumerate(words):
        total |= (int(word) & ((1 << bits) - 1)) << (i * bits)
    return total
