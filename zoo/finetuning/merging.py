"""Adapters put into the layers beside them."""

from __future__ import annotations

from torch import nn

from zoo.finetuning.freezing import adapter_modules


def merge(model: nn.Module) -> nn.Module:
    """Put every adapter into the layer beside it: W + α/r B A. The model computes the same and is again what it was.

    Args:
        model: with or without adapters; changed in place.

    Returns:
        The model, with the modules and the names in `state_dict()` of one that never had adapters.
    """
    adapted = [(name, one) for name, one in model.named_modules() if adapter_modules(one)]
    for name, module in adapted:
        layer: nn.Module = _merged(module)
        parent, _, attribute = name.rpartition(".")
        setattr(model.get_submodule(parent), attribute, layer.train(module.training))
    return model


def _merged(module: nn.Module) -> nn.Module:
    """The layer beneath an adapter, with it."""
    merge, layer = getattr(module, "merge"), getattr(module, "get_base_layer")  # noqa: B009
    merge()
    found: nn.Module = layer()
    return found
