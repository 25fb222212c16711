"""The order of the frames that are sent to try damaged ones: good ones, and beside them short and long ones."""

__all__ = ["order_of"]

MOST = 6  # samples that are sent, at most


def order_of(frames: int, beats: int) -> list[tuple[str, int]]:
    """Return ``(kind, number)`` of each frame that is sent, where there are so many samples of so many beats.

    A kind is ``good``, ``short`` or ``long``; a number is that of the sample.
    """
    order = []
    for number in range(min(MOST, frames)):
        order.append(("good", number))
        if number % 2 == 0 and beats > 1:
            order.append(("short", number))
        if number % 2:
            order.append(("long", number))
    return order
