"""Folding to a target: frames a second, cycles, LUTs, or DSPs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from fewbit.golden.network.graph import Network
from fewbit.golden.registry import import_all
from fewbit.hw import stages
from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from fewbit.hw.memory.external_plan import WeightPortPlan
from fewbit.hw.stages.registry import cost_of
from fewbit.hw.targets.named import USUAL

from .cost import LOADER, LOADER_FF, Cost, WeightBus, cost_of_layer, cost_of_pool, total
from .folding import fold_layers, least_cycles
from .layers import FoldableLayer, FoldableNetwork, layers_of, slowest

__all__ = ["Candidate", "ParetoPoint", "candidates", "costs_beside", "costs_of_weights", "estimate", "estimate_all",
           "fastest_within", "known_cost", "pareto", "with_dsps"]  # fmt: skip

import_all(stages, "_plan")  # where nodes have the costs of their stages


@dataclass(frozen=True)
class Candidate:
    """A folding of a network, and the cycles a frame of its slowest layer."""

    cycles: int
    folding: Folding


@dataclass(frozen=True)
class ParetoPoint:
    """A folding's cycles a frame of the slowest layer, its frames a second at a clock, and the network's `Cost`."""

    cycles: int
    fps: int
    cost: Cost

    @property
    def row(self) -> dict[str, int]:
        """The numbers for a table or JSON."""
        return {"cycles": self.cycles, "fps": self.fps, **self.cost.row}


def candidates(network: Network | FoldableNetwork, step: float = 1.03) -> list[Candidate]:
    """Return foldings of a network from the fastest to the slowest.

    Each is about ``step`` times slower than the one before, or by the least step that there is.
    """
    layers = layers_of(network)
    most = max(layer.cycles(LayerFolding(1, layer.simds(1)[0])) for layer in layers.values())
    found: dict[int, Folding] = {}
    wanted = [least_cycles(layers)]
    while wanted[-1] < most:
        wanted.append(min(most, max(wanted[-1] + 1, int(wanted[-1] * step))))
    for cycles in wanted:
        folding = fold_layers(layers, cycles)
        found.setdefault(slowest(layers, folding), folding)
    return [Candidate(cycles, found[cycles]) for cycles in sorted(found)]


def estimate(layers: FoldableNetwork, folding: Folding) -> dict[str, Cost]:
    """Return the `Cost` of each layer, by name; ``layers`` are those that `layers_of` gives of a network."""
    return {name: known_cost(layers, cost_of_layer, name, folding) for name in layers}


def known_cost(layers: FoldableNetwork, function: Callable[..., Cost], name: str, folding: Folding) -> Cost:
    """Return a cost of a layer, a ``function`` of `flow.folding.cost`, which is worked out once where the layer's own
    folding says all that it depends on."""
    if folding[name].weights == "external":
        return function(layers[name], folding[name], WeightBus.of(folding))
    return layers.known(function, name, folding[name])


def estimate_all(layers: FoldableNetwork, folding: Folding) -> Cost:
    """Return the `Cost` of a whole network; ``layers`` are what `layers_of` gives of it."""
    beside = costs_beside(layers, slowest(layers, folding))
    return total([*estimate(layers, folding).values(), *beside, *costs_of_weights(layers, folding)])


def costs_of_weights(layers: FoldableNetwork, folding: Folding) -> list[Cost]:
    """Return the costs of what weights that are not fixed share: the port to memory outside, and the loader."""
    outside = folding.external
    port = [WeightPortPlan([layers[n].channel(folding[n], folding.bus) for n in outside]).cost] if outside else []
    loaded = any(layer.weights == "loadable" for layer in folding.values())
    return port + ([Cost(LOADER, ff=LOADER_FF)] if loaded else [])


def costs_beside(layers: FoldableNetwork, cycles: int) -> list[Cost]:
    """Return the costs of pools, and of stages that are neither those nor layers, as narrow as these cycles a frame
    allow."""
    pools = [cost_of_pool(node.window, layers.edges[node.x], cycles) for node in layers.pools]
    others = [cost_of.of(node)(node, layers.edges, cycles) for node in layers.others if type(node) in cost_of]
    return pools + others


def fastest_within(network: Network | FoldableNetwork, luts: int) -> Folding:
    """Return the fastest folding whose estimate is at most ``luts`` LUTs.

    Raises
    ------
    FoldingError
        If there is none.
    """
    layers = layers_of(network)
    found, least = None, math.inf
    for candidate in reversed(candidates(layers)):
        cost = estimate_all(layers, candidate.folding).lut
        least = min(least, cost)
        if cost <= luts:
            found = candidate.folding
    if found is None:
        raise FoldingError(f"no folding is estimated at {luts} LUTs or less; the smallest takes about {least:.0f}")
    return found


def with_dsps(network: Network | FoldableNetwork, folding: Folding, dsps: int) -> Folding:
    """Return the folding with at most ``dsps`` DSPs in all, where they save the most LUTs by the estimate.

    A layer's DSPs take its products or its accumulators. The multipliers of activations, and of sums of branches, take
    DSPs in any case and count first; where they alone are as many or more, the folding stays as it is.
    """
    if not dsps:
        return folding
    layers = layers_of(network)
    taken, ways = _taken(layers, folding, {}), {}
    for what in ("sums", "dsp"):
        every: dict[str, str] = {n: what for n, folded in folding.items() if what in _in_dsps(layers[n], folded)}
        ways[what] = _taken(layers, folding, every) if every else {}
    # By DSPs used: LUTs saved, and what of each layer is in them.
    best: dict[int, tuple[float, dict[str, str]]] = {sum(taken.values()): (0, {})}
    for name, folded in folding.items():
        reached, alone = dict(best), _luts_with(layers[name], folded, None, WeightBus.of(folding))
        for what in _in_dsps(layers[name], folded):
            saved = alone - _luts_with(layers[name], folded, what, WeightBus.of(folding))
            count = ways[what][name] - taken[name]
            for used, (before, chosen) in best.items():
                if used + count <= dsps and saved > 0 and before + saved > reached.get(used + count, (0,))[0]:
                    reached[used + count] = before + saved, chosen | {name: what}
        best = reached
    _, chosen = max(best.values(), key=lambda found: found[0])
    return folding.with_products(chosen)


def _luts_with(layer: FoldableLayer, folded: LayerFolding, products: str | None, port: WeightBus) -> float:
    """Return the LUTs of a layer with its products made in another way."""
    return cost_of_layer(layer, replace(folded, products=products), port).lut


def _taken(layers: FoldableNetwork, folding: Folding, chosen: Mapping[str, str]) -> dict[str | None, int]:
    """Return the DSPs of each layer, and under None those of everything else, as the accelerator's plan has them.

    ``chosen`` says what of some layers is in DSPs.
    """
    from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan  # it brings Amaranth, which no other estimate needs

    plan = AcceleratorPlan(layers.network, folding.with_products(chosen), target=USUAL)
    by_layer = {name: layer.dsps for name, layer in plan.layers.items()}
    return by_layer | {None: plan.dsps - sum(by_layer.values())}


def _in_dsps(layer: FoldableLayer, folded: LayerFolding) -> list[str]:
    """Return what of a layer may be in DSPs; products only where some share one."""
    ways = ["sums"] * (layer.summed is not None)
    shape = layer.shape(folded)
    return ways + ["dsp"] * (layer.packing is not None and folded.pe > shape.together and layer.dsps(shape) > 0)


def pareto(network: Network | FoldableNetwork, clock: float, count: int = 10) -> list[ParetoPoint]:
    """Return about ``count`` foldings from the fastest to the slowest, none of which another one beats.

    Foldings are compared by cycles and estimated LUTs; ``clock`` is in MHz.
    """
    layers = layers_of(network)
    points: list[ParetoPoint] = []
    for candidate in candidates(layers):
        cost = estimate_all(layers, candidate.folding)
        if not points or cost.lut < points[-1].cost.lut:
            points.append(ParetoPoint(candidate.cycles, int(clock * 1e6 // candidate.cycles), cost))
    picked = sorted({round(k * (len(points) - 1) / max(1, count - 1)) for k in range(count)})
    return [points[k] for k in picked]
