"""Which learning rate to take: a trial with one that grows; Smith (2017), section 3.3."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytorch_lightning
from pytorch_lightning import Callback, LightningModule, Trainer

from zoo.config.building import default_node
from zoo.config.validation import validate
from zoo.errors import ConfigError
from zoo.finetuning.phases import segment_at, starts
from zoo.harness.assembly import assemble, preflight, preprocessing_of
from zoo.harness.batches import HarnessData
from zoo.harness.features import features_of
from zoo.harness.lightning import build_trainer
from zoo.harness.random_state import random_state, set_random_state
from zoo.harness.stepping import full_batch
from zoo.harness.training import initialise, set_up
from zoo.report.drawing import BLUE, MUTED, VERMILION, finished, new_figure, style

#: Of the exponential average of losses.
SMOOTHING = 0.9
#: A loss that many times the least is divergence.
DIVERGED = 4.0
#: Steps of the beginning that nothing is concluded from: the average has seen too little.
SETTLING = 5


@dataclass(frozen=True)
class Trial:
    """What a trial saw.

    Attributes:
        rates: `optimizer.lr` of every step, or the one of the phase.
        losses: of every step's batches, before it.
        smoothed: exponential averages of them, corrected for their start.
        groups: learning rates of every parameter group at every step.
        phase: of a fine-tuning, in words; empty where there is one phase for all.
        own: whether the phase has a learning rate of its own, in place of `optimizer.lr`.
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    groups: list[list[float]]
    phase: str = ""
    own: bool = False

    @property
    def least(self) -> int:
        """The step with the least smoothed loss."""
        known = range(min(SETTLING, len(self.smoothed) - 1), len(self.smoothed))
        return min(known, key=lambda step: self.smoothed[step])

    @property
    def suggestion(self) -> float:
        """The rate at which the smoothed loss falls fastest over the logarithm of the rate, before it is least."""
        end = self.least
        steps = range(min(SETTLING, end), end)
        if not steps:
            return self.rates[end] / 10
        logarithms = [math.log(rate) for rate in self.rates]

        def slope(step: int) -> float:
            before, after = max(step - 1, 0), min(step + 1, len(self.rates) - 1)
            return (self.smoothed[after] - self.smoothed[before]) / (logarithms[after] - logarithms[before])

        return self.rates[min(steps, key=slope)]

    @property
    def diverges(self) -> float | None:
        """The rate at which the trial was stopped, if it was."""
        return self.rates[-1] if self.smoothed and _diverged(self.smoothed, self.losses[-1]) else None


class Growing(Callback):
    """Multiplies the learning rates of all groups alike, and keeps the losses.

    Args:
        base: `optimizer.lr` of the configuration, or the one of the phase; None: the greatest of the groups'.
        low: the first rate in its place.
        high: the last.
        steps: from one to the other.
    """

    def __init__(self, base: float | None, low: float, high: float, steps: int) -> None:
        self.base, self.low, self.ratio, self.steps = base, low, high / low, steps
        self.trial = Trial([], [], [], [])
        self._own: list[float] = []
        self._step: list[float] = []
        self._average = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Lightning's hook: the rates of this step, at its first batch."""
        if self._step:
            return
        groups = trainer.optimizers[0].param_groups
        if not self._own:
            self._own = [float(group["lr"]) for group in groups]
            self.base = self.base or max(self._own)
        rate = self.low * self.ratio ** (len(self.trial.rates) / max(1, self.steps - 1))
        for group, own in zip(groups, self._own, strict=True):
            group["lr"] = own * rate / cast(float, self.base)
        self.trial.rates.append(rate)
        self.trial.groups.append([float(group["lr"]) for group in groups])

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Lightning's hook: the loss of this step, at its last batch; the end, where it diverges."""
        self._step.append(float(outputs["loss"]) * trainer.accumulate_grad_batches)
        if trainer.global_step < len(self.trial.rates):
            return
        loss, self._step = sum(self._step) / len(self._step), []
        self.trial.losses.append(loss)
        self._average = SMOOTHING * self._average + (1 - SMOOTHING) * loss
        self.trial.smoothed.append(self._average / (1 - SMOOTHING ** len(self.trial.losses)))
        if _diverged(self.trial.smoothed, loss):
            trainer.should_stop = True


def _diverged(smoothed: Sequence[float], loss: float) -> bool:
    if not math.isfinite(loss) or not math.isfinite(smoothed[-1]):
        return True
    if len(smoothed) <= SETTLING:
        return False
    least = min(smoothed[SETTLING:])
    return least > 0 and smoothed[-1] > DIVERGED * least


def find_rate(
    config: dict[str, Any], *, steps: int = 100, low: float = 1e-7, high: float = 10.0, phase: int = 1
) -> Trial:
    """Train a model of its own for some steps while the learning rate grows from one bound to the other.

    Every parameter group keeps its share of the rate. The trial has a task, data and random numbers of its own, on one
    device, so that nothing of a later training changes. Of a fine-tuning it stays in one phase: where more begins to
    train, the loss jumps whatever the rate.

    Args:
        config: as `zoo.compose` returns it; its schedule and its callbacks do not take part.
        steps: at most.
        low: first `optimizer.lr`.
        high: last `optimizer.lr`.
        phase: of the fine-tuning, from 1; one with a learning rate of its own has that grow.

    Raises:
        ZooError: the configuration or the data cannot be used, or the optimizer has no learning rate.
    """
    if not 0 < low < high < math.inf or steps < 2 * SETTLING:
        raise ConfigError(
            "from, to, steps", f"{low:g}, {high:g} and {steps}", f"give 0 < from < to, {2 * SETTLING} steps"
        )
    options: dict[str, Any] = {
        "max_epochs": -1,
        "max_steps": steps,
        "enable_progress_bar": False,
    }
    options |= {"devices": 1, "num_nodes": 1, "strategy": "auto"}
    config = {**config, "schedule": default_node("schedule", "constant"), "callback": None, "logger": None}
    config["trainer"] = {**config["trainer"], **options, "check_val_every_n_epoch": 1, "val_check_interval": None}
    validate(config)
    if config["optimizer"].get("lr", 0) == 0:  # None is that of the optimizer inside
        raise ConfigError(f"optimizer={config['optimizer']['name']}", "has no learning rate that could grow")
    if full_batch(config):
        problem = "steps once an epoch, and a trial is one of steps"
        raise ConfigError(f"optimizer={config['optimizer']['name']}", problem, "use sgd and one batch: data.batch_size")
    kept = random_state()
    try:
        pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
        data = set_up(config, preprocessing_of(config, weights=True))
        config = preflight(config, data)
        config["trainer"]["limit_val_batches"] = 0  # after the checks: the run that follows the trial does validate
        pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
        task = assemble(config, data.facts, data, weights=True)
        base, own, words = _hold(task, phase, config["optimizer"])
        growing = Growing(base, low, high, steps)
        with tempfile.TemporaryDirectory() as folder:
            trainer = build_trainer(config["trainer"], folder=Path(folder), callbacks=[growing])
            batches = HarnessData(data, config["seed"])
            initialise(task, batches)
            batches.data = features_of(task, data, config, None) or data  # the run that follows finds them
            trainer.fit(task, datamodule=batches)
    finally:
        set_random_state(kept)
    return replace(growing.trial, phase=words, own=own)


def _hold(task: Any, phase: int, optimizer: Mapping[str, Any]) -> tuple[float | None, bool, str]:
    """Let a task stay in one phase of its fine-tuning, without a schedule.

    Args:
        task: with its model.
        phase: from 1.
        optimizer: name and options of the run's.

    Returns:
        The learning rate of the head, None where an optimizer has its default; whether it is the phase's own; and the
        phase in words, if it is one of several.

    Raises:
        ConfigError: there is no such phase, or its optimizer has no learning rate.
    """
    finetuning, segments = task.course.finetuning, task.course.segments
    phases = [] if finetuning is None else finetuning.phases
    if not 1 <= phase <= max(1, len(phases)):
        raise ConfigError("phase", f"{phase}: the run has {len(phases) or 'no'} phases", f"choose 1 to {len(phases)}")
    if not phases:
        return optimizer["lr"], False, ""
    task.course.held = starts(phases)[phase - 1]
    segments = task.course.segments = [replace(one, schedule=None) for one in segments]
    trained = ", ".join(phases[phase - 1].train)
    words = f"phase {phase} of {len(phases)}, which trains {trained}" if len(phases) > 1 else ""
    segment = segments[segment_at(segments, task.course.held)]
    node = segment.optimizer.node
    if "lr" not in default_node("optimizer", str(node["name"])):
        raise ConfigError(f"optimizer={node['name']}", "has no learning rate that could grow", "choose another phase")
    if segment.lr is not None:
        return segment.lr, True, words
    return (optimizer["lr"], False, words) if node == optimizer else (None, True, words)


def draw_trial(trial: Trial) -> bytes:
    """A PNG file: losses over the learning rate, and the suggestion."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    with style():
        figure = new_figure(7, 4.2)
        axes = figure.add_subplot()
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="learning rate", ylabel="training loss")
        axes.plot(trial.rates, trial.losses, color=MUTED, linewidth=0.7, alpha=0.6, label="of each batch")
        axes.plot(trial.rates, trial.smoothed, color=BLUE, label="smoothed")
        axes.axvline(trial.suggestion, color=VERMILION, linewidth=1, label=f"suggested: {trial.suggestion:.2g}")
        finite = [one for one in trial.smoothed if math.isfinite(one)]
        low, high = min(finite), max(finite[: trial.least + 1])
        axes.set_ylim(low - 0.1 * (high - low), high + 0.6 * (high - low) + 1e-12)
        axes.legend(loc="upper left")
        return finished(figure, "lr", caption="", alternative="").png
