"""Which parameters an optimizer sees, and which of them decay."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

# He et al. (2015), section 2.1: decay would pull a PReLU's slope to zero, that is to ReLU.
_EXEMPT = (
    nn.modules.batchnorm._NormBase,  # BatchNorm*, InstanceNorm*, SyncBatchNorm
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.PReLU,
)
_NORM_NAME = re.compile(r"Norm(\d+d)?$")
_BIAS_NAME = re.compile(r"(^|_)bias(_|$)")


def _exempt(module: nn.Module, path: str) -> bool:
    """Whether a parameter is a bias, or belongs to a normalisation.

    Args:
        module: the module that holds it.
        path: its full name. Biases are also called `in_proj_bias`, `bias_hh_l0`, and
            `parametrizations.bias.original` where torch.nn.utils.parametrize is at work.
    """
    if isinstance(module, _EXEMPT) or _NORM_NAME.search(type(module).__name__):
        return True
    *_, parent, name = ["", *path.split(".")]
    return bool(_BIAS_NAME.search(name)) or (name.startswith("original") and bool(_BIAS_NAME.search(parent)))


def parameter_groups(model: nn.Module, *, decay_all: bool = False) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer: `decay`, and `no_decay` for biases and normalisation parameters.

    Parameters are told apart by identity: a tied one appears once, two that happen to be equal appear twice.
    One that is tied to a bias or a normalisation does not decay. Frozen parameters are left out, and so are
    empty groups.

    Args:
        model: any module, on any device.
        decay_all: puts everything into one group `all` instead, biases and normalisation included.

    Returns:
        `{"name": ..., "params": [...]}` a group, in the order of `model.named_parameters()`; `no_decay` also
        has `weight_decay` 0.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if decay_all:
        return [{"name": "all", "params": parameters}] if parameters else []
    exempt = {
        id(parameter)
        for prefix, module in model.named_modules()
        for name, parameter in module.named_parameters(prefix, recurse=False, remove_duplicate=False)
        if _exempt(module, name)
    }
    groups: list[dict[str, Any]] = [
        {"name": "decay", "params": [p for p in parameters if id(p) not in exempt]},
        {"name": "no_decay", "params": [p for p in parameters if id(p) in exempt], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
