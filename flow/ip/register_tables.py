"""The register map for people and for C: a Markdown table and a header."""

import re

from fewbit.hw.shell.registers import RegisterMap

from .block import Block

__all__ = ["c_header", "markdown", "prefixed"]


def markdown(registers: RegisterMap) -> str:
    """Return a Markdown table of all registers, and one of their bits."""
    rows = [
        f"| {_span(r)} | {r.name} | {r.access} | {_initial(r)} | {r.meaning}{_labels(r)} |" for r in registers.registers
    ]
    bits = [f"| {r.name} | {f.bit} | {f.name} | {f.meaning} |" for r in registers.registers for f in r.fields]
    return "\n".join([
        "| offset | register | access | initially | meaning |", "| --- | --- | --- | --- | --- |", *rows, "",
        "| register | bit | name | meaning |", "| --- | --- | --- | --- |", *bits, "",
    ])  # fmt: skip


def _span(r):
    first, last = r.offset, r.offset + 4 * (r.count - 1)
    return f"0x{first:03X}" if first == last else f"0x{first:03X} … 0x{last:03X}"


def _initial(r):
    if r.value:
        return "constant"
    return f"0x{r.reset:X}" if r.reset > 9 else str(r.reset)


def _labels(r):
    return " In order: " + ", ".join(f"`{label}`" for label in r.labels) + "." if r.labels else ""


def c_header(block: Block) -> str:
    """Return a C header with the offsets, bits and expected values of the block's registers, and its frames' layout.

    Names begin with the block's prefix in capital letters.
    """
    return prefixed(_header(block), block)


def prefixed(text: str, block: Block) -> str:
    """Return C text whose names begin with the block's prefix where they began with ``fewbit_`` and ``FEWBIT_``."""
    text = re.sub(r"\bFEWBIT_", f"{block.prefix.upper()}_", text)
    return re.sub(r"\bfewbit(?=_|\.h\b)", block.prefix, text)


def _header(block):
    lines = [
        f"/* Registers of the IP block {block.vlnv}, {block.model}. Offsets are in bytes from its base address. */",
        "#ifndef FEWBIT_H", "#define FEWBIT_H", "", f"#define FEWBIT_SIZE 0x{block.registers.size:X}u", "",
    ]  # fmt: skip
    lines += [*_layouts(block), ""]
    for r in block.registers.registers:
        lines.append(f"/* {r.access}: {r.meaning.replace('`', '')} */")
        lines.append(f"#define FEWBIT_{r.name} 0x{r.offset:03X}u")
        if r.count > 1:
            lines.append(f"#define FEWBIT_{r.name}_WORDS {r.count}u")
        lines += [
            f"#define FEWBIT_{r.name}_{f.name} (1u << {f.bit}) /* {f.meaning.replace('`', '')} */" for f in r.fields
        ]
        lines += [f"#define FEWBIT_{r.name}{k if r.count > 1 else ''}_VALUE 0x{v:08X}u" for k, v in enumerate(r.value)]
        lines += [f"#define FEWBIT_{r.name}_OF_{_identifier(label)} {k}u" for k, label in enumerate(r.labels)]
        lines.append("")
    return "\n".join([*lines, "#endif", ""])


def _layouts(block):
    """Yield the layout of the frames of every input, and of results."""
    yield "/* Frames, as they lie in memory beat by beat, each beat with its lowest byte first. */"
    yield f"#define FEWBIT_INPUTS {len(block.inputs)}u"
    for name, layout in (*((f"IN{k}", one) for k, one in enumerate(block.inputs)), ("OUT", block.results)):
        yield f"/* {layout.stream}, {layout.meaning} */"
        yield f"#define FEWBIT_{name}_BEATS {layout.beats}u"
        yield f"#define FEWBIT_{name}_BYTES {layout.bytes}u /* of a beat */"
        yield f"#define FEWBIT_{name}_FRAME_BYTES {layout.frame_bytes}u"
        yield f"#define FEWBIT_{name}_BITS {layout.bits}u /* of a code */"
        yield f"#define FEWBIT_{name}_LANES {layout.lanes}u /* codes of a beat */"
        yield f"#define FEWBIT_{name}_CODES {layout.codes}u"
        yield f"#define FEWBIT_{name}_SIGNED {int(layout.signed)} /* value = spacing*code + origin */"
        yield f"#define FEWBIT_{name}_SPACING {layout.spacing}"
        yield f"#define FEWBIT_{name}_ORIGIN {layout.origin}"
    yield f"#define FEWBIT_STREAMS_IN {{{', '.join(map(_initializer, block.inputs))}}}"
    yield f"#define FEWBIT_STREAM_OUT {_initializer(block.results)}"
    largest = max(layout.frame_bytes for layout in (*block.inputs, block.results))
    yield f"#define FEWBIT_LARGEST_TRANSFER {largest}"


def _initializer(layout):
    figures = (layout.beats, layout.bytes, layout.bits, layout.lanes, layout.codes)
    return "{" + ", ".join(f"{n}u" for n in figures) + "}"


def _identifier(label):
    return "".join(c.upper() if c.isascii() and c.isalnum() else "_" for c in label)
