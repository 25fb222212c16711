"""Quantizers of activations stand in front of every product, and of what adds values up.

A quantizer stands as early as it can, in front of max pools and whatever else only moves values, so that these work on
few bits. Tensors that a Concat puts side by side share a quantizer, as a product behind them needs one scale.
"""

from dataclasses import dataclass

import onnx

from fewbit.golden.importing.operators import Role, operator_of, role_of

from .graph import FloatLayer, FloatModel

__all__ = ["Site", "find_sites"]


@dataclass(frozen=True)
class Site:
    """Tensors that share one quantizer.

    Attributes
    ----------
    tensors : tuple of str
        The names of the tensors.
    layers : tuple of str
        The layers that read the tensors, or what becomes of their average or Concat. The quantizer has as many bits as
        the one of them that wants most.
    sums : bool
        Whether no layer reads the tensors, and they go into a sum, or to the end by way of an average or a Concat.
    raw : bool
        Whether the tensors are the model's input, or affine of it, and that has declared integers already.
    """

    tensors: tuple[str, ...]
    layers: tuple[str, ...]
    sums: bool
    raw: bool


def find_sites(model: FloatModel, declared: bool) -> list[Site]:
    """Return every `Site` of a `ptq.graph.FloatModel`, in the order of its tensors.

    ``declared`` says whether the input stands for integers (`golden.numbers.declaration`).
    """
    made: dict[str, FloatLayer | onnx.NodeProto] = {name: step for step in model.steps for name in step.output}
    origins = _origins(model)
    groups: dict[str, set[str]] = {}
    readers: dict[str, list[str]] = {}
    added: set[str] = set()

    def need(name, layers, is_sum=False):
        found = _sources(name, made, model)
        group = set(found).union(*(groups[t] for t in found if t in groups))
        groups.update(dict.fromkeys(group, group))
        for tensor in found:
            readers.setdefault(tensor, []).extend(layers)
            added.update({tensor} if is_sum else ())

    for step in model.steps:
        operands = [name for name in step.input if name in model.data]
        if isinstance(step, FloatLayer):
            need(step.x, [step.name])
        elif _of_one_tensor(step, origins, model):
            continue
        elif len(operands) > 1 and (operator := operator_of(step)) is not None and operator.sums:
            for name in operands:
                need(name, [], is_sum=True)
        elif role_of(step) is Role.AVERAGE or (role_of(step) is Role.CONCATENATION and operands):
            layers = _layers_behind(step.output[0], model)
            need(operands[0] if role_of(step) is Role.AVERAGE else step.output[0], layers, is_sum=not layers)
    order = {name: k for k, name in enumerate([model.file.only.name, *made])}
    sites: list[Site] = []
    done: set[str] = set()
    for tensor in sorted(groups, key=order.__getitem__):
        if tensor not in done:
            tensors = tuple(sorted(groups[tensor], key=order.__getitem__))
            done.update(tensors)
            layers = tuple(dict.fromkeys(name for t in tensors for name in readers[t]))
            raw = declared and all(_is_raw(t, made, model) for t in tensors)
            sites.append(Site(tensors, layers, not layers and bool(added.intersection(tensors)), raw))
    return sites


def _sources(name, made, model):
    """Return the tensors that a tensor's values are moved from."""
    step = made.get(name)
    if step is None or isinstance(step, FloatLayer):
        return (name,)
    if role_of(step) is Role.MOVE:
        return _sources(step.input[0], made, model)
    if role_of(step) is Role.CONCATENATION:
        return tuple(dict.fromkeys(t for i in step.input if i in model.data for t in _sources(i, made, model)))
    return (name,)


def _origins(model):
    """Return, by name, the tensor that elementwise operations, of it alone, make every tensor of data from."""
    origins = {model.file.only.name: model.file.only.name}
    for step in model.steps:
        found = set() if isinstance(step, FloatLayer) else _read(step, origins, model)
        elementwise = len(found) == 1 and role_of(step) in (Role.AFFINE, Role.FUNCTION)
        origins.update({name: min(found) if elementwise else name for name in step.output})
    return origins


def _read(step, origins, model):
    """Return the origins of what a step reads of data."""
    return {origins[name] for name in step.input if name in model.data}


def _of_one_tensor(step, origins, model):
    """Say whether a step of several operands of data is a function of each value of one tensor, as that of SiLU is."""
    several = sum(name in model.data for name in step.input) > 1
    return several and role_of(step) in (Role.AFFINE, Role.FUNCTION) and len(_read(step, origins, model)) == 1


def _is_raw(name, made, model):
    """Say whether a tensor is the input, moved about, scaled and shifted."""
    while name != model.file.only.name:
        step = made[name]
        if isinstance(step, FloatLayer) or role_of(step) not in (Role.MOVE, Role.AFFINE):
            return False
        operands = [i for i in step.input if i in model.data]
        if len(operands) != 1:
            return False
        name = operands[0]
    return True


def _layers_behind(name, model):
    """Return the layers that read a tensor next, with anything but layers and sums in between."""
    found, waiting, origins = [], [name], _origins(model)
    for tensor in waiting:  # it grows
        for step in model.readers(tensor):
            if isinstance(step, FloatLayer):
                found.append(step.name)
            elif (
                role_of(step) is Role.CONCATENATION
                or sum(name in model.data for name in step.input) < 2
                or _of_one_tensor(step, origins, model)
            ):
                waiting.extend(step.output)
    return list(dict.fromkeys(found))
