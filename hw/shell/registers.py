"""The register map of the IP block, defined once: hardware, tables, C header and drivers all read it from here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

__all__ = ["EVENTS", "MAGIC", "MOST_STAGES", "VERSION", "Access", "Field", "Register", "RegisterMap", "register_map"]

MAGIC = 0x46455742  # "FEWB"
VERSION = 0x0001_0000  # version of this map: major in the upper half, minor in the lower one
MODEL_WORDS, BUILD_WORDS = 4, 2
ADDRESS_BITS = 12  # 4 KiB, the least range that Vivado's address editor gives
OTHERS = 0x100  # numbers of the streams of frames behind the first one
EVENTS = 0x800  # the upper half: counters of single cycles, which are last, as their number is the network's
MOST_STAGES = 500
LAST = (1 << 32) - 1


class Access(StrEnum):
    """What software may do with a register."""

    RO, RW, W1C, W1S = "read-only", "read-write", "write 1 to clear", "write 1 to start"
    WO = "write-only"


@dataclass(frozen=True)
class Field:
    """One bit of a register."""

    name: str
    bit: int
    meaning: str


@dataclass(frozen=True)
class Register:
    """A register: ``count`` words of 32 bits.

    Attributes
    ----------
    name : str
    offset : int
        Address of its first word in bytes.
    access : Access
    meaning : str
        Sentences for tables.
    fields : tuple of Field
        Its bits, where they have names.
    count : int
    reset : int
        What it holds after a reset.
    value : tuple of int
        What a constant one always reads, a number for each word; else empty.
    labels : tuple of str
        What each word of several is for.
    """

    name: str
    offset: int
    access: Access
    meaning: str
    fields: tuple[Field, ...] = ()
    count: int = 1
    reset: int = 0
    value: tuple[int, ...] = ()
    labels: tuple[str, ...] = field(default=(), repr=False)

    @property
    def bits(self) -> int:
        """Number of bits that the register has, from bit 0 on; the others read 0."""
        return len(self.fields) or 32

    @property
    def is_event(self) -> bool:
        """Whether it counts single cycles, in the memory of such counters."""
        return self.offset >= EVENTS

    @property
    def words(self) -> list[tuple[str, int]]:
        """Name and offset in bytes of each word."""
        if self.count == 1:
            return [(self.name, self.offset)]
        return [(f"{self.name}{k}", self.offset + 4 * k) for k in range(self.count)]


_CONTROL = (
    Field("SOFT_RESET", 0, "Empty the data path; registers stay as they are. Reads 1 until that is done."),
    Field("CLEAR", 1, "Set all counters but CYCLES back. Reads 0."),
    Field("SOURCE_RESET", 2, "With SOFT_RESET: the source of `s_axis` was reset too, so no rest of a frame will come."),
    Field("SINK_RESET", 3, "With SOFT_RESET: the sink of `m_axis` was reset too, so no rest of a result need go."),
)
_STATUS = (
    Field("RECEIVING", 0, "A frame has begun on `s_axis` and not ended."),
    Field("SENDING", 1, "A result has begun on `m_axis` and not ended."),
    Field("OCCUPIED", 2, "Frames are inside."),
    Field("STOPPING", 3, "Soft reset waits for the sink: a beat is on offer at `m_axis`."),
    Field("CLEANING", 4, "Soft reset drops the rest of a frame, or sends the rest of a result."),
)
_INTERRUPTS = (
    Field("RESULT", 0, "The last beat of a result was taken."),
    Field("BAD", 1, "That result was marked: its frame was too short or too long, or a soft reset cut it off."),
)


def _fields(fields: Iterable[Field], inputs: Sequence[str]) -> tuple[Field, ...]:
    """Return the fields with meanings for streams of frames of these names."""
    every = "`s_axis`" if len(inputs) == 1 else "a stream of frames"
    return tuple(replace(f, meaning=f.meaning.replace("`s_axis`", every)) for f in fields)


def _control(
    model: str, build: str, beats_in: Mapping[str, int], beats_out: int, stages: Sequence[str]
) -> tuple[Register, ...]:
    (first, beats), *_ = beats_in.items()
    ro, rw = Access.RO, Access.RW
    return (
        Register("MAGIC", 0x00, ro, 'The block is one of fewbit\'s: "FEWB".', value=(MAGIC,)),
        Register("VERSION", 0x04, ro, "Of this map: major in the upper 16 bits, minor in the lower.", value=(VERSION,)),
        Register("MODEL", 0x08, ro, "The first 128 bits of the model file's SHA-256, the first 32 of them first.",
                 count=MODEL_WORDS, value=_leading(model, MODEL_WORDS)),
        Register("BUILD", 0x18, ro, "The first 64 bits of `build` in the manifest, of model, input declaration, "
                 "folding and target together. If equal, data is packed as the manifest says.",
                 count=BUILD_WORDS, value=_leading(build, BUILD_WORDS)),
        Register("BEATS_IN", 0x20, ro, f"Beats of a frame on `{first}`.", value=(beats,)),
        Register("BEATS_OUT", 0x24, ro, "Beats of a result on `m_axis`.", value=(beats_out,)),
        Register("STAGES", 0x28, ro, "How many counters STALL has.", value=(len(stages),)),
        Register("CONTROL", 0x40, Access.W1S, "What to do now.", _fields(_CONTROL, list(beats_in))),
        Register("STATUS", 0x44, ro, "What is going on.", _fields(_STATUS, list(beats_in))),
        Register("INTERRUPT_ENABLE", 0x48, rw, "Which bits of INTERRUPT_STATUS raise `interrupt`.", _INTERRUPTS),
        Register("INTERRUPT_STATUS", 0x4C, Access.W1C,
                 "What has happened. A bit that is set in the cycle in which it is cleared stays set.", _INTERRUPTS),
        Register("SCRATCH", 0x50, rw, "Holds what software writes."),
    )  # fmt: skip


_LOAD_CONTROL = (
    Field("BEGIN", 0, "Let no further frame begin; take words when all frames have left. Words that came are "
          "forgotten. Reads 0."),
)  # fmt: skip
_LOAD_STATUS = (
    Field("CLOSED", 0, "No frame may begin."),
    Field("WAITING", 1, "No frame is inside: words are taken."),
    Field("FAILED", 2, "The words were too few or too many, or had another checksum; BEGIN starts anew."),
)


def _loading(words: int, structure: str) -> tuple[Register, ...]:
    """Return the registers by which weights are loaded: ``words`` words, in the structure of this SHA-256."""
    ro, wo = Access.RO, Access.WO
    return (
        Register("LOAD_WORDS", 0x54, ro, "Words of all loadable memories.", value=(words,)),
        Register("LOAD_STRUCTURE", 0x58, ro, "The first 64 bits of the SHA-256 of all that the layout of these words "
                 "depends on. Only images of the same structure may be loaded.",
                 count=2, value=_leading(structure, 2)),
        Register("LOAD_CONTROL", 0x60, Access.W1S, "Begin to load weights.", _LOAD_CONTROL),
        Register("LOAD_STATUS", 0x64, ro, "What loading is at.", _LOAD_STATUS),
        Register("LOAD_DATA", 0x68, wo, "Takes the next word, if WAITING. Reads 0."),
        Register("LOAD_CHECK", 0x6C, wo, "Takes the checksum of all words, CRC-32 (IEEE 802.3) of their bytes, lowest "
                 "first: if they came in whole and have it, frames go on, else FAILED is set. Reads 0."),
        Register("LOAD_TAKEN", 0x70, ro, "Words since BEGIN."),
        Register("LOAD_CHECKSUM", 0x74, ro, "The block's checksum of the words since BEGIN."),
        Register("LOADED", 0x78, ro, "Checksum of the words that the memories hold; 0 as long as they hold those of "
                 "the bitstream."),
    )  # fmt: skip


_WEIGHTS_CONTROL = (
    Field("VALID", 0, "The image is in memory, from WEIGHTS_BASE on: weights may be read. As long as it is set, both "
          "bases stay as they are."),
)  # fmt: skip
_WEIGHTS_STATUS = (
    Field("READING", 0, "Bursts are under way."),
    Field("FAILED", 1, "Memory answered with an error since the last soft reset; results are not to be trusted."),
)


def _outside(size: int, digest: str, bus: int) -> tuple[Register, ...]:
    """Return the registers of weights in memory outside: an image of ``size`` bytes with this SHA-256."""
    ro, rw = Access.RO, Access.RW
    return (
        Register("WEIGHTS_BYTES", 0xB0, ro, "Bytes of the image of external weights.", value=(size,)),
        Register("WEIGHTS_BUS", 0xB4, ro, "Data bits of `m_axi_weights`.", value=(bus,)),
        Register("WEIGHTS_DIGEST", 0xC0, ro, "The first 128 bits of the image's SHA-256. The block reads what is there "
                 "and compares nothing: software does.", count=4, value=_leading(digest, 4)),
        Register("WEIGHTS_BASE", 0xD0, rw, "Address of the image, its lower 32 bits: a multiple of 4096."),
        Register("WEIGHTS_BASE_HIGH", 0xD4, rw, "Its upper 32 bits."),
        Register("WEIGHTS_CONTROL", 0xD8, rw, "Whether there is an image.", _WEIGHTS_CONTROL),
        Register("WEIGHTS_STATUS", 0xDC, ro, "What the port is at.", _WEIGHTS_STATUS),
    )  # fmt: skip


def _others(beats_in: Mapping[str, int]) -> tuple[Register, ...]:
    """Return the sizes of frames on the streams behind the first one."""
    return tuple(
        Register(
            f"BEATS_IN{_suffix(name)}", OTHERS + 4 * k, Access.RO, f"Beats of a frame on `{name}`.", value=(beats,)
        )
        for k, (name, beats) in enumerate(list(beats_in.items())[1:])
    )


def _suffix(stream: str) -> str:
    """Return what registers of a stream of frames have behind their names."""
    return stream.removeprefix("s_axis").upper()


def _counters(stages: Sequence[str], inputs: Sequence[str]) -> tuple[Register, ...]:
    ro = Access.RO
    first = "`s_axis`" if len(inputs) == 1 else "any of its streams"
    stamps = f"cycles from a frame's first beat on {first} to its result's last beat on `m_axis`"
    between = "cycles from the last beat of the result before it to its own; 0 if a reset is between"
    return (
        Register("CYCLES", 0x80, ro, "Cycles of `aclk` since reset. Like all counters it wraps at 2^32."),
        Register("FRAMES", 0x84, ro, "Results sent, marked ones too."),
        Register("BAD_FRAMES", 0x88, ro, "Results that were marked."),
        Register("LATENCY", 0x8C, ro, f"Of the last result: {stamps}."),
        Register("LATENCY_MIN", 0x90, ro, "The least LATENCY so far.", reset=LAST),
        Register("LATENCY_MAX", 0x94, ro, "The greatest LATENCY so far."),
        Register("INTERVAL", 0x98, ro, f"Of the last result: {between}."),
        Register("INTERVAL_MIN", 0x9C, ro, "The least INTERVAL so far.", reset=LAST),
        Register("INTERVAL_MAX", 0xA0, ro, "The greatest INTERVAL so far."),
        Register("INPUT_STALLS", EVENTS, ro, "Cycles in which `s_axis` offered a beat that was not taken. It and all "
                 f"that follow show a cycle at most STAGES + {3 + 2 * len(inputs)} cycles later."),
        Register("INPUT_STARVED", EVENTS + 4, ro, "Cycles in which `s_axis` would have taken a beat and had none."),
        Register("OUTPUT_STALLS", EVENTS + 8, ro, "Cycles in which `m_axis` offered a beat that was not taken."),
        Register("STALL", EVENTS + 12, ro, "By stage: cycles in which it offered a beat that was not taken.",
                 count=len(stages), labels=tuple(stages)),
        *_counters_of(inputs[1:], EVENTS + 4 * (3 + len(stages))),
    )  # fmt: skip


def _counters_of(others: Sequence[str], offset: int) -> Iterator[Register]:
    """Yield the counters of the streams of frames behind the first one, from ``offset`` on."""
    for k, name in enumerate(others):
        stalls, starved = (f"INPUT_{what}{_suffix(name)}" for what in ("STALLS", "STARVED"))
        yield Register(
            stalls, offset + 8 * k, Access.RO, f"Cycles in which `{name}` offered a beat that was not taken."
        )
        yield Register(starved, offset + 8 * k + 4, Access.RO,
                       f"Cycles in which `{name}` would have taken a beat and had none.")  # fmt: skip


def _leading(digest, count):
    return tuple(int(digest[8 * k : 8 * k + 8], 16) for k in range(count))


class RegisterMap:
    """All registers of one build's IP block.

    Attributes
    ----------
    registers : tuple of `Register`, by rising offset
    address_bits : int
        Bits of the AXI4-Lite address; bytes are addressed.

    Raises
    ------
    ValueError
        If two registers share a word, or one lies outside the address range or out of order.
    """

    address_bits = ADDRESS_BITS

    def __init__(self, registers: Iterable[Register]):
        self.registers = tuple(r for r in registers if r.count)
        self._named = {r.name: r for r in self.registers}
        taken = [offset for r in self.registers for _, offset in r.words]
        if taken != sorted(set(taken)) or any(offset % 4 for offset in taken) or taken[-1] >= self.size:
            raise ValueError(f"Registers must be whole words by rising offset below {self.size}, with no two at one")

    def __getitem__(self, name: str) -> Register:
        return self._named[name]

    @property
    def size(self) -> int:
        """Bytes of the address range."""
        return 1 << self.address_bits

    @property
    def events(self) -> list[str]:
        """Names of the words that count single cycles, in the order of their offsets, which has no gap."""
        return [name for r in self.registers if r.is_event for name, _ in r.words]

    def constants(self) -> dict[str, Any]:
        """Return what a driver needs, ready for JSON: ``control`` of the manifest."""
        return {
            "magic": MAGIC,
            "version": VERSION,
            "size": self.size,
            "registers": {
                r.name: {
                    "offset": r.offset, "words": r.count, "access": str(r.access), "reset": r.reset,
                    "fields": {f.name: f.bit for f in r.fields},
                    **({"value": list(r.value)} if r.value else {}), **({"labels": list(r.labels)} if r.labels else {}),
                }
                for r in self.registers
            },
        }  # fmt: skip


def register_map(
    *,
    model: str,
    build: str,
    beats_in: Mapping[str, int],
    beats_out: int,
    stages: Sequence[str],
    loading: tuple[int, str] | None = None,
    outside: tuple[int, str, int] | None = None,
) -> RegisterMap:
    """Return the `RegisterMap` of a build.

    Parameters
    ----------
    model, build : str
        SHA-256 in hex, of the model file and of everything that the hardware depends on.
    beats_in : dict of int
        Beats of a frame, by the names of the streams of frames.
    beats_out : int
        Beats of a result.
    stages : sequence of str
        Names of the pipeline's stages, `MOST_STAGES` at most.
    loading : (int, str) or None
        Words of all loadable memories, and the SHA-256 of their structure in hex, where there are such memories.
    outside : (int, str, int) or None
        Bytes of the image of external weights, its SHA-256 in hex, and the bits of the port, where there are such.

    Raises
    ------
    ValueError
        If a digest is none, or there are too many stages.
    """
    for what, digest in (("Model", model), ("Build", build)):
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"{what} must be a SHA-256 as 64 hex digits, not {digest!r}")
    most = MOST_STAGES - 2 * (len(beats_in) - 1)  # two counters for each further stream
    if len(stages) > most:
        raise ValueError(f"Stages must be {most} at most, not {len(stages)}")
    more = () if outside is None else _outside(*outside)
    counters = sorted(
        (*_others(beats_in), *more, *_counters(stages, list(beats_in))), key=lambda register: register.offset
    )
    loads = () if loading is None else _loading(*loading)
    return RegisterMap([*_control(model, build, beats_in, beats_out, stages), *loads, *counters])
