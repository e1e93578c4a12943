"""Where a network of timm can be split: found by watching a copy without weights at work.

timm's networks name their parts in many ways and join them in `forward_features`. A part is a stage of its own if
what it is given is the very tensor that the part before returned: then applying one after the other is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

#: Containers whose members are stages each.
_SPINES = ("stages", "dense_stages", "blocks", "layers", "features", "body")
#: Names that every image model of the toolkit has given to other stages.
_TAKEN = ("input", "pool", "head")


@dataclass(frozen=True)
class Split:
    """How a network is taken apart; modules by their dotted names in it.

    Attributes:
        stages: names of the modules of each stage, in order; without `top`. Empty where it cannot be split.
        trailing: modules after the last stage, of `forward_features`.
        rest: modules with parameters that only `forward_head` applies.
        transformer: whether tokens are made by a vision transformer's own functions, before the first block.
        features: F, of what `forward_head` makes of an image before the classifier.
        channels_last: whether maps are (B, H, W, F).
    """

    stages: dict[str, tuple[str, ...]]
    trailing: tuple[str, ...]
    rest: tuple[str, ...]
    transformer: bool
    features: int
    channels_last: bool


def split_of(backbone: str, in_channels: int) -> Split:
    """Where a backbone can be split.

    Args:
        backbone: timm's name.
        in_channels: of its images.
    """
    with torch.device("meta"):
        network: Any = timm.create_model(backbone, pretrained=False, num_classes=0, in_chans=in_channels)
        size = network.pretrained_cfg["input_size"][1:]
        images = torch.zeros(2, in_channels, *size)
    channels_last = getattr(network, "output_fmt", "NCHW") == "NHWC"
    transformer = type(network).forward_features is VisionTransformer.forward_features
    try:
        with torch.no_grad():
            features = network.eval().forward_head(network.forward_features(images), pre_logits=True).shape[1]
    except RuntimeError:  # an operation that has no meta kernel, or looks at values
        features = getattr(network, "head_hidden_size", None) or network.num_features
        return Split({}, (), (), False, features, channels_last)
    for shallow in (True, False):
        parts = list(_parts(network, shallow))
        if transformer:
            parts = [(name, module) for name, module in parts if name.startswith("blocks.") or name == "norm"]
        chain = _chain(network, parts, images, anywhere=transformer)
        if chain:
            found = _grouped(network, chain, transformer)
            if found is not None:
                return Split(*found, transformer, features, channels_last)
    return Split({}, (), (), False, features, channels_last)


def _parts(network: nn.Module, shallow: bool) -> Iterator[tuple[str, nn.Module]]:
    """Candidates for stages: children, and the members of those that only hold others.

    Args:
        network: of timm.
        shallow: keep families of containers (layer1, layer2 ...) and stems whole.
    """
    for name, module in network.named_children():
        container = isinstance(module, nn.Sequential | nn.ModuleList) and len(module) > 0
        if container and (not shallow or name in _SPINES):
            yield from ((f"{name}.{inner}", member) for inner, member in module.named_children())
        else:
            yield name, module


def _chain(
    network: Any, parts: Sequence[tuple[str, nn.Module]], images: Tensor, *, anywhere: bool
) -> list[tuple[str, nn.Module]]:
    """The parts in the order in which they are applied, if `forward_features` is nothing else; else none.

    Args:
        network: on the meta device, so that nothing is computed.
        parts: candidates.
        images: what the network is given.
        anywhere: whether something may come before the first part.
    """
    orders = []
    for training in (True, False):
        calls, output = _watched(network.train(training), parts, images)
        if not calls:
            return []
        present = calls[0].given[0] if anywhere and calls[0].given else images
        for call in calls:
            if len(call.given) != 1 or call.given[0] is not present or not isinstance(call.returned, Tensor):
                return []
            present = call.returned
        if output is not present:
            return []
        orders.append([call.name for call in calls])
    if orders[0] != orders[1] or len(set(orders[0])) != len(orders[0]):
        return []
    modules = dict(parts)
    return [(name, modules[name]) for name in orders[0]]


@dataclass(frozen=True)
class _Call:
    """One application of a module: what it was given, and what it returned."""

    name: str
    given: tuple[Any, ...]
    returned: Any


def _watched(network: Any, parts: Sequence[tuple[str, nn.Module]], images: Tensor) -> tuple[list[_Call], Any]:
    """The applications of the parts in `forward_features`, in order, and its output."""
    calls: list[_Call] = []

    def watch(name: str, module: nn.Module) -> RemovableHandle:
        def note(_: nn.Module, positional: tuple[Any, ...], named: dict[str, Any], returned: Any) -> None:
            calls.append(_Call(name, (*positional, *named.values()), returned))

        return module.register_forward_hook(note, with_kwargs=True)

    hooks = [watch(name, module) for name, module in parts]
    with torch.no_grad():
        output = network.forward_features(images)
    for hook in hooks:
        hook.remove()
    return calls, output


def _grouped(
    network: nn.Module, chain: Sequence[tuple[str, nn.Module]], transformer: bool
) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...], tuple[str, ...]] | None:
    """Stages, trailing modules and the rest; None where a module would be in two of them."""
    spine = [place for place, (name, _) in enumerate(chain) if _is_spine(name, chain)]
    groups: dict[str, list[str]] = {}
    trailing: list[str] = []
    for place, (name, module) in enumerate(chain):
        owns = bool(module.state_dict())
        if spine and place > spine[-1] and (owns or trailing):
            trailing.append(name)
        elif spine and place < spine[0]:
            groups.setdefault("stem", []).append(name)
        elif not owns and groups:
            groups[next(reversed(groups))].append(name)
        else:
            groups.setdefault(_stage_name(name), []).append(name)
    taken = {id(one) for _, module in chain for one in module.parameters()}
    rest = []
    for name, module in network.named_children():
        inside = {id(one) for one in module.parameters()} - taken
        if inside and not (transformer and makes_tokens(name)):
            if len(inside) < sum(1 for _ in module.parameters()):
                return None
            rest.append(name)
    if not transformer and any(id(one) not in taken for one in network.parameters(recurse=False)):
        return None
    return {name: tuple(parts) for name, parts in groups.items()}, tuple(trailing), tuple(rest)


def makes_tokens(name: str) -> bool:
    """Whether a child of a vision transformer comes before its first block."""
    return name in ("patch_embed", "pos_drop", "patch_drop", "norm_pre")


def _is_spine(name: str, chain: Sequence[tuple[str, nn.Module]]) -> bool:
    """Whether a part is a member of a large container, or of a family such as layer1, layer2 ..."""
    container, dot, _ = name.partition(".")
    if dot:
        return container in _SPINES
    family = name.rstrip("0123456789")
    return family != name and sum(other.rstrip("0123456789") == family for other, _ in chain) > 2


def _stage_name(name: str) -> str:
    """`stages0` for `stages.0`, `denseblock1` for `features.denseblock1`, `layer1` as it is."""
    container, _, member = name.rpartition(".")
    plain = f"{container}{member}" if member.isdigit() else member
    return f"{plain}_" if plain in (*_TAKEN, "top") else plain
