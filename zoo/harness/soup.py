"""One model of several: the mean of the weights of runs that differ in seed, rate or augmentation."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from torch import Tensor

from zoo.errors import ConfigError, RunError
from zoo.harness.assembly import assemble, build_data
from zoo.harness.evaluation import measured
from zoo.harness.messages import say
from zoo.harness.run import LoadedModel, Run, load, mean_of
from zoo.runs.checkpoints import write_checkpoint
from zoo.runs.folder import RunFolder

Method = Literal["greedy", "uniform"]
State = Mapping[str, Tensor]


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
    it validates no worse. `uniform` takes all. Statistics of batch normalisation are averaged too. All are validated on
    the validation split of the first run.

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
    models = [load(one) for one in runs]
    for model, path in zip(models[1:], runs[1:], strict=True):
        _check_alike(models[0], model, runs[0], path)
    first, config = models[0], models[0].config
    data = build_data(config)
    data.load_state_dict(first.data.state_dict())
    data.setup()
    if not len(data.dataset("val")):
        raise ConfigError("run", "its data have no validation examples, which the soup is tasted by", "give others")
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
    metrics = taste(state)
    say(f"the mean of {len(chosen)} of {len(every)}: {monitor} {metrics[monitor]:.6g}")
    run = RunFolder.create(folder)
    run.write_config(config)
    record = first.folder.parent
    run.write_record(
        RunFolder.open(record).read_record() | {"soup": {"method": method, "of": [o.path for o in chosen]}}
    )
    header = {"config": config, "components": first.components, "facts": first.facts, "data": first.data.state_dict()}
    run.best.parent.mkdir(exist_ok=True)
    write_checkpoint(
        {
            "epoch": 0,
            "global_step": 0,
            "state_dict": state,
            "zoo": {**header, "monitor": monitor, "value": metrics[monitor]},
        },
        run.best,
    )
    if len(data.dataset("test")):
        metrics |= taste(state, "test")
    run.write_metrics(metrics)
    return Run(run)


def _greedy(every: Sequence[Ingredient], better: int, taste: Any) -> list[Ingredient]:
    """Algorithm 1: what validation likes, added one by one."""
    ranked = sorted(every, key=lambda one: -better * one.value)
    chosen, value = [ranked[0]], ranked[0].value
    for one in ranked[1:]:
        with_it = taste(mean_of([other.state for other in (*chosen, one)]))
        if better * with_it >= better * value:
            chosen.append(one)
            value = with_it
    return chosen


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
