"""Published accuracies of quantized networks on CIFAR-10 and ImageNet. None of them is ours.

Only figures that stand in a text that was read for this table are here, and each names that text. Where it gives an
error, the accuracy is 100 minus that.
"""

from dataclasses import dataclass

__all__ = ["MISSING", "PUBLISHED", "Published"]


@dataclass(frozen=True)
class Published:
    """One figure: top-1 accuracy in percent, with that of the float network if the same text has it."""

    data: str
    method: str
    network: str
    bits: str
    accuracy: float
    float32: float | None
    source: str


_CONNECT = "Courbariaux and others 2015, authors' repository MatthieuCourbariaux/BinaryConnect, README (error 12.20 %)"
_NET = (
    "Courbariaux and others 2016, authors' repository MatthieuCourbariaux/BinaryNet, Train-time/README (error 11.40 %)"
)
_TTQ = "Zhu and others 2017, authors' repository czhu95/ternarynet, README, first table (errors)"
_TTQ_ALEX = "Zhu and others 2017, authors' repository czhu95/ternarynet, README, second table (errors)"
_XNOR = "Rastegari and others 2016, authors' repository allenai/XNOR-Net, README"
_BIREAL = "Liu and others 2018, authors' repository liuzechun/Bi-Real-net, README, table"
_DOREFA = "Zhou and others 2016, by its authors in tensorpack, examples/DoReFa-Net/alexnet-dorefa.py (errors)"
_DOREFA_18 = "Zhou and others 2016, by its authors in tensorpack, examples/DoReFa-Net/README"
_LQ = "Zhang and others 2018, authors' repository microsoft/LQ-Nets, README, first table"
_LQ_WEIGHTS = "Zhang and others 2018, authors' repository microsoft/LQ-Nets, README, second table"
_LSQ = (
    "Esser and others 2020, as reported in XiaotaoChen/model-quantization, doc/result_cls.md, which itself reached 67.3"
)
_LSQ_OTHER = "others' implementation, ProhetTeam/cls_quant_config, LSQ/README"
_DEEP = "Han and others 2016, authors' repository songhan/Deep-Compression-AlexNet, README: 233 MB become 8.9 MB"

PUBLISHED = (
    Published("CIFAR-10", "BinaryConnect, stochastic", "ConvNet", "1/32", 87.80, None, _CONNECT),
    Published("CIFAR-10", "BNN (BinaryNet)", "ConvNet", "1/1", 88.60, None, _NET),
    Published("CIFAR-10", "TTQ", "ResNet-20", "2/32", 91.13, 91.77, _TTQ),
    Published("CIFAR-10", "TTQ", "ResNet-32", "2/32", 92.37, 92.33, _TTQ),
    Published("CIFAR-10", "TTQ", "ResNet-56", "2/32", 93.56, 93.20, _TTQ),
    Published("ImageNet", "BWN", "AlexNet", "1/32", 56.8, None, _XNOR),
    Published("ImageNet", "XNOR-Net", "AlexNet", "1/1", 43.3, None, _XNOR),
    Published("ImageNet", "DoReFa", "AlexNet", "1/1", 46.6, 58.6, _DOREFA),
    Published("ImageNet", "DoReFa, 6-bit gradients", "AlexNet", "1/2", 52.4, 58.6, _DOREFA),
    Published("ImageNet", "DoReFa, 4-bit gradients", "AlexNet", "1/2", 41.6, 58.6, _DOREFA),
    Published("ImageNet", "TTQ", "AlexNet", "2/32", 57.5, 57.2, _TTQ_ALEX),
    Published("ImageNet", "Deep Compression", "AlexNet", "clusters/32", 57.07, None, _DEEP),
    Published("ImageNet", "LQ-Nets", "AlexNet", "1/2", 55.7, None, _LQ),
    Published("ImageNet", "LQ-Nets", "AlexNet", "2/2", 57.4, None, _LQ),
    Published("ImageNet", "XNOR-Net", "ResNet-18", "1/1", 51.2, None, _BIREAL),
    Published("ImageNet", "Bi-Real Net", "ResNet-18", "1/1", 56.4, None, _BIREAL),
    Published("ImageNet", "DoReFa", "ResNet-18", "1/4", 59.2, None, _DOREFA_18),
    Published("ImageNet", "LQ-Nets", "ResNet-18", "1/2", 62.6, None, _LQ),
    Published("ImageNet", "LQ-Nets", "ResNet-18", "2/2", 64.9, None, _LQ),
    Published("ImageNet", "LQ-Nets", "ResNet-18", "3/3", 68.2, None, _LQ),
    Published("ImageNet", "LQ-Nets", "ResNet-18", "4/4", 69.3, None, _LQ),
    Published("ImageNet", "LQ-Nets", "ResNet-18", "4/32", 70.0, None, _LQ_WEIGHTS),
    Published("ImageNet", "LSQ", "ResNet-18", "2/2", 67.6, None, _LSQ),
    Published("ImageNet", "LSQ, others' training", "ResNet-18", "3/3", 69.35, None, _LSQ_OTHER),
    Published("ImageNet", "LSQ, others' training", "ResNet-18", "4/4", 70.36, None, _LSQ_OTHER),
    Published("ImageNet", "Bi-Real Net", "ResNet-34", "1/1", 62.2, None, _BIREAL),
    Published("ImageNet", "LQ-Nets", "ResNet-50", "1/2", 68.7, None, _LQ),
    Published("ImageNet", "LQ-Nets", "ResNet-50", "2/2", 71.5, None, _LQ),
    Published("ImageNet", "LQ-Nets", "ResNet-50", "4/4", 75.1, None, _LQ),
)

MISSING = ("ABC-Net", "PACT", "TWN")  # no text with their figures could be read
