# amaranth: UnusedElaboratable=no
"""Emitted processing elements equal their behaviour: proved of each kind, refused of what is damaged, and simulated."""

import random
import re

import pytest

from fewbit.hw.xilinx.models import MODELS
from fewbit.sim.proof.kinds import behaviour_of
from fewbit.sim.proof.netlist import netlist_of
from fewbit.sim.proof.reading import read_modules
from fewbit.sim.proof.sums import prove
from fewbit.sim.proof.timed import Unproved
from fewbit.sim.proof.verilog import behaviour_text
from tests.support.equal_modules import differing_cycles
from tests.support.evaluated import outputs
from tests.support.pe_kinds import KINDS, module_of, plan_of, verilog_of

pytestmark = pytest.mark.tools
MUTANTS = 8  # of each kind
MUTATED = ("bipolar, 9 lanes", "ternary, 7 lanes", "8 by 7 bits", "signed by powers of two", "4-bit rows", "clusters")
SIMULATED = ("bipolar, 9 lanes", "bipolar in one step", "ternary, 7 lanes", "pixels by bipolar", "8 by 7 bits",
             "powers of two", "a heap", "4-bit rows", "a codebook", "weights of two planes")  # fmt: skip


@pytest.fixture(scope="module")
def netlists():
    text = verilog_of(*KINDS)
    found = read_modules(text, [module_of(name) for name in KINDS])
    return {name: netlist_of(name, found[module_of(name)]) for name in KINDS}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_proved(netlists, name):
    prove(netlists[name], behaviour_of(plan_of(name)))


def test_other_behaviour_is_refused(netlists):
    for name in KINDS:
        other = next(other for other in KINDS if netlists[other].ports.keys() == netlists[name].ports.keys()
                     and behaviour_of(plan_of(other)) != behaviour_of(plan_of(name)))  # fmt: skip
        with pytest.raises(Unproved):
            prove(netlists[name], behaviour_of(plan_of(other)))


def test_what_is_damaged_is_refused_or_does_the_same():
    """One bit of one LUT's table is another one, in the text: the proof may only hold where no output differs."""
    rng, texts, mutants = random.Random(5), [], []
    for name in MUTATED:
        text = verilog_of(name)
        tables = list(re.finditer(r"INIT\(64'h([0-9a-f]{16})\)", text))
        for _ in range(MUTANTS):
            at = rng.choice(tables)
            table = f"{int(at[1], 16) ^ 1 << rng.randrange(64):016x}"
            mutant = text[: at.start(1)] + table + text[at.end(1) :]
            mutants.append((name, f"mutant{len(mutants)}"))
            texts.append(re.sub(rf"\b{module_of(name)}\b", mutants[-1][1], mutant))
        texts.append(text)
    found = read_modules("\n".join(texts), [*(m for _, m in mutants), *map(module_of, MUTATED)])
    refused = 0
    for name, mutant in mutants:
        behaviour, netlist = behaviour_of(plan_of(name)), netlist_of(mutant, found[mutant])
        try:
            prove(netlist, behaviour)
        except Unproved:
            refused += 1
        else:
            good = netlist_of(name, found[module_of(name)])
            held = behaviour.sums[0].registered
            assert (outputs(netlist, held=held) == outputs(good, held=held)).all()
    assert refused > len(mutants) / 3


def test_behaviour_in_a_simulator(netlists, tmp_path):
    """The module that stands for a processing element in simulations gives its results in its cycles."""
    text, units = verilog_of(*SIMULATED) + MODELS, []
    for name in SIMULATED:
        behaviour, ports = behaviour_of(plan_of(name)), netlists[name].ports
        text += behaviour_text(behaviour, f"{module_of(name)}_behaviour", ports)
        units.append((module_of(name), f"{module_of(name)}_behaviour", ports, behaviour.latency))
    differing, compared = differing_cycles(tmp_path, text, units)
    assert compared > 2900 * len(units) and differing == 0
