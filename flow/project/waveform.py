"""Views of a waveform: files that GTKWave and Surfer open it with, a group a layer, with decoded values and frames."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

from fewbit.flow.cache import atomic_write
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.pipeline.flows import Flow
from fewbit.hw.pipeline.views import VIEW, shown_signals
from fewbit.sim.simulators.waves import FST, VCD, instances

__all__ = ["GTKWAVE", "PLACES", "SURFER", "view_places", "waveform_in"]

PLACES = "views.json"
"""File beside a simulator that says where views are in its design, by stage."""
GTKWAVE, SURFER = "dump.gtkw", "dump.sucl"
_MOST = 64  # lanes that are shown of a stage; a waveform has them all


def view_places(verilog: str, top: str) -> dict[str, str]:
    """Return the paths of all views in emitted Verilog, by the names of their stages."""
    found = (path.split(".") for path in instances(verilog, top))
    return {path[-1].removeprefix(VIEW): ".".join(path) for path in found if path[-1].startswith(VIEW)}


def waveform_in(run: Path, plan: AcceleratorPlan) -> Path:
    """Return the waveform that a run has left in its folder; write files beside it that show it by layer.

    Parameters
    ----------
    run : Path
        A folder in that of a simulator with waveforms.
    plan : hw.pipeline.accelerator_plan.AcceleratorPlan
    """
    file = run / FST
    if not file.exists():
        file = run / VCD
    places = json.loads((run.parent / PLACES).read_text())
    shown = {name: flow for name, flow in plan.results.items() if name in places}
    atomic_write(run / GTKWAVE, _gtkwave(file, places, shown, plan))
    atomic_write(run / SURFER, _surfer(places, shown, plan))
    return file


def _title(name: str, flow: Flow, plan: AcceleratorPlan) -> str:
    """Return a stage's name, that of its node in the model where it is another, and what its values are."""
    origin = plan.network.origins.get(name)
    known = f" ({origin.name})" if origin is not None and origin.name != name else ""
    return f"{name}{known}: {flow.format}, {flow.lanes} x {flow.beats} beats"


def _signals(flow: Flow) -> dict[str, int]:
    """Return the bits of the signals that are shown of a stage, by name."""
    known = shown_signals(flow)
    return dict(list(known.items())[: len(known) - max(0, flow.lanes - _MOST)])


def _gtkwave(file: Path, places: Mapping[str, str], shown: Mapping[str, Flow], plan: AcceleratorPlan) -> str:
    """Return a save file of GTKWave."""
    from vcd.gtkw import GTKWSave

    text = io.StringIO()
    save = GTKWSave(text)
    save.dumpfile(str(file.absolute()), abspath=False)
    for name, flow in shown.items():
        with save.group(_title(name, flow, plan)):
            for port in ("valid", "ready"):
                save.trace(f"{places[name]}.{port}")
            for signal, bits in _signals(flow).items():
                number = flow.format.integral or not signal.startswith("value")
                save.trace(f"{places[name]}.{signal}[{bits - 1}:0]", datafmt="signed" if number else "hex")
    return text.getvalue()


def _surfer(places: Mapping[str, str], shown: Mapping[str, Flow], plan: AcceleratorPlan) -> str:
    """Return a command file of Surfer, which shows Verilog's integers as decimal numbers by itself."""
    lines = []
    for name, flow in shown.items():
        lines.append(f"divider_add {_title(name, flow, plan)}")
        lines += [f"variable_add {places[name]}.{signal}" for signal in ("valid", "ready", *_signals(flow))]
    return "\n".join([*lines, "zoom_fit", ""])
