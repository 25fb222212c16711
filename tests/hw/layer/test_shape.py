"""The shape of a folded layer: computed by hand, and against what its definition says of it."""

import numpy as np
import pytest

from fewbit.hw.layer.shape import LayerShape, legal_together


def shape(pe, simd, *, pixels=1, groups=1, group_neurons=10, inputs=12, legal_abreast=(1,)):
    return LayerShape(
        name="layer", pixels=pixels, groups=groups, group_neurons=group_neurons, inputs=inputs, pe=pe, simd=simd,
        legal_abreast=legal_abreast,
    )  # fmt: skip


def numbers(found, names):
    return {name: getattr(found, name) for name in names.split()}


def test_a_layer_that_is_not_divided():
    """Rows of 4, 4 and 2 of 10 neurons; steps of 5, 5 and 2 of 12 inputs: a row has two beats of two lanes."""
    found = shape(4, 5)
    assert numbers(found, "together parallel abreast vectors neurons lanes_in") == dict(
        together=1, parallel=1, abreast=1, vectors=1, neurons=10, lanes_in=5
    )
    assert numbers(found, "steps rows words cycles lanes row_beats beats_out last_row_beats places") == dict(
        steps=3, rows=3, words=9, cycles=9, lanes=2, row_beats=2, beats_out=5, last_row_beats=1, places=6
    )


def test_groups_one_after_the_other():
    found = shape(2, 3, pixels=7, groups=4, group_neurons=3, inputs=6)
    assert numbers(found, "parallel vectors neurons lanes_in steps rows words cycles") == dict(
        parallel=1, vectors=4, neurons=3, lanes_in=3, steps=2, rows=2, words=16, cycles=7 * 16
    )
    assert (found.lanes, found.row_beats, found.beats_out, found.last_row_beats, found.places) == (1, 2, 3, 1, 16)


def test_several_groups_at_a_time():
    found = shape(6, 3, pixels=7, groups=4, group_neurons=3, inputs=6)
    assert numbers(found, "together parallel abreast vectors neurons lanes_in rows words cycles") == dict(
        together=2, parallel=2, abreast=1, vectors=2, neurons=6, lanes_in=6, rows=1, words=4, cycles=7 * 4
    )


def test_several_pixels_at_a_time():
    found = shape(20, 12, pixels=6, legal_abreast=(1, 2, 3))
    assert numbers(found, "together parallel abreast vectors neurons lanes_in rows words cycles") == dict(
        together=2, parallel=1, abreast=2, vectors=1, neurons=20, lanes_in=24, rows=1, words=1, cycles=3
    )


@pytest.mark.parametrize("seed", range(50))
def test_what_holds_of_every_shape(seed):
    rng = np.random.default_rng([12, seed])
    groups, group, inputs = (int(n) for n in rng.integers(1, [7, 12, 20]))
    together = int(rng.choice(legal_together(groups, (1, 2, 5))))
    pe = group * together if together > 1 else int(rng.integers(1, group + 1))
    found = shape(
        pe, int(rng.integers(1, inputs + 1)), pixels=10, groups=groups, group_neurons=group, inputs=inputs,
        legal_abreast=(1, 2, 5),
    )  # fmt: skip
    assert (found.steps - 1) * found.simd < inputs <= found.steps * found.simd
    assert (found.rows - 1) * pe < found.neurons <= found.rows * pe
    assert found.lanes * found.row_beats == pe and found.row_beats <= found.steps
    assert all(pe // n > found.steps for n in range(1, found.lanes) if pe % n == 0)
    assert 0 < found.last_row_beats <= found.row_beats
    assert found.neurons * found.vectors * 10 // found.abreast == group * groups * 10
    assert found.cycles == 10 // found.abreast * found.vectors * found.steps * found.rows


@pytest.mark.parametrize("pe, simd, options, message", [
    (11, 1, {}, "layer: PE must be in 1 to 10, not 11"),
    (0, 1, {}, "layer: PE must be in 1 to 10, not 0"),
    (4, 13, {}, "layer: SIMD must be in 1 to 12, not 13"),
    (4, 0, {}, "layer: SIMD must be in 1 to 12, not 0"),
    (0, 1, dict(groups=6), "layer: PE must be in 1 to 10, not 0"),
    (61, 1, dict(groups=6), "layer: PE must be in 1 to 60, not 61"),
    (15, 1, dict(groups=6), "layer: PE must be at most 10, the neurons of a group, or that times a divisor of the 6 "
                            "groups, not 15"),
    (40, 1, dict(groups=6), "layer: PE must be at most 10, the neurons of a group, or that times a divisor of the 6 "
                            "groups, not 40"),
    (12, 1, dict(legal_abreast=(1, 2, 4)), "layer: PE must be in 1 to 10, or one of 20, 40, not 12"),
    (0, 1, dict(legal_abreast=(1, 2, 4)), "layer: PE must be in 1 to 10, not 0"),
])  # fmt: skip
def test_what_a_layer_cannot_have(pe, simd, options, message):
    with pytest.raises(ValueError) as caught:
        shape(pe, simd, **options)
    assert str(caught.value) == message
