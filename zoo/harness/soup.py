"""One model of several: the mean of the weights of runs that differ in seed, rate or augmentation."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from zoo.errors import ConfigError, RunError
from zoo.finetuning.merging import merge
from zoo.harness.assembly import assemble, build_data
from zoo.harness.batches import HarnessData
from zoo.harness.calibration import calibrate
from zoo.harness.evaluation import measured
from zoo.harness.lightning import build_trainer
from zoo.harness.messages import say
from zoo.harness.ranks import trainer_of_its_own
from zoo.harness.run import LoadedModel, Run, load, mean_of
from zoo.runs.checkpoints import write_checkpoint
from zoo.runs.folder import RunFolder

Method = Literal["greedy", "uniform"]
State = Mapping[str, Tensor]

#: What data count of their splits, which does not change what their inputs mean.
COUNTS = frozenset({"class_counts", "class_weights", "examples", "facts"})


@dataclass
class Ingredient:
    """A run that may go into the soup.

    Attributes:
        path: of its folder.
        state: its best weights.
        value: what validation says of it.
    """

    path: str
    state: State
    value: float


def soup(runs: Sequence[str | Path], folder: str | Path, method: Method = "greedy") -> Run:
    """Average the best weights of several runs; Wortsman et al. (2022), algorithm 1 and section 2.

    `greedy` begins with the run that validates best, and takes each of the others, the better first, if the mean with
    it validates no worse. `uniform` takes all. Adapters are merged first, for the mean of two factors is not that of
    their product. Statistics of batch normalisation are averaged too; a temperature is fitted anew. All are validated
    on the validation split of the first run.

    Args:
        runs: folders of runs of one model on the same classes.
        folder: of the run that is written.
        method: `greedy` or `uniform`.

    Returns:
        A run like every other; its record says what is in it.

    Raises:
        ZooError: the runs do not fit together, or cannot be validated.
    """
    if method not in get_args(Method):
        raise ConfigError("method", f"{method!r}", f"choose one of {', '.join(get_args(Method))}")
    if len(runs) < 2:
        raise ConfigError("run", "names one run", "a soup needs two or more: run=[RUN,RUN]")
    models = [_whole(load(one)) for one in runs]
    for model, path in zip(models[1:], runs[1:], strict=True):
        _check_alike(models[0], model, runs[0], path)
    first, config = models[0], models[0].config
    data = build_data(config)
    data.load_state_dict(first.data.state_dict())
    data.setup()
    if not len(data.dataset("val")):
        raise ConfigError("run", "its data have no validation examples, which the soup is tasted by", "give others")
    run = RunFolder.create(folder)
    task = assemble(config, first.facts, data, train=False)
    monitor, better = config["checkpoint"]["monitor"], -1 if config["checkpoint"]["mode"] == "min" else 1

    def taste(state: State, split: str = "val") -> dict[str, float]:
        task.load_state_dict(dict(state))
        with tempfile.TemporaryDirectory() as place:
            found = measured(config, task, data, split, Path(place))
        return {name.replace("test/", f"{split}/", 1): value for name, value in found.items()}

    every = []
    for model, path in zip(models, runs, strict=True):
        state = {name: value.cpu() for name, value in model.task.state_dict().items()}
        every.append(Ingredient(str(path), state, taste(state)[monitor]))
        say(f"{path}: {monitor} {every[-1].value:.6g}")
    chosen = every if method == "uniform" else _greedy(every, better, lambda state: taste(state)[monitor])
    state = mean_of([one.state for one in chosen])
    if state.get("temperature") is not None:
        task.load_state_dict(state)
        with trainer_of_its_own():
            trainer = build_trainer({**config["trainer"], "enable_progress_bar": False}, folder=run.path)
            say(calibrate(trainer, task, HarnessData(data, config["seed"])))
        state = {name: value.cpu().clone() for name, value in task.state_dict().items()}
    metrics = taste(state)
    say(f"the mean of {len(chosen)} of {len(every)}: {monitor} {metrics[monitor]:.6g}")
    if len(data.dataset("test")):
        metrics |= taste(state, "test")
    _write(run, first, {"method": method, "of": [one.path for one in chosen]}, state, metrics)
    return Run(run)


def _write(run: RunFolder, first: LoadedModel, made: dict[str, Any], state: State, metrics: dict[str, float]) -> None:
    """The files of a run: those of the first one, with these weights and metrics, and how they were made."""
    run.write_config(first.config)
    run.write_record(RunFolder.open(first.folder.parent).read_record() | {"soup": made})
    monitor = first.config["checkpoint"]["monitor"]
    header: dict[str, Any] = {"config": first.config, "components": first.components, "facts": first.facts}
    header |= {"data": first.data.state_dict(), "monitor": monitor, "value": metrics[monitor]}
    write_checkpoint({"epoch": 0, "global_step": 0, "state_dict": state, "zoo": header}, run.best)
    run.write_metrics(metrics)


def _greedy(every: Sequence[Ingredient], better: int, taste: Callable[[State], float]) -> list[Ingredient]:
    """Algorithm 1: what validation likes, added one by one; a run that has diverged comes last."""
    ranked = sorted(every, key=lambda one: (math.isnan(one.value), -better * one.value))
    chosen, value = [ranked[0]], ranked[0].value
    for one in ranked[1:]:
        with_it = taste(mean_of([other.state for other in (*chosen, one)]))
        if better * with_it >= better * value:
            chosen.append(one)
            value = with_it
    return chosen


def _whole(model: LoadedModel) -> LoadedModel:
    """The model without adapters, and a configuration that builds it so."""
    names = set(model.task.state_dict())
    merge(model.task.model)
    if names != set(model.task.state_dict()):
        model.config["finetune"] = None
    return model


def _check_alike(first: LoadedModel, other: LoadedModel, first_path: Any, path: Any) -> None:
    """Whether the weights of two runs stand for the same.

    Raises:
        RunError: they do not.
    """
    if other.facts.get("class_names") != first.facts.get("class_names"):
        raise RunError(path, f"its classes are not those of {first_path}", "give runs on the same classes")
    shapes, others = (
        {name: tuple(value.shape) for name, value in one.task.state_dict().items()} for one in (first, other)
    )
    if shapes != others:
        differing = sorted(name for name in shapes.keys() | others.keys() if shapes.get(name) != others.get(name))
        problem = f"its weights have other names or shapes than those of {first_path}: {', '.join(differing[:3])}"
        raise RunError(path, problem, "give runs of the same model")
    if _meaning(first) != _meaning(other):
        problem = f"its inputs or targets are prepared otherwise than those of {first_path}"
        raise RunError(path, problem, "train them on the same data, with the same data.seed")
    if _split_seed(first) != _split_seed(other):
        say(
            f"note: {path} may have trained on what validates here: its split has another seed than {first_path}, "
            "which matters unless its validation examples are given"
        )


def _meaning(model: LoadedModel) -> Any:
    """What data make of inputs and targets: preprocessing, vocabularies; numbers as exact as float32 has them."""
    state = {key: value for key, value in model.data.state_dict().items() if key not in COUNTS}
    text = json.dumps(state, default=repr)
    return json.loads(text, parse_float=lambda number: f"{float(number):.6g}", parse_constant=str)


def _split_seed(model: LoadedModel) -> Any:
    """What decides random splits; None where no seed does."""
    node = model.config["data"]
    if "seed" not in node:
        return None
    return model.config["seed"] if node["seed"] is None else node["seed"]
