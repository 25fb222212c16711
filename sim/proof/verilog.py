"""A behaviour as Verilog for simulators: a module with the ports, the latency and the results of the structural one."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from .behaviour import Behaviour, Slice, Term, TermSum
from .netlist import PortBits

__all__ = ["behaviour_text"]


def behaviour_text(behaviour: Behaviour, name: str, ports: Mapping[str, PortBits]) -> str:
    """Return a module ``name`` that does what ``behaviour`` says, in one ``$countones`` for each weight of its bits.

    It stands for a module with these ``ports``, which it takes over, whether it needs them or not.
    """
    header = ", ".join(
        f"{'output' if port.output else 'input'} wire {_range(len(port.bits))}{each}" for each, port in ports.items()
    )
    lines = [f"module {_name(name)}({header});"]
    for n, each in enumerate(behaviour.sums):
        lines += _sum(f"sum{n}", each, behaviour.latency)
    return "\n".join([*lines, "endmodule", ""])


def _sum(name: str, each: TermSum, latency: int) -> Iterator[str]:
    """Yield the lines of one sum: what is added, the registers in which it waits, and the accumulator."""
    size = _range(each.output.count)
    yield f"  wire {size}{name}_0 = {_added(each.terms) or 0};"
    for k in range(latency):
        yield f"  reg {size}{name}_{k + 1} = 0;"
        yield f"  always @(posedge clk) {name}_{k + 1} <= {name}_{k};"
    late, result = f"{name}_{latency}", f"{name}_{latency}"
    init = _slice(each.init) if each.init else "0"
    if each.registered:
        result = f"{name}_held"
        start, when = (f"(load ? {init} : {result})", "if (enable) ") if each.feedback else (init, "")
        yield f"  reg {size}{result} = 0;"
        yield f"  always @(posedge clk) {when}{result} <= {late} + {start};"
    elif each.init:
        result = f"{late} + {init}"
    yield f"  assign {_slice(each.output)} = {result};"
    if each.second:
        yield f"  assign {_slice(each.second)} = 0;"


def _added(terms: Sequence[Term]) -> str:
    """Return the sum of the terms of all lanes: the bits of one weight are counted together."""
    bits: dict[int, list[str]] = defaultdict(list)
    for term in terms:
        planes = [_slice(plane) for plane in term.planes]
        for k in range(max(term.table).bit_length()):
            table = tuple(value >> k & 1 for value in term.table)
            if any(table):
                bits[term.exponent + k].append(_function(table, planes, term.planes[0].count))
    counts = (f"$countones({{{', '.join(found)}}})" for found in bits.values())
    return " + ".join(f"({count} << {e})" if e else count for e, count in zip(bits, counts, strict=True))


def _function(table: Sequence[int], planes: Sequence[str], lanes: int) -> str:
    """Return a function of planes, given by its table, as an expression of vectors with a bit a lane."""
    if len(set(table)) == 1:
        return f"{{{lanes}{{1'b{table[0]}}}}}"
    half, x = len(table) // 2, planes[-1]
    low, high = table[:half], table[half:]
    if low == high:
        return _function(low, planes[:-1], lanes)
    inner = [_function(side, planes[:-1], lanes) for side in (low, high)]
    if all(a != b for a, b in zip(low, high, strict=True)):
        return f"~{x}" if all(low) else x if all(high) else f"({x} ^ {inner[0]})"
    parts = [f"~{x}" if all(low) else inner[0] if all(high) else f"(~{x} & {inner[0]})"] if any(low) else []
    parts += [x if all(high) else inner[1] if all(low) else f"({x} & {inner[1]})"] if any(high) else []
    return parts[0] if len(parts) == 1 else f"({' | '.join(parts)})"


def _slice(part: Slice) -> str:
    """Return bits of a port; a port of one bit has no range."""
    return f"{part.port}[{part.start} +: {part.count}]"


def _range(bits: int) -> str:
    return f"[{bits - 1}:0] "


def _name(name: str) -> str:
    """Return a module's name as Verilog has it, escaped."""
    return f"\\{name} "
