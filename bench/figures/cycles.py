"""Which stage gives a beat when: two frames of the digits through their pipeline, by the cycle model."""

from fewbit.flow.project.folded_model import FoldedModel
from fewbit.hw.targets.named import USUAL
from fewbit.places import HOME
from fewbit.sim.cycles.model import predict

from .pipelines import beats, wired
from .svg import BLUE, GOLD, GREY, INK, RED, Drawing

__all__ = ["FRAMES", "MODEL", "NAME", "draw"]

NAME = "cycles"
MODEL = HOME / "examples" / "digits" / "w1a1.onnx"
FRAMES = 3
_LEFT, _TOP, _ROW, _WIDTH = 110, 56, 26, 600


def draw() -> str:
    """Return the SVG: a row for each stage, a mark for each beat that it gives, coloured by frame."""
    plan = FoldedModel(MODEL, target=USUAL).plan
    timing = predict(plan, FRAMES)
    shown = timing.left[-1] - timing.entered[0] + 4
    rows = [("frames in", 0)] + [(stage.name, stage.outs[0]) for stage in wired(plan)]
    moved: dict[int, list[int]] = {stream: [] for _, stream in rows}
    for now, moves in enumerate(beats(plan, FRAMES, shown)):
        for stream, times in moved.items():
            if moves[stream]:
                times.append(now)
    drawing = Drawing(_LEFT + _WIDTH + 30, _TOP + _ROW * len(rows) + 50, "Beats of each stage, cycle by cycle")
    drawing.text(_LEFT, 20, f"{MODEL.stem} of the digits, default folding: latency {timing.latency} cycles", fill=INK)
    drawing.text(_LEFT, 38, "a mark is a beat that a stage gives; colours are frames", size=11, fill="#555")
    for k, (name, stream) in enumerate(rows):
        y, times = _TOP + k * _ROW, moved[stream]
        drawing.text(_LEFT - 10, y + 15, name, at="end")
        drawing.line([(_LEFT, y + 22), (_LEFT + _WIDTH, y + 22)], "#eee", 1)
        for n, time in enumerate(times):
            colour = (BLUE, GOLD, RED)[n * FRAMES // len(times)]
            drawing.box(_LEFT + time * _WIDTH / shown, y + 4, max(1.2, _WIDTH / shown - 0.4), 14, colour)
    bottom = _TOP + _ROW * len(rows)
    for time in range(0, shown, 20):
        drawing.text(_LEFT + time * _WIDTH / shown, bottom + 16, str(time), at="middle", size=10, fill=GREY)
    drawing.text(_LEFT + _WIDTH / 2, bottom + 36, "cycle", at="middle", size=11)
    return drawing.done()
