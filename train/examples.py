"""An example trains the networks of a folder of ``examples/``, and measures the files that it writes."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

import numpy as np

from fewbit.places import HOME

from . import export, fit
from .data import Dataset, Split
from .parameters import Parameters
from .recipe import Recipe

__all__ = ["Example"]

ROOT = HOME / "examples"
Told = Callable[[str, int, int, float], None]  # of the name of a network, steps done, of how many, and the loss


class ExampleAccuracy(TypedDict):
    """An entry of ``accuracy.json``.

    Of so many ``images``, the QONNX executor finds from the file so many labels ``correct``, an ``accuracy`` in
    percent; ``equal`` is how many of its labels are those of the JAX model.
    """

    correct: int
    images: int
    accuracy: float
    equal: int


@dataclass(frozen=True)
class Example:
    """A folder of networks for one dataset.

    Attributes
    ----------
    name : str
        The name of the folder.
    dataset : data.Dataset
    recipes : dict
        `recipe.Recipe` by name.
    samples : int or None
        How many of the test images are kept beside the models, raw; None keeps all, as the models take them.
    """

    name: str
    dataset: Dataset
    recipes: Mapping[str, Recipe]
    samples: int | None = None

    @property
    def folder(self) -> Path:
        """The folder of the models."""
        return ROOT / self.name

    def train(self, recipe: Recipe, split: Split, progress: fit.Told | None = None) -> tuple[Parameters, np.ndarray]:
        """Train one network on a `data.Split` and return its parameters and its losses (`fit.train`)."""
        images = self.dataset.augment(split.raw, copies=recipe.copies, seed=recipe.seed)
        return fit.train(recipe, self.dataset, images, split.label, progress)

    def _choose(self, names):
        """Return the recipes of some names, or all of them."""
        unknown = set(names or ()) - set(self.recipes)
        if unknown:
            raise ValueError(f"Networks must be of {', '.join(self.recipes)}, not {', '.join(sorted(unknown))}")
        return [self.recipes[name] for name in names or self.recipes]

    def _save_samples(self, path, test):
        if self.samples is None:
            x = self.dataset.to_onnx(self.dataset.to_input(test.raw))
        else:
            x = self.dataset.to_onnx(test.raw[: self.samples].reshape(-1, *self.dataset.shape))
        np.savez_compressed(path, x=x, label=test.label[: self.samples])

    def main(
        self, out_dir: Path | str | None = None, names: Iterable[str] | None = None,
        progress: Callable[[str], object] = print, steps: Told | None = None,
    ) -> dict[str, ExampleAccuracy]:  # fmt: skip
        """Train, export, and measure the exported files on the test split.

        Parameters
        ----------
        out_dir : path or None
            Gets ``<name>.onnx`` for each network, ``test.npz`` (``x`` and ``label``) and ``accuracy.json``, in which
            entries of networks that are not trained this time stay. None means the folder of the example.
        names : iterable of str or None
            Which of the recipes; None means all.
        progress : callable
            Gets a line of text for each network.
        steps : callable or None
            Told name, steps done, of how many, and the loss, now and then.

        Returns
        -------
        dict of ExampleAccuracy
            The content of ``accuracy.json``, by the name of the network.

        Raises
        ------
        ValueError
            If there is no recipe of a name.
        train.fashion_data.DataError
            If the images are not here and cannot be downloaded, or are damaged.
        """
        recipes = self._choose(names)
        train, test = self.dataset.load()
        out_dir = Path(out_dir or self.folder)
        out_dir.mkdir(parents=True, exist_ok=True)
        x = self.dataset.to_onnx(self.dataset.to_input(test.raw))
        self._save_samples(out_dir / "test.npz", test)

        report = out_dir / "accuracy.json"
        results = json.loads(report.read_text()) if report.exists() else {}
        for recipe in recipes:
            params, _ = self.train(recipe, train, _told(recipe, steps))
            path = out_dir / f"{recipe.name}.onnx"
            export.write(recipe, self.dataset, params, path)
            labels = export.execute(path, x).argmax(1)
            correct = int((labels == test.label).sum())
            results[recipe.name] = {
                "correct": correct,
                "images": len(test),
                "accuracy": round(100 * correct / len(test), 2),
                "equal": int((labels == fit.predict(recipe, self.dataset, params, test.raw)).sum()),
            }
            progress(f"{recipe.name:8} {correct} of {len(test)} = {100 * correct / len(test):.2f} % of the test images")
        results = {name: results[name] for name in self.recipes if name in results}
        report.write_text(json.dumps(results, indent=2) + "\n")
        return results

    def validate(
        self, names: Iterable[str] | None = None, seeds: Iterable[int] = (1, 2, 3),
        progress: Callable[[str], object] = print, steps: Told | None = None,
    ) -> dict[str, list[float]]:  # fmt: skip
        """Return accuracies in percent on the validation split, one for each seed, by the recipe's name.

        The test split is not read.

        Raises
        ------
        ValueError
            If there is no recipe of a name.
        train.fashion_data.DataError
            If the images are not here and cannot be downloaded, or are damaged.
        """
        train, held_out = self.dataset.load(validation=True)
        results: dict[str, list[float]] = {}
        for recipe in self._choose(names):
            results[recipe.name] = []
            for seed in seeds:
                seeded = replace(recipe, seed=seed)
                params = self.train(seeded, train, _told(seeded, steps))[0]
                labels = fit.predict(seeded, self.dataset, params, held_out.raw)
                results[recipe.name].append(100 * float((labels == held_out.label).mean()))
            listed = ", ".join(f"{value:.2f}" for value in results[recipe.name])
            progress(f"{recipe.name:8} mean {np.mean(results[recipe.name]):.2f} % of the validation images ({listed})")
        return results

    def command(self, module: str, description: str) -> None:
        """Run the command line of a module, which trains, or measures on held-out images.

        Parameters
        ----------
        module : str
            The name of the module in `train`.
        description : str
            Its docstring, whose first line the help shows.
        """
        from .fashion_data import DataError

        parser = argparse.ArgumentParser(prog=f"python -m train.{module}", description=description.splitlines()[0])
        listed = ", ".join(self.recipes)
        parser.add_argument("names", nargs="*", metavar="name", help=f"{listed}; all if none is given")
        parser.add_argument("--out", type=Path, default=self.folder, help=f"folder to write to (examples/{self.name})")
        parser.add_argument("--validate", action="store_true", help="measure on held-out images; write nothing")
        parser.add_argument("--seeds", type=int, default=3, help="how many, with --validate (3)")
        parser.add_argument("--verbose", action="store_true", help="show the loss while it trains")
        args = parser.parse_args()
        steps = _show if args.verbose else None
        try:
            if args.validate:
                self.validate(args.names, range(1, args.seeds + 1), steps=steps)
            else:
                self.main(args.out, args.names, steps=steps)
        except (ValueError, DataError) as error:
            parser.error(str(error))


def _told(recipe: Recipe, steps: Told | None) -> fit.Told | None:
    return None if steps is None else lambda done, loss: steps(recipe.name, done, recipe.steps, loss)


def _show(name, done, total, loss):
    print(f"{name:8} step {done} of {total}, loss {loss:.4f}", flush=True)
