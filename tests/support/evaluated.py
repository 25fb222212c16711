"""Values of netlists that were read back."""

import numpy as np

__all__ = ["outputs"]


def outputs(netlist, *, held, cases=2000):
    """Return the outputs of a `ModuleNetlist` for random inputs, with registers as wires.

    With ``held`` outputs are registers whose values are given too, and what they take is returned.
    """
    rng = np.random.default_rng(3)
    ends = [bit for port in netlist.ports.values() if port.output for bit in port.bits]
    registers = [bit for bit in ends if held]
    given = [bit for port in netlist.ports.values() if not port.output for bit in port.bits] + registers
    values = {0: np.zeros(cases, dtype=int), 1: np.ones(cases, dtype=int)}
    chance = rng.random(cases)
    values |= {bit: (rng.random(cases) < chance).astype(int) for bit in given}
    waiting = [bit for bit in [*(netlist.registers[q] for q in registers), *ends]]
    drivers = {bit: gate for gate in netlist.gates for bit in gate.outputs}
    while waiting:
        bit = waiting[-1]
        gate = drivers.get(bit)
        read = [] if bit in values else gate.inputs if gate else [netlist.registers[bit]]
        if missing := [b for b in read if b not in values]:
            waiting += missing
            continue
        if bit not in values and gate is None:
            values[bit] = values[netlist.registers[bit]]
        elif bit not in values:
            index = sum((values[b] << k for k, b in enumerate(read)), values[0])
            for output, table in zip(gate.outputs, gate.tables, strict=True):
                values[output] = np.array([table >> k & 1 for k in range(1 << len(read))])[index]
        waiting.pop()
    return np.array([values[netlist.registers[bit] if held else bit] for bit in ends])
