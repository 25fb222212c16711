"""Where the operators of model files declare what they are, and how they become nodes of the integer network.

A dialect is a folder of `golden.importing`; its files declare operators with `handles` when they are imported, and
`golden.importing.operators` imports them all. Whoever needs to know which operators are quantizers, or layers, or only
move values about, asks the declarations: there is no other list of names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from fewbit.golden.model_file.domains import ONNX
from fewbit.golden.registry import ByClass

from .tensors import Tensor

__all__ = ["DECLARED", "DeclaredOperator", "Handler", "Role", "handles", "import_of"]

# A function ``handler(importer, node, inputs, attributes)``: it appends nodes to the importer's network, and returns
# the tensors that a node of a model file makes of its inputs. Inputs and outputs that are left out are None. Worlds
# other than ONNX have nodes, inputs and a last argument of their own. A handler raises `ModelError`, with what is wrong
# and without the name of the node, where it cannot say exactly what the node computes.
Handler = Callable[[Any, Any, list[Any], Any], Sequence[Tensor | None]]

# A function ``(source, input_spec, output, precision)``: the network of a file of a class of
# `golden.model_file.source.SourceFile`, its arguments as `golden.importing.importer.import_model` takes them.
import_of = ByClass("import")


class Role(Enum):
    """What an operator makes of the data that it reads. Every operator has exactly one role."""

    QUANTIZER = "gives the codes of a quantizer as floats"
    PRODUCT = "multiplies data by weights: a layer"
    AFFINE = "scales and shifts the values of each channel"
    FUNCTION = "computes another function of each value"
    MOVE = "moves, picks or repeats values, and computes none"
    COPY = "gives its operand as it is"
    SHAPE = "reads the shape alone"
    AVERAGE = "averages values"
    CONCATENATION = "puts tensors side by side"
    PROBABILITIES = "turns scores into probabilities in the same order"
    LABEL = "picks the largest scores"


@dataclass(frozen=True)
class DeclaredOperator:
    """An operator of a dialect, as `handles` declares it.

    Attributes
    ----------
    name : str
        The operator's name.
    domain : str
        The operator's own domain; a file may call it by others too.
    handler : Handler
        What makes nodes of the integer network of a node of a model file.
    role : Role
    keeps_integers : bool
        Whether the handler also takes constants, and keeps what is known of quantized ones (`tensors.Integers`). What
        other operators make of constants is simply evaluated.
    sums : bool
        Whether both operands may depend on the input.
    takes_integers : bool
        Whether the handler knows tensors of an integer type. What others make of them is the same as of floats.
    is_quantized : bool
        Whether the operator, of any role, stands in quantized models only.
    steps : bool
        Whether the operator gives whole numbers, or truth values, of floats: so quantizers are made of plain operators.
    """

    name: str
    domain: str
    handler: Handler
    role: Role
    keeps_integers: bool = False
    sums: bool = False
    takes_integers: bool = False
    is_quantized: bool = False
    steps: bool = False

    @property
    def is_of_floats(self) -> bool:
        """Whether the operator stands in models that nobody has quantized."""
        return self.domain == ONNX and not self.quantizes

    @property
    def quantizes(self) -> bool:
        """Whether a model with the operator is a quantized one."""
        return self.is_quantized or self.role is Role.QUANTIZER


DECLARED: dict[tuple[str, str], DeclaredOperator] = {}  # by a domain that a file may use, and by name


def handles(
    *names: str, role: Role, domains: tuple[str, ...] = (ONNX,), **properties: bool
) -> Callable[[Handler], Handler]:
    """Return a decorator that declares the operators which the decorated function handles.

    ``domains`` are all that a file may call the operators by, their own first. ``properties`` are those of
    `DeclaredOperator`. The decorator raises `ValueError` where an operator is declared twice.
    """

    def declare(handler: Handler) -> Handler:
        for name in names:
            operator = DeclaredOperator(name, domains[0], handler, role, **properties)
            for domain in domains:
                if (domain, name) in DECLARED:
                    raise ValueError(f"Operator {name} of domain {domain!r} is declared twice")
                DECLARED[domain, name] = operator
        return handler

    return declare
