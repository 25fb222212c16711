"""Results become JSON and come back from it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fewbit.flow.results import JsonResult, flat, key, maybe, or_empty


@dataclass(frozen=True, kw_only=True)
class Inner(JsonResult):
    count: int
    source: str = key("from")


@dataclass(frozen=True, kw_only=True)
class Outer(JsonResult):
    name: str
    inner: Inner = flat()
    path: Path
    rows: list[Inner]
    by_name: dict[str, Inner]
    nothing: Inner | None
    waves: Path | None = maybe()
    last: int = 1
    inside: Inner | None = or_empty()


OUTER = Outer(
    name="a", inner=Inner(count=1, source="x"), path=Path("b/c"), rows=[Inner(count=2, source="y")],
    by_name={"z": Inner(count=3, source="z")}, nothing=None,
)  # fmt: skip


def test_keys_come_in_the_order_of_the_fields():
    found = OUTER.to_dict()
    assert list(found) == ["name", "count", "from", "path", "rows", "by_name", "nothing", "last", "inside"]
    assert found["rows"] == [{"count": 2, "from": "y"}] and found["path"] == "b/c" and found["nothing"] is None


def test_json_gives_the_result_again():
    again = Outer.from_dict(OUTER.to_dict())
    assert again == OUTER and again.waves is None
    with pytest.raises(KeyError, match="from"):
        Inner.from_dict({"count": 1})


def test_nothing_can_be_an_empty_dict():
    assert OUTER.to_dict()["inside"] == {} and Outer.from_dict(OUTER.to_dict()).inside is None
    full = Outer(**{**OUTER.__dict__, "inside": Inner(count=4, source="w")})
    assert full.to_dict()["inside"] == {"count": 4, "from": "w"} and Outer.from_dict(full.to_dict()) == full


def test_arrays_and_numbers_of_numpy_are_plain():
    found = Outer(**{**OUTER.__dict__, "name": np.arange(3), "last": np.int64(7)}).to_dict()
    assert found["name"] == [0, 1, 2] and type(found["last"]) is int
