"""The optimizer of a run and its schedules, which a fine-tuning may change from phase to phase."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Protocol

from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from zoo.errors import ConfigError
from zoo.finetuning.finetuning import Finetuning
from zoo.finetuning.groups import own_options, set_rates, stage_groups
from zoo.finetuning.phases import Segment, segment_at
from zoo.finetuning.relay import Relay
from zoo.optimizers.combined import tell
from zoo.optimizers.parameter_groups import Patterns, check_options, parameter_groups


class ScheduleFactory(Protocol):
    """Builds the learning-rate schedule; `interval` says when it steps."""

    interval: str

    def __call__(self, optimizer: Optimizer, total_steps: int | None, steps_per_epoch: int) -> Any:
        """The schedule of one run; `total_steps` is `None` where no limit of epochs or steps is set."""


class OptimizerFactory(Protocol):
    """Builds the optimizer; `decay_all` says whether weight decay spares biases and normalisation.

    It may have `groups`, parameters with options of their own, and `clip`, what is done to gradients before a step.
    """

    decay_all: bool

    def __call__(self, params: list[dict[str, Any]]) -> Optimizer:
        """The optimizer over these parameter groups."""


class Course:
    """Optimizer and schedule of a run, from its first step to its last. The schedule is stepped here, not by Lightning.

    Args:
        optimizer: builds the optimizer.
        schedule: builds the schedule.

    Attributes:
        finetuning: what of the model trains when, if not all of it all the time.
        segments: epochs with one optimizer and one schedule; a single one unless a fine-tuning sets several.
        schedule: that of the present segment.
        held: the epoch whose phase a trial stays in; None goes on from one to the next.
    """

    def __init__(self, optimizer: OptimizerFactory | None, schedule: ScheduleFactory | None) -> None:
        self.segments = [Segment(0, None, None, {}, optimizer, schedule)]
        self.finetuning: Finetuning | None = None
        self.schedule: Any = None
        self.held: int | None = None
        self._number = 0
        self._parts: list[Optimizer] = []
        self._own: list[list[dict[str, Any]]] = []
        self._optimizer: Optimizer | None = None
        self._length: tuple[int | None, int] = (None, 1)

    def finetune(self, finetuning: Finetuning, segments: list[Segment]) -> None:
        """Go by a fine-tuning; its segments hold what builds optimizers and schedules."""
        self.finetuning, self.segments = finetuning, segments

    def build(self, model: nn.Module, total_steps: int | None, steps_per_epoch: int) -> Optimizer:
        """The optimizer that steps through the run, with the first schedule.

        Args:
            model: what is trained.
            total_steps: optimizer steps in the run; None if it has no limit.
            steps_per_epoch: optimizer steps in an epoch.

        Raises:
            TypeError: nothing builds an optimizer.
        """
        self._length, self._number = (total_steps, steps_per_epoch), 0
        self._parts = [self._part(model, one) for one in self.segments if one.anew]
        self._own = [own_options(part) for part in self._parts]
        self._optimizer = self._parts[0] if len(self._parts) == 1 else Relay(self._parts)
        self._set_rates()
        self._start_schedule()
        return self._optimizer

    def _part(self, model: nn.Module, segment: Segment) -> Optimizer:
        factory: OptimizerFactory | None = segment.optimizer
        if factory is None:
            raise TypeError("a task without an optimizer cannot be trained")
        own: Patterns = getattr(factory, "groups", ())
        if self.finetuning is not None:
            if own:
                raise ConfigError(
                    "optimizer.groups", "a fine-tuning has a group for every stage", "see finetune.phases"
                )
            return factory(params=stage_groups(model, self.finetuning.phases, decay_all=factory.decay_all))
        built = factory(params=parameter_groups(model, decay_all=factory.decay_all, groups=own))
        check_options(own, built)
        return built

    def clip(self, model: nn.Module) -> None:
        """Do to the gradients of what trains now what the optimizer of the present segment asks for, if anything.

        Raises:
            ConfigError: it spares every parameter.
        """
        clip = getattr(self.segments[self._number].optimizer, "clip", None)
        if clip is not None:
            clip([(name, one) for name, one in model.named_parameters() if one.requires_grad])

    def rehearse(self, model: nn.Module, total_steps: int | None) -> list[Optimizer]:
        """Build every optimizer and every schedule once, for the sake of their complaints.

        Args:
            model: on any device.
            total_steps: of a run; None if it has no limit.

        Returns:
            The optimizers.
        """
        self.build(model, total_steps, 10)
        for number in range(1, len(self.segments)):
            self._number = number
            self._set_rates()
            self._start_schedule()
        self._number = 0
        self.clip(model)
        return self._parts

    # -- segments --------------------------------------------------------------------------------------------------

    @property
    def _turn(self) -> int:
        """Which optimizer's turn it is."""
        return sum(one.anew for one in self.segments[: self._number + 1]) - 1

    def _set_rates(self) -> None:
        """The base learning rates of the present segment, which only a fine-tuning sets."""
        segment = self.segments[self._number]
        if self.finetuning is not None:
            set_rates(self._parts[self._turn], self._own[self._turn], segment.lr, segment.factors)

    def _start_schedule(self) -> None:
        """The schedule of the present segment, at its beginning."""
        segment = self.segments[self._number]
        factory: ScheduleFactory | None = segment.schedule
        if factory is None:
            self.schedule = None
            return
        total, per_epoch = self._length
        end = total if segment.end is None else segment.end * per_epoch
        if end is not None:
            end = max(1, (end if total is None else min(end, total)) - segment.first * per_epoch)
        self.schedule = factory(self._parts[self._turn], end, per_epoch)

    def begin_epoch(self, epoch: int, trainer: Trainer) -> None:
        """Before the first batch of an epoch: what the fine-tuning says of it. Doing it twice changes nothing."""
        if self.finetuning is None or self._optimizer is None:
            return
        epoch = epoch if self.held is None else self.held
        changed, stopped = self.finetuning.begin_epoch(epoch)
        if stopped:
            tell(self._optimizer, "frozen", stopped)
        number = segment_at(self.segments, epoch)
        if number != self._number:
            self._number = number
            if isinstance(self._optimizer, Relay) and self._turn != self._optimizer.turn:
                self._optimizer.hand_over(self._turn)
            self._set_rates()
            self._start_schedule()
        if changed:
            wrap_again(trainer)

    def step_schedule(self, interval: str, watched: float | None = None) -> None:
        """An optimizer step, an epoch or a validation is over; `watched` is what the last found."""
        if self.schedule is None:
            return
        factory: ScheduleFactory = self.segments[self._number].schedule
        if interval == "validation":
            if watched is not None:
                tell(self.schedule, "step" if factory.interval == interval else "validated", watched)
        elif factory.interval == interval:
            self.schedule.step()

    # -- checkpoint ------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What it takes to go on, beside the optimizer's own state."""
        state = {"schedule": self.schedule.state_dict() if self.schedule is not None else None}
        return state if self.finetuning is None else {**state, "segment": self._number}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()`; the optimizer has its state already."""
        if self._number != (number := int(state.get("segment", 0))):
            self._number = number
            groups = self._parts[self._turn].param_groups
            kept = [{key: copy.deepcopy(value) for key, value in one.items() if key != "params"} for one in groups]
            self._set_rates()
            self._start_schedule()
            for group, options in zip(groups, kept, strict=True):
                group.update(options)
        if self.schedule is not None and state["schedule"] is not None:
            self.schedule.load_state_dict(state["schedule"])


def wrap_again(trainer: Trainer) -> None:
    """Let the ranks of a distributed run exchange the gradients of those parameters that train now.

    torch's wrapper takes note of them when it is made, and never again.

    Raises:
        ConfigError: the strategy has another wrapper, which cannot be made anew.
    """
    if trainer.world_size == 1:
        return
    strategy = trainer.strategy
    if not isinstance(strategy, DDPStrategy) or not isinstance(strategy.model, DistributedDataParallel):
        problem = f"{type(strategy).__name__} cannot unfreeze parameters under way"
        raise ConfigError("trainer.strategy", problem, "use trainer.strategy=ddp")
    strategy.model._remove_autograd_hooks()  # type: ignore[no-untyped-call]
    strategy.model = strategy.lightning_module
    strategy.configure_ddp()
