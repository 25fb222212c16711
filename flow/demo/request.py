"""What a program may send to the demo: a drawing, or the number of a sample, as JSON."""

import json
from typing import Any

from .drawing import PAD, checked

__all__ = ["parse_request"]

# How often some bytes may stand in a request; they are counted before anything is made of it: a list for each row and
# one around them, one object, and a comma between numbers.
MOST = {b"[": PAD + 1, b"{": 1, b",": PAD * PAD}


def parse_request(body: bytes) -> dict[str, Any]:
    """Return ``{"drawing": float64 (PAD, PAD)}`` or ``{"sample": int}``, as ``body`` says it in JSON.

    Raises
    ------
    ValueError
        If it says anything else.
    """
    if any(body.count(mark) > most for mark, most in MOST.items()):
        raise ValueError(f"A request holds one drawing, of {PAD} rows and columns, or the number of a sample")
    try:
        request = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise ValueError("A request must be JSON in UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"A request must be JSON: {error}") from None
    if type(request) is not dict or request.keys() not in ({"drawing"}, {"sample"}):
        raise ValueError("A request must hold either a drawing or the number of a sample")
    if "drawing" in request:
        return {"drawing": checked(request["drawing"])}
    if type(request["sample"]) is not int:
        raise ValueError("The number of a sample must be an integer")
    return request


def _refuse(name):
    raise ValueError(f"{name} is no number of JSON")
