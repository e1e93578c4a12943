"""A noisy ravine, and optimizers walking it: what the tests of formulas share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

CURVATURE = np.array([[1.0, 10.0, 0.1], [3.0, 0.5, 2.0]])
STEPS = 40


class Ravine:
    """A quadratic in float64 whose gradient leans with the step, and is zero at step 7."""

    start = np.array([[1.0, -2.0, 3.0], [0.5, 0.25, -1.0]])

    @staticmethod
    def gradient(theta: np.ndarray, step: int) -> np.ndarray:
        if step == 7:
            return np.zeros_like(theta)
        shape = CURVATURE[0] if theta.ndim == 1 else CURVATURE
        return shape * theta + 2 * np.sin(step + np.arange(theta.size)).reshape(theta.shape)

    def parameter(self, value: np.ndarray | None = None) -> nn.Parameter:
        return nn.Parameter(torch.from_numpy((self.start if value is None else value).copy()))

    def walk(
        self, optimizer: torch.optim.Optimizer, theta: nn.Parameter, steps: Sequence[int] = range(STEPS)
    ) -> np.ndarray:
        """The parameter after every step: (steps, *shape)."""
        path = []
        for step in steps:

            def closure(step: int = step) -> torch.Tensor:
                theta.grad = torch.from_numpy(self.gradient(theta.detach().numpy(), step))
                return torch.zeros(())

            optimizer.step(closure)
            path.append(theta.detach().numpy().copy())
        return np.stack(path)

    def walked(
        self, factory: Callable[..., torch.optim.Optimizer], value: np.ndarray | None = None, **options: Any
    ) -> np.ndarray:
        """The path of a new optimizer over one parameter."""
        theta = self.parameter(value)
        return self.walk(factory(params=[{"params": [theta], "name": "all"}], **options), theta)

    def path(self, update: Callable[..., np.ndarray], value: np.ndarray | None = None) -> np.ndarray:
        """θ after every step of a plain loop, where `update(θ, g, t, memory)` returns the next θ; t from 1."""
        theta, memory, found = (self.start if value is None else value).copy(), {}, []
        for step in range(STEPS):
            theta = update(theta, self.gradient(theta, step), step + 1, memory)
            found.append(theta)
        return np.stack(found)


@pytest.fixture(scope="session")
def ravine() -> Ravine:
    return Ravine()
