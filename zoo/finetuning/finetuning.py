"""A fine-tuning under way: a model, what of it trains when, and what is remembered of its start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from zoo.finetuning.evidence import Evidence
from zoo.finetuning.freezing import BatchNorm, Freezing, parts_of, stage_modules, stage_names
from zoo.finetuning.l2_sp import L2SP
from zoo.finetuning.phases import ADAPTERS, Phase, check_phases, phase_at, starts


class Finetuning:
    """What a strategy makes of a model.

    Args:
        model: of stages; which parameters train, and the mode of frozen parts, are taken over.
        strategy: a component `finetune`.
        epochs: of the run; None if it has no such limit.

    Attributes:
        phases: what trains when.
        penalty: what is added to the training loss, if anything.
        after: the stage whose outputs batches hold in place of inputs, where they were computed once for all.
        cache: whether they are: true, false, or auto.
        views: of each picture, in place of one.

    Raises:
        ValueError: the phases do not fit the model.
    """

    def __init__(self, model: nn.Module, strategy: Any, epochs: int | None) -> None:
        self.model = model
        self.stages = stage_names(model)
        self.phases: list[Phase] = list(strategy.phases(self.stages, epochs))
        check_phases(self.phases, self.stages)
        batch_norm: BatchNorm = getattr(strategy, "batch_norm", "eval")
        self.freezing = Freezing(model, self.phases, batch_norm)
        alpha, beta = (float(getattr(strategy, name, 0.0)) for name in ("l2_sp", "l2_sp_head"))
        self.penalty = L2SP(model, alpha, beta) if alpha or beta else None
        self.evidence = Evidence(model, statistics_move=batch_norm == "train")
        self.after: str | None = None
        self.cache: bool | str = getattr(strategy, "cache", False)
        self.views = int(getattr(strategy, "views", 0))

    @property
    def frozen_prefix(self) -> str | None:
        """The last of the stages from the input on that never train, so that what they compute can be kept.

        None where the first one trains some time, where statistics of frozen stages move, or where the model cannot
        be run from one stage on.
        """
        if self.freezing.batch_norm == "train" or not callable(getattr(self.model, "run", None)):
            return None
        trained = {name.removesuffix(ADAPTERS) for phase in self.phases for name in phase.train}
        found, computed = None, False
        for name, modules in stage_modules(self.model).items():
            if name in trained:
                break
            found, computed = name, computed or any(True for one in modules for _ in one.parameters())
        return found if computed else None

    def begin(self) -> None:
        """Remember the start: the weights that are in the model now, unless a checkpoint knows an earlier one."""
        self.evidence.begin()
        if self.penalty is not None:
            self.penalty.begin()

    def begin_epoch(self, epoch: int) -> tuple[bool, list[Tensor]]:
        """Freeze and unfreeze what the phase of an epoch says.

        Returns:
            Whether other parts train than before, and the parameters that no longer do since the epoch before.
        """
        changed = self.freezing.begin_epoch(epoch)
        before = self.phases[phase_at(self.phases, max(epoch - 1, 0))].train
        parts = parts_of(self.model)
        stopped = [name for name in before if name not in self.freezing.trains]
        return changed, [one for name in stopped for one in parts[name].parameters.values()]

    def verdict(self, epochs: int) -> list[str]:
        """What there is to say once so many epochs have been trained, in sentences."""
        reached = [phase for phase, start in zip(self.phases, starts(self.phases), strict=True) if start < epochs]
        trained = {name for phase in reached for name in phase.train}
        return self.evidence.verdict([name for name in self.stages if name not in trained])

    def unreached(self, epochs: int) -> str:
        """A sentence about stages that will not train in a run of so many epochs, or nothing."""
        begun = zip(starts(self.phases), self.phases, strict=True)
        late = [(start, phase) for start, phase in begun if start >= epochs]
        if not late:
            return ""
        trained = {name for phase in self.phases[: -len(late)] for name in phase.train}
        to_come = {name for _, phase in late for name in phase.train}
        waiting = [name for name in self.stages if name in to_come - trained]
        if not waiting:
            return ""
        return f"{', '.join(waiting)} would train from epoch {late[0][0] + 1} on, and the run ends after {epochs}"

    def state_dict(self) -> dict[str, Any]:
        """The start, as plain data and tensors."""
        penalty = self.penalty.state_dict() if self.penalty is not None else {}
        return {"evidence": self.evidence.state_dict(), "penalty": penalty}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`."""
        self.evidence.load_state_dict(state["evidence"])
        if self.penalty is not None:
            self.penalty.load_state_dict(state["penalty"])
