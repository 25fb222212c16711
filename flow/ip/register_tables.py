"""The register map for people and for C: a Markdown table and a header."""

from fewbit.hw.shell.registers import RegisterMap

from .block import Block

__all__ = ["c_header", "markdown"]


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
    """Return a C header with the offsets, bits and expected values of the block's registers."""
    lines = [
        f"/* Registers of the IP block {block.vlnv}, {block.model}. Offsets are in bytes from its base address. */",
        "#ifndef FEWBIT_H", "#define FEWBIT_H", "", f"#define FEWBIT_SIZE 0x{block.registers.size:X}u", "",
    ]  # fmt: skip
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


def _identifier(label):
    return "".join(c.upper() if c.isascii() and c.isalnum() else "_" for c in label)
