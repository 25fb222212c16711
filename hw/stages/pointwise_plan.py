"""The numbers of a function of single codes in a stream, and its place in a pipeline."""

from collections.abc import Iterator, Mapping

import numpy as np

from fewbit.golden.network import draws
from fewbit.golden.network.graph import Edge
from fewbit.golden.network.loadable import LoadableRescale, LoadableThreshold
from fewbit.golden.network.pointwise import Rescale, Threshold
from fewbit.hw.activation.affine_plan import AffinePlan
from fewbit.hw.activation.loadable_plans import LoadableAffinePlan, LoadableSearchPlan, LoadableTablePlan
from fewbit.hw.activation.plans import CodeTablePlan, DrawPlan, SearchPlan, StoredTablePlan
from fewbit.hw.layer.loadable import loadable_line
from fewbit.hw.memory.mapped import Fifo, MappedMemory
from fewbit.hw.packing import beats
from fewbit.hw.plan import Plan
from fewbit.hw.shapes import IntShape

from .registry import stage_of

__all__ = ["PointwisePlan"]


class PointwisePlan(Plan):
    """The numbers of a `Pointwise` unit: a Threshold, Rescale or Draw node on a stream of ``lanes`` codes a beat.

    Parameters
    ----------
    node : golden.network.pointwise.Threshold or Rescale, or golden.network.draws.Draw
    edges : dict of golden edges
    lanes : int

    Attributes
    ----------
    length, beats_out : int
        Codes and beats of a pixel, as constants are by channel.
    flip : int
        Bits of a code, as a mask, that are turned to make an unsigned number in the order of the values.
    function : hw.activation.plans.ActivationPlan
    latency, depth : int
        Cycles from a beat to its write into the output FIFO; entries of that.
    dsps : int
        DSPs that it takes.
    memories : dict of str to hw.memory.placement.Contents
        Its loadable memories, by name.
    """

    def __init__(self, node: Threshold | Rescale | draws.Draw, edges: Mapping[str, Edge], *, lanes: int):
        self.name, self.x, self.y = node.name, node.x, node.y
        self.node, self.lanes = node, lanes
        self.x_format, self.format = edges[node.x].format, edges[node.y].format
        self.length = edges[node.x].channels
        self.beats_out = beats(self.length, lanes)
        self.flip = 0
        self.function = self._function()
        self.latency, self.dsps = self.function.latency, self.function.dsps
        self.depth = self.latency + 3
        found = self.function.memories if self.function.loadable else {}
        self.memories = {f"function.{name}": contents for name, contents in found.items()}

    def mapped(self) -> Iterator[MappedMemory]:
        """Yield its memories as synthesis finds them: of its FIFO, and those of its function."""
        yield Fifo(self.lanes * self.format.bits, self.depth)
        yield from self.function.mapped()

    def _function(self):
        """Return the plan of what is done with a code."""
        common = dict(bits=self.format.bits, lanes=self.lanes, beats=self.beats_out)
        fmt, node = self.x_format, self.node
        if isinstance(node, LoadableThreshold | LoadableRescale):
            return self._loadable(node, common)
        if isinstance(node, draws.Draw):
            common.pop("bits")
            return DrawPlan(
                kind=node.kind, generator=node.generator, seed=node.seed, length=self.length,
                acc_shape=IntShape.of_codes(fmt), **common,
            )  # fmt: skip
        if isinstance(node, Rescale):
            rest = [0] * (self.beats_out * self.lanes - self.length)
            # Of codes, read as numbers, to codes: values are spacing*code + origin at either end.
            multiplier = node.multiplier.astype(object) * fmt.spacing
            addend = node.addend + node.multiplier.astype(object) * fmt.origin
            origin = self.format.origin
            addend = addend - (origin << node.shift)
            lo, hi = node.ends
            alike = bool((multiplier == multiplier[0]).all())  # then what pads must make no multiplication of a shift
            pads = [multiplier[0] if alike else 0] * len(rest)
            ties = None if node.ties is None else (node.ties - origin) & 1
            kinks = None if node.kink is None else node.kink.tolist() + rest
            rows = [] if node.exceptions is None else node.exceptions.tolist()
            exceptions = [
                (c, (x - fmt.origin) // fmt.spacing, by) for c, x, by in rows if (x - fmt.origin) % fmt.spacing == 0
            ]
            return AffinePlan(
                acc_shape=IntShape.of_codes(fmt), multipliers=multiplier.tolist() + pads,
                addends=addend.tolist() + rest, shift=node.shift, lo=lo - origin, hi=hi - origin, kinks=kinks,
                level=node.level - origin, ties=ties, exceptions=exceptions, **common,
            )  # fmt: skip
        if len(node.thresholds) == 1 and fmt.bits <= CodeTablePlan.MOST_BITS:
            return CodeTablePlan(acc_shape=IntShape(fmt.bits), words=self._table(), **common)
        if len(node.thresholds) == 1 and self._has_small_table():
            return StoredTablePlan(acc_shape=IntShape(fmt.bits), words=self._table(), **common)
        self.flip = 1 << (fmt.bits - 1) if fmt.signed else 0
        search = self._search()
        if self._alike:  # one beat's numbers are those of all
            common["beats"] = 1
            search = {name: rows[: self.lanes] for name, rows in search.items()}
        return SearchPlan(acc_shape=IntShape(fmt.bits), **search, **common)

    @property
    def _alike(self):
        """Whether thresholds and codes are the same for all channels."""
        return len(self.node.thresholds) == 1 and len(self.node.table()) == 1

    def _loadable(self, node, common):
        """Return the plan of what is done with a code by numbers that are loaded."""
        fmt, count = self.x_format, self.beats_out * self.lanes
        if isinstance(node, LoadableRescale):

            def padded(numbers):
                return [*numbers.tolist(), *([0] * (count - len(numbers)))]

            line = loadable_line(node, self.format, scale=fmt.spacing, base=fmt.origin, most=1 << fmt.bits)
            line |= {name: padded(line[name]) for name in ("multipliers", "addends")}
            return LoadableAffinePlan(acc_shape=IntShape.of_codes(fmt), **line, **common)
        if node.alike and fmt.bits <= CodeTablePlan.MOST_BITS:
            return LoadableTablePlan(acc_shape=IntShape(fmt.bits), words=self._table(), **common)
        self.flip = 1 << (fmt.bits - 1) if fmt.signed else 0
        return LoadableSearchPlan(
            acc_shape=IntShape(fmt.bits), width=fmt.bits + 1, **self._search(node.columns), **common
        )  # fmt: skip

    def _has_small_table(self):
        """Say whether a table of what every code becomes is smaller than the thresholds, and codes, of a search."""
        fmt, out = self.x_format, self.format
        levels = 1 << max(1, int(self.node.table().shape[1] - 1).bit_length())
        searched = levels * (fmt.bits + (0 if self.node.codes is None else out.bits))
        return fmt.bits <= StoredTablePlan.MOST_BITS and out.bits << fmt.bits < searched

    def _table(self):
        """Return the code that goes out for every code that comes in, of a node that is the same for all channels."""
        fmt, node = self.x_format, self.node
        values = np.clip(fmt.decode(np.arange(2**fmt.bits)), fmt.lo, fmt.hi)
        codes = node.table()[0][np.searchsorted(node.thresholds[0], values, side="right")]
        return self.format.encode(codes).tolist()

    def _search(self, columns=0):
        """Return the arguments of a `SearchPlan` of the node: thresholds and codes, by channel.

        There is room for ``columns`` thresholds, if these are more than the node has.
        """
        fmt, node = self.x_format, self.node
        count = self.beats_out * self.lanes
        most = (1 << fmt.bits) - 1
        if fmt.linear:
            rows = np.clip(-((int(fmt.decode(self.flip)) - node.thresholds) // fmt.spacing), 0, most + 1)
        else:
            rows = np.searchsorted(fmt.values, node.thresholds)
        table = self.format.encode(node.table())
        size = 2 ** max(1, int(max(columns, table.shape[1] - 1)).bit_length())
        rows = np.hstack([rows, np.full((len(rows), size - 1 - rows.shape[1]), most + 1)])
        table = np.hstack([table, np.repeat(table[:, -1:], size - table.shape[1], axis=1)])
        rows, table = (np.broadcast_to(a, (self.length, a.shape[1])) if len(a) == 1 else a for a in (rows, table))
        rest = count - self.length
        return dict(
            thresholds=rows.tolist() + [rows[0].tolist()] * rest, codes=table.tolist() + [table[0].tolist()] * rest
        )


@stage_of(Threshold, Rescale, draws.Draw)
def _(assembly, node):
    """Make a `Pointwise` unit of as many codes at a time as come."""
    flow = assembly.by_pixel(node.x)
    plan = PointwisePlan(node, assembly.edges, lanes=flow.lanes)
    assembly.make(node.y, plan, flow, lanes=flow.lanes, unit=plan.length)
