"""Folding to a target: frames a second, cycles, or LUTs."""

from fewbit.golden.network.spatial import Largest, Windows
from fewbit.hw.targets.named import USUAL

from .cost import cost_of_layer, cost_of_pool, total
from .folding import FoldingError, fold_layers, layers_of, least_cycles

__all__ = ["candidates", "estimate", "estimate_all", "fastest_within", "pareto", "row_of", "with_dsps"]


def candidates(network, step=1.03):
    """``{cycles of the slowest layer: folding}``, each about ``step`` times faster than the one before, or by the least
    step that there is."""
    layers = layers_of(network)
    most = max(layer.cycles(1, layer.simds(1)[0]) for layer in layers.values())
    found, wanted = {}, [least_cycles(network)]
    while wanted[-1] < most:
        wanted.append(min(most, max(wanted[-1] + 1, int(wanted[-1] * step))))
    for cycles in wanted:
        folding = fold_layers(layers, cycles)
        found.setdefault(max(layers[name].cycles(*f) for name, f in folding.items()), folding)
    return found


def estimate(layers, folding):
    """`flow.folding.cost.Cost` of each layer, by name, of what `layers_of` gives."""
    return {name: cost_of_layer(layer, *folding[name]) for name, layer in layers.items()}


def estimate_all(network, layers, folding):
    """The `flow.folding.cost.Cost` of a whole network."""
    cycles = max(layers[name].cycles(*folded[:2]) for name, folded in folding.items())
    edges, windows = network.edges(), {n.y: n for n in network.nodes if isinstance(n, Windows)}
    pools = [windows[n.x] for n in network.nodes if isinstance(n, Largest) and n.x in windows]
    return total([
        *estimate(layers, folding).values(), *(cost_of_pool(n.window, edges[n.x], cycles) for n in pools)
    ])  # fmt: skip


def fastest_within(network, luts):
    """The fastest folding whose estimate is at most so many LUTs."""
    layers = layers_of(network)
    found, least = None, None
    for _, folding in sorted(candidates(network).items(), reverse=True):
        cost = estimate_all(network, layers, folding).lut
        least = cost if least is None else min(least, cost)
        if cost <= luts:
            found = folding
    if found is None:
        raise FoldingError(f"no folding is estimated at {luts} LUTs or less; the smallest takes about {least:.0f}")
    return found


def with_dsps(network, folding, dsps):
    """The folding with at most so many DSPs in all, where they save the most LUTs by the estimate.

    A layer's DSPs take its products or its accumulators. The multipliers of activations, and of sums of branches, take
    DSPs in any case and count first; where they alone are as many or more, the folding stays as it is.
    """
    if not dsps:
        return folding
    layers = layers_of(network)
    taken, ways = _taken(network, folding, {}), {}
    for what in ("sums", "dsp"):
        chosen = {name: what for name, (pe, *_) in folding.items() if what in _in_dsps(layers[name], pe)}
        ways[what] = _taken(network, folding, chosen) if chosen else {}
    best = {sum(taken.values()): (0, {})}  # by DSPs used: LUTs saved, and what is in them
    for name, (pe, simd, *_) in folding.items():
        reached, alone = dict(best), cost_of_layer(layers[name], pe, simd).lut
        for what in _in_dsps(layers[name], pe):
            saved = alone - cost_of_layer(layers[name], pe, simd, what).lut
            count = ways[what][name] - taken[name]
            for used, (before, chosen) in best.items():
                if used + count <= dsps and saved > 0 and before + saved > reached.get(used + count, (0,))[0]:
                    reached[used + count] = before + saved, chosen | {name: what}
        best = reached
    _, chosen = max(best.values(), key=lambda found: found[0])
    return _folded(folding, chosen)


def _folded(folding, chosen):
    """The folding with what is ``chosen`` for the products of some layers."""
    return {name: (*folded[:2], *([chosen[name]] if name in chosen else [])) for name, folded in folding.items()}


def _taken(network, folding, chosen):
    """DSPs by layer, and under ``None`` those of everything else, as the plan of the accelerator has them."""
    from fewbit.hw.pipeline.accelerator import AcceleratorPlan  # it brings Amaranth, which no other estimate needs

    plan = AcceleratorPlan(network, _folded(folding, chosen), target=USUAL)
    by_layer = {name: layer.dsps for name, layer in plan.layers.items()}
    return by_layer | {None: plan.dsps - sum(by_layer.values())}


def _in_dsps(layer, pe):
    """What of a layer may be in DSPs; products only where some share one."""
    ways = ["sums"] * (layer.summed is not None)
    return ways + ["dsp"] * (layer.packing is not None and pe > layer.parallel(pe) * layer.abreast(pe))


def pareto(network, clock, count=10):
    """About ``count`` foldings from the slowest to the fastest, none of which another one beats in cycles and LUTs."""
    found, layers = candidates(network), layers_of(network)
    rows, least = [], None
    for cycles in sorted(found):
        cost = estimate_all(network, layers, found[cycles])
        if least is None or cost.lut < least:
            rows.append({"cycles": cycles, "fps": int(clock * 1e6 // cycles), **row_of(cost)})
            least = cost.lut
    picked = sorted({round(k * (len(rows) - 1) / max(1, count - 1)) for k in range(count)})
    return [rows[k] for k in picked]


def row_of(cost):
    """The numbers of a cost, for a table or JSON."""
    return {"lut": round(cost.lut), "bram18": cost.bram18, "dsp": cost.dsp}
