"""Pretrained weights into a model: everything that belongs, nothing by accident, and a report of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from zoo.errors import DataError
from zoo.models.backbone import Staged
from zoo.models.weights_file import WRAPPERS, Weights, unwrapped

#: What may stand before a name, beside wrappers: the part of a larger model that the backbone was.
PARTS = ("backbone.", "encoder.")


@dataclass(frozen=True)
class LoadReport:
    """What became of the tensors of a file and of a model.

    Attributes:
        source: the file.
        loaded: names in the model that were filled.
        fresh: names in the model, of the head alone, that keep their random start.
        unused: names in the file that were left out: another head's, an optimizer's average ...
    """

    source: str
    loaded: tuple[str, ...]
    fresh: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def head_loaded(self) -> bool:
        """Whether the head is that of the file."""
        return any(name.startswith("head.") for name in self.loaded)

    def __str__(self) -> str:
        """One line for the log of a run."""
        head = "its head as well" if self.head_loaded else "a fresh head"
        unused = f", {len(self.unused)} tensors of the file unused ({_some(self.unused)})" if self.unused else ""
        return f"{len(self.loaded)} tensors from {self.source}, {head}{unused}"


def adapt_channels(weight: Tensor, channels: int) -> Tensor:
    """The first convolution of a network for RGB, for images of another number of channels.

    One channel gets the sum over RGB, which makes of a gray image what the network makes of it given three times.
    Other numbers get the three in turn, times 3 / `channels`, which keeps the size of the sums.

    Args:
        weight: (out, 3, kernel height, kernel width).
        channels: of the images.

    Returns:
        (out, channels, kernel height, kernel width).
    """
    if channels == weight.shape[1]:
        return weight
    if channels == 1:
        return weight.sum(1, keepdim=True)
    colours = weight.shape[1]
    return weight[:, [channel % colours for channel in range(channels)]] * (colours / channels)


def load_weights(model: Staged, weights: Weights, *, stem: str, heads: Iterable[str] = ("fc",)) -> LoadReport:
    """Fill a model's backbone, and its head where the file has one that fits.

    Args:
        model: with backbone and head in place.
        weights: as read.
        stem: name of the first convolution's weight in the backbone, adapted to the channels of the images.
        heads: names that the classifier goes by in files of this network.

    Returns:
        What was done; also kept at `model.weights_report`, and the names of the classes at `model.weights_classes`.

    Raises:
        DataError: nothing matches, a tensor of the backbone is missing, or has another shape, or the file holds a
            larger backbone.
    """
    backbone = model.backbone.state_dict()
    found, head, rest = _matched(weights, backbone, tuple(heads))
    _require_match(weights, found, backbone)
    if stem in found and found[stem].dim() == 4 and found[stem].shape[1] == 3:
        found[stem] = adapt_channels(found[stem], backbone[stem].shape[1])
    _require_complete(weights, found, backbone, rest)
    own_head = model.head.state_dict()
    fitting = _fitting({name: tensor for name, (_, tensor) in head.items()}, own_head)
    state = {f"backbone.{name}": tensor for name, tensor in found.items()}
    state |= {f"head.{name}": tensor for name, tensor in fitting.items()}
    if not model.normalise.mean.is_meta:  # on the meta device a model is only checked
        model.load_state_dict(state, strict=False)
    report = LoadReport(
        weights.source,
        tuple(state),
        () if fitting else tuple(f"head.{name}" for name in own_head),
        (*rest, *(() if fitting else (name for name, _ in head.values()))),
    )
    model.weights_report = report
    model.weights_classes = list(weights.class_names) if weights.class_names is not None else None
    return report


def _matched(
    weights: Weights, backbone: Mapping[str, Tensor], heads: tuple[str, ...]
) -> tuple[dict[str, Tensor], dict[str, tuple[str, Tensor]], list[str]]:
    """The tensors of the backbone and of the head, by their names there; and the names of all others.

    Those of the head come with their names in the file.

    Raises:
        DataError: two tensors of the file stand for one of the model.
    """
    found: dict[str, Tensor] = {}
    head: dict[str, tuple[str, Tensor]] = {}
    rest: list[str] = []
    for name, tensor in weights.state.items():
        part, _, inner = unwrapped(name).partition(".")
        if not weights.own:
            part, inner = _foreign(name, backbone, heads)
        elif part == "normalise":
            continue  # the model was built with them
        if part not in ("backbone", "head"):
            rest.append(name)
        elif inner in (found if part == "backbone" else head):
            raise DataError(weights.source, problem=f"holds {inner} twice, under different prefixes")
        elif part == "backbone":
            found[inner] = tensor
        else:
            head[inner] = name, tensor
    return found, head, rest


def _foreign(name: str, backbone: Mapping[str, Tensor], heads: tuple[str, ...]) -> tuple[str, str]:
    """Where a tensor of another library's file belongs: `backbone`, `head` or neither, and its name there."""
    candidates = _candidates(name)
    for candidate in candidates:
        if candidate in backbone:
            return "backbone", candidate
    for candidate in candidates:
        module, _, leaf = candidate.rpartition(".")
        if module in heads:
            return "head", leaf
    return "", name


def _candidates(name: str) -> list[str]:
    """The name, and what is left of it as one prefix after the other is taken away."""
    names = [name]
    while (prefix := next((one for one in (*WRAPPERS, *PARTS) if names[-1].startswith(one)), None)) is not None:
        names.append(names[-1].removeprefix(prefix))
    return names


def _require_match(weights: Weights, found: Mapping[str, Tensor], backbone: Mapping[str, Tensor]) -> None:
    if not found:
        raise DataError(
            weights.source,
            problem=f"none of its {len(weights.state)} tensors belongs to this backbone: it has "
            f"{_some(weights.state)}, and the backbone {_some(backbone)}",
            remedy="choose the file, or the model, to match",
        )


def _require_complete(
    weights: Weights, found: dict[str, Tensor], backbone: Mapping[str, Tensor], rest: list[str]
) -> None:
    """Whether the file is of this very backbone.

    Raises:
        DataError: lists what is missing, of another shape, or too much.
    """
    problems = []
    # A count of batches, which batch normalisation with a momentum never reads; files of before 2018 have none.
    missing = [name for name in backbone if name not in found and not name.endswith("num_batches_tracked")]
    if missing:
        problems.append(f"{len(missing)} of the backbone's {len(backbone)} tensors are missing ({_some(missing)})")
    differing = [
        f"{name} {tuple(tensor.shape)} for {tuple(backbone[name].shape)}"
        for name, tensor in found.items()
        if name in backbone and tensor.shape != backbone[name].shape
    ]
    if differing:
        problems.append(f"{len(differing)} have another shape ({_some(differing)})")
    parts = {name.partition(".")[0] for name in backbone}
    surplus = [name for name in rest if any(one.partition(".")[0] in parts for one in _candidates(name))]
    surplus += [name for name in found if name not in backbone]
    if surplus:
        problems.append(f"{len(surplus)} are of a larger backbone ({_some(surplus)})")
    if problems:
        raise DataError(
            weights.source, problem="does not fit the backbone: " + "; ".join(problems), remedy="choose the other size"
        )


def _fitting(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the file's head by the names of the model's, if all are there and of its shapes; else none."""
    named = {name: given.get(name, given.get(name.rpartition(".")[2])) for name in own}
    if len(given) != len(own) or any(
        tensor is None or tensor.shape != own[name].shape for name, tensor in named.items()
    ):
        return {}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def _some(names: Iterable[str], count: int = 3) -> str:
    """The first few names, and how many there are beside."""
    listed = list(names)
    return ", ".join(listed[:count]) + (f" and {len(listed) - count} more" if len(listed) > count else "")
