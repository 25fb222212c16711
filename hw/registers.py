"""The register map of the IP block, defined once: hardware, tables, C header and drivers all read it from here."""

from dataclasses import dataclass, field

__all__ = ["MAGIC", "STALLS", "VERSION", "Access", "Field", "Register", "RegisterMap", "register_map"]

MAGIC = 0x46455742  # "FEWB"
VERSION = 0x0001_0000  # of this map: major in the upper half, minor in the lower one
STALLS = 0x100  # offset of the first stall counter; they are last, as their number is the network's
MODEL_WORDS, BUILD_WORDS = 4, 2
LAST = (1 << 32) - 1


class Access:
    """What software may do with a register."""

    RO, RW, W1C, W1S = "read-only", "read-write", "write 1 to clear", "write 1 to start"


@dataclass(frozen=True)
class Field:
    """One bit of a register."""

    name: str
    bit: int
    meaning: str


@dataclass(frozen=True)
class Register:
    """``count`` words of 32 bits from ``offset`` on. ``reset`` is what it holds after reset, and after CLEAR if it is a
    counter; ``value`` is what a constant one always reads, one number a word."""

    name: str
    offset: int
    access: str
    meaning: str
    fields: tuple = ()
    count: int = 1
    reset: int = 0
    value: tuple = ()
    labels: tuple = field(default=(), repr=False)  # of each word, where there are several

    @property
    def writable(self):
        return self.access != Access.RO

    @property
    def words(self):
        """``(name, offset)`` of each word."""
        if self.count == 1:
            return [(self.name, self.offset)]
        return [(f"{self.name}{k}", self.offset + 4 * k) for k in range(self.count)]


CONTROL = (
    Field("SOFT_RESET", 0, "Empty the data path, keep the registers. Reads 1 until that is done."),
    Field("CLEAR", 1, "Set all counters back. Reads 0."),
    Field(
        "SOURCE_RESET",
        2,
        "With SOFT_RESET: the source of `s_axis` was reset too; no rest of a frame is to come. Reads 0.",
    ),
    Field(
        "SINK_RESET", 3, "With SOFT_RESET: the sink of `m_axis` was reset too; no rest of a result is to go. Reads 0."
    ),
)
STATUS = (
    Field("RECEIVING", 0, "A frame has begun on `s_axis` and not ended."),
    Field("SENDING", 1, "A result has begun on `m_axis` and not ended."),
    Field("OCCUPIED", 2, "Frames are inside."),
    Field("STOPPING", 3, "Soft reset: a beat on offer at `m_axis` waits to be taken."),
    Field("CLEANING", 4, "Soft reset: the rest of a frame is dropped, the rest of a result sent."),
)
INTERRUPTS = (
    Field("RESULT", 0, "The last beat of a result was taken."),
    Field("BAD", 1, "That result was marked: its frame was too short or too long, or a soft reset cut it off."),
)
_STAMPED = "cycles from a frame's first beat on `s_axis` to its result's last beat on `m_axis`"
_BETWEEN = "cycles between the last beats of results that follow each other without a soft reset between"


def _registers(model, build, beats_in, beats_out, stages):
    ro, rw = Access.RO, Access.RW
    return (
        Register("MAGIC", 0x00, ro, "Says that this is fewbit's block: \"FEWB\".", value=(MAGIC,)),
        Register("VERSION", 0x04, ro, "Of this map: major in the upper 16 bits, minor in the lower.", value=(VERSION,)),
        Register("MODEL", 0x08, ro, "The first 128 bits of the model file's SHA-256, the first 32 of them first.",
                 count=MODEL_WORDS, value=_words(model, MODEL_WORDS)),
        Register("BUILD", 0x18, ro, "The first 64 bits of `build` in the manifest: of model, input declaration, "
                 "folding and target. It says that data is packed as this manifest has it.",
                 count=BUILD_WORDS, value=_words(build, BUILD_WORDS)),
        Register("BEATS_IN", 0x20, ro, "Beats of a frame on `s_axis`.", value=(beats_in,)),
        Register("BEATS_OUT", 0x24, ro, "Beats of a result on `m_axis`.", value=(beats_out,)),
        Register("STAGES", 0x28, ro, "How many counters STALL has.", value=(len(stages),)),
        Register("CONTROL", 0x40, Access.W1S, "What to do now.", CONTROL),
        Register("STATUS", 0x44, ro, "What is going on.", STATUS),
        Register("INTERRUPT_ENABLE", 0x48, rw, "Which bits of INTERRUPT_STATUS raise `interrupt`.", INTERRUPTS),
        Register("INTERRUPT_STATUS", 0x4C, Access.W1C,
                 "What has happened. A bit that is set and cleared at once is set.",
                 INTERRUPTS),
        Register("SCRATCH", 0x50, rw, "Holds what software writes."),
        Register("CYCLES", 0x80, ro, "Cycles of `aclk`. Like all counters here it wraps at 2^32."),
        Register("FRAMES", 0x84, ro, "Results sent, marked ones too."),
        Register("BAD_FRAMES", 0x88, ro, "Results that were marked."),
        Register("LATENCY", 0x8C, ro, f"Of the last result: {_STAMPED}."),
        Register("LATENCY_MIN", 0x90, ro, "The least LATENCY.", reset=LAST),
        Register("LATENCY_MAX", 0x94, ro, "The greatest LATENCY."),
        Register("INTERVAL", 0x98, ro, f"Of the last result: {_BETWEEN}."),
        Register("INTERVAL_MIN", 0x9C, ro, "The least INTERVAL.", reset=LAST),
        Register("INTERVAL_MAX", 0xA0, ro, "The greatest INTERVAL."),
        Register("INPUT_STALLS", 0xA4, ro, "Cycles in which `s_axis` offered a beat that was not taken."),
        Register("INPUT_STARVED", 0xA8, ro, "Cycles in which `s_axis` could have taken a beat and was offered none."),
        Register("OUTPUT_STALLS", 0xAC, ro, "Cycles in which `m_axis` offered a beat that was not taken."),
        Register("STALL", STALLS, ro, "By stage: cycles in which it offered a beat that the next one did not take. A "
                 "cycle shows at most STAGES + 4 cycles later.", count=len(stages), labels=tuple(stages)),
    )  # fmt: skip


def _words(digest, count):
    return tuple(int(digest[8 * k : 8 * k + 8], 16) for k in range(count))


class RegisterMap:
    """All registers of one build's IP block.

    Attributes
    ----------
    registers : tuple of `Register`, by rising offset
    address_bits : int
        Of the AXI4-Lite address; bytes are addressed.
    """

    def __init__(self, registers):
        self.registers = tuple(r for r in registers if r.count)
        self._named = {r.name: r for r in self.registers}
        taken = [offset for r in self.registers for _, offset in r.words]
        if taken != sorted(set(taken)) or any(offset % 4 for offset in taken):
            raise ValueError("Registers must be whole words by rising offset, with no two at one")
        self.address_bits = max(12, taken[-1].bit_length())

    def __getitem__(self, name):
        return self._named[name]

    @property
    def size(self):
        """Bytes of the address range."""
        return 1 << self.address_bits

    def constants(self):
        """What a driver needs, ready for JSON: the entry ``registers`` of the manifest."""
        return {
            "magic": MAGIC,
            "version": VERSION,
            "size": self.size,
            "registers": {
                r.name: {
                    "offset": r.offset, "access": r.access, "words": r.count, "reset": r.reset,
                    "fields": {f.name: f.bit for f in r.fields}, "meaning": r.meaning,
                    **({"value": list(r.value)} if r.value else {}), **({"labels": list(r.labels)} if r.labels else {}),
                }
                for r in self.registers
            },
        }  # fmt: skip


def register_map(*, model, build, beats_in, beats_out, stages):
    """The `RegisterMap` of a build.

    Parameters
    ----------
    model, build : str
        SHA-256 in hex, of the model file and of everything that the hardware depends on.
    beats_in, beats_out : int
        Of a frame and of a result.
    stages : sequence of str
        Names of the pipeline's stages.
    """
    for what, digest in (("Model", model), ("Build", build)):
        if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"{what} must be a SHA-256 as 64 hex digits, not {digest!r}")
    return RegisterMap(_registers(model, build, beats_in, beats_out, stages))
