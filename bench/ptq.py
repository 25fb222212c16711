"""Post-training quantization of the digits by every range finder, with and without corrections.

    python -m bench.ptq

prints the tables of docs/ptq.md. Ranges are chosen from 512 training images; accuracy is of the 360 test images, which
nothing else sees. Needs the extra `train`, whose split of the digits it is (`make train` installs it).
"""

from pathlib import Path

from fewbit.ptq.calibrate import calibrate
from fewbit.ptq.emit import QuantizationPlan
from fewbit.ptq.measure import accuracy, noise, scores_of
from fewbit.ptq.quantize import Bits, Options, quantize
from fewbit.ptq.reader import read_model

__all__ = ["main"]

MODEL = Path(__file__).resolve().parents[1] / "examples" / "digits" / "float32.onnx"
SAMPLES = 512
BITS = (8, 6, 4, 3, 2)
METHODS = ("minmax", "percentile", "mse", "kl")


class DigitsModel:
    """The float network, what ranges are chosen from, and what accuracy is measured on."""

    def __init__(self):
        from fewbit.train.data import DIGITS

        train, test = DIGITS.load()
        self.model = read_model(MODEL)
        self.x, self.label = DIGITS.to_input(test.raw), test.label
        self.calibration = calibrate(self.model, DIGITS.to_input(train.raw[:SAMPLES]), declared=True)

    def cell(self, bits: int, **options) -> str:
        """Return accuracy and noise of the outputs, as text; the first layer reads the pixels as they are."""
        wanted = {layer.name: Bits(bits, bits) for layer in self.model.layers}
        wanted[self.model.layers[0].name] = Bits(bits, None)
        plan = quantize(self.model, self.calibration, wanted, Options(**options))
        seen = noise(self.calibration.scores, scores_of(self.model, plan, self.calibration.samples))
        return f"{self.accuracy(plan):.2f} % ({seen:.1e})"

    def accuracy(self, plan: QuantizationPlan) -> float:
        """Return the accuracy of the quantized network on the test images, in percent."""
        return 100 * accuracy(scores_of(self.model, plan, self.x), self.label)


def _table(heads, rows):
    print("|", " | ".join(heads), "|")
    print("|", " | ".join("---" for _ in heads), "|")
    for row in rows:
        print("|", " | ".join(row), "|")
    print()


def main() -> None:
    """Print the tables."""
    digits = DigitsModel()
    print(f"float32: {digits.accuracy(QuantizationPlan()):.2f} %\n")
    heads = ["range of activations", *(f"{b} bits" for b in BITS)]
    for correct in (True, False):
        print("Biases corrected:" if correct else "Not corrected:", end="\n\n")
        _table(heads, [[m, *(digits.cell(b, activations=m, correct=correct) for b in BITS)] for m in METHODS])
    rows = [
        ("per channel, MSE", {}),
        ("per channel, min-max", {"weights": "minmax"}),
        ("per tensor, MSE", {"per_channel": False}),
        ("per tensor, min-max", {"per_channel": False, "weights": "minmax"}),
    ]
    _table(["scales of weights", *heads[1:]], [[name, *(digits.cell(b, **o) for b in BITS)] for name, o in rows])


if __name__ == "__main__":
    main()
