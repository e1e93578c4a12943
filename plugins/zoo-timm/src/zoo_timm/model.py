"""Any backbone of timm as an image model in stages."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Any

import timm
import torch
from annotated_types import Ge, Interval
from torch import Tensor, nn
from zoo.errors import ConfigError
from zoo.models.backbone import Stage, Staged, pooled
from zoo.models.heads import Head, make_head, pooling_of
from zoo.models.outputs import number_of_outputs
from zoo.models.preprocessing import Interpolation, Preprocessing
from zoo.models.weights import load_weights
from zoo.models.weights_file import Weights, read_weights

from zoo_timm.fetching import fetched_weights, translated
from zoo_timm.splitting import makes_tokens, split_of


class Timm(Staged):
    """A backbone of timm (Wightman 2019) under a head of the toolkit.

    A network whose parts follow one another is split into them: `stem`, then `layer1`, `stages0`, `blocks0` ... as
    timm calls them, then `top`, of what comes after. One that cannot be split has one stage, `backbone`. Features
    are pooled as timm does it for that network: over all places, or the class token ...

    Args:
        out_features: number of outputs C, one a target or a logit.
        num_classes: the same by its other name.
        in_channels: of the images; the first convolution of pretrained weights is adapted to it.
        backbone: timm's name, with or without the tag of its weights: `convnext_tiny`, `resnet50.a1_in1k` ...
        weights: where training starts. `default`: those of the tag, or timm's choice, fetched. A file: .pth, .pt,
            .th or .safetensors. `none`: random.
        head: `linear`, `mlp`, or any other.
        drop_path: share of examples that skip a block in training; Huang et al. (2016). For a network that has it.

    Raises:
        ConfigError: there is no such backbone, or the weights cannot be had.
        DataError: the weights do not fit.
        ValueError: the number of outputs is not given, or given twice.
    """

    def __init__(
        self,
        out_features: Annotated[int, Ge(1)] | None = None,
        num_classes: Annotated[int, Ge(1)] | None = None,
        in_channels: Annotated[int, Ge(1)] = 3,
        backbone: str = "resnet50",
        weights: str = "default",
        head: Head = "linear",
        drop_path: Annotated[float, Interval(ge=0, lt=1)] | None = None,
    ) -> None:
        outputs = number_of_outputs(out_features, num_classes)
        known = _known(backbone)
        found = _weights(backbone, weights)
        plan = _images(known).updated(found.preprocessing if found else {})
        super().__init__(plan.for_channels(in_channels), pooling_of(head))
        self._split = split_of(backbone, in_channels)
        extra: dict[str, Any] = {} if drop_path is None else {"drop_path_rate": drop_path}
        try:
            self.backbone = timm.create_model(backbone, num_classes=0, in_chans=in_channels, **extra)
        except TypeError as error:
            if drop_path is None:
                raise
            raise ConfigError("model.drop_path", f"{backbone} has none", "leave it out") from error
        self.head = make_head(head, self._split.features, outputs)
        if found is not None:
            found = translated(found, self.backbone)
            first, classifier = known.first_conv, known.classifier
            stem = first if isinstance(first, str) else next(iter(first or ()), "")
            heads = (classifier,) if isinstance(classifier, str) else tuple(classifier or ())
            load_weights(self, found, stem=f"{stem}.weight", heads=heads)

    def backbone_stages(self) -> dict[str, Stage]:
        """The parts of the network that follow one another; `backbone` where there are none."""
        network: Any = self.backbone
        split = self._split
        if not split.stages:
            return {"backbone": Stage((network,), self._whole)}
        stages = {name: Stage(self._parts(parts)) for name, parts in split.stages.items()}
        if split.transformer:
            children = [one for name, one in network.named_children() if makes_tokens(name)]
            tokens = nn.ParameterList(network.parameters(recurse=False))
            stages = {"stem": Stage((*children, tokens), self._tokens), **stages}
        if split.trailing or split.rest:
            stages["top"] = Stage(self._parts((*split.trailing, *split.rest)), self._top)
        return stages

    def _parts(self, names: tuple[str, ...]) -> list[nn.Module]:
        return [self.backbone.get_submodule(name) for name in names]

    def _whole(self, images: Tensor) -> Tensor:
        """Features before pooling, where the network has them in one tensor; pooled otherwise."""
        network: Any = self.backbone
        features = network.forward_features(images)
        return features if isinstance(features, Tensor) else self._pooled(features)

    def _tokens(self, images: Tensor) -> Tensor:
        """What a vision transformer's first block is given: (B, C, H, W) -> (B, N, F)."""
        network: Any = self.backbone
        embedded = network._pos_embed(network.patch_embed(images))
        tokens: Tensor = network.norm_pre(network.patch_drop(embedded))
        return tokens

    def _top(self, features: Tensor) -> Tensor:
        """What comes after the last stage; pooled, where parameters come after pooling."""
        for module in self._parts(self._split.trailing):
            features = module(features)
        return self._pooled(features) if self._split.rest else features

    def _pooled(self, features: Any) -> Tensor:
        network: Any = self.backbone
        vectors: Tensor = network.forward_head(features, pre_logits=True)
        return vectors

    def pool(self, features: Tensor) -> Tensor:
        """Features to vectors as timm pools them, (B, F); for `concat` beside the maximum over all places, (B, 2F)."""
        if features.dim() == 2:
            return pooled(features, self.pooling)
        vectors = self._pooled(features)
        if self.pooling == "avg":
            return vectors
        places = features.permute(0, 3, 1, 2) if self._split.channels_last and features.dim() == 4 else features
        maximum = pooled(places, "concat").chunk(2, 1)[1]
        return torch.cat([vectors, maximum if maximum.shape == vectors.shape else vectors], 1)

    @staticmethod
    def preprocessing(options: Mapping[str, Any]) -> Preprocessing:
        """What the images of a model with these options must look like; the weights themselves are not fetched.

        Raises:
            ConfigError: there is no such backbone, or no such file.
            DataError: the file cannot be read.
        """
        plan = _images(_known(options.get("backbone", "resnet50")))
        weights = options.get("weights", "default")
        return plan if weights in ("default", "none") else plan.updated(read_weights(weights).preprocessing)


def _known(backbone: str) -> Any:
    """What timm says of a backbone.

    Raises:
        ConfigError: timm has none of that name.
    """
    try:
        known = timm.get_pretrained_cfg(backbone)
    except RuntimeError:  # a network of timm's, with a tag that it has not
        known = None
    if known is not None:
        return known
    plain = backbone.partition(".")[0]
    names = timm.list_pretrained(f"{plain}.*") if timm.is_model(plain) else timm.list_models()
    near = difflib.get_close_matches(backbone, names, 3) or names[:3]
    raise ConfigError("model.backbone", f"timm has no {backbone!r}", f"did you mean {', '.join(near)}?")


def _images(known: Any) -> Preprocessing:
    """timm's preprocessing; of its interpolations the two that the toolkit has, bicubic for all others."""
    size = known.input_size[-1]
    interpolation: Interpolation = "bilinear" if known.interpolation == "bilinear" else "bicubic"
    return Preprocessing(size, math.floor(size / known.crop_pct), interpolation, tuple(known.mean), tuple(known.std))


def _weights(backbone: str, weights: str) -> Weights | None:
    """The weights that an option names, read; None for `none`.

    Raises:
        ConfigError: timm has none, or they cannot be fetched.
        DataError: the file cannot be read.
    """
    if weights == "none":
        return None
    return fetched_weights(backbone) if weights == "default" else read_weights(weights)
