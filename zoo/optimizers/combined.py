"""An optimizer made of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer


def tell(optimizer: Any, event: str, *values: Any) -> None:
    """Tell an optimizer or a schedule of an event, if it has a method for it.

    Args:
        optimizer: who is told.
        event: `train`, `eval`, `epoch_ended`, `validated` or `frozen`.
        values: what there is to say: `validated` gets the validation loss, `frozen` the parameters that no longer
            train.
    """
    method = getattr(optimizer, event, None)
    if method is not None:
        method(*values)


def keeps_means(optimizer: Optimizer) -> bool:
    """Whether the weights that are evaluated are others than those that steps go from."""
    if not isinstance(optimizer, Combined):
        return hasattr(optimizer, "eval")
    return type(optimizer).eval is not Combined.eval or any(keeps_means(part) for part in optimizer.parts)


def watches_validation(optimizer: Optimizer) -> bool:
    """Whether what an optimizer does depends on validation losses."""
    parts = optimizer.parts if isinstance(optimizer, Combined) else []
    return bool(getattr(optimizer, "watches", False)) or any(watches_validation(part) for part in parts)


class Combined(Optimizer):
    """Optimizers over groups of their own, which look like one: shared groups, shared state, one state_dict.

    Groups are the parts' own objects, so that whoever sets a learning rate sets the part's.

    Args:
        parts: the optimizers. Their groups become this one's, in their order.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts = list(parts)
        super().__init__([group for part in parts for group in part.param_groups], {})
        self.defaults = dict(parts[0].defaults)
        self._owners = [number for number, part in enumerate(parts) for _ in part.param_groups]
        for part in parts:
            self.state.update(part.state)  # what is there before the first step, as Adagrad's
        self._share()

    def _share(self) -> None:
        """Let every part work on the groups and the state that this optimizer has."""
        for number, part in enumerate(self.parts):
            mine = zip(self.param_groups, self._owners, strict=True)
            part.param_groups = [group for group, owner in mine if owner == number]
            part.state = self.state

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Train further parameters: with the first part, unless a subclass knows better."""
        if not hasattr(self, "_owners"):
            super().add_param_group(param_group)
        else:
            self._add_to(0, param_group)

    def _add_to(self, number: int, param_group: dict[str, Any]) -> None:
        part = self.parts[number]
        part.add_param_group(param_group)
        self.param_groups.append(part.param_groups[-1])
        self._owners.append(number)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        super().load_state_dict(dict(state_dict))
        self._share()

    def train(self) -> None:
        """Put the weights there that are trained."""
        for part in self.parts:
            tell(part, "train")

    def eval(self) -> None:
        """Put the weights there that are evaluated."""
        for part in self.parts:
            tell(part, "eval")

    def epoch_ended(self) -> None:
        """A training epoch is over."""
        for part in self.parts:
            tell(part, "epoch_ended")

    def validated(self, loss: float) -> None:
        """A validation found this loss."""
        for part in self.parts:
            tell(part, "validated", loss)

    def frozen(self, parameters: Sequence[Tensor]) -> None:
        """These no longer train: they have no gradients until they do again."""
        for part in self.parts:
            tell(part, "frozen", parameters)


def with_rate(params: Any, lr: float | None) -> list[dict[str, Any]]:
    """`params` as new groups, those without a learning rate of their own with this one, if there is one."""
    entries = list(params)
    groups = entries if entries and isinstance(entries[0], dict) else [{"params": entries}]
    given = {} if lr is None else {"lr": lr}
    return [{**given, **group, "params": list(group["params"])} for group in groups]


def copied(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same groups as new objects: an optimizer writes its options into those it is given."""
    return [{**group, "params": list(group["params"])} for group in groups]
