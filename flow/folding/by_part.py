"""The best folding within all limits at once: resources of a part, speed, and one goal.

Each layer has its options: PE and SIMD, products in LUTs or DSPs, weights in LUTs or block RAM, or outside, where the
beats of the port that they take are one resource more. `flow.folding.knapsack` takes one of each so that all limits
hold; the fewest cycles for which it can are found by bisection. Options are weighed by formulas. Then the design is
planned, and what the plan takes beyond the formulas is set apart; with that the search is repeated, until the plan
itself keeps every limit.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from fewbit.golden.network.graph import Network
from fewbit.hw.cost import Cost
from fewbit.hw.folding import Folding, FoldingError, LayerFolding
from fewbit.hw.layer.external import tiles_of
from fewbit.hw.memory.external_plan import DEFAULT_BUS, check_bus
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.targets.parts import ListedPart
from fewbit.hw.targets.target import Target
from fewbit.sim.cycles.model import predict_steady
from fewbit.sim.cycles.queue_bounds import bounding_depths, steps_of_frame
from fewbit.sim.cycles.queues import size_queues
from fewbit.sim.cycles.timing import SteadyTiming

from .cost import FLATTENED, OVERHEAD, OVERHEAD_FF, WeightBus, cost_of_layer
from .design import DesignCost, cost_of_design
from .external import PORT_SHARE, beats_of, reason_against
from .knapsack import Chosen, choose, undominated
from .layer import FoldableLayer
from .layers import FoldableNetwork, layers_of, slowest
from .limits import RESOURCES, FoldingLimits, limits_of
from .search import costs_beside

__all__ = ["BestFolding", "NextStep", "best_folding"]

_COLUMNS = (
    *RESOURCES,
    "words",
    "beats",
)  # of an option's row: what it takes, the cycles of a pixel, which add up to latency, and beats of the weights' port
_WORDS, _BEATS = len(RESOURCES), len(RESOURCES) + 1
_TILES = 5  # of external weights that are looked at for one PE and SIMD
_SIZES = 1000  # of PE and SIMD that are looked at for one number of cycles, of all layers together
_FEWEST_SIZES, _MOST_SIZES = 6, 150  # of one layer
_ROUNDS = 6  # of planning
_MOST_CONSTANT = 1 << 17  # bit products of a layer whose weights are constants: planning more takes minutes
_WORTH = 8  # block RAMs that an UltraRAM must save where block RAM is not short
_MOST_CHOICES, _MOST_PLANS = 40_000, 200  # of a network so small that its plans can be compared
_BEYOND = 1.6  # times the limits, of what formulas say of a folding that is planned all the same
_LARGE = 5_000_000  # steps of the cycle model for a frame, from which on queues take many seconds
_SLACK = 1.1  # of what is left out in favour of what formulas say of another
_UNEVEN = 4.0  # LUTs of a bit of a stream whose lanes do not divide it


@dataclass(frozen=True)
class NextStep:
    """What the next faster folding would take.

    Attributes
    ----------
    cycles : int
        Cycles between frames.
    resource : str
        What is short, by its name in `hw.cost.Cost`; of several, what is exceeded most.
    needed, most : int
        How many of it that takes, and the most that an estimate may say; where nothing is short, as the goal is few
        LUTs, the LUTs of the folding that is chosen.
    layer : str
        The layer that had to become faster, the slowest one.
    """

    cycles: int
    resource: str
    needed: int
    most: int
    layer: str


@dataclass(frozen=True)
class BestFolding:
    """A folding within all limits, its plan, what it takes, its timing, and what keeps it from being better.

    ``limiting`` is None where nothing is: no layer can be faster, or the goal is fewest LUTs.
    """

    folding: Folding
    plan: AcceleratorPlan
    depths: dict[str, int]
    design: DesignCost
    timing: SteadyTiming
    limiting: NextStep | None


def best_folding(
    network: Network | FoldableNetwork, limits: FoldingLimits, target: Target, listed: Sequence[ListedPart] = (),
    weights: str = "fixed", bus: int | None = None,
) -> BestFolding:  # fmt: skip
    """Return the folding of a network that is best in the goal of ``limits`` and keeps all of them; ``weights`` is one
    of `hw.folding.WEIGHTS`.

    With ``"external"`` those weights are outside of which that is the better choice, through a port of ``bus`` data
    bits, which is asked for at most `flow.folding.external.PORT_SHARE` of the cycles.

    Where no folding fits a part, the message names the smallest of the ``listed`` ones that one fits, in the same
    share.

    Raises
    ------
    FoldingError
        If there is none; the message says which limit cannot be kept.
    """
    return _Search(layers_of(network), limits, target, listed, weights, bus).best()


@dataclass(frozen=True)
class _Options:
    """Options of a layer, with what each takes, ``(n, len(_COLUMNS))``."""

    foldings: list[LayerFolding]
    costs: np.ndarray


@dataclass(frozen=True)
class _Built:
    """A folding that has been planned."""

    folding: Folding
    plan: AcceleratorPlan
    depths: dict[str, int]
    design: DesignCost
    words: int


def _is_large(plan: AcceleratorPlan) -> bool:
    """Return whether the queues of a network are not to be made as cheap as they can be for every folding."""
    return steps_of_frame(plan) > _LARGE


class _Search:
    """The search for one network and its limits.

    Attributes
    ----------
    beyond : float (len(_COLUMNS),)
        What the last plan took beyond the formulas for its layers and stages.
    """

    def __init__(
        self, layers: FoldableNetwork, limits: FoldingLimits, target: Target, listed: Sequence[ListedPart] = (),
        weights: str = "fixed", bus: int | None = None,
    ):  # fmt: skip
        self.layers, self.limits, self.target, self.listed = layers, limits, target, listed
        self.outside, self.weights = weights == "external", "fixed" if weights == "external" else weights
        try:
            self.port = WeightBus(check_bus(bus or DEFAULT_BUS), 0 < limits.most("uram") < math.inf)
        except ValueError as error:
            raise FoldingError(str(error)) from None
        self.beyond = np.zeros(len(_COLUMNS))
        self._known: dict[tuple[str, int, float], _Options] = {}
        self._costs: dict[tuple[str, LayerFolding], np.ndarray | None] = {}
        self._beside: dict[int, np.ndarray] = {}
        self._sizes = min(_MOST_SIZES, max(_FEWEST_SIZES, _SIZES // len(layers)))
        self.depths: dict[str, int] | None = None  # of the queues of the last plan
        self.floor = 0  # cycles that something else than layers takes at least

    # Options

    def options(self, name: str, cycles: int, slack: float = 1) -> _Options | None:
        """Return options of a layer that take no more than ``cycles`` a frame; None if there is none.

        Left out are those of which another takes less of everything, even ``slack`` times as much as formulas say.
        """
        layer = self.layers[name]
        reached = min((c for c in self._reached(name) if c <= cycles), key=lambda c: cycles - c, default=None)
        if reached is None:
            return None
        if (name, reached, slack) not in self._known:
            self._known[name, reached, slack] = self._options(layer, reached, slack)
        return self._known[name, reached, slack]

    def _reached(self, name: str) -> list[int]:
        return self._cycles[name]

    @cached_property
    def _cycles(self) -> dict[str, list[int]]:
        """Cycles a frame that each layer can have, rising."""
        return {name: sorted({option.cycles for option in layer.options}) for name, layer in self.layers.items()}

    def _options(self, layer: FoldableLayer, cycles: int, slack: float) -> _Options:
        within = sorted(option for option in layer.options if option.cycles <= cycles)
        sizes = {(o.pe, o.simd): o for o in within[: self._sizes]}
        fastest = [
            o for k, o in enumerate(within) if all(o.cycles < other.cycles for other in within[max(0, k - 8) : k])
        ]
        step = max(1, len(fastest) // self._sizes)
        sizes |= {(o.pe, o.simd): o for o in fastest[::step]}
        foldings, rows = [], []
        for pe, simd in sizes:
            for folding in self._ways(layer, pe, simd):
                row = self._row(layer, folding)
                if row is not None:
                    foldings.append(folding)
                    rows.append(row)
        costs = np.array(rows)
        kept = undominated(costs, slack)
        return _Options([foldings[k] for k in kept], costs[kept])

    def _ways(self, layer, pe, simd):
        """Yield the ways in which a layer of this size can be made."""
        shape = layer.shape(LayerFolding(pe, simd))
        products: list[str | None] = [None]
        fixed = self.weights == "fixed"
        products_of_bits = layer.inputs * layer.neurons * layer.groups * layer.bits
        if fixed and shape.words == 1 and layer.x_format.integral and products_of_bits > _MOST_CONSTANT:
            products = ["plain"]
        if "dsp" in self.limits.resources:
            if layer.summed is not None:
                products.append("sums")
            # Of constant weights synthesis makes products of LUTs, whatever they are described as.
            if layer.packing is not None and pe > shape.together and shape.words > 1 and layer.dsps(shape) > 0:
                products.append("dsp")
        for made in products:
            yield LayerFolding(pe, simd, made, weights=self.weights)
            if fixed and shape.words > 1 and "bram18" in self.limits.resources:
                for memory in ("luts", "block"):
                    yield LayerFolding(pe, simd, made, memory)
        if self.outside and reason_against(layer, LayerFolding(pe, simd)) is None:
            least = layer.channel(LayerFolding(pe, simd, weights="external"), self.port.bus).tile
            tiles = [tile for tile in tiles_of(shape) if tile >= least]
            picked = {round(k * (len(tiles) - 1) / (_TILES - 1)) for k in range(_TILES)}
            yield from (LayerFolding(pe, simd, weights="external", tile=tiles[k]) for k in sorted(picked))

    def _row(self, layer, folding):
        key = layer.name, folding
        if key not in self._costs:
            found, external = cost_of_layer(layer, folding, self.port), folding.weights == "external"
            beats = beats_of(layer, folding, self.port.bus) if external else 0
            luts = FLATTENED * (found.lut + self._uneven(layer, folding))
            words = layer.shape(folding).words
            self._costs[key] = np.array([
                luts, found.ff, found.lutram, found.bram18, found.uram, found.dsp, words, beats
            ])  # fmt: skip
        row = self._costs[key]
        if folding.memory is not None:  # where it would be anyway, or in the other place
            usual = self._row(layer, replace(folding, memory=None))
            if usual is not None and (row == usual).all():
                return None
        return row

    @staticmethod
    def _uneven(layer, folding):
        """Return about the LUTs that gearboxes take more where lanes do not divide what they carry."""
        shape, luts = layer.shape(folding), 0.0
        if layer.window is None and layer.inputs % shape.simd:
            luts += _UNEVEN * shape.lanes_in * layer.x_format.bits
        if shape.neurons % shape.lanes:
            luts += _UNEVEN * shape.lanes * (layer.levels - 1).bit_length()
        return luts

    # Sums

    def fixed(self, cycles: int) -> np.ndarray:
        """Return what is taken beside layers where none is slower than ``cycles``."""
        if cycles not in self._beside:
            found = sum(costs_beside(self.layers, cycles), Cost())
            self._beside[cycles] = np.array([
                FLATTENED * found.lut + OVERHEAD, found.ff + OVERHEAD_FF, found.lutram, found.bram18, found.uram,
                found.dsp, 0, 0,
            ])  # fmt: skip
        return self._beside[cycles] + self.beyond

    def most(self, **more: float) -> np.ndarray:
        """Return the limits as a row; ``more`` are further ones by column."""
        row = np.array([self.limits.most(name) for name in RESOURCES] + [np.inf, np.inf])
        for name, value in more.items():
            k = _COLUMNS.index(name)
            row[k] = min(row[k], value)
        return row

    def _with_port(self, most: np.ndarray, cycles: int) -> np.ndarray:
        """Return limits with the beats that the port for weights may be asked for in these cycles."""
        if not self.outside:
            return most
        row = most.copy()
        row[_BEATS] = PORT_SHARE * cycles
        return row

    def folding_of(self, found: dict[str, LayerFolding]) -> Folding:
        """Return a folding of layers, with the port for weights if there are some outside."""
        if all(layer.weights != "external" for layer in found.values()):
            return Folding(found)
        return Folding(found, bus=self.port.bus, ultra_ram=self.port.ultra)

    def chosen(self, cycles: int, most: np.ndarray) -> tuple[Folding, Chosen, np.ndarray] | None:
        """Return a folding of no more than ``cycles`` a frame that is within ``most`` or near it, how full that is, and
        what it takes; None if a layer has no option."""
        options = [self.options(name, cycles) for name in self.layers]
        if any(found is None for found in options):
            return None
        fixed = self.fixed(cycles)
        found = choose([o.costs for o in options if o is not None], self._with_port(most, cycles), fixed)
        pairs = list(zip(options, found.options, strict=True))
        folding = self.folding_of({
            name: o.foldings[k] for name, (o, k) in zip(self.layers, pairs, strict=True) if o is not None
        })  # fmt: skip
        return folding, found, fixed + sum(o.costs[k] for o, k in pairs if o is not None)

    # Speeds

    @cached_property
    def speeds(self) -> list[int]:
        """Cycles between frames that a folding can have, rising, where no more are asked for."""
        least = max(cycles[0] for cycles in self._cycles.values())
        found = sorted({c for cycles in self._cycles.values() for c in cycles if c >= least})
        if self.limits.cycles is not None:
            within = [c for c in found if c <= self.limits.cycles]
            if not within:
                slow = max(self._cycles, key=lambda name: self._cycles[name][0])
                raise FoldingError(
                    f"layer {slow} cannot be folded to {self.limits.cycles} cycles a frame; it takes at least {least}"
                )
            found = within
        return found

    def fastest(self, most: np.ndarray) -> tuple[int, Folding, np.ndarray] | None:
        """Return the fewest cycles for which a folding is within ``most``, the folding, and what it takes."""
        speeds = [c for c in self.speeds if c >= self.floor] or self.speeds[-1:]
        low, high, best = 0, len(speeds) - 1, None
        found = self.chosen(speeds[high], most)
        if found is None or found[1].fullest > 1:
            return None
        best = speeds[high], found[0], found[2]
        while low < high:
            middle = (low + high) // 2
            found = self.chosen(speeds[middle], most)
            if found is not None and found[1].fullest <= 1:
                high, best = middle, (speeds[middle], found[0], found[2])
            else:
                low = middle + 1
        return best

    # Plans

    def build(self, folding: Folding, ultra: Sequence[str] = (), depths: dict[str, int] | None = None) -> _Built:
        """Plan a folding, with queues of these ``depths`` or else as deep as they must be, and say what it takes."""
        folding = folding.with_ultra(ultra)
        try:
            plan = AcceleratorPlan(self.layers.network, folding, target=self.target)
        except ValueError as error:
            raise FoldingError(str(error)) from None
        found = self._depths(plan) if depths is None else depths
        plan = plan.with_depths(found)
        design = cost_of_design(self.layers, folding, plan, self.limits.family)
        words = sum(self.layers[name].shape(folded).words for name, folded in folding.items())
        return _Built(folding, plan, found, design, words)

    @staticmethod
    def _depths(plan: AcceleratorPlan) -> dict[str, int]:
        """Return depths of queues: of large networks those that a run needs, and beside external weights, which take
        minutes to step through, those that are known to be enough. The folding that is chosen gets its own (`_sized`).
        """
        if plan.weight_port is not None:
            return bounding_depths(plan)
        return size_queues(plan, cheapest=not _is_large(plan))

    def _sized(self, built: _Built) -> _Built:
        """Return a folding that is chosen with queues as deep as they must be."""
        if not built.depths or (built.plan.weight_port is None and not _is_large(built.plan)):
            return built
        return self.build(built.folding, sorted(built.folding.ultra), size_queues(built.plan))

    def built(self, folding: Folding, taken: np.ndarray) -> _Built:
        """Plan a folding that takes so much by formulas, and note what it takes beyond them.

        Queues are as deep as those of the folding before; where limits are kept with these, they get their own depths,
        which deep networks take seconds for.
        """
        found = self.build(folding, depths=self.depths)
        ultra = self._ultra(found)
        if ultra:
            found = self.build(folding, ultra, found.depths)
        if not self.limits.over(found.design.total) and found.depths is self.depths:
            found = self.build(folding, ultra)
        self.depths = found.depths
        now = found.design.total
        row = np.array([now.lut, now.ff, now.lutram, now.bram18, now.uram, now.dsp, found.words, 0])
        self.beyond = self.beyond + row - taken
        self.beyond[[_WORDS, _BEATS]] = 0
        self.floor = max(self.floor, found.plan.bound if found.plan.bound > slowest(self.layers, folding) else 0)
        return found

    def _ultra(self, found: _Built) -> list[str]:
        """Return the stages whose buffers are better in UltraRAM, the most block RAMs for one first."""
        most, short = self.limits.most("uram"), found.design.total.bram18 - self.limits.most("bram18")
        if self.limits.part is None or not most:
            return []
        moves = []
        for stage in found.plan.stages:
            if not hasattr(stage.plan, "ram"):
                continue
            buffers = [m for m in found.design.buffers.get(stage.name, []) if isinstance(m, Buffer)]
            saved = sum(m.cost(self.limits.family).bram18 for m in buffers)
            if saved:
                moves.append((saved, sum(m.ultra_blocks for m in buffers), stage.name))
        picked, used = [], 0
        for saved, ultra, name in sorted(moves, key=lambda move: move[0] / move[1], reverse=True):
            if used + ultra <= most and (saved >= _WORTH * ultra or short > 0):
                picked.append(name)
                used, short = used + ultra, short - saved
        return picked

    # Goals

    def best(self) -> BestFolding:
        """Return the best folding."""
        built = self._faster(self._within(lambda: self.fastest(self.most())))
        if self.limits.goal == "luts":
            built = self._least(built, "lut")
            cycles = max(self.speeds[-1], self.floor)
            built = min([built, *self._planned(cycles, 0)], key=lambda one: one.design.total.lut)
        limiting = self._limiting(built)
        built = self._sized(built)
        timing = self._timing(built)
        if self.limits.goal == "latency":
            every = [(self._timing(one), one) for one in self._planned(max(self.speeds[-1], self.floor), _WORDS)]
            timing, built = min([(timing, built), *every], key=lambda one: one[0].latency)
        if self.limits.goal == "latency" or (self.limits.latency is not None and timing.latency > self.limits.latency):
            built, timing = self._soonest(built, timing)
        if self.limits.latency is not None and timing.latency > self.limits.latency:
            raise FoldingError(
                f"a latency of {self.limits.latency:,} cycles cannot be met within the limits; the least found is "
                f"{timing.latency:,}"
            )
        if self.limits.cycles is not None and timing.interval > self.limits.cycles:
            entry = max(built.plan.entries, key=lambda entry: entry.beats)
            raise FoldingError(
                f"{self.limits.cycles:,} cycles a frame cannot be met: the input, {entry.beats:,} beats of "
                f"{entry.lanes} codes, or what stands between layers takes {timing.interval:g}"
            )
        return BestFolding(built.folding, built.plan, built.depths, built.design, timing, limiting)

    def _timing(self, built: _Built) -> SteadyTiming:
        return predict_steady(built.plan)

    def _within(self, find) -> _Built:
        """Return what ``find`` finds, once its plan keeps all limits: the fastest of several plans."""
        best, seen = None, set()
        for _ in range(_ROUNDS):
            found = find()
            if found is None:
                break
            cycles, folding, taken = found
            if folding in seen:
                break
            seen.add(folding)
            built = self.built(folding, taken)
            if not self.limits.over(built.design.total):
                if best is None or self._speed(built) < self._speed(best):
                    best = built
        if best is None:
            raise FoldingError(self._nothing())
        return best

    def _faster(self, best: _Built) -> _Built:
        """Return the folding, or a faster one of a small network, which plans alone show to keep all limits."""
        misses = 0
        for cycles in reversed([c for c in self.speeds if self.floor <= c < self._speed(best)[0]]):
            found = min(self._planned(cycles), key=self._speed, default=None)
            misses = misses + 1 if found is None else 0
            best = best if found is None else found
            if misses == 2:
                break
        return best

    def _planned(self, cycles: int, column: int | None = None) -> list[_Built]:
        """Return foldings of a small network that take no more than ``cycles``, and whose plans keep all limits.

        They are looked for among all choices of options that formulas say are within limits or little beyond, those
        with least in a ``column`` first, or else those that are least full.
        """
        for slack in _SLACK, 1:
            options = [self.options(name, cycles, slack) for name in self.layers]
            given = [found for found in options if found is not None]
            if len(given) < len(options):
                return []
            if math.prod(len(found.foldings) for found in given) <= _MOST_CHOICES:
                break
        else:
            return []
        picked = np.array(list(itertools.product(*(range(len(found.foldings)) for found in given))))
        totals = self.fixed(cycles) + sum(found.costs[picked[:, k]] for k, found in enumerate(given))
        fullest = (totals / np.maximum(self._with_port(self.most(), cycles), 0.5)).max(axis=1)
        order = np.argsort(fullest if column is None else totals[:, column], kind="stable")
        found = []
        for row in order[fullest[order] <= _BEYOND][:_MOST_PLANS]:
            chosen = zip(self.layers, given, picked[row], strict=True)
            built = self.build(self.folding_of({name: one.foldings[k] for name, one, k in chosen}))
            if not self.limits.over(built.design.total):
                found.append(built)
                if column is None:
                    break
        return found

    def _speed(self, built: _Built) -> tuple[int, float]:
        return max(built.plan.bound, slowest(self.layers, built.folding)), built.design.total.lut

    def _nothing(self) -> str:
        """Say which limit even the folding that is nearest to all of them does not keep."""
        found = self.chosen(self.speeds[-1], self.most())
        assert found is not None  # as every layer has options for the slowest speed
        name, needed = self._worst(found[2])
        speed = "" if self.limits.cycles is None else f" at {self.limits.cycles:,} cycles a frame"
        limit = self.limits.resources[name]
        said = (
            f"no folding{speed} is within {int(limit.aim):,} {RESOURCES[name]} ({limit}): the nearest takes about "
            f"{needed:,}"
        )
        return "; ".join([said, *self._holder(), f"what would make it fit: {self._advice(name)}"])

    def _holder(self) -> list[str]:
        """Say which listed part is the smallest that has a folding, in the same share."""
        if self.limits.part is None or not self.listed:
            return []
        for part in sorted(self.listed, key=lambda part: (part.lut, part.dsp, part.bram18, part.name)):
            other = limits_of(part=part, shares={name: 100 * share for name, share in self.limits.shares.items()})
            found = self.chosen(self.speeds[-1], np.array([*map(other.most, RESOURCES), np.inf, np.inf]))
            if found is not None and found[1].fullest <= 1:
                return [f"the smallest listed part that holds it is {part.name}"]
        return ["no listed part holds it"]

    def _advice(self, resource: str) -> str:
        """Say what would make less of a resource do."""
        weights = sum(
            layer.neurons * layer.groups * layer.inputs * layer.weight_format.bits for layer in self.layers.values()
        )
        images = sum(
            layer.source.size[1] * layer.window.window.kernel[0] * layer.channels * layer.groups * layer.x_format.bits
            for layer in self.layers.values()
            if layer.window is not None
        )
        ways = ["fewer bits (`fewbit search`)"]
        if self.limits.cycles is not None:
            ways.insert(0, "fewer frames a second")
        if resource in ("bram18", "lut", "lutram", "uram") and weights >= images and not self.outside:
            ways.append("weights in memory outside (`--weights external`)")
        if images > 0:
            ways.append("a smaller input")
        return ", ".join(ways[:-1]) + f" or {ways[-1]}" if len(ways) > 1 else ways[0]

    def _worst(self, taken: np.ndarray) -> tuple[str, int]:
        """Return the resource whose limit is exceeded most, or is nearest, and how many are taken."""
        shares = {name: taken[k] / max(0.5, self.limits.most(name)) for k, name in enumerate(RESOURCES)}
        name = max(shares, key=lambda name: shares[name])
        return name, round(taken[_COLUMNS.index(name)])

    def _limiting(self, built: _Built) -> NextStep | None:
        """Return what the next faster folding would take: of the resource that is short, or of LUTs if these are to be
        few and none is."""
        now = max(slowest(self.layers, built.folding), self.floor)
        faster = [c for c in self.speeds if c < now and c >= self.floor]
        if not faster or not self.limits.resources:
            return None
        layer = max(built.folding, key=lambda name: self.layers[name].cycles(built.folding[name]))
        if self.limits.goal == "luts":
            least = self._fewest(faster[-1], float("inf"), "lut")
            if least is not None:
                return NextStep(faster[-1], "lut", round(least[2][0]), round(built.design.total.lut), layer)
        for cycles in reversed(faster):
            found = self.chosen(cycles, self.most())
            if found is not None and found[1].fullest > 1:
                name, needed = self._worst(found[2])
                return NextStep(cycles, name, needed, int(self.limits.most(name)), layer)
        return None

    def _least(self, built: _Built, column: str) -> _Built:
        """Return the folding that takes the fewest of a resource and keeps all limits."""
        cycles = max(self.speeds[-1], self.floor)
        best, seen = built, set()
        for _ in range(_ROUNDS):
            found = self._fewest(cycles, float(getattr(built.design.total, column)) + 1, column)
            if found is None or found[1] in seen:
                break
            seen.add(found[1])
            now = self.built(found[1], found[2])
            if not self.limits.over(now.design.total) and getattr(now.design.total, column) < getattr(
                best.design.total, column
            ):  # fmt: skip
                best = now
        return best

    def _fewest(self, cycles: int, most: float, column: str) -> tuple[int, Folding, np.ndarray] | None:
        """Return the cycles, the folding of the fewest of a resource, ``most`` of it at most, and what it takes."""
        low, high, best = 0.0, most, None
        for _ in range(14):
            found = self.chosen(cycles, self.most(**{column: high if best is None else (low + high) / 2}))
            if found is not None and found[1].fullest <= 1:
                best = cycles, found[0], found[2]
                high = float(found[2][_COLUMNS.index(column)])
            elif best is None:
                return None
            else:
                low = (low + high) / 2
            if high - low < 0.005 * high:
                break
        return best

    def _soonest(self, built: _Built, timing: SteadyTiming) -> tuple[_Built, SteadyTiming]:
        """Return the folding of the least latency; with a latency as a limit alone, the first that keeps it.

        Cycles of a pixel add up to the latency, but for what windows and the slowest layer make wait: so they are one
        more limit, which is lowered as long as that helps.
        """
        best, when = built, timing
        enough = self.limits.latency if self.limits.goal != "latency" else None
        now = max(slowest(self.layers, built.folding), self.floor)
        paces = [c for c in self.speeds if c >= self.floor]
        paces = sorted({min(paces, key=lambda c: abs(c - now * k)) for k in (1, 1.15, 1.4, 2, 4)} | {paces[-1]})
        for cycles in paces:
            low, high = 0.0, None
            for _ in range(10):
                words = float(best.words) if high is None else (low + high) / 2
                found = self.chosen(cycles, self.most(words=words))
                if found is None or found[1].fullest > 1:
                    if high is None:
                        break
                    low = words
                else:
                    high, kept = float(found[2][_WORDS]), found
                if high is not None and high - low < max(0.5, 0.01 * high):
                    break
            if high is None:
                continue
            candidate = self.built(kept[0], kept[2])
            if self.limits.over(candidate.design.total):
                continue
            predicted = self._timing(candidate)
            if self.limits.cycles is not None and predicted.interval > self.limits.cycles:
                continue
            if predicted.latency < when.latency:
                best, when = candidate, predicted
            if enough is not None and when.latency <= enough:
                break
        return best, when
