"""Metrics of a finished run, on its own data or on others."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from zoo.config.validation import validate
from zoo.errors import ConfigError
from zoo.harness.assembly import assemble, build_data, completed, preprocessing_of
from zoo.harness.batches import HarnessData
from zoo.harness.lightning import build_trainer
from zoo.harness.messages import say
from zoo.harness.ranks import trainer_of_its_own
from zoo.harness.run import load
from zoo.registry import did_you_mean

SPLITS = ("train", "val", "test", "all")
#: Options that change how data are loaded, not which.
_LOADING = frozenset({"data.batch_size", "data.num_workers"})


def evaluate(
    run: str | Sequence[str],
    changes: Mapping[str, Any] | None = None,
    split: str | None = None,
    *,
    average: bool = False,
) -> dict[str, float]:
    """Evaluate the best checkpoint of a run.

    Args:
        run: folder of the run, or a checkpoint file; several of them for an ensemble.
        changes: options of `data.*`, `trainer.*` and `decode.*` to change, by full key.
        split: `train`, `val`, `test` or `all`; by default the test split of the run's own data, and all of others.
        average: take the mean of the kept checkpoints' weights.

    Returns:
        Metrics by name, `test/accuracy` and so on.

    Raises:
        ZooError: the run, the data or a key cannot be used.
    """
    changes = dict(changes or {})
    trained = load(run, average=average)
    trained.set_decode({key.removeprefix("decode."): changes.pop(key) for key in list(changes) if _is_decode(key)})
    config = trained.config
    allowed = getattr(trained.data, "changeable", ("path", "batch_size", "num_workers"))
    for key, value in changes.items():
        group, _, option = key.partition(".")
        if group not in ("data", "trainer") or not option:
            changeable = "data.*, trainer.* and decode.*" if trained.generates else "data.* and trainer.*"
            raise ConfigError(key, "cannot change here", f"only {changeable} can")
        if option not in config[group]:
            raise ConfigError(key, f"no such option{did_you_mean(option, config[group])}")
        if group == "data" and option not in allowed:
            choices = ", ".join(f"data.{one}" for one in allowed)
            raise ConfigError(key, "was decided at training", f"{choices} may differ")
        config[group][option] = value
    validate(config)
    if split is None:
        split = "all" if ({f"data.{one}" for one in allowed} - _LOADING) & set(changes) else "test"
    data = build_data(config)
    data.load_state_dict(trained.data.state_dict())
    data.setup()
    for note in getattr(data, "notes", []):
        say(f"note: {note}")
    task = assemble(config, trained.facts, data, train=False)
    task.load_state_dict(trained.task.state_dict())
    if trained.companions:
        join: Callable[[list[Any]], None] = getattr(task, "join")  # noqa: B009
        join([one.task for one in trained.companions])
    return measured(config, task, data, split, trained.folder)


def evaluate_weights(config: dict[str, Any], split: str = "all") -> dict[str, float]:
    """Evaluate the weights that a configuration starts from, before any training: somebody else's model, on own data.

    Args:
        config: as `zoo.compose` returns it, with `model.weights`.
        split: `train`, `val`, `test` or `all`.

    Returns:
        Metrics by name, `test/accuracy` and so on.

    Raises:
        ZooError: the configuration or the data cannot be used, or the weights are not those of a whole model.
    """
    validate(config)
    data = build_data(config, preprocessing_of(config, weights=True))
    data.setup()
    for note in getattr(data, "notes", []):
        say(f"note: {note}")
    config = completed(config, data.facts)
    task = assemble(config, data.facts, data, train=False, weights=True)
    report = getattr(task.model, "weights_report", None)
    if report is None:
        raise ConfigError("run", "is missing, and the model has no weights of its own", "set run or model.weights")
    say(str(report))
    if not report.head_loaded:
        classes = data.facts["num_classes"]
        raise ConfigError("model.weights", f"have no head for {classes} classes", "train one with python -m zoo.train")
    names = cast("list[str] | None", task.model.weights_classes)
    if names is not None and names != data.facts["class_names"]:
        problem = f"are for the classes {', '.join(names)}, and the data have {', '.join(data.facts['class_names'])}"
        raise ConfigError("model.weights", problem)
    with tempfile.TemporaryDirectory() as folder:
        return measured(config, task, data, split, Path(folder))


def measured(config: dict[str, Any], task: Any, data: Any, split: str, folder: Path) -> dict[str, float]:
    """Metrics of one split, under the names of a test."""
    if split not in SPLITS:
        raise ConfigError("split", f"{split!r}", f"choose one of {', '.join(SPLITS)}")
    batches = HarnessData(data, config["seed"], test_split=split)
    options = {**config["trainer"], "enable_progress_bar": False}
    with trainer_of_its_own():
        trainer = build_trainer(options, folder=folder)
        trainer.test(task, datamodule=batches, verbose=False)
    metrics = {name: value for name, value in task.measured.items() if name.startswith("test/")}
    if not metrics:
        raise ConfigError("split", f"there is nothing to evaluate in {split!r}", "choose another split, or other data")
    of = "test" if split == "all" else split
    known: dict[str, float] = getattr(data, "baselines", dict)()
    metrics |= {f"test{name.removeprefix(of)}": value for name, value in known.items() if name.startswith(f"{of}/")}
    for name, signature in task.signatures().items():
        say(f"{name} is {signature}")
    return metrics


def _is_decode(key: str) -> bool:
    return key.startswith("decode.")
