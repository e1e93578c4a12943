"""torchvision's residual networks, in stages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, Literal

from annotated_types import Ge
from torch import nn

from zoo.errors import ConfigError
from zoo.models.backbone import Stage, Staged
from zoo.models.heads import Head, make_head, pooling_of
from zoo.models.outputs import number_of_outputs
from zoo.models.preprocessing import Preprocessing
from zoo.models.weights import load_weights
from zoo.models.weights_file import Weights, fetched, read_weights
from zoo.registry import did_you_mean

BackboneName = Literal[
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "wide_resnet50_2",
    "wide_resnet101_2",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
]


class ResNet(Staged):
    """A residual network of He et al. (2015), or one of its kin, over pictures of any size.

    Wide ones are those of Zagoruyko & Komodakis (2016), ResNeXt that of Xie et al. (2017). Stages: `stem`, `layer1`
    ... `layer4`.

    Args:
        out_features: number of outputs C, one a target or a logit.
        num_classes: the same by its other name.
        in_channels: of the images; the first convolution of pretrained weights is adapted to it.
        backbone: by torchvision's name.
        weights: where training starts. `default`: torchvision's best, fetched into torch's cache. One of its sets by
            name, such as IMAGENET1K_V1: those make better features for a frozen backbone, being trained with a
            plainer recipe than the later V2, which make better fine-tuned networks. A file: .pth, .pt, .th or
            .safetensors. `none`: random, as He et al. (2015), "Delving Deep into Rectifiers".
        head: `linear`, `mlp`, or any other.

    Raises:
        ConfigError: torchvision is missing, or the weights cannot be had.
        DataError: the weights do not fit.
        ValueError: the number of outputs is not given, or given twice.
    """

    def __init__(
        self,
        out_features: Annotated[int, Ge(1)] | None = None,
        num_classes: Annotated[int, Ge(1)] | None = None,
        in_channels: Annotated[int, Ge(1)] = 3,
        backbone: BackboneName = "resnet18",
        weights: str = "default",
        head: Head = "linear",
    ) -> None:
        outputs = number_of_outputs(out_features, num_classes)
        found = initial_weights(backbone, weights)
        plan = Preprocessing().updated(found.preprocessing if found else {})
        super().__init__(plan.for_channels(in_channels), pooling_of(head))
        network: Any = getattr(_torchvision(), backbone)(weights=None)
        features = network.fc.in_features
        network.fc = nn.Identity()
        if in_channels != 3:
            first = network.conv1
            network.conv1 = nn.Conv2d(in_channels, first.out_channels, 7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
        self.backbone = network
        self.head = make_head(head, features, outputs)
        if found is not None:
            load_weights(self, found, stem="conv1.weight", heads=("fc",))

    def backbone_stages(self) -> dict[str, Stage]:
        """`stem`: from the image to a quarter of its side; `layer1` ... `layer4`, halved from each to the next."""
        network: Any = self.backbone
        stem = Stage((network.conv1, network.bn1, network.relu, network.maxpool))
        layers = {name: Stage((getattr(network, name),)) for name in ("layer1", "layer2", "layer3", "layer4")}
        return {"stem": stem, **layers}

    @staticmethod
    def preprocessing(options: Mapping[str, Any]) -> Preprocessing:
        """What the images of a model with these options must look like; the weights themselves are not fetched.

        Raises:
            ConfigError: there are no such weights.
            DataError: their file cannot be read.
        """
        backbone, weights = options.get("backbone", "resnet18"), options.get("weights", "default")
        if weights == "none":
            return Preprocessing()
        if (entry := _entry(backbone, weights)) is not None:
            return Preprocessing().updated(_transforms(entry))
        return Preprocessing().updated(_file(backbone, weights).preprocessing)


def initial_weights(backbone: str, weights: str) -> Weights | None:
    """The weights that an option names, read; None for `none`.

    Raises:
        ConfigError: there are none of that name, or they cannot be fetched.
        DataError: the file cannot be read.
    """
    if weights == "none":
        return None
    entry = _entry(backbone, weights)
    if entry is None:
        return _file(backbone, weights)
    read = read_weights(fetched(entry.url))
    return Weights(read.source, read.state, _transforms(entry), tuple(entry.meta["categories"]))


def _torchvision() -> ModuleType:
    """`torchvision.models`.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        from torchvision import models
    except ImportError as error:
        raise ConfigError("model=resnet", "needs torchvision", "pip install 'attention-zoo[images]'") from error
    found: ModuleType = models
    return found


def _entry(backbone: str, weights: str) -> Any:
    """torchvision's weights of that name for the backbone; None where it has none."""
    known = _torchvision().get_model_weights(backbone)
    return known.DEFAULT if weights == "default" else known.__members__.get(weights)


def _transforms(entry: Any) -> dict[str, Any]:
    """What torchvision's weights were trained on, as the attributes of `Preprocessing`."""
    found = entry.transforms()
    return {
        "size": found.crop_size[0],
        "resize": found.resize_size[0],
        "interpolation": found.interpolation.value,
        "mean": found.mean,
        "std": found.std,
    }


def _file(backbone: str, weights: str) -> Weights:
    """The weights of a file.

    Raises:
        ConfigError: it does not exist.
        DataError: it cannot be read.
    """
    if not os.path.exists(weights) and not os.path.splitext(weights)[1]:
        names = ["default", "none", *_torchvision().get_model_weights(backbone).__members__]
        problem = f"{weights!r} is no file, and no set of weights for {backbone}{did_you_mean(weights, names)}"
        raise ConfigError("model.weights", problem, f"give {', '.join(names)}, or a file")
    return read_weights(weights)
