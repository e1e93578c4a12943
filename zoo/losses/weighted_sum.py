"""Several losses as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

#: What losses say of themselves that decides the form of predictions and targets, for people, and where it is not said.
_FORMS = {
    "target": ("targets as", None),
    "units": ("units", "standardised"),
    "outputs_per_target": ("predictions a target", 1),
    "values": ("predictions of a kind", None),
    "predicts": ("predictions as", "scores"),
}


class WeightedSum(nn.Module):
    """Σ w_k L_k of losses of the same predictions and targets.

    Over several batches the mean is that of each loss by itself, with its own counts and its own `power`, and the sum
    of those: exact for any mixture.

    Args:
        losses: by name.
        weights: w_k by name.

    Raises:
        ValueError: they want predictions or targets in different forms.
    """

    def __init__(self, losses: Mapping[str, nn.Module], weights: Mapping[str, float]) -> None:
        super().__init__()
        self.losses = nn.ModuleList(losses.values())
        self.weights = [float(weights[name]) for name in losses]
        #: Of each loss, as losses declare it.
        self.power = [int(getattr(one, "power", 1)) for one in self.losses]
        self.takes_shares = all(getattr(one, "takes_shares", False) for one in self.losses)
        self._apart = False
        for form in _FORMS:
            if (value := _agreed(form, losses)) is not None:
                setattr(self, form, value)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """For the time being `forward` returns every loss by itself, (K,)."""
        self._apart = True
        try:
            yield
        finally:
            self._apart = False

    def count(self, target: Tensor) -> Tensor:
        """What each loss divides the sum of a batch by, (K,)."""
        counts = [cast(Any, one).count(target) if hasattr(one, "count") else len(target) for one in self.losses]
        return torch.stack([torch.as_tensor(one, dtype=torch.float64, device=target.device) for one in counts])

    def total(self, terms: Tensor) -> Tensor:
        """Σ w_k L_k, (), of losses (K,)."""
        return terms @ terms.new_tensor(self.weights)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The sum, ()."""
        terms = torch.stack([one(prediction, target) for one in self.losses])
        return terms if self._apart else self.total(terms)


def _agreed(form: str, losses: Mapping[str, nn.Module]) -> Any:
    """What all losses say of a form, those that say something; None if none does.

    Raises:
        ValueError: they do not agree.
    """
    words, usual = _FORMS[form]
    said = {name: getattr(one, form, usual) for name, one in losses.items()}
    said = {name: value for name, value in said.items() if value is not None}
    kinds = {name: getattr(value, "__func__", value) for name, value in said.items()}
    if form == "values" and kinds and len(kinds) < len(losses):
        name = next(iter(kinds))
        raise ValueError(f"{name} predicts no values, and others do; leave out one of them")
    if len(set(kinds.values())) > 1:
        different: dict[Any, str] = {}
        for name, value in kinds.items():
            different.setdefault(value, name)
        sides = " and ".join(f"{name}: {getattr(value, '__qualname__', value)}" for value, name in different.items())
        raise ValueError(f"the losses want different {words} ({sides}); leave out one of them")
    return next(iter(said.values()), None)
