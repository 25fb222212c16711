"""How codes become beats and words: the first code in the lowest bits."""

from collections.abc import Callable, Iterable

__all__ = ["beats", "channels_at_once", "check_lanes", "pack"]


def beats(length: int, lanes: int) -> int:
    """Return the beats that ``length`` codes take, the last one padded."""
    return -(-length // lanes)


def check_lanes(name: str, channels: int, lanes: int) -> None:
    """Check that beats of ``lanes`` codes end where a pixel's channels end.

    Raises
    ------
    ValueError
        With the stage's ``name``, if ``lanes`` do not divide ``channels``.
    """
    if channels % lanes:
        raise ValueError(f"{name}: lanes must divide its {channels} channels, not {lanes}")


def channels_at_once(channels: int, beats_of: Callable[[int], int], bound: int) -> int:
    """Return the fewest channels at a time, a divisor of all, whose beats a frame, ``beats_of(n)``, are at most
    ``bound``; all channels if there are none.
    """
    divisors = (n for n in range(1, channels + 1) if channels % n == 0)
    return next((n for n in divisors if beats_of(n) <= bound), channels)


def pack(words: Iterable[int], bits: int) -> int:
    """Return ``words`` as one integer, ``bits`` bits of each, the first word in the lowest bits."""
    total = 0
    for i, word in enumerate(words):
        total |= (int(word) & ((1 << bits) - 1)) << (i * bits)
    return total
