"""The numbers of the parallel form of a line buffer: rows of memory, and what every column needs, gives and frees."""

from collections.abc import Iterator
from typing import Any

from fewbit.golden.network.window import Window
from fewbit.hw.memory.mapped import Buffer

from .window_plan import SlidingPlan, columns_of, in_words

__all__ = ["ColumnsPlan"]


class ColumnsPlan(SlidingPlan):
    """A `golden.network.spatial.Windows` node of one group as a stream of columns (``whole`` False) or of whole
    windows.

    A beat of a column has the codes ``[ky, c]``, and a window as many beats as the kernel is wide; a beat of whole
    windows has the codes ``[m, ky, kx, c]`` of ``abreast`` windows beside each other. For whole windows all columns of
    a row pass through a shift register, those of the padding too: ``columns_of(window, abreast)`` at a time, of which
    a row of windows takes ``row_cycles``. Columns that move together are one word of the memory, and one pixel of the
    `window` that the plan goes by.

    Parameters
    ----------
    whole : bool
        Whether a beat has whole windows.
    abreast : int
        Windows of a beat, one of ``abreast_of(window)``.
    others : as `SlidingPlan`; ``lanes`` is the number of channels.

    Attributes
    ----------
    columns, taps_row : int
        Columns of a word; columns of a window's kernel.
    seen : list of (int, int)
        For every window of a beat and every kx: which of the shift register's words, the oldest first, and which of the
        columns in it.
    """

    def __init__(self, *, window: Window, channels: int, whole: bool, abreast: int = 1, **others: Any):
        self.whole = whole
        taps = window.taps_count if whole else window.kernel[0]
        lanes_out = channels * taps * abreast
        self.columns, self.taps_row = columns_of(window, abreast) if whole else 1, window.kernel[1]
        if whole:
            self.seen = self._seen(window, abreast)
            window, channels = in_words(window, abreast), channels * self.columns
        self.row_cycles = (
            (window.out_size[1] - 1) * window.stride[1] + window.span[1]
            if whole
            else window.out_size[1] * window.kernel[1]
        )
        super().__init__(window=window, channels=channels, lanes=channels, blocks=1, chunks=1, **others)
        self.lanes_out = lanes_out
        self.beats_pixel = 1 if whole else window.kernel[1]
        self.beats_out = window.out_pixels * self.beats_pixel
        self._plan_columns()

    def mapped(self) -> Iterator[Buffer]:
        """Yield the memory of each row."""
        for _ in range(self.rows):
            yield Buffer(self.bits * self.lanes, self.window.size[1], self.ram)

    @staticmethod
    def _seen(window: Window, abreast: int) -> list[tuple[int, int]]:
        """Return the attribute `seen`."""
        columns, left = columns_of(window, abreast), window.pads[1]
        first = -left % columns  # first column of the first window in its word
        return [
            divmod(first + m * window.stride[1] + kx * window.dilation[1], columns)
            for m in range(abreast)
            for kx in range(window.kernel[1])
        ]

    @property
    def own_pace(self) -> int:
        """Cycles of an output pixel; of a whole window, on the average of a row, rounded up."""
        return -(-self.row_cycles // self.window.out_size[1]) if self.whole else self.window.kernel[1]

    @property
    def cycles(self) -> int:
        """Cycles of a frame for a reader that never waits."""
        return self.window.out_size[0] * self.row_cycles

    @property
    def need_first(self) -> int:
        """Words that must be there before the first column is read."""
        return self.need_row[0] + self.column_need[0]

    def _plan_columns(self) -> None:
        """Lay the memory out in rows, and find of every column what it needs, gives and frees."""
        w = self.window
        width = w.size[1]
        self.rows = -(-self.depth // width)
        self.depth = self.rows * width
        if self.whole:
            self.x = [j - w.pads[1] for j in range(self.row_cycles)]
            self.emits = [
                int(j >= w.span[1] - 1 and (j - w.span[1] + 1) % w.stride[1] == 0) for j in range(self.row_cycles)
            ]
            frees = [int(0 <= x < width) for x in self.x]
        else:
            self.x = [ox * w.stride[1] - w.pads[1] + kx * w.dilation[1] for ox in range(w.out_size[1]) for kx in
                      range(w.kernel[1])]  # fmt: skip
            self.emits = [1] * len(self.x)
            ends = [n % w.kernel[1] == w.kernel[1] - 1 for n in range(len(self.x))]
            frees = [self.free_column[n // w.kernel[1]] if end else 0 for n, end in enumerate(ends)]
        # Words that are free once the column has been read, where its row of windows advances; the rest at its end.
        self.frees = frees[:-1] + [0]
        floor = [a * width for a in self._first_row]
        self.free_end = [b - a - advances * sum(self.frees) for a, b, advances in
                         zip(floor, floor[1:], self.advances, strict=False)]  # fmt: skip
        self.column_need = [min(max(x, 0), width - 1) + 1 for x in self.x]
        self.inside = [int(0 <= x < width) for x in self.x]
        height = w.size[0]
        self.row_inside = [
            [int(0 <= oy * w.stride[0] - w.pads[0] + ky * w.dilation[0] < height) for oy in range(w.out_size[0])]
            for ky in range(w.kernel[0])
        ]
