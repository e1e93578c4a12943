"""The small residual networks of He et al. (2015), section 4.2, for pictures of 32 x 32."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge
from torch import Tensor, nn
from torch.nn import functional

from zoo.models.backbone import Stage, Staged
from zoo.models.heads import Head, make_head, pooling_of
from zoo.models.initialisation import initialise
from zoo.models.outputs import number_of_outputs
from zoo.models.preprocessing import Preprocessing
from zoo.models.weights import load_weights
from zoo.models.weights_file import read_weights

#: Filters on maps of 32, 16 and 8.
WIDTHS = (16, 32, 64)
#: Mean and deviation are ImageNet's, as in the published weights of these networks.
_CIFAR = Preprocessing(size=32, resize=32)


class Block(nn.Module):
    """relu(F(x) + x), F two 3 x 3 convolutions; the identity is option A where the size changes.

    Option A (section 4.1) takes every second place and adds channels of zeros, half before and half after, so that
    there is no parameter in it.

    Args:
        in_channels: of x.
        channels: of F(x).
        stride: of the first convolution.
    """

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.added = channels - in_channels

    def forward(self, features: Tensor) -> Tensor:
        """(B, F, H, W) -> (B, F', H / stride, W / stride)."""
        transformed = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(features)))))
        return functional.relu(transformed + self.identity(features))

    def identity(self, features: Tensor) -> Tensor:
        """x in the shape of F(x)."""
        if self.added == 0:
            return features
        before = self.added // 2
        thinned = features[:, :, :: self.stride, :: self.stride]
        return functional.pad(thinned, (0, 0, 0, 0, before, self.added - before))


class _Network(nn.Module):
    """The convolutions: one of 16 filters, then three groups of n blocks."""

    def __init__(self, blocks: int, in_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.layer1 = self._group(blocks, WIDTHS[0], WIDTHS[0], 1)
        self.layer2 = self._group(blocks, WIDTHS[0], WIDTHS[1], 2)
        self.layer3 = self._group(blocks, WIDTHS[1], WIDTHS[2], 2)
        initialise(self, "kaiming_normal", "relu")

    @staticmethod
    def _group(blocks: int, in_channels: int, channels: int, stride: int) -> nn.Sequential:
        rest = (Block(channels, channels, 1) for _ in range(blocks - 1))
        return nn.Sequential(Block(in_channels, channels, stride), *rest)

    def stem(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 16, H, W)."""
        return functional.relu(self.bn1(self.conv1(images)))

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 64, H / 4, W / 4)."""
        features: Tensor = self.layer3(self.layer2(self.layer1(self.stem(images))))
        return features


class CIFARResNet(Staged):
    """ResNet-20, 32, 44, 56 or 110 of He et al. (2015), section 4.2: 6n + 2 layers, 16 to 64 filters, option A.

    Stages: `stem`, `layer1`, `layer2`, `layer3`.

    Args:
        out_features: number of outputs C, one a target or a logit.
        num_classes: the same by its other name.
        in_channels: of the images; the first convolution of pretrained weights is adapted to it.
        depth: number of layers with weights.
        weights: a file to start from (.pth, .pt, .th, .safetensors), or `none`: random, N(0, 2 / fan_in), as the
            paper does after He et al. (2015), "Delving Deep into Rectifiers", equation 10.
        head: `linear`, `mlp`, or any other.

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
        depth: Literal[20, 32, 44, 56, 110] = 20,
        weights: str = "none",
        head: Head = "linear",
    ) -> None:
        outputs = number_of_outputs(out_features, num_classes)
        found = None if weights == "none" else read_weights(weights)
        plan = _CIFAR.updated(found.preprocessing if found else {})
        super().__init__(plan.for_channels(in_channels), pooling_of(head))
        self.backbone = _Network((depth - 2) // 6, in_channels)
        self.head = make_head(head, WIDTHS[-1], outputs)
        if found is not None:
            load_weights(self, found, stem="conv1.weight", heads=("linear", "fc"))

    def backbone_stages(self) -> dict[str, Stage]:
        """`stem`, then `layer1` on maps of the image's side, `layer2` of half and `layer3` of a quarter."""
        network: Any = self.backbone
        stem = Stage((network.conv1, network.bn1), network.stem)
        return {"stem": stem, **{name: Stage((getattr(network, name),)) for name in ("layer1", "layer2", "layer3")}}

    @staticmethod
    def preprocessing(options: Mapping[str, Any]) -> Preprocessing:
        """What the images of a model with these options must look like: 32 x 32, nothing cropped.

        Raises:
            ConfigError: there is no such file of weights.
            DataError: it cannot be read.
        """
        weights = options.get("weights", "none")
        return _CIFAR if weights == "none" else _CIFAR.updated(read_weights(weights).preprocessing)
