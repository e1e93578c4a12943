"""Checks that hold for every component that is a torch module."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from zoo.testing.nested import tensors
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, needs


def built_module(subject: Subject, **objects: Any) -> nn.Module:
    """The component, which must be a torch module.

    Raises:
        Nonconformity: it is something else.
        ZooError: it cannot be built.
    """
    built = subject.build(**objects)
    if not isinstance(built, nn.Module):
        raise Nonconformity(f"it builds a {type(built).__name__}", "return a torch.nn.Module")
    return built


@needs("schema_derivable")
def builds(subject: Subject) -> None:
    """It can be built from its options and what a run knows."""
    built_module(subject)


@needs("builds")
def builds_on_meta(subject: Subject) -> None:
    """It can be built on the meta device, where a sweep's points are checked before the first one trains."""
    remedy = "let the constructor only create and initialise tensors, on torch's default device, and never read them"
    try:
        with torch.device("meta"):
            model = built_module(subject)
    except RuntimeError as error:
        first_line = str(error).strip().splitlines()[0]
        raise Nonconformity(f"building on the meta device fails: {first_line}", remedy) from error
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if tensor.device.type != "meta":
            raise Nonconformity(f"{name} is created on {tensor.device} whatever the default device", remedy)


def require_gradients(model: nn.Module, outputs: Any) -> None:
    """Every trainable parameter gets a gradient that is finite and not zero.

    Args:
        model: its parameters should be at random values, since zeros on the way stop gradients.
        outputs: tensors of any structure, computed with it.

    Raises:
        Nonconformity: names the parameters without one.
    """
    loss = sum(
        (one.float() * torch.randn_like(one.float())).sum() for one in tensors(outputs) if one.is_floating_point()
    )
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        raise Nonconformity("the output does not depend on any parameter", "do not detach it, and keep no_grad out")
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    without, infinite = [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        gradient = parameter.grad
        if gradient is not None and gradient.is_sparse:
            gradient = gradient.to_dense()
        if gradient is None or not gradient.any():
            without.append(name)
        elif not gradient.isfinite().all():
            infinite.append(name)
    if without:
        raise Nonconformity(
            f"no gradient reaches {', '.join(without)}",
            "use it in forward without detach, or freeze it with requires_grad_(False)",
        )
    if infinite:
        raise Nonconformity(f"the gradient of {', '.join(infinite)} is not finite", "check divisions, roots and logs")


def shake(model: nn.Module) -> None:
    """Move every floating parameter off its initial value: an initial zero hides what depends on it."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(torch.randn_like(parameter) * 0.1)
