"""``fewbit`` alone: the steps from a model to hardware, each with the command that does it."""

from dataclasses import dataclass

__all__ = ["STEPS", "UserStep", "steps_text"]


@dataclass(frozen=True)
class UserStep:
    """A step of a user.

    Attributes
    ----------
    name : str
        What it is called.
    what : str
        What it gives.
    commands : tuple of str
        The commands that do it, without the program's name.
    """

    name: str
    what: str
    commands: tuple[str, ...]


STEPS = (
    UserStep("model", "export one from Brevitas, QKeras or TFLite; or quantize one of floats",
         ("quantize float.onnx --calibration samples.npz -o mine.onnx",)),
    UserStep("run", "execute the golden model: labels, and accuracy where they are known",
         ("run mine.onnx --images samples.npz",)),
    UserStep("fold", "find the cheapest folding for a speed, and its cycles, LUTs and part",
         ("fold mine.onnx --fps 30000",)),
    UserStep("build", "write the Verilog and its manifest, in build/mine",
         ("build mine.onnx --folding build/mine/fold.json",)),
    UserStep("sim", "simulate the Verilog, and compare every bit and cycle with golden",
         ("sim mine.onnx --images samples.npz --folding build/mine/fold.json",)),
    UserStep("synth", "count what it takes of a part; or put it on a board",
         ("synth build/mine --part xc7z020", "board pynq-z2 build/mine")),
)  # fmt: skip


def steps_text() -> str:
    """Return what is printed: the steps in the order in which a user takes them, and where all commands are listed."""
    lines = ["Usage: fewbit COMMAND [ARGS]...", "", "From a trained model to an FPGA accelerator:", ""]
    for number, step in enumerate(STEPS, 1):
        lines.append(f"{number}. {step.name}: {step.what}")
        lines += [f"     fewbit {command}" for command in step.commands]
    lines += ["", "If samples are raw integers such as pixels, add --input uint8/255 or the like.",
              "All commands: fewbit --help; the options of one: fewbit run --help."]  # fmt: skip
    return "\n".join(lines)
