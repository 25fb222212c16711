"""How messages name a node of a model file."""

import onnx

__all__ = ["describe"]


def describe(node: onnx.NodeProto) -> str:
    """Return how an error names a node: by its name, or by what it makes where it has none."""
    if node.name:
        return f"node {node.name!r} ({node.op_type})"
    return (
        f"node {node.op_type} that makes {node.output[0]!r}" if node.output else f"node {node.op_type} without outputs"
    )
