"""The numbers of a line buffer: loops, places, and the least memory with which it keeps up."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from fewbit.golden.network.graph import Edge
from fewbit.golden.network.spatial import Windows
from fewbit.golden.network.window import Window
from fewbit.hw.memory.mapped import Buffer
from fewbit.hw.plan import Plan

__all__ = ["SlidingPlan", "abreast_of", "columns_first", "columns_of", "cycles_of_window", "in_words", "simd_of_window",
           "steps_of"]  # fmt: skip


_DEPTHS: dict[tuple[Window, int, int, int | None], int] = {}  # least depths of memories that are known


class SlidingPlan(Plan):
    """A `golden.network.spatial.Windows` node as a stream, for the `SlidingWindow` unit and the cycle model.

    A pixel of C channels comes in ``C/lanes`` beats. A window leaves as, for each of ``blocks``, for each tap, row by
    row, ``chunks`` beats of ``lanes`` channels; ``blocks*chunks*lanes`` is C. With ``blocks`` 1 that is the order of a
    convolution, with a block a group that of one with groups, with ``chunks`` 1 that of a pool, ``lanes`` channels at
    a time.

    Parameters
    ----------
    window : golden.network.window.Window
    channels : int
        Channels of a pixel that comes in.
    lanes, blocks, chunks : int
        Channels of a beat; blocks of a window; beats of a tap in a block.
    bits, out_bits : int
        Bits of a code that comes in, and of a code that leaves.
    pad_code : int
        Code of a tap outside the image.
    recode : list or None
        Code that leaves for every code that comes in; ``None`` if they are equal.
    pace : int or None
        Cycles that the reader takes for an output pixel, where that is more than its beats.
    interval : int or None
        Cycles that a frame may take; the memory is the least that allows it, or, if nothing does, the fastest.

    Attributes
    ----------
    beats_in, beats_out : int
        Beats of a frame in, and of all its windows.
    depth : int
        Words of the memory.
    need_row, need_column : lists
        Their sum is how many words of the frame must have been written before an output pixel begins.
    free_row, free_column, advances : lists
        Words that are free when an output pixel is done: at the end of a row; else, where the row advances.

    Raises
    ------
    ValueError
        If blocks, chunks and lanes do not make all channels.
    """

    wires = False
    ram: str | None = None  # the ``ram_style`` of its memory; None leaves it to synthesis

    def __init__(
        self, *, window: Window, channels: int, lanes: int, blocks: int, chunks: int, bits: int, out_bits: int,
        pad_code: int = 0, recode: list[int] | None = None, pace: int | None = None, interval: int | None = None,
    ):  # fmt: skip
        if blocks * chunks * lanes != channels:
            raise ValueError(f"Blocks, chunks and lanes must make {channels} channels, not {blocks}, {chunks}, {lanes}")
        self.window = window
        self.channels, self.lanes, self.blocks, self.chunks = channels, lanes, blocks, chunks
        self.bits, self.out_bits, self.pad_code, self.recode = bits, out_bits, pad_code, recode
        self.lanes_in = self.lanes_out = lanes
        self.words = channels // lanes  # words of a pixel
        self.words_frame = self.beats_in = window.pixels * self.words
        self.beats_pixel = window.taps_count * self.words
        self.beats_out = window.out_pixels * self.beats_pixel
        self.padded = bool(window.padded_taps.any())
        self._plan_places()
        self.pace = max(self.own_pace, pace or 0)
        # All that the depth depends on: networks have the same windows over and over, and so have plans of one network.
        key = window, self.words, self.pace, interval
        if key not in _DEPTHS:
            _DEPTHS[key] = self._least_depth(interval)
        self.depth = _DEPTHS[key]

    def mapped(self) -> Iterator[Buffer]:
        """Yield its memory."""
        yield Buffer(self.bits * self.lanes, self.depth, self.ram)

    @property
    def own_pace(self) -> int:
        """Cycles of an output pixel for a reader that never waits."""
        return self.beats_pixel

    @property
    def cycles(self) -> int:
        """Cycles of a frame for a reader that never waits."""
        return self.beats_out

    @property
    def start(self) -> int:
        """Place in the ring of the first tap of the first window; frames begin at place 0 of the first."""
        return self._start % self.depth

    @property
    def next_frame(self) -> int:
        """Words from the first tap of the last row of windows to that of the first row of the next frame."""
        return self.words_frame - (self.window.out_size[0] - 1) * self.stride_y

    def _plan_places(self) -> None:
        """Find the places of taps in the memory, and what every output pixel needs and frees."""
        w, words = self.window, self.words
        (height, width), (rows, columns) = w.size, w.out_size
        top, left = w.pads[:2]
        line = width * words
        self._start = -top * line - left * words
        self.step_x, self.step_y = w.dilation[1] * words, w.dilation[0] * line
        self.stride_x, self.stride_y = w.stride[1] * words, w.stride[0] * line
        # What must be there: all up to the last tap, as far as it lies inside.
        last_row = [min(height - 1, y * w.stride[0] - top + w.span[0] - 1) for y in range(rows)]
        last_column = [min(width - 1, x * w.stride[1] - left + w.span[1] - 1) for x in range(columns)]
        self.need_row = [max(0, y) * line for y in last_row]
        self.need_column = [(max(0, x) + 1) * words for x in last_column]
        # What is still needed: all from the first tap on, but nothing that comes back in the next row of windows.
        first_row = [min(height, max(0, y * w.stride[0] - top)) for y in range(rows)] + [height]
        self._first_row = first_row
        first_column = [min(width, max(0, x * w.stride[1] - left)) for x in range(columns)]
        self.advances = [int(b > a) for a, b in zip(first_row, first_row[1:], strict=False)]
        self._floor_row = [y * line for y in first_row]
        self._floor_column = [x * words for x in first_column]
        self.free_column = [b - a for a, b in zip(self._floor_column, self._floor_column[1:], strict=False)] + [0]
        self.free_row = [
            b - a - advances * self._floor_column[-1]
            for a, b, advances in zip(self._floor_row, self._floor_row[1:], self.advances, strict=False)
        ]

    def need(self, y: int, x: int) -> int:
        """Return the words of the frame that must have been written before output pixel ``(y, x)`` begins."""
        return self.need_row[y] + self.need_column[x]

    @property
    def need_first(self) -> int:
        """Words that must be there before the first output pixel begins."""
        return self.need(0, 0)

    @property
    def need_steps(self) -> tuple[list[int], list[int]]:
        """Words by which `need` grows from one output pixel to the next: in a row by column, at the end of each row."""
        return steps_of(self.need_row, self.need_column, self.words_frame)

    def floor(self, y: int, x: int) -> int:
        """Return the words of the frame that are not needed any more when output pixel ``(y, x)`` begins."""
        return self._floor_row[y] + self.advances[y] * self._floor_column[x]

    # The memory

    @cached_property
    def _pixels(self) -> list[tuple[int, int]]:
        """Words that every output pixel needs and words that it frees, as of `need` and `floor`, in order."""
        rows, columns = self.window.out_size
        return [(self.need(y, x), self.floor(y, x)) for y in range(rows) for x in range(columns)]

    def _least_depth(self, interval: int | None) -> int:
        """Return the least depth, by bisection, as a deeper memory never makes a frame later."""
        pixels = self._pixels
        fewest = max(max(need - floor for need, floor in pixels), 2)
        # With so much, the next window is always complete when one is done.
        ahead = [*pixels[1:], (pixels[0][0] + self.words_frame, 0)]
        most = max(fewest, max(need - floor for (need, _), (_, floor) in zip(ahead, pixels, strict=True)))
        most += self.window.size[1] * self.words
        wanted = max(self.frame_cycles(most), interval or 0)
        low, high = fewest - 1, most
        while high - low > 1:
            middle = (low + high) // 2
            if self.frame_cycles(middle) <= wanted:
                high = middle
            else:
                low = middle
        return high

    def frame_cycles(self, depth: int) -> int:
        """Return the cycles of a frame in steady state, if every window begins when the words of it are all there.

        A word comes every cycle as long as there is room; an output pixel takes ``pace`` cycles.
        """
        now = freed = 0
        since, word = 0, 0  # words are being written since then, one a cycle, from this one on
        ends = []
        for base in range(0, 3 * self.words_frame, self.words_frame):
            for need, floor in self._pixels:
                limit = freed + depth
                if word + now - since >= limit:  # the writer has been waiting for room
                    since, word = now, limit
                freed = base + floor
                now = max(now, since + base + need - word + 1) + self.pace
            ends.append(now)
        return ends[2] - ends[1]


def steps_of(by_row: list[int], by_column: list[int], frame: int) -> tuple[list[int], list[int]]:
    """Return the differences of ``by_row[y] + by_column[x]`` in the order of reading: within a row by x, at the end of
    a row by y.

    At the end of a frame comes the first of the next, which is ``frame`` further on.
    """
    within = [b - a for a, b in zip(by_column, by_column[1:], strict=False)] + [0]
    rows = [*by_row[1:], by_row[0] + frame]
    return within, [b - a + by_column[0] - by_column[-1] for a, b in zip(by_row, rows, strict=True)]


# Several windows beside each other


def abreast_of(window: Window) -> list[int]:
    """Return how many windows of a row can be made at once: they divide the row, and their strides the image's
    width.
    """
    width, step = window.size[1], window.stride[1]
    return [n for n in range(1, window.out_size[1] + 1)
            if n == 1 or (window.out_size[1] % n == 0 and width % (n * step) == 0)]  # fmt: skip


def columns_of(window: Window, abreast: int) -> int:
    """Return how many columns of the image move at a time where whole windows are made: a stride for each, if that
    divides it.
    """
    columns = abreast * window.stride[1]
    return 1 if window.size[1] % columns else columns


def in_words(window: Window, abreast: int) -> Window:
    """Return the window as it is in words of ``columns_of(window, abreast)`` columns: from the word that has the first
    column of the first of ``abreast`` windows to the word that has the last one of the last.
    """
    columns, left = columns_of(window, abreast), window.pads[1]
    if columns == 1:
        return window
    width, before = window.size[1] // columns, -(-left // columns)
    last = ((abreast - 1) * window.stride[1] + window.span[1] - 1 - left) // columns
    kernel, out = before + last + 1, window.out_size[1] // abreast
    return Window(
        size=(window.size[0], width), kernel=(window.kernel[0], kernel), stride=(window.stride[0], 1),
        dilation=(window.dilation[0], 1),
        pads=(window.pads[0], before, window.pads[2], out - 1 + kernel - before - width),
    )  # fmt: skip


# What a layer may have


def simd_of_window(node: Windows, x: Edge, *, parallel: bool = False) -> list[int]:
    """Return the SIMDs that a layer behind a window may have; ``x`` is the edge in front of it.

    A SIMD is a divisor of the channels (of a group); with one group also all of them for a column of taps, and for all
    taps. With several groups in ``parallel`` it is exactly the channels of a group, with several pixels the whole
    window. A float32 sum has its order, so no columns there.
    """
    group = x.channels // node.groups
    if parallel:
        return [group * node.window.taps_count if node.groups == 1 else group]
    simds = {n for n in range(1, group + 1) if group % n == 0}
    if node.groups == 1:
        simds.add(group * node.window.taps_count)
        if x.format.integral:
            simds.add(group * node.window.kernel[0])
    return sorted(simds)


def columns_first(node: Windows, x: Edge, simd: int) -> np.ndarray | None:
    """Return the order of the inputs behind a window that reads the edge ``x``, int array ``(taps*c,)``.

    It is ``[kx, ky, c]`` where a beat of ``simd`` codes is a column; ``None`` stands for ``[ky, kx, c]``.
    """
    height, width = node.window.kernel
    if node.groups > 1 or simd <= x.channels or simd != x.channels * height or width == 1:
        return None
    return np.arange(height * width * x.channels).reshape(height, width, -1).swapaxes(0, 1).reshape(-1)


def cycles_of_window(node: Windows, channels: int, simd: int, parallel: int = 1, abreast: int = 1) -> int:
    """Return the cycles that the window alone takes for a frame: those of its input, or of all columns of its rows.

    ``channels`` are those of a group, ``parallel`` the groups at a time, ``abreast`` the pixels.
    """
    window = node.window
    if abreast > 1 or (simd > channels and simd == channels * window.taps_count):
        words = in_words(window, abreast)
        return max(words.pixels, words.out_size[0] * ((words.out_size[1] - 1) * words.stride[1] + words.span[1]))
    lanes = channels * parallel if parallel > 1 else min(simd, channels)
    return window.pixels * channels * node.groups // lanes
