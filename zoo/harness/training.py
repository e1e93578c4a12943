"""Training a run: new, resumed, or as a further rank of one."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning
import torch

from zoo.config.groups import choice
from zoo.config.validation import validate
from zoo.errors import ConfigError, Interrupted, RunError
from zoo.harness import ranks
from zoo.harness.assembly import assemble, build_data, preflight, preprocessing_of
from zoo.harness.batches import HarnessData
from zoo.harness.calibration import calibrate
from zoo.harness.checkpointing import Checkpoints, gathered
from zoo.harness.features import features_of
from zoo.harness.lightning import build_callbacks, build_loggers, build_trainer
from zoo.harness.messages import first_process, say
from zoo.harness.run import Run, mean_of
from zoo.harness.stepping import trainer_options
from zoo.harness.table import examples_table, metrics_table
from zoo.models.lsuv import initialise_from, waits_for_data
from zoo.report import write_report
from zoo.report.drawing import Picture
from zoo.report.fonts import lettering
from zoo.report.forecasts import Histories
from zoo.report.gallery import Gallery
from zoo.runs.checkpoints import newest_readable, read_checkpoint
from zoo.runs.folder import RunFolder, new_folder
from zoo.runs.provenance import check_components, record

#: Options that may change when a run is resumed: how long it goes on.
EXTENDABLE = ("trainer.max_epochs", "trainer.max_steps", "trainer.max_time")


def train(
    config: dict[str, Any],
    folder: str | Path | None = None,
    *,
    overrides: Sequence[str] = (),
    numbered: bool = False,
) -> Run:
    """Train a configuration, test it with its best checkpoint, and write the run folder.

    Args:
        config: as `zoo.compose` returns it.
        folder: where the run goes; `outputs/<date>/<time>` by default.
        overrides: the command line it was composed from, for the record.
        numbered: put a number behind the folder's name where it exists, as two runs of one second need.

    Returns:
        The finished run.

    Raises:
        ZooError: the configuration, the data or the folder cannot be used.
    """
    joined = _joined()
    if joined is not None:
        return _train(RunFolder.open(joined[0]), joined[1])
    validate(config)
    pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
    preprocessing = preprocessing_of(config, weights=True)
    data = set_up(config, preprocessing)
    config = preflight(config, data)
    pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
    task = assemble(config, data.facts, data, weights=True)  # what is wrong with its weights comes before the folder
    run = RunFolder.create(new_folder() if folder is None else folder, numbered=numbered or folder is None)
    run.write_config(config)
    known = {"preprocessing": preprocessing} if preprocessing else {}
    run.write_record(record(config, list(overrides)) | known)
    if ranks.started_together():
        ranks.agreed(run.path)
    return _train(run, None, data, task)


def resume(folder: str | Path, overrides: dict[str, Any] | None = None) -> Run:
    """Go on exactly where a run stopped.

    Args:
        folder: of the run.
        overrides: a longer `trainer.max_epochs`, `max_steps` or `max_time`, and nothing else.

    Raises:
        ZooError: there is no such run, its checkpoints cannot be read, or a component is missing.
    """
    joined = _joined()
    if joined is not None:
        return _train(RunFolder.open(joined[0]), joined[1])
    run = RunFolder.open(folder)
    config = run.read_config()
    for section in ("trainer", "checkpoint"):
        if not isinstance(config.get(section), dict):
            raise RunError(run.config, f"has no section {section!r}", "it is not the file that the run wrote")
    for key, value in (overrides or {}).items():
        if key not in EXTENDABLE:
            raise ConfigError(key, "cannot change when a run is resumed", f"only {', '.join(EXTENDABLE)} can")
        config["trainer"][key.removeprefix("trainer.")] = value
    for sentence in check_components(run.read_record().get("components", []), run.path):
        say(f"note: {sentence}")
    validate(config)
    if run.metrics.exists() and not overrides:
        say("this run is finished; to train longer add trainer.max_epochs=N")
        return Run(run)
    checkpoint, damaged = newest_readable(run)
    for sentence in damaged:
        say(f"note: {sentence}; an earlier checkpoint is used")
    if overrides:
        _refuse_less(overrides, checkpoint)
        run.metrics.unlink(missing_ok=True)  # no longer finished: killed from here on, it can be resumed
        run.write_config(config)
    if ranks.started_together():
        ranks.agreed(run.path, checkpoint)
    return _train(run, checkpoint)


def _refuse_less(overrides: dict[str, Any], checkpoint: Path | None) -> None:
    """Refuse a length that the run has reached already."""
    if checkpoint is None:
        return
    content = read_checkpoint(checkpoint)
    reached = {"trainer.max_epochs": content["zoo"]["position"]["epoch"], "trainer.max_steps": content["global_step"]}
    for key, count in reached.items():
        limit = overrides.get(key)
        if isinstance(limit, int) and 0 <= limit <= count:
            raise ConfigError(key, f"the run has reached {count} already", "give more")


def set_up(config: dict[str, Any], preprocessing: Mapping[str, Any] | None = None) -> Any:
    """The data component, read and split; what is worth knowing about them is said.

    Args:
        config: validated.
        preprocessing: what the model's inputs must look like, if it says so.

    Raises:
        ZooError: the data cannot be used.
    """
    data = build_data(config, preprocessing)
    data.setup()
    for note in getattr(data, "notes", []):
        say(f"note: {note}")
    return data


def _joined() -> tuple[Path, Path | None] | None:
    """The run that this process is a further rank of, if it is one."""
    joined = ranks.joined_run()
    if joined is None and ranks.started_together() and not first_process():
        joined = ranks.agreed(None)
    return joined


def _train(run: RunFolder, checkpoint: Path | None, data: Any = None, task: Any = None) -> Run:
    """Train from the start or from a checkpoint, as the first process or as a further rank."""
    config = run.read_config()
    began = time.monotonic()
    if data is None:
        pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
        data = set_up(config, run.read_record().get("preprocessing"))
        pytorch_lightning.seed_everything(config["seed"], workers=True, verbose=False)
        task = assemble(config, data.facts, data, weights=checkpoint is None)
    loggers = build_loggers(config, run.logs)
    step = 0 if checkpoint is None else read_checkpoint(checkpoint)["global_step"]
    if run.logs.exists():
        for logger in loggers:
            if hasattr(logger, "resume_at"):
                logger.resume_at(step)
    if checkpoint is not None:
        say(f"resuming at step {step:,} from {checkpoint}")
    batches = HarnessData(data, config["seed"])
    if checkpoint is None:
        initialise(task, batches)
    batches.data = features_of(task, data, config, checkpoint) or data
    checkpoints = Checkpoints(run, _header(config, run, data), batches, **config["checkpoint"])
    callbacks: list[Any] = [*build_callbacks(config), checkpoints]
    with ranks.announced(run.path, checkpoint), _interruptible(run):
        options = trainer_options(config)
        trainer = build_trainer(options, folder=run.path, loggers=loggers, callbacks=callbacks)
        _introduce(config, task, data)
        if checkpoint is None:
            _say_weights(task.model, data.facts)
        trainer.fit(task, datamodule=batches, ckpt_path=checkpoint, weights_only=True)
        if task.course.finetuning is not None:
            begun = trainer.current_epoch + (trainer.current_epoch != trainer.max_epochs)
            task.course.finetuning.begin_epoch(max(begun - 1, 0))  # a run that only had to be tested did not train
            for sentence in task.course.finetuning.verdict(begun):
                say(sentence)
        if not run.best.exists():
            raise ConfigError(
                "trainer", "not one step was trained", "see trainer.max_epochs, max_steps and limit_train_batches"
            )
        if len(checkpoints.kept) > 1:
            kept = [read_checkpoint(run.kept_at(step))["state_dict"] for _, step in checkpoints.kept]
            task.load_state_dict(mean_of(kept))
            _try_mean(trainer, task, batches, checkpoints, f"the {len(kept)} best checkpoints")
        for one in callbacks:
            if getattr(one, "count", 0) > 1 and hasattr(one, "finishing"):
                one.finishing = True
                _try_mean(trainer, task, batches, checkpoints, one.of)
                one.finishing = False
        _calibrate(trainer, task, batches, checkpoints)
        measured = checkpoints.train_values | checkpoints.best_values
        measured |= getattr(data, "baselines", dict)()
        task.keep_tested = config.get("report", True)
        if task.course.finetuning is not None:
            batches.data, task.course.finetuning.after = data, None  # the test sees pictures, as predictions will
        if data.facts.get("examples", {}).get("test", 1):
            task.load_state_dict(read_checkpoint(run.best)["state_dict"])
            trainer.test(task, datamodule=batches, verbose=False)
            measured |= {name: value for name, value in task.measured.items() if name.startswith("test/")}
        tested = gathered(task.tested, trainer.world_size)
        if trainer.is_global_zero:
            measured |= {"train/steps": trainer.global_step, "train/epochs": trainer.current_epoch}
            measured |= {"train/seconds": round(time.monotonic() - began, 3), "best/step": checkpoints.best_step}
            run.write_metrics(measured)
            if signatures := task.signatures():
                run.write_record(run.read_record() | {"metrics": signatures})
            shown = [one for rank in tested for one in rank]
            if shown and not isinstance(shown[0], tuple):
                shown.sort(key=lambda one: one.place)
            if config.get("report", True):
                _report(run, shown, data, task, loggers, trainer.global_step)
            if shown and not isinstance(shown[0], tuple):
                print(examples_table(shown), end="\n\n")
            print(metrics_table(measured))
            for name, signature in signatures.items():
                say(f"{name} is {signature}")
    return Run(run)


def initialise(task: Any, batches: HarnessData) -> None:
    """Let layers whose initialisation needs data see the first batch."""
    if not waits_for_data(task.model):
        return
    inputs, _ = next(iter(batches.train_dataloader()))
    try:
        initialise_from(task.model, task.model_inputs(inputs))
    except ValueError as error:
        raise ConfigError("model.init", str(error)) from error


def _try_mean(trainer: Any, task: Any, batches: HarnessData, checkpoints: Checkpoints, of: str) -> None:
    """Validate a mean of weights that is in the task now, or that a callback puts there, and keep it if it is best."""
    trainer.validate(task, datamodule=batches, verbose=False)
    values = {name: value for name, value in task.measured.items() if name.startswith("val/")}
    if checkpoints.take_mean(trainer, values):
        say(f"the mean of {of} is better still: {checkpoints.monitor} {checkpoints.best:.6g}")


def _calibrate(trainer: Any, task: Any, batches: HarnessData, checkpoints: Checkpoints) -> None:
    """Fit what a task calibrates itself by, on the validation split with the best weights, and keep it with them."""
    if getattr(task, "temperature", None) is None or not batches.val_dataloader():
        return
    task.load_state_dict(read_checkpoint(checkpoints.folder.best)["state_dict"])
    sentence = calibrate(trainer, task, batches)
    checkpoints.rewrite_best(trainer)
    say(sentence)


def _report(run: RunFolder, tested: list[Any], data: Any, task: Any, loggers: Sequence[Any], step: int) -> None:
    """Write pictures and page. A run is finished by now, so what goes wrong here is said and no more.

    Args:
        run: the finished run.
        tested: outputs and targets of the test, batch by batch; or examples of what was generated.
        data: the data component.
        task: with the best weights.
        loggers: get the pictures too, where they take some.
        step: of the end of training.
    """

    def show(picture: Picture) -> None:
        for logger in loggers:
            if hasattr(logger, "log_image"):
                logger.log_image(f"report/{picture.name}", picture.png, step)
                logger.save()

    shown: dict[str, Any] = {}
    if tested and isinstance(tested[0], tuple) and data.facts.get("examples", {}).get("test"):
        dataset = data.dataset("test")
        if hasattr(dataset, "plain") and sum(len(targets) for _, targets in tested) == len(dataset):
            shown["gallery"] = Gallery(dataset.plain, [path.name for path in dataset.paths])
    temperature = getattr(task, "temperature", None)
    shown["predicts"] = getattr(task, "predicts", "scores")
    shown["temperature"] = None if temperature is None else float(temperature)
    if tested and isinstance(tested[0], tuple):
        shown["outputs"] = torch.cat([outputs for outputs, _ in tested])
        shown["targets"] = torch.cat([targets for _, targets in tested])
        shown["histories"] = _histories(data, shown["targets"])
    elif tested:
        shown["examples"] = tested
        tokens = {token for one in tested for token in (*one.source_tokens, *one.predicted_tokens)}
        if note := lettering(sorted(tokens)).note:
            say(f"note: {note}")
    try:
        write_report(run, facts=data.facts, show=show if "outputs" in shown else None, **shown)
    except Exception as error:
        say(f"note: the report could not be written: {type(error).__name__}: {error}")


def _histories(data: Any, targets: torch.Tensor) -> Histories | None:
    """What was known of the series that were tested, if they are series and in the order of the data."""
    dataset: Any = data.dataset("test") if data.facts.get("problem") == "forecast" else None
    if dataset is None or not hasattr(dataset, "histories"):
        return None
    _, expected = dataset.__getitems__(range(len(dataset)))
    if not torch.equal(targets.cpu(), expected):
        return None
    return Histories(dataset.names, dataset.histories(), dataset.naive_forecasts(int(data.facts["season"])))


@contextmanager
def _interruptible(run: RunFolder) -> Iterator[None]:
    """Say how to go on where Lightning, after a Ctrl-C that no checkpoint could wait for, ends the process mutely."""
    try:
        yield
    except SystemExit as end:
        if not isinstance(end.__context__, KeyboardInterrupt):
            raise
        raise Interrupted(f"stopped at once; continue with resume={run.path}") from end


def _header(config: dict[str, Any], run: RunFolder, data: Any) -> dict[str, Any]:
    """What every checkpoint carries, so that it can be used without its folder."""
    return {
        "config": config,
        "components": run.read_record().get("components", []),
        "facts": dict(data.facts),
        "data": data.state_dict(),
    }


def _say_weights(model: torch.nn.Module, facts: Mapping[str, Any]) -> None:
    """Say what became of initial weights, and whether their head is one for other classes."""
    report = getattr(model, "weights_report", None)
    if report is None:
        return
    say(f"weights: {report}")
    names: list[str] | None = getattr(model, "weights_classes", None)
    if report.head_loaded and names is not None and names != facts.get("class_names"):
        say(
            f"note: the head of the weights was for {', '.join(names[:10])}; it is trained for other classes from there"
        )


def _introduce(config: dict[str, Any], task: torch.nn.Module, data: Any) -> None:
    """Say in one line what is about to be trained."""
    parameters = sum(one.numel() for one in task.parameters())
    examples = data.facts.get("examples", {})
    sizes = ", ".join(f"{count:,} {split}" for split, count in examples.items())
    parts = [f"{kind} {choice(config[kind])}" for kind in ("data", "model", "loss", "optimizer")]
    say(f"{', '.join(parts)}; {parameters:,} parameters; examples: {sizes or 'unknown'}")
