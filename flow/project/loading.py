"""What loadable weights of a build have in common, whatever they are: how many words, and in which structure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from fewbit.golden.network.graph import Node
from fewbit.golden.network.loadable import (
    LoadableAdd,
    LoadableDense,
    LoadableRescale,
    LoadableScore,
    LoadableThreshold,
)
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

__all__ = ["loading_of", "manifest_of_loading", "structure_of"]

_TRAINED = ("weights", "thresholds", "codes", "multiplier", "multipliers", "addend", "clip", "second", "coding")
_LOADABLE = (LoadableAdd, LoadableDense, LoadableThreshold, LoadableRescale, LoadableScore)


def structure_of(plan: AcceleratorPlan) -> str:
    """Return the SHA-256, in hex, of all that the words of a plan's loadable memories depend on but what was trained:
    the memories, and the network with everything of it that is not loadable.
    """
    said = {
        "memories": [[name, c.width, len(c.words)] for name, c in plan.memories.items()],
        "inputs": [[given.name, list(given.shape), str(given.format), given.text] for given in plan.network.inputs],
        "nodes": [_described(node) for node in plan.network.nodes],
    }
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _described(node: Node) -> list[str]:
    trained = _TRAINED if isinstance(node, _LOADABLE) else ()
    return [type(node).__name__, *(f"{f.name} {_text(getattr(node, f.name))}" for f in fields(node)
                                   if f.name not in trained)]  # fmt: skip


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape} {hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()}"
    return str(value)


def loading_of(plan: AcceleratorPlan) -> tuple[int, str] | None:
    """Return the words of a plan's loadable memories and their `structure_of`, or None if it has none."""
    from fewbit.hw.memory.load_layout import LoadLayout

    return (LoadLayout(plan.memories).count, structure_of(plan)) if plan.memories else None


def manifest_of_loading(plan: AcceleratorPlan) -> Mapping[str, Any]:
    """Return what a manifest says of loadable weights: words in all, and by stage; nothing where there are none."""
    from fewbit.hw.memory.load_layout import LoadLayout

    loading = loading_of(plan)
    if loading is None:
        return {}
    words, structure = loading
    stages = {stage.name: LoadLayout(stage.memories).count for stage in plan.loadable}
    return {"loadable": {"words": words, "structure": structure, "stages": stages}}
