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
from fewbit.golden.rewrite.rescale import FEWEST_LEVELS
from fewbit.hw.arrays.cost import distinct_columns as _distinct
from fewbit.hw.arrays.cost import pe_flip_flops, pe_luts, rom_placement, row_flip_flops, row_luts
from fewbit.hw.cost import Cost
from fewbit.hw.folding import Folding, LayerFolding
from fewbit.hw.heap.partial_products import product_terms
from fewbit.hw.layer.arithmetic import Arithmetic
from fewbit.hw.layer.external import TileBuffers
from fewbit.hw.layer.product_forms import chosen
from fewbit.hw.layer.shape import LayerShape
from fewbit.hw.memory.buffers import (
    LOAD_BITS,
    buffer_cost,
    fifo_luts,
    placed_buffer,
    ram_luts,
    ultra_style,
    writable_placement,
)
from fewbit.hw.stages.window_plan import columns_of
from fewbit.hw.xilinx.pe_counts import count_sum

from .layers import FoldableLayer

__all__ = [
    "FLATTENED",
    "LOADER",
    "LOADER_FF",
    "OVERHEAD",
    "OVERHEAD_FF",
    "Cost",
    "WeightBus",
    "cost_of_layer",
    "cost_of_planned",
    "cost_of_pool",
    "cost_of_rows",
    "cost_of_unit",
    "luts_of_constants",
    "total",
]


class WeightBus(NamedTuple):
    """How a network's external weights come, as its folding says: data bits of the port, None for the default, and
    whether large buffers may be in UltraRAM."""

    bus: int | None = None
    ultra: bool = False

    @classmethod
    def of(cls, folding: Folding) -> "WeightBus":
        """Return what a folding says."""
        return cls(folding.bus, folding.ultra_ram)


FLATTENED = 0.96
"""The share of the layers' LUTs that is left when synthesis looks across their boundaries."""
OVERHEAD = 55
"""LUTs of the AXI4-Stream shell."""
OVERHEAD_FF = 60
"""Flip-flops of it."""
LOADER = 400
"""LUTs of what takes weights from their stream, checks them, and holds frames back meanwhile."""
LOADER_FF = 350
"""Flip-flops of it."""
_LOAD_PORT = 30  # LUTs of what takes words to loadable memories of a layer, beside one a slice
_LOAD_PORT_FF = 90  # flip-flops of that, beside one a slice
_FLOAT = 560  # LUTs of a float32 multiplier with two DSPs, and its share of the additions
_FLOAT_FF = 620  # flip-flops of that
_CONSTANT_FF = 1.1  # flip-flops of constant weights for each of their LUTs
_FIFO_FF, _REPLAY_FF = 16, 20  # flip-flops of counters
# LUTs that a constant weight takes for each bit of x where sums are shared (`hw.xilinx.constant_matrix`), by its
# format, and that a neuron takes beside them.
_CONSTANT, _TERNARY, _SEVERAL, _NEURON = 0.27, 0.36, 0.2, 10


def total(costs: Iterable[Cost], flattened: float = FLATTENED) -> Cost:
    """Return what ``costs`` come to in one design, flattened by synthesis, with the shell around it."""
    together = sum(costs, Cost())
    return replace(together, lut=flattened * together.lut + OVERHEAD, ff=together.ff + OVERHEAD_FF)


def cost_of_layer(layer: FoldableLayer, folding: LayerFolding, port: WeightBus | None = None) -> Cost:
    """Return the cost of a layer with what stands in front of it: its window and its gearbox.

    ``port`` says how external weights come.
    """
    shape, port = layer.shape(folding), port or WeightBus()
    return cost_of_unit(layer, folding, port) + _window(layer, shape, port.ultra) + _gearbox(layer, shape)


def cost_of_planned(layer: FoldableLayer, folding: LayerFolding, port: WeightBus | None = None) -> Cost:
    """Return the cost of a layer with its window alone, where the plan knows what its gearbox takes."""
    port = port or WeightBus()
    return cost_of_unit(layer, folding, port) + _window(layer, layer.shape(folding), port.ultra)


def cost_of_unit(layer: FoldableLayer, folding: LayerFolding, port: WeightBus | None = None) -> Cost:
    """Return the cost of a layer's matrix-vector unit alone: array, weights, activation, replay and FIFO."""
    if folding.weights == "loadable" and layer.x_format.integral:
        return _loadable_unit(layer, folding)
    shape, products, acc = layer.shape(folding), folding.products, _accumulator(layer)
    external, port = folding.weights == "external", port or WeightBus()
    pe, simd, found = shape.pe, shape.simd, [] if external else [_replay(layer, shape)]
    if not layer.x_format.integral:
        weights = _rom(32 * pe * simd, shape.words, folding.memory)
        found.append(Cost(ff=_FLOAT_FF * pe * simd + pe * 500 + 32 * pe * simd))
        return sum(found, weights + Cost(pe * simd * _FLOAT + pe * 450, dsp=2 * pe * simd))
    if layer.weight_range[0] == layer.weight_range[1]:  # an average: all weights are one
        found.append(Cost(pe * acc, ff=2 * pe * acc))
    elif shape.words == 1 and products is None:
        luts = luts_of_constants(layer, shape)
        found.append(Cost(luts, ff=_CONSTANT_FF * luts))
    else:
        way = _way(layer, shape, products)
        bits = layer.weight_format.bits if way is None else way.weight_bits
        weights = _rom(bits * pe * simd, shape.words, folding.memory)
        if external:
            weights = _external(layer, folding, shape, bits, port)
        found += [_array(layer, shape, way), weights]
        if layer.levels == 2 and products != "sums":  # the accumulators start at minus their thresholds
            found.append(_rom(pe * acc, shape.rows * shape.vectors))
    fifo = fifo_luts(shape.lanes * _bits_out(layer))
    return sum(found, _activation(layer, shape, products) + Cost(21 + fifo, ff=_FIFO_FF, lutram=fifo))


def _loadable_unit(layer: FoldableLayer, folding: LayerFolding) -> Cost:
    """Return the cost of a matrix-vector unit whose trained numbers are loadable: as wide as any of them make it."""
    shape, held = layer.shape(folding), layer.weight_format.roomy
    pe, simd, lanes, depth = shape.pe, shape.simd, shape.lanes, shape.places
    terms = product_terms(layer.ways[0].lane_format, held)
    acc = (layer.inputs * sum(1 << e for e in terms.exponents)).bit_length() + (layer.levels == 2)
    fifo = fifo_luts(lanes * _bits_out(layer))
    found = [_replay(layer, shape), Cost(21 + fifo, ff=_FIFO_FF, lutram=fifo)]
    memories = []
    if layer.weight_range[0] == layer.weight_range[1]:
        found.append(Cost(pe * acc, ff=2 * pe * acc))
    else:
        memories.append((held.bits * pe * simd, shape.words))
        if folding.products == "dsp":
            found.append(_array(layer, shape, None))
        else:
            x = layer.ways[0].lane_format
            each, ffs = row_luts(x, held, simd), row_flip_flops(x, held, simd)
            if folding.products != "sums":
                each = pe_luts(x, held, simd, acc, shape.steps > 1)
                ffs = pe_flip_flops(x, held, simd, acc, shape.steps > 1)
            late = (pe - lanes) * acc
            found.append(
                Cost(pe * each + late, dsp=0 if folding.products != "sums" else -(-pe // 2), ff=pe * ffs + late)
            )
    levels, searched = _bits(layer.levels), layer.summed is not None
    if searched and layer.levels == 2 and folding.products != "sums":
        memories += [(pe * acc, shape.rows * shape.vectors), (lanes, depth)]
    elif not searched:
        memories.append((pe * acc, shape.rows * shape.vectors))
    elif layer.levels >= FEWEST_LEVELS:
        memories += [(lanes * 17, depth), (lanes * (acc + 18), depth)]
        found.append(Cost(lanes * (4 * acc + 12), dsp=2 * lanes, ff=lanes * (15 * acc + 30)))
    elif levels <= 2:
        memories += [(lanes * acc, depth)] * (2**levels - 1) + [(lanes, depth)]
        found.append(Cost(lanes * (2**levels - 1) * acc * 0.6, ff=lanes * (acc + 2)))
    else:
        memories += [(acc, depth << level) for level in range(levels)] * lanes + [(lanes, depth)]
        found.append(Cost(lanes * levels * acc * 1.4, ff=lanes * levels * (2 * acc + 4)))
    for width, words in memories:
        where = writable_placement(width, words)
        found.append(Cost(where.luts, where.bram18, ff=width, lutram=where.luts))
    slices = sum(-(-width // LOAD_BITS) for width, _ in memories)
    return sum(found, Cost(_LOAD_PORT + slices, ff=_LOAD_PORT_FF + slices))


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
        counted = count_sum(tuple(heights.items()), acc, feedback)
        each: float = counted.luts + 2 * shape.simd * packing.overlaps
        ffs: float = counted.flip_flops
    else:
        each, beside = way.pe_luts(shape.simd, acc, feedback), way.beside(shape, layer.accumulator_bits)
        dsps, ffs = way.dsps(pe, acc), way.pe_flip_flops(shape.simd, acc, feedback)
    held = 0 if feedback or layer.levels > 2 or dsps else _distinct(pe * acc, shape.rows)  # held in shift registers
    late = (pe - shape.lanes) * acc
    return Cost(pe * each + held + late + beside, dsp=dsps, ff=pe * ffs + late + beside, lutram=held)


def _way(layer: FoldableLayer, shape: LayerShape, products: str | None) -> Arithmetic | None:
    """Return how a layer's products are made, or None for those in DSPs."""
    if products == "dsp":
        return None
    return layer.summed if products == "sums" else chosen(layer.ways, shape, layer.accumulator_bits, products)


def luts_of_constants(layer: FoldableLayer, shape: LayerShape) -> float:
    """Return about the LUTs of PEs whose weights are constants."""
    known: dict[Format, float] = {Bipolar(): _CONSTANT, Ternary(): _TERNARY}
    kind = known.get(layer.weight_format, _SEVERAL * layer.weight_format.bits)
    return shape.pe * (kind * layer.x_format.bits * shape.simd + _NEURON)


# Memories


def _rom(columns: int, depth: int, memory: str | None = None) -> Cost:
    """Return the cost of a read-only memory of ``depth`` words of ``columns`` bits, in ``memory`` if that is given."""
    where = rom_placement(columns, depth, memory)
    return Cost() if where is None else Cost(where.luts, where.bram18, ff=_distinct(columns, depth))


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
    held = 2 * shape.lanes_in * layer.x_format.bits  # registers of a step's codes
    if shape.rows == 1 and layer.x_format.integral:
        return Cost(ff=held + _REPLAY_FF)
    memory = buffer_cost(shape.lanes_in * layer.x_format.bits, 2 * shape.steps)
    counters = 6.2 * (shape.steps - 1).bit_length() + 2.6 * (shape.rows * shape.vectors - 1).bit_length()
    return memory + Cost(counters + 18, ff=held + counters + _REPLAY_FF, lutram=memory.lut)


def _gearbox(layer: FoldableLayer, shape: LayerShape) -> Cost:
    """Return the cost of going from the lanes of the layer before to those of this one."""
    if layer.window is None:
        lanes = min(shape.lanes_in, layer.inputs * layer.groups) * layer.x_format.bits
        return Cost(1.4 * lanes + 15, ff=1.5 * lanes + 8)
    lanes = min(shape.simd, layer.channels) * shape.parallel * layer.x_format.bits
    return Cost(1.2 * lanes + 12, ff=1.5 * lanes + 8)


def _activation(layer: FoldableLayer, shape: LayerShape, products: str | None) -> Cost:
    """Return the cost of thresholds and of their search, or of a multiplication and a shift in their place."""
    if layer.levels <= 2 and products != "sums":
        return Cost()
    lanes, depth, acc = shape.lanes, shape.places, _accumulator(layer)
    if layer.levels <= 4:
        compared, each = layer.levels - 1, 0.6 if depth > 1 else 0.3  # with a constant it takes less
        return _rom(lanes * acc * compared, depth) + Cost(lanes * compared * acc * each, ff=lanes * (acc + 2))
    if layer.levels >= FEWEST_LEVELS:
        # A multiplier and an addend of about the accumulator's width, and half as wide again.
        return _rom(3 * lanes * acc, depth) + Cost(lanes * (4 * acc + 12), dsp=2 * lanes, ff=lanes * (5 * acc + 20))
    levels = _bits(layer.levels)
    roms = [_rom(acc, depth << level) for level in range(levels)]
    found = (Cost(lanes * (0.9 * r.lut + acc * 1.4), lanes * r.bram18, ff=lanes * (r.ff + 2 * acc + 4)) for r in roms)
    return sum(found, Cost())


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
    width, rows = layer.channels * columns * bits, window.kernel[0] + 2
    memory = ram_luts(width, -(-window.size[1] // columns)) * rows
    taps = window.kernel[0] * window.span[1] * width if simd > layer.channels else 0
    return cost_of_rows(width, rows, window.kernel[0]) + Cost(memory, ff=taps, lutram=memory)


def cost_of_rows(width: int, rows: int, taps: int) -> Cost:
    """Return the cost of what is around the memories of the rows of a window, of ``width`` bits each: ``taps`` times,
    what one of them gives is chosen, or padding."""
    return Cost(80 + taps * width * (rows / 3 + 0.25), ff=2 * width * rows + 60)


def _ring(window: Window, bits: int, lanes: int, blocks: int, ultra: bool = False) -> Cost:
    """Return the cost of a ring of about one row of the image more than the kernel has."""
    rows = min(window.size[0], window.kernel[0] + 1)
    words = max(2, rows * window.size[1] * blocks)
    memory = buffer_cost(lanes * bits, words)
    address = (words - 1).bit_length()
    registers = 2 * lanes * bits + 8 * address + 40
    if ultra and ultra_style(lanes * bits, words):
        memory = placed_buffer(lanes * bits, words, ultra=True).cost
    if memory.bram18 or memory.uram:
        return memory + Cost(155, ff=registers)
    return memory + Cost(20 * address - 15, ff=registers, lutram=memory.lut)
