"""Whether a fine-tuning did what it says: head changed, frozen parts the same, the first loss that of a guess."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from zoo.finetuning.freezing import has_statistics, parts_of

#: How far the first loss may be from that of a guess, as a factor.
NEAR = 1.5


class Evidence:
    """What is remembered of the start of a fine-tuning.

    Args:
        model: of stages.
        statistics_move: whether batch normalisation of frozen stages goes on updating its statistics.
    """

    def __init__(self, model: nn.Module, *, statistics_move: bool) -> None:
        self.model, self.statistics_move = model, statistics_move
        self.digests: dict[str, str] = {}
        #: The loss of the first batch, and that of a guess for it.
        self.first: tuple[float, float] | None = None

    def begin(self) -> None:
        """Take the weights as they are for the start, unless a start is known already."""
        if not self.digests:
            self.digests = self._now()

    def _now(self) -> dict[str, str]:
        moving = set()
        if self.statistics_move:
            normed = (module for module in self.model.modules() if has_statistics(module))
            moving = {id(buffer) for module in normed for buffer in module.buffers()}
        found = {}
        for name, part in parts_of(self.model).items():
            hashed = hashlib.blake2b(digest_size=16)
            buffers = {key: one for key, one in part.buffers.items() if id(one) not in moving}
            for key, tensor in sorted({**part.parameters, **buffers}.items()):
                hashed.update(key.encode())
                hashed.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
            found[name] = hashed.hexdigest()
        return found

    def verdict(self, frozen: Iterable[str]) -> list[str]:
        """What there is to say after training, in sentences; those of what is wrong begin with `warning`.

        Args:
            frozen: names of the parts that never trained.
        """
        if not self.digests:
            return []
        now = self._now()
        changed = [name for name, digest in self.digests.items() if now[name] != digest]
        head = list(now)[-1]
        kept = [name for name in frozen if name not in changed]
        moved = [name for name in frozen if name in changed]
        parts = [f"{head} {'changed' if head in changed else 'is what it was'}"]
        parts += [f"{', '.join(kept)} frozen to the bit"] if kept else []
        found = ["finetune: " + "; ".join(parts)]
        if head not in changed:
            found.append("warning: the head has learned nothing; see optimizer.lr and the schedule")
        if moved:
            found.append(f"warning: {', '.join(moved)} was to stay frozen and has changed; something else wrote to it")
        return found + self.first_loss()

    def first_loss(self) -> list[str]:
        """A sentence about the loss of the first batch, if it was noted."""
        if self.first is None:
            return []
        loss, guess = self.first
        said = f"the loss at step 0 was {loss:.4g}, that of a guess {guess:.4g}"
        near = guess > 0 and math.isfinite(loss) and guess / NEAR <= loss <= guess * NEAR
        return [f"finetune: {said}" if near else f"warning: {said}; with a fresh head they are near each other"]

    def state_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"digests": dict(self.digests), "first": list(self.first) if self.first else None}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.digests = dict(state["digests"])
        self.first = (float(state["first"][0]), float(state["first"][1])) if state["first"] else None
