"""Images of weights, for builds that load them."""

from fewbit.golden.network.graph import Network
from fewbit.golden.rewrite.loadable import OtherShapeError, given
from fewbit.host.memory_image import ImageKind, MemoryImage
from fewbit.hw.pipeline.accelerator_plan import AcceleratorPlan

from .folded_model import FoldedModel
from .loading import structure_of
from .manifest import output_of_manifest

__all__ = ["image_for", "own_image"]


def own_image(model: FoldedModel) -> MemoryImage:
    """Return the image of the weights that the bitstream of a folded model holds.

    Raises
    ------
    OtherShapeError
        If none of its layers is loadable.
    """
    return _image(model, model.plan, model, model.network)


def image_for(model: FoldedModel, other: FoldedModel) -> MemoryImage:
    """Return the image by which the hardware of ``model`` computes what ``other`` does.

    Raises
    ------
    OtherShapeError
        If no layer of the hardware is loadable, or the other network is of another shape.
    """
    _check_loadable(model)
    try:
        network = given(model.plan.network, other.network)
    except OtherShapeError as error:
        raise OtherShapeError(
            f"{other.model}: cannot be loaded into the build of {model.model.name}: {error}"
        ) from None
    plan = AcceleratorPlan(network, model.folding, target=model.target).with_depths(model.queues)
    return _image(model, plan, other, network)


def _check_loadable(model: FoldedModel) -> None:
    if not model.plan.memories:
        raise OtherShapeError(f"{model.model.name}: no layer of this build has loadable weights; build it with "
                              "`--weights loadable`")  # fmt: skip


def _image(model: FoldedModel, plan: AcceleratorPlan, of: FoldedModel, network: Network) -> MemoryImage:
    from fewbit.hw.memory.load_layout import LoadLayout

    _check_loadable(model)
    structure = structure_of(plan)
    if structure != structure_of(model.plan):
        raise AssertionError(f"{of.model}: its hardware would be another than that of {model.model}")
    details = {
        "model": of.model.name, "sha256": of.source.sha256,
        "output": output_of_manifest(plan, network, network.outputs[0]),
    }  # fmt: skip
    payload = LoadLayout(plan.memories).words().astype("<u4").tobytes()
    return MemoryImage(ImageKind.LOADABLE, bytes.fromhex(structure), payload, details)
