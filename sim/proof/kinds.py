"""The behaviour of each kind of processing element, from its plan: `behaviour_of` asks the register."""

from collections.abc import Callable
from typing import Any, TypeVar

from fewbit.hw.arrays.coded_plan import CodedPEPlan
from fewbit.hw.heap.partial_products import ProductTerms, product_terms
from fewbit.hw.heap.pe_plans import HeapPEPlan, IntegerPEPlan
from fewbit.hw.xilinx.pe_plans import LutHeapPEPlan, LutIntegerPEPlan, LutRowsPlan
from fewbit.hw.xilinx.product_chains import items_of

from .behaviour import Behaviour, Slice, Term, TermSum

__all__ = ["behaves", "behaviour_of", "parts_of"]

_KINDS: dict[type, Callable[[Any], Behaviour]] = {}
Maker = TypeVar("Maker", bound=Callable[[Any], Behaviour])


def behaves(*kinds: type) -> Callable[[Maker], Maker]:
    """Register a function that returns the `Behaviour` of a plan of these classes."""

    def register(maker: Maker) -> Maker:
        _KINDS.update(dict.fromkeys(kinds, maker))
        return maker

    return register


def behaviour_of(plan: Any) -> Behaviour | None:
    """Return the `Behaviour` of the module that a plan makes; None if there is none for a plan of its class."""
    maker = _KINDS.get(type(plan))
    return maker(plan) if maker else None


def parts_of(plan: Any) -> list[Any]:
    """Return the plans of the processing elements that one consists of, if it does of some."""
    return [*getattr(plan, "units", ()), *([plan.sum] if isinstance(plan, IntegerPEPlan) else ())]


@behaves(LutIntegerPEPlan)
def _integer(plan: LutIntegerPEPlan) -> Behaviour:
    return _products(plan, plan.feedback)


@behaves(IntegerPEPlan)
def _of_operators(plan: IntegerPEPlan) -> Behaviour:
    return _products(plan, _feedback(plan))


def _feedback(plan: Any) -> bool:
    """Return whether a processing element accumulates; one of operators has a plan of its own for its sum."""
    return _feedback(plan.sum) if isinstance(plan, IntegerPEPlan) else plan.feedback


@behaves(LutHeapPEPlan, HeapPEPlan)
def _heap(plan: Any) -> Behaviour:
    terms, start = [], 0
    for exponent, count in plan.heights.items():
        terms.append(Term(exponent, (Slice("heap", start, count),), (0, 1)))
        start += count
    return Behaviour((_accumulator(plan, tuple(terms), plan.feedback),), plan.latency)


@behaves(LutRowsPlan)
def _rows(plan: LutRowsPlan) -> Behaviour:
    terms = _terms(product_terms(plan.x_format, plan.w_format), plan.simd)
    a, b = (Slice(name, 0, len(row)) for name, row in zip("ab", plan.rows.rows, strict=True))
    return Behaviour((TermSum(a, terms, None, feedback=False, registered=False, second=b),), plan.latency)


@behaves(CodedPEPlan)
def _coded(plan: CodedPEPlan) -> Behaviour:
    sums = []
    for n, (part, unit) in enumerate(zip(plan.parts, plan.units, strict=True)):
        init = Slice("init", 0, plan.width) if len(plan.parts) == 1 else None
        terms = tuple(
            _by_code(term, plan, part) for term in _terms(product_terms(part.x_format, part.w_format), plan.simd)
        )
        sums.append(TermSum(Slice("o", n * plan.width, plan.width), terms, init, _feedback(unit)))
    return Behaviour(tuple(sums), plan.latency)


def _products(plan: LutIntegerPEPlan | IntegerPEPlan, feedback: bool) -> Behaviour:
    terms = _terms(product_terms(plan.x_format, plan.w_format), plan.simd)
    return Behaviour((_accumulator(plan, terms, feedback),), plan.latency)


def _accumulator(plan: Any, terms: tuple[Term, ...], feedback: bool) -> TermSum:
    width = plan.acc_shape.width
    return TermSum(Slice("o", 0, width), terms, Slice("init", 0, width), feedback)


def _terms(terms: ProductTerms, lanes: int) -> tuple[Term, ...]:
    """Return the terms of ``lanes`` lanes, whose codes are bit planes of ports x and w; each is a bit."""
    found = []
    for item in items_of(terms):
        planes = (*_planes("x", item.x, lanes), *_planes("w", item.w, lanes))
        for k in range(max(item.table).bit_length()):
            table = tuple(value >> k & 1 for value in item.table)
            found.append(Term(item.exponent + k, planes, table).reduced())
    return tuple(found)


def _planes(port: str, bits: tuple[int, ...], lanes: int) -> tuple[Slice, ...]:
    return tuple(Slice(port, k * lanes, lanes) for k in bits)


def _by_code(term: Term, plan: CodedPEPlan, part: Any) -> Term:
    """Return a term of a part as a function of the lane's own code and of the weight's code."""
    lanes, columns = plan.simd, plan.columns_of(part)
    x = [part.x_bits[plane.start // lanes] for plane in term.planes if plane.port == "x"]
    w = [columns[plane.start // lanes] for plane in term.planes if plane.port == "w"]
    planes = (*_planes("x", tuple(x), lanes), *_planes("w", tuple(range(plan.w_bits)), lanes))
    table = []
    for case in range(1 << len(planes)):
        own, code = case & (1 << len(x)) - 1, case >> len(x)
        table.append(term.table[own | sum(column[code] << len(x) + k for k, column in enumerate(w))])
    return Term(term.exponent, planes, tuple(table)).reduced()
