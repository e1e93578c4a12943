"""Whether training that is saved, loaded and continued ends where uninterrupted training ends, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from zoo.harness.random_state import random_state, set_random_state
from zoo.testing.nested import copied, difference, through_file
from zoo.testing.randomness import seed_everything
from zoo.testing.suite import Nonconformity

Start = Callable[[], tuple[nn.Module, Optimizer]]
Step = Callable[[nn.Module, Optimizer, int], None]

#: Steps before the interruption, and as many after it.
STEPS = 3


def check_resuming(start: Start, step: Step) -> None:
    """Train twice, once with an interruption in the middle.

    Args:
        start: builds model and optimizer. Called with seeded generators.
        step: trains one step, given its number.

    Raises:
        Nonconformity: weights, buffers, optimizer or random state differ, or training does not repeat at all.
    """
    whole = _end(start, step)
    if (place := difference(whole, _end(start, step))) is not None:
        raise Nonconformity(
            f"two trainings from one seed end differently, in {place}",
            "draw random numbers from torch's global generator only",
        )
    resumed = _end(start, step, interrupted=True)
    if (place := difference(whole, resumed)) is not None:
        raise Nonconformity(
            f"training that is resumed after {STEPS} steps ends differently, in {place}",
            "keep what training changes in parameters, buffers or the optimizer's state, and draw random numbers "
            "from torch's global generator",
        )


def _end(start: Start, step: Step, *, interrupted: bool = False) -> dict[str, Any]:
    """Everything there is after 2 STEPS steps."""
    seed_everything(0)
    model, optimizer = start()
    for number in range(STEPS):
        step(model, optimizer, number)
    if interrupted:
        saved = through_file(_state(model, optimizer), "the training state")
        seed_everything(0)
        model, optimizer = start()
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        set_random_state(saved["random"])
    for number in range(STEPS, 2 * STEPS):
        step(model, optimizer, number)
    end: dict[str, Any] = copied(_state(model, optimizer))
    return end


def _state(model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "random": random_state()}
