"""How much accuracy each layer costs if it alone gets few bits: the first and the last against those between."""

from collections.abc import Mapping

import numpy as np

from fewbit.flow.cache import Store, digest, source_digest
from fewbit.flow.reporting import Report
from fewbit.places import BUILD, HOME

from .networks import NetworkMaker, SurveyRow

__all__ = ["BITS", "one_layer"]

BITS = (2, 1)


def one_layer(maker: NetworkMaker, rows: Mapping[str, SurveyRow], report: Report) -> dict[str, dict[str, list[float]]]:
    """Return the points of accuracy that are lost, one for each seed, by bits and by the name of the layer.

    The weights of one layer of the trained float32 networks become few bits, without training (range of least squared
    error, one scale for each channel); the rest stays.
    """
    from fewbit.ptq.measure import accuracy, scores_of
    from fewbit.ptq.quantize import Bits, Options, quantize

    class Quiet:  # a job that nobody looks at: the networks are there already
        def now(self, what):
            pass

        done = now

    files = maker.files(rows["float32"], rows, Quiet())
    x, labels = maker.test
    store = Store(directory=BUILD / "survey" / "figures")
    key = digest(
        tuple(files), list(BITS), maker.name, source_digest("ptq", "golden"), HOME / "bench" / "survey" / "one_layer.py"
    )
    kept = store[key]
    if kept is not None:
        return kept
    lost = {str(bits): {} for bits in BITS}
    with report.working("quantizing one layer at a time"):
        for path in files:
            project = maker.float_project(path)
            model, calibration = project.model, project.calibration
            options = Options(activations="mse", weights="mse")
            x32 = np.asarray(x, dtype=np.float32)

            def scored(bits, model=model, calibration=calibration, x32=x32, options=options):
                return accuracy(scores_of(model, quantize(model, calibration, bits, options), x32), labels)

            whole = scored({})
            for bits in BITS:
                for layer in model.layers:
                    points = 100 * (whole - scored({layer.name: Bits(bits, None)}))
                    lost[str(bits)].setdefault(layer.name, []).append(points)
    store[key] = lost
    return lost
