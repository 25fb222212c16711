# amaranth: UnusedElaboratable=no
"""A whole design: what is proved of its modules is their behaviour, and what is damaged stays as it is."""

import re
from dataclasses import replace

import numpy as np
import pytest

from fewbit.golden.importing.importer import import_model
from fewbit.golden.numbers.formats import Signed, Unsigned
from fewbit.hw.arrays.constant_plan import ConstantArrayPlan
from fewbit.hw.folding import Folding
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan
from fewbit.hw.shapes import IntShape
from fewbit.hw.shell.verilog import convert, emit
from fewbit.hw.targets.named import USUAL
from fewbit.sim.proof.design import ELEMENT, MEMORY, behaviour_design, primitives_in
from fewbit.sim.proof.matrices import Matrix, prove_matrix
from fewbit.sim.proof.netlist import netlist_of
from fewbit.sim.proof.reading import read_modules
from fewbit.sim.proof.timed import Unproved
from tests.support.evaluated import outputs
from tests.support.small_network import SPEC, small

pytestmark = pytest.mark.tools
MUTANTS = 40
FOLDING = Folding.of(MatMul_3=(2, 3), MatMul_7=(3, 2))


@pytest.fixture(scope="module")
def design(tmp_path_factory):
    """The Verilog of a small network, and its plan."""
    network = import_model(small(tmp_path_factory.mktemp("model") / "small.onnx"), SPEC)
    plan = AcceleratorPlan(network, FOLDING, target=USUAL)
    return emit(plan), plan


def test_all_modules_are_proved(design):
    text, plan = design
    found = behaviour_design(text, plan)
    assert {proof.kind for proof in found.proofs} == {ELEMENT, MEMORY}
    assert all(proof.reason is None for proof in found.proofs), found.proofs
    # What is left of primitives is what no proof is of.
    assert primitives_in(text, "accelerator") > 5 * primitives_in(found.text, "accelerator")
    assert set(re.findall(r'"\.\./(.*)"', found.text)) == set(found.files)


@pytest.mark.parametrize("kind, word", [(ELEMENT, "pe"), (MEMORY, "rom")])
def test_what_is_damaged_stays_as_it_is(design, kind, word):
    text, plan = design
    module = re.search(rf"^// {word}:.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    damaged = re.sub(r"(?<=INIT\(64'h)[0-9a-f]{16}", lambda found: f"{int(found[0], 16) ^ 0x5555:016x}", module[0])
    assert damaged != module[0]
    found = behaviour_design(text.replace(module[0], damaged), plan)
    (refused,) = [proof for proof in found.proofs if proof.reason is not None]
    assert refused.kind == kind and refused.reason.startswith(f"module {refused.name}: ")
    assert damaged.partition("\n")[2] in found.text


@pytest.mark.parametrize("shape, groups", [((6, 10), 1), ((4, 9), 1), ((8, 3), 2)])
def test_constant_weights_are_proved(shape, groups):
    """An array whose weights are constants is a matrix, whose rows share sums."""
    rng = np.random.default_rng(shape)
    array = ConstantArrayPlan(
        x_format=Unsigned(2), w_format=Signed(3), weights=rng.integers(-4, 4, shape),
        init=rng.integers(-9, 9, shape[0]), acc_shape=IntShape(9, True), groups=groups, target=USUAL,
    )  # fmt: skip
    text = convert(array.make(), "top.layer.array")
    names = [f"top.layer.array.group{g}" for g in range(groups)]
    read = read_modules(text, names)
    for name, product, matrix in zip(names, array.products, array.matrices, strict=True):
        netlist, right = netlist_of(name, read[name]), Matrix.of_product(product, matrix.latency + 1)
        prove_matrix(netlist, right)
        for wrong in (
            replace(right, constants=[right.constants[0] + 1, *right.constants[1:]]),
            replace(right, weights=[[right.weights[0][0] + 1, *right.weights[0][1:]], *right.weights[1:]]),
            replace(right, latency=right.latency + 1),
        ):
            with pytest.raises(Unproved):
                prove_matrix(netlist, wrong)


def test_what_is_damaged_of_a_matrix_is_refused_or_does_the_same():
    """One entry of one gate's table is another one: the proof may only hold where no output differs."""
    rng = np.random.default_rng(7)
    array = ConstantArrayPlan(
        x_format=Unsigned(2), w_format=Signed(3), weights=rng.integers(-4, 4, (5, 12)), init=[0] * 5,
        acc_shape=IntShape(9, True), target=USUAL,
    )  # fmt: skip
    name = "top.layer.array.group0"
    netlist = netlist_of(name, read_modules(convert(array.make(), "top.layer.array"), [name])[name])
    right, refused = Matrix.of_product(array.products[0], array.matrices[0].latency + 1), 0
    for _ in range(MUTANTS):
        n = int(rng.choice([n for n, gate in enumerate(netlist.gates) if not gate.carry]))
        gate = netlist.gates[n]
        tables = list(gate.tables)
        tables[int(rng.integers(len(tables)))] ^= 1 << int(rng.integers(1 << len(gate.inputs)))
        gates = [*netlist.gates[:n], replace(gate, tables=tuple(tables)), *netlist.gates[n + 1 :]]
        mutant = replace(netlist, gates=gates)
        try:
            prove_matrix(mutant, right)
        except Unproved:
            refused += 1
        else:
            assert (outputs(mutant, held=False) == outputs(netlist, held=False)).all()
    assert refused > MUTANTS / 2
