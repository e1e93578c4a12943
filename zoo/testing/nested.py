"""Tensors in tuples, lists and dicts: mapped, compared bit for bit, written to a file and read back."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.runs.checkpoints import first_object
from zoo.testing.suite import Nonconformity


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """The same structure with the function applied to every tensor."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {key: map_tensors(function, item) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(map_tensors(function, item) for item in value))
    if isinstance(value, tuple | list):
        return type(value)(map_tensors(function, item) for item in value)
    return value


def tensors(value: Any) -> Iterator[Tensor]:
    """Every tensor of a structure."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping | tuple | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from tensors(item)


def copied(value: Any) -> Any:
    """The structure with tensors of its own."""
    return map_tensors(lambda tensor: tensor.detach().clone(), value)


def rows(value: Any, index: Any) -> Any:
    """Some rows of every tensor that has a first dimension."""
    return map_tensors(lambda tensor: tensor[index] if tensor.dim() else tensor, value)


def difference(one: Any, other: Any, where: str = "") -> str | None:
    """The place of the first difference, tensors compared bit for bit (NaN equals NaN); `None` where there is none."""
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        same = one.dtype == other.dtype and torch.equal(one.nan_to_num(), other.nan_to_num())
        return None if same and torch.equal(one.isnan(), other.isnan()) else where or "value"
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        if set(one) != set(other):
            return f"{where} (keys {sorted(map(str, set(one) ^ set(other)))})"
        pairs: Any = ((f"{where}[{key!r}]", one[key], other[key]) for key in one)
    elif isinstance(one, tuple | list) and isinstance(other, tuple | list):
        if len(one) != len(other):
            return f"{where} (lengths {len(one)} and {len(other)})"
        pairs = ((f"{where}[{i}]", a, b) for i, (a, b) in enumerate(zip(one, other, strict=True)))
    else:
        return None if one == other or (one != one and other != other) else where or "value"
    return next((found for place, a, b in pairs if (found := difference(a, b, place)) is not None), None)


def through_file(state: Any, what: str) -> Any:
    """The state as a checkpoint gives it back: saved, and loaded under `weights_only=True`.

    Raises:
        Nonconformity: it holds something that a safe reader refuses.
    """
    remedy = "keep tensors, numbers, strings and containers of them only"
    if (place := first_object(state)) is not None:
        raise Nonconformity(f"{what}{place} is no plain data, and no checkpoint takes it", remedy)
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    try:
        return torch.load(file, weights_only=True)
    except pickle.UnpicklingError as error:
        raise Nonconformity(f"{what} is refused by torch.load(weights_only=True): {error}", remedy) from error


def call(model: nn.Module, inputs: Any) -> Any:
    """The model's output: a tuple or dict of inputs is spread over its arguments, as in training."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, tuple | list):
        return model(*inputs)
    return model(inputs)
