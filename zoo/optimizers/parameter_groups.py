"""Which parameters an optimizer sees, and which of them decay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from torch import nn
from torch.optim import Optimizer

from zoo.errors import ConfigError
from zoo.registry import did_you_mean

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
    """Whether a parameter is a bias, belongs to a normalisation, or to a module with `decays = False`.

    Args:
        module: the module that holds it.
        path: its full name. Biases are also called `in_proj_bias`, `bias_hh_l0`, and
            `parametrizations.bias.original` where torch.nn.utils.parametrize is at work.
    """
    if isinstance(module, _EXEMPT) or _NORM_NAME.search(type(module).__name__) or not getattr(module, "decays", True):
        return True
    *_, parent, name = ["", *path.split(".")]
    return bool(_BIAS_NAME.search(name)) or (name.startswith("original") and bool(_BIAS_NAME.search(parent)))


Patterns = Sequence[Mapping[str, Any]]


def parameter_groups(model: nn.Module, *, decay_all: bool = False, groups: Patterns = ()) -> list[dict[str, Any]]:
    """Parameter groups for an optimizer: `decay`, and `no_decay` for biases and normalisation parameters.

    Parameters are told apart by identity: a tied one appears once, two that happen to be equal appear twice.
    One that is tied to a bias or a normalisation does not decay. Frozen parameters are left out, and so are
    empty groups.

    Args:
        model: any module, on any device.
        decay_all: puts everything into one group `all` instead, biases and normalisation included.
        groups: parameters with options of their own: `{"match": "encoder.*", "lr": 0.001}`. A pattern is a shell's
            (`*`, `?`, `[...]`), of full names; the first that matches wins. Such a group is called as its pattern, or
            by its `name`, and biases and normalisation do not decay there either.

    Returns:
        `{"name": ..., "params": [...]}` a group, those with patterns first, each in the order of
        `model.named_parameters()`; `no_decay` also has `weight_decay` 0.

    Raises:
        ConfigError: a pattern matches nothing, or nothing that an earlier one has left.
    """
    taken = _claimed(model, groups)
    exempt = set() if decay_all else exempt_ids(model)
    found: list[dict[str, Any]] = []
    for number, own in [*enumerate(groups), (None, {})]:
        members = [p for p in model.parameters() if p.requires_grad and taken.get(id(p)) == number]
        options = {key: value for key, value in own.items() if key not in ("match", "name")}
        name = "" if number is None else str(own.get("name", own["match"]))
        if decay_all:
            found.append({"name": name or "all", "params": members, **options})
            continue
        spared = {"params": [p for p in members if id(p) in exempt], **options, "weight_decay": 0.0}
        found.append({"name": name or "decay", "params": [p for p in members if id(p) not in exempt], **options})
        found.append({"name": f"{name} no_decay" if name else "no_decay", **spared})
    return [group for group in found if group["params"]]


def check_options(groups: Patterns, optimizer: Optimizer) -> None:
    """Whether an optimizer knows the options that groups have.

    Args:
        groups: as given to `parameter_groups`.
        optimizer: built from its result.

    Raises:
        ConfigError: it does not know one, which would have no effect.
    """
    known = {*optimizer.defaults, "match", "name"}
    for number, group in enumerate(groups):
        for key in group:
            if key not in known:
                options = sorted(known - {"match", "name"})
                hint = did_you_mean(key, options) or f"; known: {', '.join(options)}"
                raise ConfigError(f"optimizer.groups[{number}].{key}", f"no such option of the optimizer{hint}")


def _claimed(model: nn.Module, groups: Patterns) -> dict[int, int]:
    """Which pattern each parameter falls to, by identity; a tied one falls to the first that matches any name.

    Raises:
        ConfigError: a pattern matches nothing, or nothing that is left.
    """
    taken: dict[int, int] = {}
    named = list(model.named_parameters(remove_duplicate=False))
    for number, group in enumerate(groups):
        key, pattern = f"optimizer.groups[{number}].match", str(group.get("match", ""))
        matched = [parameter for name, parameter in named if fnmatchcase(name, pattern)]
        if not matched:
            names = [name for name, _ in named]
            raise ConfigError(key, f"no parameter is called {pattern!r}", near_names(pattern, names))
        new = [parameter for parameter in matched if id(parameter) not in taken]
        if not new:
            raise ConfigError(key, f"all that {pattern!r} matches is taken", "put it before the group that takes it")
        taken |= {id(parameter): number for parameter in new}
    return taken


def near_names(pattern: str, names: Sequence[str]) -> str:
    """A remedy: names that are like a pattern, or the first ones there are."""
    bare = pattern.replace("*", "").strip(".")
    prefixes = dict.fromkeys(
        ".".join(name.split(".")[: depth + 1]) for name in names for depth in range(name.count("."))
    )
    near = get_close_matches(bare, [*names, *prefixes], n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(one if one in names else f"{one}.*") for one in near) + "?"
    return f"there are {', '.join(names[:3])}" + (" ..." if len(names) > 3 else "")


def exempt_ids(model: nn.Module) -> set[int]:
    """Biases and normalisation parameters, by identity."""
    return {
        id(parameter)
        for prefix, module in model.named_modules()
        for name, parameter in module.named_parameters(prefix, recurse=False, remove_duplicate=False)
        if _exempt(module, name)
    }
