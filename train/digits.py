"""Trains the networks of ``examples/digits``: ``python -m train.digits``.

With ``--validate`` it writes nothing, trains on three quarters of the training images and prints the accuracy on the
rest: hyperparameters are chosen by that, never by the test split.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import data, export, model
from .model import Recipe
from .quantize import Bipolar, Float, Uniform, ternary

__all__ = ["OUT_DIR", "RECIPES", "main", "validate"]

OUT_DIR = Path(__file__).parents[1] / "examples" / "digits"

_FULL = Recipe("float32", steps=12000, rate=1e-3, decay=0.1)
_FEW = Recipe("few", steps=12000, rate=3e-3, gain=0.1)
_TWO_BITS = {"act": Uniform(2, scale=1.0), "input": Uniform(2, scale=1 / 4)}

RECIPES = {
    recipe.name: recipe
    for recipe in (
        _FULL,
        # Of 64 black or white pixels a bipolar first layer makes too little, so this one sees them all, at 5 bits.
        replace(_FEW, name="w1a1", weight=Bipolar(), act=Bipolar(), input=Float(), rate=1e-2),
        replace(_FEW, name="w1a2", weight=Bipolar(), steps=20000, **_TWO_BITS),
        replace(_FEW, name="ternary", weight=ternary(), **_TWO_BITS),
        replace(
            _FULL,
            name="w4a4",
            weight=Uniform(4, signed=True),
            act=Uniform(4),
            input=Uniform(4, scale=1 / 16),
            rate=3e-3,
            decay=0.0,
        ),
        replace(_FULL, name="w8a8", weight=Uniform(8, signed=True), act=Uniform(8), input=Uniform(8, scale=1 / 16)),
    )
}


def _train(recipe, split):
    images = data.augment(split.raw, copies=recipe.copies, seed=recipe.seed)
    return model.train(recipe, images, split.label)


def _choose(names):
    unknown = set(names or ()) - set(RECIPES)
    if unknown:
        raise ValueError(f"Networks must be of {', '.join(RECIPES)}, not {', '.join(sorted(unknown))}")
    return [RECIPES[name] for name in names or RECIPES]


def main(out_dir=OUT_DIR, names=None, progress=print):
    """Train, export, and measure the exported files on the test split.

    Parameters
    ----------
    out_dir : path
        Gets ``<name>.onnx`` for each network, ``test.npz`` (``x`` as the models take it, and ``label``) and
        ``accuracy.json``, in which entries of networks that are not trained this time stay.
    names : iterable of str or None
        Which of `RECIPES`; None means all.
    progress : callable
        Gets a line of text for each network.

    Returns
    -------
    dict
        ``accuracy.json``: for each name ``correct``, ``images``, ``accuracy`` (in percent), as the QONNX executor
        finds them from the file, and ``equal``, how many of its labels are those of the JAX model.
    """
    recipes = _choose(names)
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    train, test = data.load()
    x = data.to_input(test.raw)
    np.savez_compressed(out_dir / "test.npz", x=x, label=test.label)

    report = out_dir / "accuracy.json"
    results = json.loads(report.read_text()) if report.exists() else {}
    for recipe in recipes:
        params, _ = _train(recipe, train)
        path = out_dir / f"{recipe.name}.onnx"
        export.write(recipe, params, path)
        labels = export.execute(path, x).argmax(1)
        correct = int((labels == test.label).sum())
        results[recipe.name] = {
            "correct": correct,
            "images": len(test),
            "accuracy": round(100 * correct / len(test), 2),
            "equal": int((labels == model.predict(recipe, params, test.raw)).sum()),
        }
        progress(f"{recipe.name:8} {correct} of {len(test)} = {100 * correct / len(test):.2f} % of the test images")
    results = {name: results[name] for name in RECIPES if name in results}
    report.write_text(json.dumps(results, indent=2) + "\n")
    return results


def validate(names=None, seeds=(1, 2, 3), progress=print):
    """Accuracy in percent on the validation split, ``{name: one for each seed}``. The test split is not read."""
    train, held_out = data.load(validation=True)
    results = {}
    for recipe in _choose(names):
        results[recipe.name] = []
        for seed in seeds:
            seeded = replace(recipe, seed=seed)
            labels = model.predict(seeded, _train(seeded, train)[0], held_out.raw)
            results[recipe.name].append(100 * float((labels == held_out.label).mean()))
        listed = ", ".join(f"{value:.2f}" for value in results[recipe.name])
        progress(f"{recipe.name:8} mean {np.mean(results[recipe.name]):.2f} % of the validation images ({listed})")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m train.digits", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(RECIPES)}; all if none is given")
    parser.add_argument("--out", type=Path, default=OUT_DIR, help="folder to write to (examples/digits)")
    parser.add_argument("--validate", action="store_true", help="measure on held-out training images; write nothing")
    args = parser.parse_args()
    try:
        validate(args.names) if args.validate else main(args.out, args.names)
    except ValueError as error:
        parser.error(str(error))
