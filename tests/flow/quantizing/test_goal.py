"""flow.quantizing.goal: which candidates are taken, of some whose order is known."""

from fewbit.flow.quantizing.goal import Goal, pareto
from fewbit.flow.quantizing.results import FormatCandidate, Measured


def candidate(luts, weight_bits, accuracy, noise=0.5):
    return FormatCandidate(formats={"a": f"{luts}"}, by="greedy", accuracy=accuracy, noise=noise, luts=luts, dsps=0,
                           bram18=0, weight_bits=weight_bits)  # fmt: skip


FLOATS = Measured(accuracy=0.9, noise=0.0)
SMALL, MIDDLE, WORSE, LARGE = (candidate(*c) for c in ((10, 9, 0.6), (20, 4, 0.8), (30, 8, 0.7), (40, 16, 0.9)))
ALL = [LARGE, WORSE, SMALL, MIDDLE]


def test_no_other_candidate_dominates_one_of_the_pareto_set():
    assert pareto(ALL, "luts") == [SMALL, MIDDLE, LARGE]
    assert pareto(ALL, "weight_bits") == [MIDDLE, LARGE]


def test_of_equals_the_one_of_least_noise_is_taken_and_a_retrained_one_last():
    quiet, loud, retrained = (candidate(10, 9, 0.6, noise) for noise in (0.1, 0.2, None))
    assert pareto([retrained, loud, quiet], "luts") == [quiet]
    assert Goal(luts=10).best([retrained, loud], FLOATS) is loud


def test_the_most_accurate_within_a_budget_and_the_cheapest_within_a_drop():
    assert Goal(luts=39).best(ALL, FLOATS) is MIDDLE
    assert Goal(bits=8).best(ALL, FLOATS) is MIDDLE
    assert Goal(luts=39, bits=3).best(ALL, FLOATS) is None
    assert Goal(drop=30).best(ALL, FLOATS) is SMALL
    assert Goal(drop=1).best(ALL, FLOATS) is LARGE


def test_training_is_tried_of_what_is_not_larger():
    assert Goal(luts=30).promising(ALL, FLOATS) == [WORSE, SMALL, MIDDLE]
    assert Goal(drop=11).promising(ALL, FLOATS) == [SMALL, MIDDLE]


def test_json_leaves_out_the_file_that_was_not_written():
    assert list(SMALL.to_dict()) == ["formats", "by", "accuracy", "noise", "luts", "dsps", "bram18", "weight_bits"]
    assert FormatCandidate.from_dict(SMALL.to_dict()) == SMALL
