"""A penalty that pulls pretrained weights towards where they started."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from zoo.finetuning.freezing import parts_of, stage_names


class L2SP:
    """α/2 ‖w_S - w_S⁰‖² + β/2 ‖w_H‖²: Li et al. (2018), equations 2 and 3.

    w_S is everything before the head, biases and normalisation included, w_S⁰ its start, w_H the head. What is frozen
    adds neither value nor gradient.

    Args:
        model: of stages; its last one is the head.
        alpha: α.
        beta: β.
    """

    def __init__(self, model: nn.Module, alpha: float, beta: float) -> None:
        self.model, self.alpha, self.beta = model, alpha, beta
        self.start: dict[str, Tensor] = {}
        self._pairs: list[tuple[Tensor, Tensor | None]] = []

    def begin(self) -> None:
        """Take the weights as they are for the start, unless a start is known already."""
        head = stage_names(self.model)[-1]
        known, self._pairs = bool(self.start), []
        for part in parts_of(self.model).values():
            for name, parameter in part.parameters.items():
                if part.name == head:
                    self._pairs += [(parameter, None)] if self.beta else []
                elif self.alpha:
                    start = self.start[name] if known else parameter.detach().clone()
                    self.start[name] = start.to(parameter.device)
                    self._pairs.append((parameter, self.start[name]))

    def __call__(self) -> Tensor:
        """The penalty, (), to be added to the loss of each batch.

        Raises:
            RuntimeError: there is no start yet.
        """
        if not self._pairs:
            raise RuntimeError("L2-SP has no start; call begin() once the weights are in the model")
        penalty = torch.zeros((), device=self._pairs[0][0].device)
        for parameter, start in self._pairs:
            if parameter.requires_grad and start is None:
                penalty = penalty + self.beta / 2 * parameter.float().square().sum()
            elif parameter.requires_grad and start is not None:
                penalty = penalty + self.alpha / 2 * (parameter.float() - start.float()).square().sum()
        return penalty

    def state_dict(self) -> dict[str, Tensor]:
        """The start."""
        return {name: one.cpu() for name, one in self.start.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from `state_dict()`; call `begin()` after it."""
        self.start = dict(state)
