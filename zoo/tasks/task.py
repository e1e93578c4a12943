"""How a model, a loss, an optimizer and metrics meet: what every task has in common.

Training sums stay on the device and are exact over examples: a mean is never a mean of batch means. Everything
that decides the next step (weights, optimizer, schedule, sums, random state) is in the checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from pytorch_lightning import LightningModule
from pytorch_lightning.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim import Optimizer
from torchmetrics import Metric

from zoo.losses.weighted_sum import WeightedSum
from zoo.optimizers.combined import tell
from zoo.tasks.course import Course, OptimizerFactory, ScheduleFactory
from zoo.tasks.example_mean import ExampleMean, combined
from zoo.tasks.full_batch import FullBatch
from zoo.tasks.numbers import numbers_of
from zoo.tasks.penalised import Penalised
from zoo.tasks.training_sums import TrainingSums

Batch = tuple[Any, Tensor]
#: Numbers in the test outputs that pictures are drawn from, about, on each rank.
PICTURED = 5_000_000


class Task(LightningModule):
    """Trains a model, and evaluates it exactly.

    Args:
        model: takes the inputs of a batch, returns predictions.
        loss: takes predictions and targets, returns the mean over the batch.
        optimizer: builds the optimizer.
        schedule: builds the schedule.
        metrics: metric by name; every split gets its own copy.
        facts: what the data know of themselves.
    """

    #: Problems a task can solve, for finding the task that fits the data.
    problems: tuple[str, ...] = ()

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        optimizer: OptimizerFactory | None,
        schedule: ScheduleFactory | None,
        metrics: Mapping[str, Metric],
        facts: Mapping[str, Any],
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.facts = dict(facts)
        self.example_metrics = nn.ModuleDict(
            {
                split: nn.ModuleDict({f"metric {name}": one.clone() for name, one in metrics.items()})
                for split in ("val", "test")
            }
        )
        power, self._weights = getattr(loss, "power", 1), getattr(loss, "weights", None)
        self.example_losses = nn.ModuleDict({split: ExampleMean(power, self._weights) for split in ("val", "test")})
        #: Optimizer and schedule, and what trains when.
        self.course = Course(optimizer, schedule)
        #: What is added to the loss of training batches, and done to weights after steps; the harness sets it.
        self.penalties = Penalised({})
        #: What adds up the gradients of a whole epoch, for an optimizer that wants them; the harness sets it.
        self.full_batch: FullBatch | None = None
        #: Who is told, beside the optimizer, of the events of training: what keeps means of the weights.
        self.listeners: list[Any] = []
        self._sums = TrainingSums(power)
        self._counted = False
        #: The newest value of everything recorded, in full precision.
        self.measured: dict[str, float] = {}
        #: Whether testing keeps outputs and targets for pictures.
        self.keep_tested = False
        #: Outputs and targets of the newest test on this rank, about `PICTURED` numbers of them.
        self.tested: list[tuple[Tensor, Tensor]] = []

    def __setattr__(self, name: str, value: Any) -> None:
        """Lightning notes the running hook some forty times a step; torch's search for parameters is spared that."""
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)

    @staticmethod
    def default_loss(facts: Mapping[str, Any]) -> str:
        """The loss a configuration gets that names none."""
        raise TypeError("a task names its default loss")

    @staticmethod
    def default_metrics(facts: Mapping[str, Any]) -> list[str]:
        """The metrics a configuration gets that names none."""
        return []

    @staticmethod
    def out_features(facts: Mapping[str, Any], loss: nn.Module) -> int:
        """Width of the model's prediction for these data and this loss."""
        raise TypeError("a task says how many values a model predicts")

    def predict_from(self, inputs: Any) -> Tensor:
        """The model's prediction: a tuple or dict of inputs is spread over its arguments.

        In a fine-tuning, inputs may be what frozen stages have made of them.
        """
        if self.course.finetuning is not None and self.course.finetuning.after is not None:
            return cast(Tensor, cast(Any, self.model).run(inputs, after=self.course.finetuning.after))
        if isinstance(inputs, Mapping):
            return cast(Tensor, self.model(**inputs))
        if isinstance(inputs, tuple | list):
            return cast(Tensor, self.model(*inputs))
        return cast(Tensor, self.model(inputs))

    def model_inputs(self, inputs: Any) -> Any:
        """Of a batch's inputs, what the model itself is called with."""
        return inputs

    def loss_of(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss, prediction and target brought into the form it wants."""
        return cast(Tensor, self.loss(prediction, target))

    def loss_terms(self, prediction: Tensor, target: Tensor) -> Tensor:
        """The loss as `loss_of`, (); or where it is a sum of several, each of them, (K,)."""
        if not isinstance(self.loss, WeightedSum):
            return self.loss_of(prediction, target)
        with self.loss.apart():
            return self.loss_of(prediction, target)

    def total(self, terms: Tensor) -> Tensor:
        """The loss that is trained on, (), of its terms."""
        return self.loss.total(terms) if isinstance(self.loss, WeightedSum) else terms

    def loss_count(self, target: Tensor) -> Tensor | int:
        """What the loss divides a batch's sum by: its own word, or the number of examples; of each term."""
        count = getattr(self.loss, "count", None)
        return len(target) if count is None else cast("Tensor | int", count(target))

    def metric_inputs(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Prediction and target as metrics want them."""
        return prediction, target

    def outputs(self, prediction: Tensor) -> Tensor:
        """Predictions as a user reads them: probabilities, or values in original units."""
        return prediction

    def rows(self, outputs: Tensor) -> list[dict[str, Any]]:
        """One flat record an example, for a table of predictions."""
        raise TypeError("a task says how its predictions are written")

    def predictions(self, batch: Any) -> list[dict[str, Any]]:
        """One record an example for a batch of inputs, as `rows` writes them."""
        return self.rows(self.outputs(self.predict_from(batch)).cpu())

    # -- training ------------------------------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Lightning's hook: the loss of one batch."""
        inputs, target = batch
        prediction = self.predict_from(inputs)
        terms = self.loss_terms(prediction, target)
        self.count(terms, self.loss_count(target))
        loss = self.total(terms)
        if (finetuning := self.course.finetuning) is None:
            return self.penalised(loss)
        if self.trainer.global_step == 0 and finetuning.evidence.first is None:
            guess = self.loss_of(torch.zeros_like(prediction), target)
            finetuning.evidence.first = float(loss.detach()), float(guess)
        return self.penalised(loss if finetuning.penalty is None else loss + finetuning.penalty())

    def penalised(self, loss: Tensor) -> Tensor:
        """The loss of a training batch, (), with the run's penalties added; a training step returns it."""
        penalty = self.penalties.value()
        loss = loss if penalty is None else loss + penalty
        return loss if self.full_batch is None else self.full_batch.weighted(loss)

    def count(self, loss: Tensor, count: Tensor | int) -> None:
        """Add a batch to the training loss: once, however often an optimizer evaluates it within a step.

        Args:
            loss: mean of the batch, (); or of each term, (K,).
            count: what it was divided by; of each term.
        """
        if self.full_batch is not None:
            self.full_batch.add(count)
        if not self._counted:
            self._counted = True
            self._sums.add(loss.detach(), count)

    def on_train_start(self) -> None:
        """Lightning's hook: an optimizer that keeps means trains from where it was."""
        self._tell("train")

    def on_train_epoch_start(self) -> None:
        """Lightning's hook: a fine-tuning freezes and unfreezes."""
        self.course.begin_epoch(self.current_epoch, self.trainer)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Lightning's hook."""
        self._counted = False

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """Lightning's hook: log the training loss since the last time."""
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        step = self.trainer.global_step
        if every and step and step % every == 0 and step != self._sums.logged_at:
            self._sums.logged_at = step
            self._to_loggers({"train/loss": self._reduced(self._sums.take("window")), **self._learning_rates()})

    def on_train_epoch_end(self) -> None:
        """Lightning's hook: the exact training loss of the epoch, and schedules that step with epochs."""
        self.record({"train/epoch_loss": self._reduced(self._sums.take("epoch")), "epoch": float(self.current_epoch)})
        self.course.step_schedule("epoch")
        self._tell("epoch_ended")

    def _tell(self, event: str, *values: float) -> None:
        """Tell the optimizer and listeners of an event of training, those that want to know.

        What one has put in place of the weights for `eval`, it takes away at `train` before those that were first.
        """
        if self.trainer.state.fn == TrainerFn.FITTING:
            told = [self.trainer.optimizers[0], *self.listeners]
            for one in reversed(told) if event == "train" else told:
                tell(one, event, *values)

    def _reduced(self, total_and_count: Tensor) -> float:
        """Sum over count, over all ranks."""
        reduced = self.trainer.strategy.reduce(total_and_count, reduce_op="sum")
        total, count = cast(Tensor, reduced).cpu()
        return float(combined(total, count, self._sums.power, self._weights))

    def _learning_rates(self) -> dict[str, float]:
        groups = self.trainer.optimizers[0].param_groups
        rates = {str(group.get("name", position)): float(group["lr"]) for position, group in enumerate(groups)}
        return {"lr": rates.popitem()[1]} if len(set(rates.values())) == 1 else {f"lr/{k}": v for k, v in rates.items()}

    def record(self, values: Mapping[str, float]) -> None:
        """Send values to every logger, and to callbacks that monitor them.

        A validation beside training, of a mean of checkpoints, is no point of the curves, and is not logged.
        """
        self.measured.update(values)
        for name, value in values.items():
            self.log(name, value, logger=False, on_step=False, on_epoch=True, batch_size=1)
        if self.trainer.state.fn != TrainerFn.VALIDATING:
            self._to_loggers(values)

    def _to_loggers(self, values: Mapping[str, float]) -> None:
        for logger in self.loggers:
            logger.log_metrics(dict(values), step=self.trainer.global_step)

    # -- evaluation ----------------------------------------------------------------------------------------------

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Lightning's hook."""
        self._evaluate(batch, "val")

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Lightning's hook."""
        self._evaluate(batch, "test")

    def on_validation_epoch_end(self) -> None:
        """Lightning's hook: metrics over all examples, and schedules that watch them."""
        values = self._take_metrics("val")
        if self.trainer.sanity_checking:
            return
        self.record(values)
        if self.trainer.training or self.trainer.validating:
            watched = self.trainer.callback_metrics.get(self.monitor)
            self.course.step_schedule("validation", None if watched is None else float(watched))
            self._tell("validated", values["val/loss"])

    def on_validation_start(self) -> None:
        """Lightning's hook: an optimizer that keeps means has them evaluated, and kept in the best checkpoint."""
        self._tell("eval")

    def on_validation_end(self) -> None:
        """Lightning's hook, after that of the callbacks."""
        self._tell("train")

    def on_test_epoch_start(self) -> None:
        """Lightning's hook."""
        self.tested = []

    def on_test_epoch_end(self) -> None:
        """Lightning's hook."""
        self.record(self._take_metrics("test"))

    def _evaluate(self, batch: Batch, split: str) -> None:
        inputs, target = batch
        if len(target) == 0:
            return
        prediction = self.predict_from(inputs)
        cast(Metric, self.example_losses[split]).update(self.loss_terms(prediction, target), self.loss_count(target))
        if split == "test" and self.keep_tested:
            self._keep(self.outputs(prediction), target)
        prediction, target = self.metric_inputs(prediction, target)
        for metric in cast(nn.ModuleDict, self.example_metrics[split]).values():
            self._update(metric, prediction, target)

    def _update(self, metric: Any, prediction: Tensor, target: Tensor) -> None:
        """One metric takes in a batch."""
        metric.update(prediction, target)

    def _keep(self, outputs: Tensor, target: Tensor) -> None:
        """Remember a batch for pictures, until there is enough."""
        kept = sum(outputs.numel() for outputs, _ in self.tested[-1:]) * len(self.tested)
        if kept < PICTURED:
            self.tested.append((outputs.cpu(), target.cpu()))

    def _take_metrics(self, split: str) -> dict[str, float]:
        metrics = cast(nn.ModuleDict, self.example_metrics[split])
        every = {"loss": cast(Metric, self.example_losses[split])}
        every |= {key.removeprefix("metric "): cast(Metric, metric) for key, metric in metrics.items()}
        values: dict[str, float] = {}
        for name, metric in every.items():
            values |= numbers_of(f"{split}/{name}", name, metric)
        for metric in every.values():
            metric.reset()
        return values

    def signatures(self) -> dict[str, str]:
        """What metrics say of the variant that they last computed, by name, where they have a text `signature`."""
        found = {}
        for split in ("val", "test"):
            for key, metric in cast(nn.ModuleDict, self.example_metrics[split]).items():
                if signature := getattr(metric, "signature", ""):
                    found[key.removeprefix("metric ")] = str(signature)
        return found

    # -- optimizer and schedule ----------------------------------------------------------------------------------

    def configure_optimizers(self) -> Optimizer:
        """Lightning's hook. The schedule is stepped here, not by Lightning, so that resuming is exact."""
        if self.course.finetuning is not None:
            self.course.finetuning.begin()
        self.penalties.bind(self.model)
        total, per_epoch = None, 1
        if any(segment.schedule is not None for segment in self.course.segments):
            steps = self.trainer.estimated_stepping_batches
            total = None if steps == float("inf") else int(steps)
            self.trainer.fit_loop.setup_data()  # counts the batches of an epoch
            batches = int(self.trainer.num_training_batches)
            per_epoch = max(1, -(-batches // self.trainer.accumulate_grad_batches))
        return self.course.build(self.model, total, per_epoch)

    def configure_gradient_clipping(self, optimizer: Optimizer, *args: Any, **kwargs: Any) -> None:
        """Lightning's hook, before each step: clip as `trainer` says, or as the optimizer's node does."""
        super().configure_gradient_clipping(optimizer, *args, **kwargs)
        self.course.clip(self.model)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Lightning's hook: gradients of an epoch that were added up become those of its mean loss."""
        if self.full_batch is not None:
            self.full_batch.finish(self.model, self.trainer)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Lightning's hook: one optimizer step, what penalties do after it, then one of the schedule."""
        super().optimizer_step(*args, **kwargs)
        self.penalties.after_step(self.trainer.optimizers[0])
        self.course.step_schedule("step")

    #: The logged value that a plateau schedule watches; the harness sets it from `checkpoint.monitor`.
    monitor: str = "val/loss"

    # -- checkpoint ----------------------------------------------------------------------------------------------

    def progress(self) -> dict[str, Any]:
        """What this rank needs beyond weights and optimizer to go on exactly."""
        return {"sums": self._sums.state_dict(), **self.course.state_dict()}

    def load_progress(self, state: Mapping[str, Any]) -> None:
        """Go on from `progress()` of the same rank."""
        self._sums.load_state_dict(state["sums"])
        self.course.load_state_dict(state)
        self.course.begin_epoch(self.current_epoch, self.trainer)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning's hook: where a fine-tuning started goes with it."""
        if self.course.finetuning is not None:
            checkpoint["finetuning"] = self.course.finetuning.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning's hook."""
        if self.course.finetuning is not None:
            self.course.finetuning.load_state_dict(checkpoint["finetuning"])
