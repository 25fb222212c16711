"""What both forms of a line buffer share: streams, room for what comes in, and what must be there before it is read."""

from dataclasses import dataclass

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value

from fewbit.hw.streams import StreamUnit, at_least

from .window_plan import SlidingPlan

__all__ = ["LineBuffer", "ReadPlace", "looked_up"]


@dataclass(frozen=True)
class ReadPlace:
    """Counters that say what of a row of windows is read.

    Attributes
    ----------
    x, y : Signal
        Place in a row of windows, and number of that row.
    x_last : Value
        Whether ``x`` is the last place of the row.
    done : Value
        Whether what is read at this place is read for the last time in this cycle.
    """

    x: Signal
    y: Signal
    x_last: Signal
    done: Signal


class LineBuffer(StreamUnit):
    """An image that streams in, kept until no window will read it any more: streams and bookkeeping of both its forms.

    Parameters
    ----------
    plan : hw.stages.window_plan.SlidingPlan

    Members
    -------
    i : ``In(code_stream(plan.bits, plan.lanes_in))``
        Pixels row by row, channels innermost.
    o : ``Out(code_stream(plan.out_bits, plan.lanes_out))``
    """

    def __init__(self, plan: SlidingPlan):
        super().__init__(plan, i=(plan.bits, plan.lanes_in), o=(plan.out_bits, plan.lanes_out))

    def _recoded(self, code):
        """Return the code that leaves for a code of the memory."""
        p = self.plan
        return code if p.recode is None else Array(Const(c, p.out_bits) for c in p.recode)[code]

    def _settled(self, m, name, value):
        """Return ``value``, a function of the place that is read; a form may have a cycle for a register here."""
        return value

    def _room(self, m, accept, place, within, at_end):
        """Return whether a word may be written. Whenever a place is done, what only it still needed becomes free.

        ``within`` and ``at_end`` are pairs of a name and of numbers: words that become free at each ``x`` of a row that
        advances, and at the end of each row ``y``.
        """
        p = self.plan
        advances, freed = looked_up(m, "advances", place.y, p.advances), []
        for k in (0, 1):
            inside = Mux(advances, looked_up(m, f"{within[0]}{k}", place.x, [n - k for n in within[1]]), -k)
            end = looked_up(m, f"{at_end[0]}{k}", place.y, [n - k for n in at_end[1]])
            freed.append(self._settled(m, f"freed{k}", Mux(place.x_last, end, inside)))
        most = p.depth + p.words_frame
        return at_least(m, "room", 1, most=most, init=p.depth, change=_change(place.done, freed, accept, -1))

    def _there(self, m, accept, place, steps):
        """Return whether all words that are needed have been written.

        A register has by how many words more have been written than are needed; its sign is the answer. More are needed
        once a place is done: minus ``steps``, given as for `_change`.
        """
        p = self.plan
        bound = 2 * p.words_frame + p.depth + 2
        more = Signal(range(-bound, bound), name="surplus", init=-p.need_first)
        m.d.sync += more.eq(more + _change(place.done, steps, accept, 1))
        return ~more[-1]


def _change(done, values, accept, unit):
    """Return ``values[0]`` if ``done``, and ``unit`` more if ``accept``; ``values[1]`` is both.

    Both are known early, so that what comes late only chooses, in front of a single addition.
    """
    return Mux(done, Mux(accept, values[1], values[0]), Mux(accept, unit, 0))


def looked_up(m: Module, name: str, index: Signal, values: list[int]) -> Value:
    """Return ``values[index]``: a constant, a counter's multiple as far as it goes, or a small table."""
    if len(set(values)) == 1:
        return Const(values[0])
    signal = Signal(range(min(values), max(values) + 1), name=name)
    common = max(set(values), key=values.count)
    m.d.comb += signal.eq(common)
    with m.Switch(index):
        for value in sorted(set(values) - {common}):
            with m.Case(*[n for n, v in enumerate(values) if v == value]):
                m.d.comb += signal.eq(value)
    return signal
