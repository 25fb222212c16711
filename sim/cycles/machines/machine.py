"""What machines of the cycle model share, and where they register."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import inf

from fewbit.golden.registry import ByClass
from fewbit.hw.stages.register_plan import RegisterPlan

__all__ = ["Machine", "RegisterMachine", "Twin", "compiled", "machine_for"]

machine_for = ByClass("machine of the cycle model")


@dataclass(frozen=True)
class Twin:
    """The machine of the compiled engine that does the same.

    It has a ``kind`` there, and is made of the plan's attributes named in ``numbers``: integers or lists of them.
    """

    kind: str
    numbers: tuple[str, ...]


def compiled(kind: str, *numbers: str) -> Callable[[type["Machine"]], type["Machine"]]:
    """Return a decorator that gives a class its `Twin`; a class that inherits from it has none by that."""

    def note(machine):
        machine.twin = Twin(kind, numbers)
        return machine

    return note


class Machine:
    """A machine of one stream in and one out, whose output is registered.

    Subclasses have `valid`, `ready` and `move`. A machine of several streams has `forward`, `backward` and `step` of
    its own instead. Streams are numbered, and ``valid`` and ``ready`` have a flag for every stream of the pipeline.

    Attributes
    ----------
    changing : tuple of str
        The names of the attributes that change.
    twin : Twin or None
        As `compiled` notes it. Without, pipelines with such a machine run in Python.
    """

    changing: tuple[str, ...] = ()
    twin: Twin | None = None

    def __init__(self, plan):
        self.plan = plan

    def connect(self, ins: Sequence[int], outs: Sequence[int]) -> None:
        """Take note of the numbers of the machine's streams in and out."""
        self.ins, self.outs = ins, outs
        self.i, self.o = ins[0], outs[0]

    def valid(self) -> bool:
        """Say whether a beat is on offer."""
        raise NotImplementedError

    def ready(self, gives: bool) -> bool:
        """Say whether a beat can be taken, in a cycle in which one is given or not."""
        raise NotImplementedError

    def move(self, takes: bool, gives: bool) -> None:
        """Move on by a cycle, in which a beat is taken or not, and one is given or not."""
        raise NotImplementedError

    def forward(self, valid: list[bool]) -> None:
        """Set in ``valid`` which of the streams out have a beat."""
        valid[self.o] = self.valid()

    def backward(self, valid: list[bool], ready: list[bool]) -> None:
        """Set in ``ready`` of which of the streams in a beat can be taken."""
        ready[self.i] = self.ready(valid[self.o] and ready[self.o])

    def step(self, valid: list[bool], ready: list[bool]) -> None:
        """Move on by a cycle; a beat moves on a stream that is valid and ready."""
        self.move(valid[self.i] and ready[self.i], valid[self.o] and ready[self.o])

    def rest(self) -> float:
        """Return for how many cycles nothing changes if no beat moves; `math.inf` stands for ever.

        That is, nothing that others see, nor anything that `skip` does not do. This one is for a machine that only
        beats can change.
        """
        return inf

    def skip(self, cycles: int) -> None:
        """Do so many steps without a beat, at most ``rest()``."""

    def state(self) -> tuple[Hashable, ...]:
        """Return everything that the machine's future depends on."""
        return tuple(getattr(self, name) for name in self.changing)


@machine_for(RegisterPlan)
@compiled("register")
class RegisterMachine(Machine):
    """A register of one beat: taken in a cycle in which it is empty, or given."""

    changing = ("full",)

    def __init__(self, plan):
        self.plan, self.full = plan, False

    def valid(self) -> bool:
        return self.full

    def ready(self, gives: bool) -> bool:
        return not self.full or gives

    def move(self, takes: bool, gives: bool) -> None:
        self.full = takes or (self.full and not gives)
