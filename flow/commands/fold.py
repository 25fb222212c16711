"""``fewbit fold``: a folding for a target, its cycles confirmed by the cycle model, written as a file to edit."""

from pathlib import Path

from fewbit.flow.cache import atomic_write
from fewbit.flow.folding.folding import FoldingError, default_folding, fold, layers_of, write_folding
from fewbit.flow.folding.search import estimate, estimate_all, fastest_within, pareto, row_of, with_dsps
from fewbit.flow.project.project import Project
from fewbit.hw.targets.named import USUAL
from fewbit.places import BUILD
from fewbit.sim.cycles.model import predict_steady
from fewbit.sim.cycles.queues import deep_enough

__all__ = ["fold_model"]


def fold_model(model, input_spec, fps, max_cycles, max_luts, dsps, clock, file, report):
    """Fold, predict, write the file; returns what ``--json`` prints.

    At most one of ``fps``, ``max_cycles`` and ``max_luts`` may be given; without any it is the default folding. Of
    ``dsps`` DSPs, those that activations leave then take products or accumulators where they save the most LUTs.
    """
    if sum(target is not None for target in (fps, max_cycles, max_luts)) > 1:
        raise FoldingError("give one of --fps, --max-cycles and --max-luts, not several")
    project = Project(model, input_spec=input_spec, folding={}, target=USUAL)
    network = project.network
    cycles = int(clock * 1e6 // fps) if fps is not None else max_cycles
    with report.working("folding"):
        if cycles is not None:
            if cycles < 1:
                raise FoldingError(f"{fps:g} frames a second are more than one a cycle at {clock:g} MHz")
            project.folding = fold(network, cycles)
        elif max_luts is not None:
            project.folding = fastest_within(network, max_luts)
        else:
            project.folding = default_folding(network)
        project.folding = with_dsps(network, project.folding, dsps)
        # The least depths would take longer to find, and change no time.
        project.queues = deep_enough(network, project.folding, target=USUAL)
        plan = project.plan
        timing = predict_steady(plan)
        table = pareto(network, clock)
    if cycles is not None and timing.interval > cycles:
        raise FoldingError(
            f"{model}: {cycles} cycles a frame cannot be met: its input, {plan.beats_in} beats of {plan.lanes_in} "
            f"codes, or what stands between its layers takes {timing.interval:g}"
        )
    file = Path(file) if file else BUILD / Path(model).stem / "fold.json"
    atomic_write(file, write_folding(project.folding))
    return _result(project, network, timing, table, clock, file)


def _result(project, network, timing, table, clock, file):
    layers = layers_of(network)
    costs = estimate(layers, project.folding)
    rows = []
    for name, (pe, simd, *dsp) in project.folding.items():
        layer = layers[name]
        cycles = layer.cycles(pe, simd)
        rows.append({
            "layer": name, "pixels": layer.pixels, "groups": layer.groups, "inputs": layer.inputs,
            "neurons": layer.neurons, "pe": pe, "simd": simd, "in_dsp": bool(dsp), "cycles": cycles,
            "share": round(cycles / timing.interval, 4), **row_of(costs[name]), "dsp": project.plan.layers[name].dsps,
        })  # fmt: skip
    return {
        "model": str(project.model),
        "file": str(file),
        "clock_mhz": clock,
        "latency": timing.latency,
        "interval": timing.interval,
        "bound": project.plan.bound,
        "fps": clock * 1e6 / timing.interval,
        "layers": rows,
        "estimate": row_of(estimate_all(network, layers, project.folding)) | {"dsp": project.plan.dsps},
        "queues_at_most": project.queues,
        "pareto": table,
    }
