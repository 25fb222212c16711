"""Why a join has a queue: how full the queues of the residual example are, by the cycle model."""

from fewbit.flow.project.folded_model import FoldedModel
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.targets.named import USUAL
from fewbit.places import HOME
from fewbit.sim.cycles.model import predict

from .pipelines import beats, wired
from .svg import BLUE, GOLD, GREEN, GREY, INK, RED, Drawing

__all__ = ["NAME", "draw", "fill"]

NAME = "queues"
FRAMES = 2
MODEL = HOME / "examples" / "fashion" / "resnet.onnx"
_LEFT, _TOP, _WIDTH, _HEIGHT = 60, 50, 620, 110


def fill(plan: AcceleratorPlan, cycles: int, samples: int) -> dict[str, list[int]]:
    """Return the beats in each queue by its name, at ``samples`` times of so many cycles."""
    queues = {stage.name: stage for stage in wired(plan) if stage.name in plan.queues}
    held, found = dict.fromkeys(queues, 0), {name: [0] * samples for name in queues}
    for now, moves in enumerate(beats(plan, FRAMES, cycles, plan.bound)):
        place = now * samples // cycles
        for name, stage in queues.items():
            held[name] += moves[stage.ins[0]] - moves[stage.outs[0]]
            found[name][place] = max(found[name][place], held[name])
    return found


def draw() -> str:
    """Return the SVG: a curve for each queue over the time of two frames, with the depth that it is built with."""
    plan = FoldedModel(MODEL, target=USUAL).plan
    cycles = predict(plan, 1).left[0] + (FRAMES - 1) * plan.bound + 1
    found = fill(plan, cycles, _WIDTH)
    drawing = Drawing(720, _TOP + len(found) * (_HEIGHT + 30) + 40, "How full the queues in front of joins are")
    drawing.text(
        _LEFT, 22, f"{MODEL.stem} of Fashion-MNIST, {FRAMES} frames at its interval of {plan.bound:,} cycles", fill=INK
    )
    for k, (name, held) in enumerate(found.items()):
        bottom, colour = _TOP + k * (_HEIGHT + 30) + _HEIGHT, (BLUE, GOLD, GREEN, RED)[k % 4]
        depth = plan.queues[name].depth
        scale = (_HEIGHT - 16) / max(depth, *held)
        drawing.line([(_LEFT, bottom - _HEIGHT), (_LEFT, bottom), (_LEFT + _WIDTH, bottom)], INK, 1)
        drawing.line([(_LEFT, bottom - depth * scale), (_LEFT + _WIDTH, bottom - depth * scale)], GREY, 1, dashed=True)
        drawing.line([(_LEFT + n, bottom - beats_ * scale) for n, beats_ in enumerate(held)], colour)
        words = f"{name}: depth {depth:,} beats, at most {max(held):,} in it"
        drawing.text(_LEFT + 8, bottom - depth * scale - 5, words, fill=colour, size=11)
        drawing.text(_LEFT - 8, bottom + 4, "0", at="end", size=10)
    end = _TOP + len(found) * (_HEIGHT + 30)
    for part in range(5):
        x = _LEFT + part * _WIDTH / 4
        drawing.text(x, end, f"{cycles * part // 4:,}", at="middle", size=10, fill=GREY)
    drawing.text(_LEFT + _WIDTH / 2, end + 18, "cycle", at="middle", size=11)
    return drawing.done()
