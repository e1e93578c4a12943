"""One optimizer after another over the same parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from zoo.optimizers.combined import tell


class Relay(Optimizer):
    """Optimizers that follow one another: groups, state and steps are those of the one whose turn it is.

    Args:
        parts: the optimizers in their order, each over groups of its own.
    """

    def __init__(self, parts: Sequence[Optimizer]) -> None:
        self.parts, self.turn = list(parts), 0
        super().__init__(parts[0].param_groups, {})
        self._share()

    @property
    def part(self) -> Optimizer:
        """The optimizer whose turn it is."""
        return self.parts[self.turn]

    def _share(self) -> None:
        self.param_groups, self.state, self.defaults = self.part.param_groups, self.part.state, self.part.defaults

    def hand_over(self, turn: int) -> None:
        """Go on with another optimizer; the state of the one before is dropped."""
        tell(self.part, "train")
        self.part.state.clear()
        self.turn = turn
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of the optimizer whose turn it is; returns what that returns."""
        return self.part.step(closure)

    def state_dict(self) -> dict[str, Any]:
        """Whose turn it is, and that optimizer's state."""
        return {"turn": self.turn, **self.part.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.turn = int(state_dict["turn"])
        self.part.load_state_dict({key: value for key, value in state_dict.items() if key != "turn"})
        self._share()

    def train(self) -> None:
        """Put the weights there that are trained."""
        tell(self.part, "train")

    def eval(self) -> None:
        """Put the weights there that are evaluated."""
        tell(self.part, "eval")

    def epoch_ended(self) -> None:
        """A training epoch is over."""
        tell(self.part, "epoch_ended")

    def validated(self, loss: float) -> None:
        """A validation found this loss."""
        tell(self.part, "validated", loss)

    def frozen(self, parameters: Sequence[Tensor]) -> None:
        """These no longer train."""
        tell(self.part, "frozen", parameters)
