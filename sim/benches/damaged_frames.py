"""The order of the frames that are sent to try damaged ones: good ones, and beside them short and long ones."""

from collections.abc import Sequence

__all__ = ["order_of"]

MOST = 6  # samples that are sent, at most


def order_of(frames: int, beats: Sequence[int]) -> list[tuple[str, int, int]]:
    """Return ``(kind, number, input)`` of each frame that is sent, where there are so many samples.

    A kind is ``good``, ``short`` or ``long``; a number is that of the sample; the input is the one whose part of the
    frame is of that kind, as they take turns. ``beats`` are those of a frame at each input; one beat cannot be short.
    """
    order = []
    for number in range(min(MOST, frames)):
        order.append(("good", number, 0))
        damaged = number // 2 % len(beats)
        if number % 2 == 0 and beats[damaged] > 1:
            order.append(("short", number, damaged))
        if number % 2:
            order.append(("long", number, damaged))
    return order
