"""How codes become beats and words: the first code in the lowest bits."""

__all__ = ["beats", "pack"]


def beats(length, lanes):
    """Return the beats that ``length`` codes take, the last one padded."""
    return -(-length // lanes)


def pack(words, bits):
    """Return ``words`` as one integer, the first in the lowest bits."""
    total = 0
    for i, word in enumerate(words):
        total |= (int(word) & ((1 << bits) - 1)) << (i * bits)
    return total
