"""Weights of a build in memory outside: their image, and what registers and the manifest say of it."""

import hashlib
from typing import Any

from fewbit.host.memory_image import ImageKind, MemoryImage
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

__all__ = ["IMAGE", "image_of", "manifest_of_image", "outside_of"]

IMAGE = "weights.bin"
"""The image's file in a build's folder and in a board's."""


def image_of(plan: AcceleratorPlan, model: str, sha256: str) -> MemoryImage | None:
    """Return the image of a plan's external weights, or None if it has none.

    Everything else of the network is in the bitstream, so there is one right image for a build, and its structure is
    the SHA-256 of the payload. ``model`` and ``sha256`` are the name of the model's file and its digest.
    """
    port = plan.weight_port
    if port is None:
        return None
    payload = plan.weight_image
    regions = {c.name: {"offset": at, "bytes": c.size} for c, at in zip(port.channels, port.offsets, strict=True)}
    details = {"model": model, "sha256": sha256, "bus": port.bus, "regions": regions}
    return MemoryImage(ImageKind.EXTERNAL, hashlib.sha256(payload).digest(), payload, details)


def outside_of(image: MemoryImage | None) -> tuple[int, str, int] | None:
    """Return what the registers say of an image: its bytes, its SHA-256, and the bits of the port; None without one."""
    return None if image is None else (len(image.payload), image.structure.hex(), image.details["bus"])


def manifest_of_image(image: MemoryImage | None) -> dict[str, Any]:
    """Return what a manifest says of the image of external weights; nothing where there is none."""
    if image is None:
        return {}
    size, digest, bus = len(image.payload), image.structure.hex(), image.details["bus"]
    return {"external": {"image": IMAGE, "bytes": size, "structure": digest, "bus": bus,
                         "regions": image.details["regions"]}}  # fmt: skip
