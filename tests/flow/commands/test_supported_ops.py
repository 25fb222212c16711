"""``supported-ops``: every operator that is declared, by dialect."""

import json

from fewbit.golden.importing.operators import every_operator
from fewbit.golden.importing.tflite.operands import KERNELS


def test_every_operator_is_listed(fewbit):
    status, out, err = fewbit("supported-ops", "--json")
    found = json.loads(out)["operators"]
    assert status == 0 and not err
    assert {o["operator"] for o in found if o["dialect"] == "tflite"} == set(KERNELS)
    others = {(o["operator"], o["domain"]) for o in found if o["dialect"] != "tflite"}
    assert others == {(o.name, o.domain) for o in every_operator()} and len(others) > 70
    assert all(o["becomes"] and o["limits"] for o in found)
    assert {o["dialect"] for o in found if o["operator"] in ("Conv", "Quant")} == {"finn", "ops", "qonnx"}
    status, out, _ = fewbit("supported-ops")
    assert status == 0 and "GlobalAveragePool" in out and "CONV_2D" in out and "what it becomes" in out
