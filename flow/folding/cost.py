"""LUTs, block RAMs and DSPs of a folded layer by formulas: quick enough to search with, close to what synthesis says.

They are of ``--target xilinx``, whose arrays and weight memories are made LUT by LUT: what those take is known, and the
formulas below are fitted to Yosys for what is around them (`python -m bench.sections.estimate` compares). With
``--target portable`` operators take about twice as much.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.window import Window
from fewbit.golden.numbers.format import Format
from fewbit.golden.numbers.formats import Bipolar, Ternary
from fewbit.golden.rewrite.loadable import held_format
from fewbit.golden.rewrite.rescale import FEWEST_LEVELS
from fewbit.hw.arrays.cost import distinct_columns as _distinct
from fewbit.hw.arrays.cost import pe_luts, rom_placement, row_luts
from fewbit.hw.cost import Cost
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.layer.arithmetic import Arithmetic
from fewbit.hw.layer.external import TileBuffers
from fewbit.hw.layer.shape import LayerShape
from fewbit.hw.layer.ways import chosen
from fewbit.hw.memory.buffers import (
    LOAD_BITS,
    buffer_cost,
    fifo_luts,
    placed_buffer,
    ram_luts,
    ultra_attrs,
    writable_placement,
)
from fewbit.hw.stages.window_plan import columns_of
from fewbit.hw.xilinx.pe_counts import count_sum

from .layers import FoldableLayer

__all__ = ["FLATTENED", "LOADER", "OVERHEAD", "Cost", "WeightBus", "cost_of_layer", "cost_of_pool", "cost_of_unit",
           "total"]  # fmt: skip


class WeightBus(NamedTuple):
    """How a network's external weights come, as its folding says: data bits of the port, None for the default, and
    whether large buffers may be in UltraRAM."""

    bus: int | None = None
    ultra: bool = False

    @classmethod
    def of(cls, folding: Folding) -> "WeightBus":
        """Return what a folding says."""
        return cls(folding.bus, folding.ultra)


FLATTENED = 0.96
"""The share of the layers' LUTs that is left when synthesis looks across their boundaries."""
OVERHEAD = 55
"""LUTs of the AXI4-Stream shell."""
LOADER = 400
"""LUTs of what takes weights from their stream, checks them, and holds frames back meanwhile."""
_LOAD_PORT = 30  # LUTs of what takes words to loadable memories of a layer, beside one a slice
_FLOAT = 560  # LUTs of a float32 multiplier with two DSPs, and its share of the additions
# LUTs that a constant weight takes for each bit of x where sums are shared (`hw.xilinx.constant_matrix`), by its
# format, and that a neuron takes beside them.
_CONSTANT, _TERNARY, _SEVERAL, _NEURON = 0.27, 0.36, 0.2, 10


def total(costs: Iterable[Cost]) -> Cost:
    """Return what ``costs`` come to in one design, flattened by synthesis, with the shell around it."""
    together = sum(costs, Cost())
    return replace(together, lut=FLATTENED * together.lut + OVERHEAD)


def cost_of_layer(layer: FoldableLayer, folding: LayerFolding, port: WeightBus | None = None) -> Cost:
    """Return the cost of a layer with what stands in front of it: its window and its gearbox.

    ``port`` says how external weights come.
    """
    shape, port = layer.shape(folding), port or WeightBus()
    return cost_of_unit(layer, folding, port) + _window(layer, shape, port.ultra) + _gearbox(layer, shape)


def cost_of_unit(layer: FoldableLayer, folding: LayerFolding, port: WeightBus | None = None) -> Cost:
    """Return the cost of a layer's matrix-vector unit alone: array, weights, activation, replay and FIFO."""
    if folding.weights == "loadable" and layer.x_format.integral:
        return _loadable_unit(layer, folding)
    shape, products, acc = layer.shape(folding), folding.products, _accumulator(layer)
    external, port = folding.weights == "external", port or WeightBus()
    pe, simd, found = shape.pe, shape.simd, [] if external else [_replay(layer, shape)]
    if not layer.x_format.integral:
        weights = _rom(32 * pe * simd, shape.words)
        return sum(found, weights + Cost(pe * simd * _FLOAT + pe * 450, dsp=2 * pe * simd))
    if layer.weight_range[0] == layer.weight_range[1]:  # an average: all weights are one
        found.append(Cost(pe * acc))
    elif shape.words == 1 and products is None:
        found.append(Cost(_constant(layer, shape)))
    else:
        way = _way(layer, shape, products)
        bits = layer.weight_format.bits if way is None else way.weight_bits
        weights = _external(layer, folding, shape, bits, port) if external else _rom(bits * pe * simd, shape.words)
        found += [_array(layer, shape, way), weights]
        if layer.levels == 2 and products != "sums":  # the accumulators start at minus their thresholds
            found.append(_rom(pe * acc, shape.rows * shape.vectors))
    return sum(found, _activation(layer, shape, products) + Cost(21 + fifo_luts(shape.lanes * _bits_out(layer))))


def _loadable_unit(layer: FoldableLayer, folding: LayerFolding) -> Cost:
    """Return the cost of a matrix-vector unit whose trained numbers are loadable: as wide as any of them make it."""
    shape, held = layer.shape(folding), held_format(layer.weight_format)
    pe, simd, lanes, depth = shape.pe, shape.simd, shape.lanes, shape.places
    terms = product_terms(layer.ways[0].lane_format, held)
    acc = (layer.inputs * sum(1 << e for e in terms.exponents)).bit_length() + (layer.levels == 2)
    found = [_replay(layer, shape), Cost(21 + fifo_luts(lanes * _bits_out(layer)))]
    memories = []
    if layer.weight_range[0] == layer.weight_range[1]:
        found.append(Cost(pe * acc))
    else:
        memories.append((held.bits * pe * simd, shape.words))
        if folding.products == "dsp":
            found.append(_array(layer, shape, None))
        else:
            each = row_luts(layer.ways[0].lane_format, held, simd)
            if folding.products != "sums":
                each = pe_luts(layer.ways[0].lane_format, held, simd, acc, shape.steps > 1)
            found.append(Cost(pe * each + (pe - lanes) * acc, dsp=0 if folding.products != "sums" else -(-pe // 2)))
    levels, searched = _bits(layer.levels), layer.summed is not None
    if searched and layer.levels == 2 and folding.products != "sums":
        memories += [(pe * acc, shape.rows * shape.vectors), (lanes, depth)]
    elif not searched:
        memories.append((pe * acc, shape.rows * shape.vectors))
    elif layer.levels >= FEWEST_LEVELS:
        memories += [(lanes * 17, depth), (lanes * (acc + 18), depth)]
        found.append(Cost(lanes * (4 * acc + 12), dsp=2 * lanes))
    elif levels <= 2:
        memories += [(lanes * acc, depth)] * (2**levels - 1) + [(lanes, depth)]
        found.append(Cost(lanes * (2**levels - 1) * acc * 0.6))
    else:
        memories += [(acc, depth << level) for level in range(levels)] * lanes + [(lanes, depth)]
        found.append(Cost(lanes * levels * acc * 1.4))
    for width, words in memories:
        where = writable_placement(width, words)
        found.append(Cost(where.luts, where.bram18))
    slices = sum(-(-width // LOAD_BITS) for width, _ in memories)
    return sum(found, Cost(_LOAD_PORT + slices))


def cost_of_pool(window: Window, edge: Edge, cycles: int) -> Cost:
    """Return the cost of a max pool's window and comparisons, with as many channels at a time as ``cycles`` ask for."""
    beats = max(window.out_pixels * window.taps_count, edge.pixels)
    lanes = next((n for n in range(1, edge.channels + 1) if edge.channels % n == 0
                  and beats * edge.channels // n <= cycles), edge.channels)  # fmt: skip
    return _ring(window, edge.format.bits, lanes, edge.channels // lanes) + Cost(lanes * edge.format.bits + 26)


def _accumulator(layer: FoldableLayer) -> int:
    """Return the bits of a PE's accumulator: of one that is compared by its sign, one more than its heap has."""
    if not layer.x_format.integral:
        return layer.accumulator_bits
    return layer.heap_bits + (layer.levels == 2)


def _bits_out(layer: FoldableLayer) -> int:
    """Return the bits of a code that leaves: an accumulator where no activation is behind it."""
    return layer.accumulator_bits if layer.summed is None else _bits(layer.levels)


def _bits(levels: int) -> int:
    """Return the bits of a code that has so many levels."""
    return max(1, (levels - 1).bit_length())


# Arrays


def _array(layer: FoldableLayer, shape: LayerShape, way: Arithmetic | None) -> Cost:
    """Return the cost of PEs, of holding their initial value, of their results' way out, and of adding up planes.

    Without a ``way`` products are in DSPs.
    """
    pe, acc = shape.pe, _accumulator(layer)
    feedback, dsps, beside = shape.steps > 1, 0, 0
    if way is None:
        packing, dsps = layer.packed, layer.dsps(shape)
        heights = dict.fromkeys(range(packing.field), shape.simd)
        heights[0] += shape.simd * packing.signed
        each: float = count_sum(tuple(heights.items()), acc, feedback).luts + 2 * shape.simd * packing.overlaps
    else:
        each, beside = way.pe_luts(shape.simd, acc, feedback), way.beside(shape, layer.accumulator_bits)
        dsps = way.dsps(pe, acc)
    held = 0 if feedback or layer.levels > 2 or dsps else _distinct(pe * acc, shape.rows)  # held in shift registers
    return Cost(pe * each + held + (pe - shape.lanes) * acc + beside, dsp=dsps)


def _way(layer: FoldableLayer, shape: LayerShape, products: str | None) -> Arithmetic | None:
    """Return how a layer's products are made, or None for those in DSPs."""
    if products == "dsp":
        return None
    return layer.summed if products == "sums" else chosen(layer.ways, shape, layer.accumulator_bits, products)


def _constant(layer: FoldableLayer, shape: LayerShape) -> float:
    """Return the LUTs of PEs whose weights are constants."""
    known: dict[Format, float] = {Bipolar(): _CONSTANT, Ternary(): _TERNARY}
    kind = known.get(layer.weight_format, _SEVERAL * layer.weight_format.bits)
    return shape.pe * (kind * layer.x_format.bits * shape.simd + _NEURON)


# Memories


def _rom(columns: int, depth: int) -> Cost:
    """Return the cost of a read-only memory of ``depth`` words of ``columns`` bits."""
    where = rom_placement(columns, depth)
    return Cost() if where is None else Cost(where.luts, where.bram18)


def _external(layer: FoldableLayer, folding: LayerFolding, shape: LayerShape, bits: int, port: WeightBus) -> Cost:
    """Return the cost of weights that come from memory outside: their ring, and tiles in front of the array and
    behind."""
    channel = layer.channel(folding, port.bus, bits)
    tiles = TileBuffers.of(shape, channel.tile, layer.x_format.bits, _bits_out(layer), ultra=port.ultra)
    found = [channel.cost, tiles.cost]
    if tiles.front is not None:
        beats = 2 * channel.tile * shape.steps
        found.append(Cost(6.2 * (beats - 1).bit_length() + 2.6 * (shape.rows - 1).bit_length() + 18))
    if tiles.behind is not None:
        words = 2 * channel.tile * shape.rows * shape.row_beats
        found.append(Cost(7.2 * (words - 1).bit_length()))
    return sum(found, Cost())


def _replay(layer: FoldableLayer, shape: LayerShape) -> Cost:
    """Return the cost of the memory that gives a vector to every row of neurons."""
    if shape.rows == 1 and layer.x_format.integral:
        return Cost()
    memory = buffer_cost(shape.lanes_in * layer.x_format.bits, 2 * shape.steps)
    counters = 6.2 * (shape.steps - 1).bit_length() + 2.6 * (shape.rows * shape.vectors - 1).bit_length()
    return memory + Cost(counters + 18)


def _gearbox(layer: FoldableLayer, shape: LayerShape) -> Cost:
    """Return the cost of going from the lanes of the layer before to those of this one."""
    if layer.window is None:
        return Cost(1.4 * min(shape.lanes_in, layer.inputs * layer.groups) * layer.x_format.bits + 15)
    return Cost(1.2 * min(shape.simd, layer.channels) * shape.parallel * layer.x_format.bits + 12)


def _activation(layer: FoldableLayer, shape: LayerShape, products: str | None) -> Cost:
    """Return the cost of thresholds and of their search, or of a multiplication and a shift in their place."""
    if layer.levels <= 2 and products != "sums":
        return Cost()
    lanes, depth, acc = shape.lanes, shape.places, _accumulator(layer)
    if layer.levels <= 4:
        compared = layer.levels - 1
        return _rom(lanes * acc * compared, depth) + Cost(lanes * compared * acc * 0.6)
    if layer.levels >= FEWEST_LEVELS:
        # A multiplier and an addend of about the accumulator's width, and half as wide again.
        return _rom(3 * lanes * acc, depth) + Cost(lanes * (4 * acc + 12), dsp=2 * lanes)
    levels = _bits(layer.levels)
    roms = [_rom(acc, depth << level) for level in range(levels)]
    return sum((Cost(lanes * (0.9 * r.lut + acc * 1.4), lanes * r.bram18) for r in roms), Cost())


# Windows


def _window(layer: FoldableLayer, shape: LayerShape, ultra: bool) -> Cost:
    """Return the cost of the window in front of a layer, if there is one."""
    if layer.window is None:
        return Cost()
    window, bits, simd = layer.window.window, layer.x_format.bits, shape.simd
    if simd <= layer.channels and shape.abreast == 1:
        lanes = layer.channels * shape.parallel if shape.parallel > 1 else simd
        return _ring(window, bits, lanes, layer.channels * layer.groups // lanes, ultra)
    columns = columns_of(window, shape.abreast)  # a memory a row, of which two more are needed than the kernel has
    memory = ram_luts(layer.channels * columns * bits, -(-window.size[1] // columns)) * (window.kernel[0] + 2)
    return Cost(70 + 0.7 * simd * bits * shape.abreast + memory)


def _ring(window: Window, bits: int, lanes: int, blocks: int, ultra: bool = False) -> Cost:
    """Return the cost of a ring of about one row of the image more than the kernel has."""
    rows = min(window.size[0], window.kernel[0] + 1)
    words = max(2, rows * window.size[1] * blocks)
    memory = buffer_cost(lanes * bits, words)
    if ultra and ultra_attrs(lanes * bits, words):
        memory = placed_buffer(lanes * bits, words, ultra=True).cost
    if memory.bram18 or memory.uram:
        return memory + Cost(155)
    return memory + Cost(20 * (words - 1).bit_length() - 15)
