"""Layer-sequential unit-variance initialisation, which needs a batch of data; Mishkin & Matas (2016), algorithm 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.initialisation import LAYERS, WAITS, initialise


def lsuv(model: nn.Module, inputs: Any, *, tolerance: float = 0.1, trials: int = 10) -> dict[str, float]:
    """Makes the weights of all linear and convolution layers orthonormal, and then scales one after the other.

    Args:
        model: on any device.
        inputs: a batch, as the model's `forward` takes it; a tuple or dict is spread over its arguments.
        tolerance: by how much the variance of a layer's outputs, over the whole batch, may differ from one.
        trials: how often a layer is scaled at most.

    Returns:
        The variance of each layer's outputs in the end, by the layer's name, in the order they are computed.

    Raises:
        ValueError: the outputs of a layer are all the same, so that nothing scales them to any variance.
    """
    initialise(model, "lsuv")
    return initialise_from(model, inputs, tolerance=tolerance, trials=trials)


def initialise_from(model: nn.Module, inputs: Any, *, tolerance: float = 0.1, trials: int = 10) -> dict[str, float]:
    """Scales the layers that were initialised with `lsuv`, which wait for data; nothing where there are none.

    As after training: dropout is off, and statistics of normalisation stay as they are. What the layers have learned
    since they were initialised is scaled as well, so it is the first thing to do.

    Args:
        model: on any device, its layers initialised with `lsuv` or otherwise.
        inputs: a batch, as the model's `forward` takes it; a tuple or dict is spread over its arguments.
        tolerance: as `lsuv`.
        trials: as `lsuv`.

    Returns:
        As `lsuv`, of the layers that were scaled.

    Raises:
        ValueError: as `lsuv`.
    """
    if not waits_for_data(model):
        return {}
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            return {
                name: _scale(name, layer, model, inputs, tolerance, trials) for name, layer in _waiting(model, inputs)
            }
    finally:
        for module, mode in modes:
            module.training = mode


def waits_for_data(model: nn.Module) -> bool:
    """Whether a layer was initialised with `lsuv`, and `initialise_from` has not been called since."""
    return any(getattr(module, WAITS, False) for module in model.modules())


def _waiting(model: nn.Module, inputs: Any) -> list[tuple[str, nn.Module]]:
    """Name and layer of those that wait, in the order they are first computed; the batch may not reach all."""
    names: dict[nn.Module, str] = {module: name for name, module in model.named_modules() if isinstance(module, LAYERS)}
    order: dict[nn.Module, str] = {}

    def note(layer: nn.Module, *_: Any) -> None:
        order.setdefault(layer, names[layer])

    hooks = [layer.register_forward_hook(note) for layer in names]
    try:
        _run(model, inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return [(name, layer) for layer, name in order.items() if getattr(layer, WAITS, False)]


def _scale(name: str, layer: nn.Module, model: nn.Module, inputs: Any, tolerance: float, trials: int) -> float:
    """Scales one layer, and returns the variance of its outputs."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    variance = _variance(layer, model, inputs)
    for _ in range(trials):
        if not 0 < variance < math.inf:
            problem = "the same" if variance == 0 else "not finite"
            raise ValueError(
                f"outputs of {name or 'the layer'} are {problem}; give a larger batch, of inputs that vary"
            )
        if abs(variance - 1) < tolerance:
            break
        weight.div_(variance**0.5)
        variance = _variance(layer, model, inputs)
    setattr(layer, WAITS, False)
    return variance


def _run(model: nn.Module, inputs: Any) -> None:
    """The model on a batch."""
    if isinstance(inputs, Mapping):
        model(**inputs)
    elif isinstance(inputs, tuple | list):
        model(*inputs)
    else:
        model(inputs)


def _variance(layer: nn.Module, model: nn.Module, inputs: Any) -> float:
    """Of the outputs of a layer, where it is computed first."""
    outputs: list[Tensor] = []

    def keep(_layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        outputs.append(output)

    hook = layer.register_forward_hook(keep)
    try:
        _run(model, inputs)
    finally:
        hook.remove()
    return float(outputs[0].double().var(correction=0))
