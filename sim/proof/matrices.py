"""The proof that a module is a product with a constant matrix: each row is a sum with a weight for every bit of x."""

from dataclasses import dataclass

from .conservation import Weighted
from .netlist import Gate, ModuleNetlist
from .timed import Timed, Unproved

__all__ = ["Matrix", "matrix_text", "prove_matrix"]

_FINE = 64  # bits below those of a carry by which others of its sum may stand


@dataclass(frozen=True)
class Matrix:
    """``o[row] = constants[row] + sum(weights[row][n] * x[n])`` for the bits n of port x, modulo ``2**width``.

    The register of ``o`` is reset to zero.

    Attributes
    ----------
    weights : list of rows of int
    constants : list of int
    width : int
    latency : int
        Cycles from ``x`` to ``o``.
    """

    weights: list[list[int]]
    constants: list[int]
    width: int
    latency: int

    @classmethod
    def of_product(cls, product, latency: int) -> "Matrix":
        """Return the matrix of a group of `hw.arrays.constant_plan.ConstantArrayPlan`, whose lanes are bits of x."""
        rows, planes, constants, width = product
        return cls([[w * p for w in row for p in planes] for row in rows], list(constants), width, latency)


def prove_matrix(netlist: ModuleNetlist, matrix: Matrix) -> None:
    """Prove that a module is a matrix.

    Raises
    ------
    Unproved
        If it is not, or its structure is none that can be proved; the message says where.
    """
    x, o = (netlist.ports[port].bits if port in netlist.ports else () for port in ("x", "o"))
    if len(x) != len(matrix.weights[0]) or len(o) != matrix.width * len(matrix.constants):
        raise Unproved(f"module {netlist.name}: its ports are not those of its plan")
    try:
        timed, never = Timed(netlist, dict.fromkeys(x, 0)), set[int]()
        drivers = {bit: gate for gate in netlist.gates for bit in gate.outputs}
        for n, (weights, constant) in enumerate(zip(matrix.weights, matrix.constants, strict=True)):
            taken = [_unless_reset(netlist, drivers, q) for q in o[n * matrix.width : (n + 1) * matrix.width]]
            _prove_row(timed.gates, x, timed.at(taken, matrix.latency - 1), weights, constant, never)
    except Unproved as error:
        raise Unproved(f"module {netlist.name}: {error}") from None


def _unless_reset(netlist: ModuleNetlist, drivers: dict[int, Gate], q: int) -> int:
    """Return the bit that register ``q`` takes unless ``rst`` makes it zero."""
    gate, reset = drivers.get(netlist.registers.get(q, 0)), netlist.ports["rst"].bits[0]
    if gate is not None and len(gate.inputs) == 2 and reset in gate.inputs and len(gate.outputs) == 1:
        at = gate.inputs.index(reset)
        if gate.tables[0] == (0b0010 if at else 0b0100):  # the other input, and not the reset
            return gate.inputs[1 - at]
    raise Unproved("its output is no register that a reset makes zero")


def _prove_row(gates, x, row, weights, constant, never):
    """Prove one row; ``never`` has the bits so far that are known never to be set."""
    modulus, bits = 1 << len(row), dict[int, int]()
    for k, bit in enumerate(row):
        bits[bit] = bits.get(bit, 0) + (1 << k)
    whole = Weighted(gates, bits, [((bit,), (0, 1)) for bit in x])
    whole.follow()
    if (whole.constant - constant) % modulus or any(
        (found - want) % modulus for found, want in zip(whole.found, weights, strict=True)
    ):
        raise Unproved("a row has other weights than it should have")
    for bit, weight in whole.unread:
        if weight % modulus and bit not in never:
            if not _never_set(gates, x, bit):
                raise Unproved("a carry that may be set is lost")
            never.add(bit)


def _never_set(gates: list[Gate], x: tuple[int, ...], bit: int) -> bool:
    """Return whether a bit is never set.

    It is the highest bit of some sum. That sum, and whatever else is in it, is followed to bits of x: if it is always
    less than the bit counts, the bit is zero, since nothing in it counts negatively.
    """
    gate = next(gate for gate in gates if bit in gate.outputs)
    weights = {output: 2 << _FINE if output == bit else 1 << _FINE for output in gate.outputs}
    whole = Weighted(gates, weights, [((b,), (0, 1)) for b in x], complete=True)
    whole.follow()
    return whole.constant + sum(max(0, found) for found in whole.found) < 2 << _FINE


def matrix_text(matrix: Matrix, netlist: ModuleNetlist) -> str:
    """Return a module that is a matrix, as Verilog for simulators."""
    header = ", ".join(
        f"{'output' if port.output else 'input'} wire [{len(port.bits) - 1}:0] {name}"
        for name, port in netlist.ports.items()
    )
    size, total = f"[{matrix.width - 1}:0]", f"[{len(matrix.constants) * matrix.width - 1}:0]"
    lines = [f"module \\{netlist.name} ({header});"]
    for n, (weights, constant) in enumerate(zip(matrix.weights, matrix.constants, strict=True)):
        lines.append(f"  wire {size} row{n} = {_row(weights, constant, matrix.width)};")
    rows = ", ".join(f"row{n}" for n in reversed(range(len(matrix.constants))))
    late = f"{{{rows}}}"
    for k in range(matrix.latency):
        taken = f"rst ? 0 : {late}" if k == matrix.latency - 1 else late
        lines += [f"  reg {total} o_{k} = 0;", f"  always @(posedge clk) o_{k} <= {taken};"]
        late = f"o_{k}"
    return "\n".join([*lines, f"  assign o = {late};", "endmodule", ""])


def _row(weights, constant, width):
    """Return a row as an expression: the bits of one weight are counted together."""
    same: dict[int, list[int]] = {}
    for n, weight in enumerate(weights):
        if weight % (1 << width):
            same.setdefault(weight % (1 << width), []).append(n)
    counts = [
        f"{width}'d{weight} * $countones({{{', '.join(f'x[{n}]' for n in bits)}}})" for weight, bits in same.items()
    ]
    return " + ".join([f"{width}'d{constant % (1 << width)}", *counts])
