"""Which frames are sent to try damaged ones: good ones, and beside them short and long ones."""

__all__ = ["order_of"]

MOST = 6


def order_of(frames, beats):
    """``(kind, number)`` of each frame sent, of so many samples of so many beats; kinds are good, short and long."""
    order = []
    for number in range(min(MOST, frames)):
        order.append(("good", number))
        if number % 2 == 0 and beats > 1:
            order.append(("short", number))
        if number % 2:
            order.append(("long", number))
    return order
