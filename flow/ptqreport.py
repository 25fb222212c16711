"""What the commands of post-training quantization print."""

from .report import table_of

__all__ = ["show_quantized"]


def show_quantized(report, r):
    """The table of ``fewbit quantize``."""
    if report.as_json:
        report.json(r)
        return
    rows = [
        (row["layer"], f"{row['weights']:,}", row["bits"], _decibels(row["weight_sqnr"]), row["input"]["format"],
         _range(row["input"]), _decibels(row["input"]["sqnr"]))
        for row in r["layers"]
    ]  # fmt: skip
    rows += [(f"sum of {', '.join(s['tensors'])}", "", "", "", s["format"], _range(s), _decibels(s["sqnr"]))
             for s in r["sums"]]  # fmt: skip
    heads = ["layer", "weights", "bits", "SQNR, dB", "activations", "range", "SQNR, dB"]
    report.out.print(table_of(heads, rows))
    ratio = r["float_weight_bits"] / r["weight_bits"]
    report.out.print(f"weights: {r['weight_bits']:,} bits, {ratio:.1f} times less than float32")
    samples = f"{r['calibration']['samples']} samples of {r['calibration']['from']}"
    report.out.print(
        f"ranges: {r['ranges']['activations']} (weights {r['ranges']['weights']}), from {samples}", markup=False
    )
    if r["accuracy"]["float"] is not None:
        report.out.print(
            f"accuracy: float32 {_percent(r['accuracy']['float'])}, quantized {_percent(r['accuracy']['quantized'])} "
            f"of {r['images']['samples']} samples of {r['images']['from']}", markup=False,
        )  # fmt: skip
    report.out.print(f"written to {r['file']}", markup=False)


def _decibels(value):
    return "–" if value is None else f"{value:.1f}"


def _percent(value):
    return f"{100 * value:.2f} %"


def _range(site):
    return "as declared" if site["range"] is None else "{:.4g} to {:.4g}".format(*site["range"])
