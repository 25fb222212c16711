# amaranth: UnusedElaboratable=no
"""The quick part of the sweep, the seeds that are kept, and that what is wrong is seen."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.sweep import run
from tests.sweep.case import ARRAYS, KINDS, TARGETS, TURNS, case_of, kind_of, target_of, varied
from tests.sweep.page import write_page

KEPT = json.loads((Path(__file__).parent / "kept.json").read_text())
QUICK = [k for k in KEPT if not k.get("slow")]


FROM = 858  # seeds from here on are of units that are quickly built


def first_of(kind, target):
    return run.seeds_of(FROM, 1, kind, target)[0]


@pytest.mark.tools
def test_kept_seeds_and_one_of_every_kind_for_every_target(scratch):
    """Equal to golden, and to the cycle model, in one build."""
    kept, firsts = [k["seed"] for k in QUICK], [first_of(*pair) for pair in product(KINDS, TARGETS)]
    whole = next(s for s in run.seeds_of(FROM, 40, "plain") if "Whole" in case_of(s).features)
    found = run.sweep_batch([*kept, *firsts, whole], scratch / "sweep")
    assert [f for f in found if f["wrong"]] == []
    assert {(f["kind"], f["target"]) for f in found} == set(product(KINDS, TARGETS))
    assert sum(f["codes"] for f in found) > 3000
    for f, k in zip(found, QUICK, strict=False):  # or what is drawn has changed, and another seed must be kept
        assert f["words"].startswith(k["words"]), k
    features = {x for f in found for x in f["features"]}
    assert {"Search", "Affine", "Sign", "Whole", "Combine", "FloatRelu", "Largest", "Add"} <= features


@pytest.mark.tools
@pytest.mark.slow
def test_more_of_it(scratch):
    """A turn of each target, and what of the kept seeds takes long."""
    seeds = [k["seed"] for k in KEPT if k.get("slow")] + run.seeds_of(5000, 3 * len(TURNS))
    found = run.sweep_batch(seeds, scratch / "sweep")
    assert [f for f in found if f["wrong"]] == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_follows_from_its_seed(kind):
    seed = first_of(kind, TARGETS[1])
    one, other = case_of(seed), case_of(seed)
    assert (one.words, one.kind, one.target) == (other.words, kind, TARGETS[1])
    assert (one.expected == other.expected).all() and one.payloads(0) == other.payloads(0)
    assert (one.stalls.offers == other.stalls.offers).all() and (one.stalls.takes == other.stalls.takes).all()


def test_kinds_and_targets_take_turns():
    seeds = range(len(TURNS) * len(TARGETS))
    assert {(kind_of(s), target_of(s)) for s in seeds} == set(product(KINDS, TARGETS))
    assert sum(kind_of(s) in ARRAYS for s in seeds) > 0.85 * len(seeds)


def test_what_gives_nearly_always_the_same_is_not_compared():
    assert varied(np.array([0, 1] * 8)) and varied(np.arange(12) % 3)
    assert not varied(np.zeros(20)) and not varied(np.array([0] * 14 + [1] * 2)) and not varied(np.arange(4))


class Events:
    """What a unit that is right would do, to be changed."""

    def __init__(self, seed):
        self.unit = case_of(seed)
        self.unit.predict()
        self.taken, self.given = [list(t) for t in self.unit.taken], list(self.unit.given)
        bits = self.unit.out_bits
        rows = np.where(self.unit.expected < 0, 0, self.unit.expected).tolist()
        self.payloads = [sum(code << k * bits for k, code in enumerate(row)) for row in rows]

    @property
    def differences(self):
        return self.unit.differences(self.taken, self.given, self.payloads)


@pytest.mark.parametrize("seed", [first_of(kind, TARGETS[0]) for kind in ("plain", "float32", "add")])
def test_what_is_wrong_is_seen(seed):
    assert Events(seed).differences == []
    code = Events(seed)
    code.payloads[3] ^= 1
    assert len(code.differences) == 1 and code.differences[0].startswith("1 codes, the first in lane 0 of beat 3: ")
    late = Events(seed)
    late.given[2] += 1
    assert late.differences == [f"o: beat 2 in cycle {late.given[2]}, not {late.given[2] - 1}"]
    early = Events(seed)
    early.taken[0][1] -= 1
    assert len(early.differences) == 1 and ": beat 1 in cycle" in early.differences[0]
    lost = Events(seed)
    for events in lost.given, lost.payloads:
        events.pop()
    assert lost.differences == [f"{len(lost.given)} beats of {len(lost.given) + 1}"]
    more = Events(seed)
    more.given.append(more.given[-1] + 5)
    more.payloads.append(0)
    assert more.differences == [f"{len(more.given)} beats of {len(more.given) - 1}"]


def test_padding_may_be_anything():
    seed = next(s for s in range(FROM, FROM + 300) if kind_of(s) == "plain" and (case_of(s).expected < 0).any())
    events = Events(seed)
    beat, lane = np.argwhere(events.unit.expected < 0)[0]
    events.payloads[beat] ^= 1 << lane * events.unit.out_bits
    assert events.differences == []


def test_an_error_is_told_with_its_seed(monkeypatch, scratch):
    def compare(units, folder):
        if any(unit.kind == "pool" for unit in units):
            raise ValueError("no pools today")
        return [[] for _ in units]

    monkeypatch.setattr(run, "compare", compare)
    monkeypatch.setattr(run, "FOLDER", scratch)
    seeds = [first_of(kind, TARGETS[2]) for kind in ("pool", "add", "plain")]
    found = run.sweep_batch(seeds)
    assert [f["seed"] for f in found] == seeds
    assert [f["wrong"] for f in found] == [["ValueError: no pools today"], [], []]


def test_the_command(monkeypatch, scratch, capsys):
    """Seeds that fail are printed and kept, and the page says how many there were."""
    fine = dict(kind="plain", target="xilinx", words="a layer", features=["Sign"], codes=9, pe=2, simd=3, groups=1)
    wrong = fine | dict(kind="pool", pe=None, simd=None, groups=None, wrong=["2 beats of 3"])
    made = [fine | dict(seed=0, wrong=[]), wrong | dict(seed=1)]
    monkeypatch.setattr(run, "FOLDER", scratch)
    monkeypatch.setattr(run, "sweep", lambda seeds, workers, tell: tell(made) or made)
    assert run.main(["--count", "2"]) == 1
    out = capsys.readouterr().out
    assert "seed 1: pool, xilinx, a layer: 2 beats of 3\n2 of 2 units, 1 arrays, 1 not equal to golden" in out
    assert (scratch / "failed.txt").read_text() == "1\n"
    assert [json.loads(line)["seed"] for line in (scratch / "found.jsonl").read_text().splitlines()] == [0, 1]
    write_page(scratch / "sweep.md", made, 5, "make fuzz")
    page = (scratch / "sweep.md").read_text()
    assert "**1 arrays and 1 other units; 18 codes\ncompared; 1 units not equal.**" in page
    assert "| 1 | 0 | 0 | 0 |" in page and "| 1 | 0 | 0 | 1 |" in page


@pytest.mark.parametrize(
    "arguments", [["--count", "0"], ["--first", "-1"], ["--kind", "any"], ["--what"], ["--coun", "3"]]
)
def test_arguments_that_are_none(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        run.main(arguments)
    assert ended.value.code == 2 and "error: " in capsys.readouterr().err


def test_one_kind_alone():
    seeds = run.seeds_of(10, 4, "dsp", "portable")
    assert {(kind_of(s), target_of(s)) for s in seeds} == {("dsp", "portable")} and seeds[0] >= 10
