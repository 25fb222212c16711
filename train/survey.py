"""The networks of the survey: every quantizer on the digits, each trained with several seeds at once.

``python -m fewbit.train.survey`` trains all of them and prints their accuracy on the test split; with ``--validate`` on
held-out training images, which is what hyperparameters are chosen by. A `Row` says which recipe; `train_row` gives its
networks, `fit.accuracies` measures them, `export.write` writes one as a file.

All networks are 64-64-64-10, see the same 5-bit pixels, and take the same images; so rows differ in quantizers only.
"""

import argparse
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import jax
import numpy as np

from . import fit
from .data import DIGITS, Split
from .dorefa import DoReFaActivations, DoReFaSign, DoReFaWeights
from .parameters import Parameters
from .quantize import Binary, Float, Uniform, ternary
from .recipe import Recipe
from .scaled import Lsq, Pact, Symmetric, TernaryLearned, Ttq, Twn, Xnor
from .stochastic import GradientBits, StochasticBipolar, StochasticTernary
from .tables import Clusters, LogarithmicWeights, Lq

__all__ = ["ROWS", "SEEDS", "Row", "train_row", "train_rows"]

SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Row:
    """A network of the survey.

    Attributes
    ----------
    method : str
        The name of the method in the literature, or a description.
    weight_bits, act_bits : float
        The bits that a weight and an activation take: ``log2`` of the number of levels, a fraction where that is no
        power of two.
    recipe : recipe.Recipe
    start : str or None
        The name of the row whose trained networks this one begins with.
    """

    method: str
    weight_bits: float
    act_bits: float
    recipe: Recipe
    start: str | None = None

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return self.recipe.name


_FLOAT = Recipe("float32", steps=3000, batch=128, rate=3e-3, decay=0.1)
_FEW = replace(_FLOAT, decay=0.0, rate=1e-2, gain=0.1)
_SCALED = replace(_FLOAT, decay=0.0)
_TWO, _FOUR = Uniform(2, scale=1.0), Uniform(4)
TERNARY = float(np.log2(3))


def _rows() -> Iterator[Row]:
    def row(method, name, weight_bits, act_bits, weight, act, base=_SCALED, start=None, **more):
        return Row(method, weight_bits, act_bits, replace(base, name=name, weight=weight, act=act, **more), start)

    yield row("float32", "float32", 32, 32, Float(), Float(), _FLOAT)
    yield row("uniform, learned power-of-two scale", "uniform-w8a8", 8, 8, Uniform(8, signed=True), Uniform(8))
    yield row("uniform, learned power-of-two scale", "uniform-w4a4", 4, 4, Uniform(4, signed=True), Uniform(4))

    yield row("binary (BNN)", "bnn-w1a1", 1, 1, Binary(), Binary(), _FEW)
    for ste in ("identity", "bireal", "annealed"):
        yield row(f"binary, {ste} STE of activations", f"bnn-{ste}-w1a1", 1, 1, Binary(), Binary(ste), _FEW)
    yield row("binary, pulled to its levels", "bnn-pulled-w1a1", 1, 1, Binary(), Binary(), _FEW, pull=1e-2)
    yield row("binary, from float", "bnn-warm-w1a1", 1, 1, Binary(), Binary(), _FEW, "float32")
    yield row("XNOR-Net", "xnor-w1a1", 1, 1, Xnor(), Binary(), _FEW)

    yield row("ternary, fixed threshold", "ternary-w2a2", TERNARY, 2, ternary(), _TWO, _FEW)
    yield row("TWN", "twn-w2a2", TERNARY, 2, Twn(), _TWO)
    yield row("TWN, per channel", "twn-channel-w2a2", TERNARY, 2, Twn(per_channel=True), _TWO)
    yield row("ternary, learned threshold", "ternary-learned-w2a2", TERNARY, 2, TernaryLearned(), _TWO)
    yield row("TTQ", "ttq-w2a2", TERNARY, 2, Ttq(), _TWO)
    for levels in (3, 5, 7):
        symmetric = Symmetric(levels)
        yield row(f"symmetric, {levels} levels", f"m{levels}", np.log2(levels), np.log2(levels), symmetric, symmetric)

    yield row("DoReFa", "dorefa-w1a1", 1, 1, DoReFaSign(), DoReFaActivations(1), _FEW)
    yield row("DoReFa", "dorefa-w1a2", 1, 2, DoReFaSign(), DoReFaActivations(2), _FEW)
    yield row("DoReFa, 6-bit gradients", "dorefa-w1a2g6", 1, 2, DoReFaSign(), DoReFaActivations(2),
              _FEW, gradient=GradientBits(6))  # fmt: skip
    yield row("DoReFa", "dorefa-w2a2", 2, 2, DoReFaWeights(2), DoReFaActivations(2), _FEW)
    yield row("DoReFa", "dorefa-w4a4", 4, 4, DoReFaWeights(4), DoReFaActivations(4), _FEW)
    for bits in (2, 4):
        yield row("PACT", f"pact-w{bits}a{bits}", bits, bits, DoReFaWeights(bits), Pact(bits), _FEW)
    for bits in (2, 4):
        yield row("LSQ", f"lsq-w{bits}a{bits}", bits, bits, Lsq(bits, signed=True), Lsq(bits))

    for w, a in ((1, 2), (2, 2), (3, 3)):
        yield row("LQ-Nets", f"lq-w{w}a{a}", w, a, Lq(w, per_channel=True), Lq(a, rectified=True))
    yield row("LQ-Nets, activations of both signs", "lq-bipolar-w2a2", 2, 2, Lq(2, per_channel=True), Lq(2))
    for bits in (2, 3, 4):
        yield row("clusters (Deep Compression)", f"clusters-w{bits}a4", bits, 4, Clusters(bits), _FOUR,
                  start="float32")  # fmt: skip
    for bits in (3, 4):
        yield row("powers of two", f"power-w{bits}a4", bits, 4, LogarithmicWeights(bits), _FOUR)

    yield row("stochastic binary weights", "stochastic-w1a1", 1, 1, StochasticBipolar(), Binary(), _FEW)
    yield row("stochastic binary", "stochastic-w1s1", 1, 1, StochasticBipolar(), StochasticBipolar(), _FEW)
    yield row("stochastic ternary weights", "stochastic-w2a2", TERNARY, 2, StochasticTernary(), _TWO, _FEW)
    yield row("stochastic ternary", "stochastic-w2s2", TERNARY, TERNARY, StochasticTernary(), StochasticTernary(),
              _FEW)  # fmt: skip


ROWS = {row.name: row for row in _rows()}


def train_row(
    row: Row, images: np.ndarray, label: np.ndarray, seeds: Iterable[int] = SEEDS, start: Parameters | None = None,
    progress: fit.Told | None = None,
) -> Parameters:  # fmt: skip
    """Train the networks of a row and return their parameters, as `fit.train_seeds` gives them.

    Parameters
    ----------
    row : Row
    images : uint8 array ``(copies, n, 64)``
        The versions of the training images.
    label : int array ``(n,)``
    seeds : iterable of int
    start : list of LayerParameters or None
        The networks of ``ROWS[row.start]``, needed where that is not None.
    progress : callable or None
        Told the number of steps done and the mean loss of the last of them.

    Raises
    ------
    ValueError
        If ``start`` is missing, or is given where it is not needed.
    """
    if (start is None) != (row.start is None):
        raise ValueError(f"{row.name} begins with {row.start or 'random weights'}")
    return fit.train_seeds(row.recipe, DIGITS, images, label, seeds, progress, start)[0]


def train_rows(
    names: Iterable[str] | None = None, seeds: Iterable[int] = SEEDS, split: Split | None = None
) -> Iterator[tuple[Row, Parameters, float]]:
    """Train rows one after the other and yield ``(row, params, seconds)`` of each.

    ``names`` is None for all; rows that others begin with are trained before them, and yielded too. ``split`` is a
    `data.Split`, None for the training images.

    Raises
    ------
    ValueError
        If there is no row of a name.
    """
    named = set(ROWS) if names is None else set(names)
    unknown = named - set(ROWS)
    if unknown:
        raise ValueError(f"Rows must be of {', '.join(ROWS)}, not {', '.join(sorted(unknown))}")
    wanted = named | {ROWS[name].start for name in named}
    split = split or DIGITS.load()[0]
    images = DIGITS.augment(split.raw, copies=_FLOAT.copies, seed=1)
    begun = {row.start for row in ROWS.values() if row.name in wanted}
    kept: dict[str | None, Parameters] = {}
    for row in ROWS.values():
        if row.name in wanted:
            before = time.perf_counter()
            params = train_row(row, images, split.label, seeds, kept.get(row.start))
            if row.name in begun:
                kept[row.name] = params
            yield row, params, time.perf_counter() - before
            jax.clear_caches()  # a compiled program a row


def main():
    """Run ``python -m fewbit.train.survey``."""
    parser = argparse.ArgumentParser(prog="python -m fewbit.train.survey", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(ROWS)}; all if none is given")
    parser.add_argument("--validate", action="store_true", help="measure on held-out training images")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help=f"how many ({len(SEEDS)})")
    args = parser.parse_args()
    split, measured = DIGITS.load(validation=args.validate)
    try:
        for row, params, seconds in train_rows(args.names or None, range(1, args.seeds + 1), split):
            found = fit.accuracies(row.recipe, DIGITS, params, measured.raw, measured.label)
            listed = " ".join(f"{value:.2f}" for value in found)
            print(
                f"{row.name:22} {np.mean(found):6.2f} % +- {np.std(found):.2f} ({listed}) {seconds:.1f} s", flush=True
            )
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
