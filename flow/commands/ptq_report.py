"""What the commands of post-training quantization print."""

from .report import table_of

__all__ = ["show_quantized", "show_search", "show_sensitivity"]


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
    if r["retrained"]:
        trained = "retrained: {steps:,} steps on {samples:,} samples of {from}".format(**r["retrained"])
        report.out.print(trained, markup=False)
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


def show_sensitivity(report, r):
    """The tables of ``fewbit sensitivity``: the first and the last layer, and those between."""
    if report.as_json:
        report.json(r)
        return
    others = r["others"]
    heads = ["layer", "bits", "format", "lost, others float", f"lost, others {others['bits']} bits", "noise of outputs",
             "weight bits saved", "LUTs saved, about", "DSPs saved"]  # fmt: skip
    for title, places in ("first and last layer", ("first", "last")), ("between", ("between",)):
        rows = [
            (row["layer"], row["bits"], row["format"], f"{row['lost_alone']:.2f} %", f"{row['lost_among']:.2f} %",
             f"{row['alone']['noise']:.2e}", f"{row['weight_bits_saved']:,}", f"{row['luts_saved']:,}",
             row["dsps_saved"])
            for row in r["rows"] if row["place"] in places
        ]  # fmt: skip
        if rows:
            report.out.print(f"{title}:")
            report.wide_table(heads, rows)
    report.out.print(
        f"lost: accuracy in percentage points; float32 has {_percent(r['float']['accuracy'])}, all layers at "
        f"{others['bits']} bits {_percent(others['accuracy'])} of {r['images']['samples']} samples"
    )
    report.out.print(
        f"saved: against all layers at {others['bits']} bits, with {others['weight_bits']:,} bits of weights, about "
        f"{others['luts']:,} LUTs and {others['dsps']} DSPs at {r['cycles']:,} cycles a frame, in the same PE and SIMD"
    )


def show_search(report, r):
    """The Pareto set of ``fewbit search``, and what was looked for."""
    if report.as_json:
        report.json(r)
        return
    layers = list(r["pareto"][0]["formats"])
    rows = [
        (point["file"].rpartition("/")[2] + (" best" if point == r["best"] else ""), *point["formats"].values(),
         _percent(point["golden_accuracy"]), f"{point['luts']:,}", point["dsps"], point["bram18"],
         f"{point['weight_bits']:,}", point["by"])
        for point in r["pareto"]
    ]  # fmt: skip
    heads = ["file", *layers, "accuracy", "LUTs, about", "DSPs", "BRAM18", "weight bits", "found by"]
    report.wide_table(heads, rows)
    report.out.print(
        f"{len(r['pareto'])} of {r['evaluated']} evaluated assignments are in the Pareto set; float32 has "
        f"{_percent(r['float']['accuracy'])} of {r['images']['samples']} samples"
    )
    report.out.print(f"LUTs are estimated at {r['cycles']:,} cycles a frame; PE and SIMD are the same in all")
    if r["best"]:
        report.out.print(f"best within the limits: {r['best']['file']}, also best.onnx", markup=False)
    report.out.print(f"models, folding.json, search.json and pareto.svg: {r['directory']}", markup=False)
