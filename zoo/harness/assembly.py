"""From a configuration and its data to a task ready for training, built on any device."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import torch

from zoo.config.building import AttentionFactory, build_node, default_node
from zoo.config.decode import build_decode, decode_options
from zoo.config.groups import choice
from zoo.config.installed import registry
from zoo.config.validation import converted
from zoo.errors import ConfigError
from zoo.harness.batches import batches_of
from zoo.harness.factories import OptimizerOf, ScheduleOf
from zoo.harness.finetuning import finetune, prepare, strategy_of
from zoo.harness.lightning import check_trainer
from zoo.harness.messages import say
from zoo.harness.objectives import build_loss, check_predicts, penalise, predicts_of_losses, width_of
from zoo.harness.stepping import check_stepping, full_batch
from zoo.optimizers.combined import keeps_means, watches_validation
from zoo.registry import ComponentLoadError, ZooError, options
from zoo.tasks.full_batch import FullBatch
from zoo.tasks.task import Task

Config = dict[str, Any]

#: What data say of themselves beside `problem`, for each problem.
NEEDED_FACTS = {
    "binary": frozenset({"num_classes"}),
    "multiclass": frozenset({"num_classes"}),
    "multilabel": frozenset({"num_labels"}),
    "regression": frozenset({"target_names", "target_mean", "target_scale"}),
    "forecast": frozenset({"target_names"}),
    "seq2seq": frozenset({"source_vocab_size", "target_vocab_size", "padding_id", "begin_id", "end_id", "unknown_id"}),
}


def alike(problem: str) -> str:
    """The problem whose losses and metrics a problem shares: values of the future are values."""
    return "regression" if problem == "forecast" else problem


def build_data(config: Config, preprocessing: Mapping[str, Any] | None = None) -> Any:
    """The data component of a configuration, nothing read yet.

    Args:
        config: validated.
        preprocessing: what the model's inputs must look like, for data that ask for it. By default what the model
            says of itself without its initial weights; data that are loaded know better.
    """
    known: dict[str, Any] = {"seed": config["seed"]}
    if task := config.get("task"):
        target = registry().get("task", str(task["name"])).load()
        known["task"] = getattr(target, "reads_as", task["name"])
    known["preprocessing"] = preprocessing or preprocessing_of(config, weights=False)
    return build_node("data", config["data"], known)


def preprocessing_of(config: Config, *, weights: bool) -> dict[str, Any] | None:
    """What a model says its inputs must look like; None where it says nothing, or the data do not ask.

    Args:
        config: validated.
        weights: of the weights that the model starts from, rather than of none.
    """
    if "preprocessing" not in options(registry().get("data", str(config["data"]["name"]))):
        return None
    target = registry().get("model", str(config["model"]["name"])).load()
    of = getattr(target, "preprocessing", None)
    if of is None:
        return None
    node = config["model"] if weights else without_weights(config["model"])
    found: dict[str, Any] = of({key: value for key, value in node.items() if key != "name"}).to_dict()
    return found


def without_weights(node: Mapping[str, Any]) -> dict[str, Any]:
    """A model's node that asks for no initial weights: an option `weights` names them, and is `none`."""
    known = options(registry().get("model", str(node["name"])))
    return {**node, "weights": "none"} if "weights" in known else dict(node)


def completed(config: Config, facts: Mapping[str, Any]) -> Config:
    """The configuration with every group that was left to the data filled in: task, loss, metrics.

    Raises:
        ZooError: no installed task solves the problem, or the chosen one does not.
    """
    config = copy.deepcopy(config)
    problem = str(facts["problem"])
    if not config.get("task"):
        config["task"] = default_node("task", _task_for(problem, predicts_of_losses(config.get("loss"))))
    task_class = registry().get("task", config["task"]["name"]).load()
    if problem not in getattr(task_class, "problems", (problem,)):
        solves = ", ".join(task_class.problems)  # type: ignore[attr-defined]
        raise ConfigError(f"task={config['task']['name']}", f"solves {solves}, and the data are {problem}")
    _drop_useless_decode(config, task_class)
    if not config.get("loss"):
        config["loss"] = default_node("loss", task_class.default_loss(facts))  # type: ignore[attr-defined]
    if not config.get("metric"):
        names = [name for name in task_class.default_metrics(facts) if name in registry().names("metric")]  # type: ignore[attr-defined]
        config["metric"] = {name: default_node("metric", name) for name in names}
    if config["checkpoint"].get("mode") is None:
        watched = build_metrics(config, facts).get(config["checkpoint"]["monitor"].removeprefix("val/"))
        config["checkpoint"]["mode"] = "max" if getattr(watched, "higher_is_better", False) else "min"
    return config


def _drop_useless_decode(config: Config, task_class: Any) -> None:
    """Take `decode` out of the configuration of a task that generates nothing.

    Raises:
        ConfigError: something was set in it.
    """
    if getattr(task_class, "generates", False):
        config.setdefault("decode", {})
        return
    known = decode_options()
    for key, value in (config.pop("decode", None) or {}).items():
        if converted(value, known[key].annotation) != known[key].default:
            name = config["task"]["name"]
            raise ConfigError(f"decode.{key}", f"task={name} has nothing to decode", "leave it out")


def _task_for(problem: str, predicts: str) -> str:
    """The task for a problem, and what its loss is made for: a built-in, else the only plugin that solves it."""
    usable = [one for one in registry().components("task") if one.status == "ok"]
    found = []
    for component in sorted(usable, key=lambda one: not one.builtin):
        try:
            target = component.load()
        except ComponentLoadError:
            continue  # selecting it by name says what is wrong with it
        if problem in getattr(target, "problems", ()) and predicts in ("", getattr(target, "predicts", "scores")):
            if component.builtin:
                return component.name
            found.append(component.name)
    if not found and predicts:
        return _task_for(problem, "")  # which says of the loss what does not fit
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError("task", f"several solve a {problem} problem", f"choose one of {', '.join(found)}")
    raise ZooError(f"no installed task solves a {problem} problem; see `zoo plugins list task`")


def assemble(
    config: Config,
    facts: Mapping[str, Any],
    data: Any = None,
    *,
    device: str = "cpu",
    train: bool = True,
    weights: bool = False,
) -> Task:
    """Build model, loss, metrics and task.

    Args:
        config: a completed configuration.
        facts: of the data.
        data: the data component, for a task that asks for it.
        device: where parameters are created; `meta` costs nothing and finds every mistake of sizes and options.
        train: whether optimizer, schedule and fine-tuning are part of it.
        weights: whether the model gets the initial weights that it names; none are needed where a checkpoint follows.

    Raises:
        ZooError: a component cannot be built, or does not fit the problem.
    """
    problem = str(facts["problem"])
    target = registry().get("task", config["task"]["name"]).load()
    loss = build_loss(config["loss"], facts, alike(problem), train=train)
    check_predicts(config, target)
    out_features = width_of(config, target, facts, loss)
    known = {**facts, "out_features": out_features, "num_classes": out_features}
    if config.get("attention"):
        known["attention"] = AttentionFactory(config["attention"])
    generates = bool(getattr(target, "generates", False))
    strategy = strategy_of(config, generates)
    node = config["model"] if weights else without_weights(config["model"])
    with torch.device(device):
        model = build_node("model", node, known)
    if not isinstance(model, torch.nn.Module):
        raise ConfigError(
            f"model={config['model']['name']}", f"built a {type(model).__name__}, expected a torch module"
        )
    with torch.device(device):
        prepare(model, strategy)
        if hasattr(model, "stages"):
            # Libraries convolve pictures up to 1.8 times as fast with the channels of a place side by side.
            model.to(memory_format=torch.channels_last)
    mode = config["checkpoint"]["mode"]
    parts: dict[str, Any] = {
        "model": model,
        "loss": loss,
        "optimizer": OptimizerOf(config["optimizer"]) if train else None,
        "schedule": ScheduleOf(config["schedule"], mode) if train and config.get("schedule") else None,
        "metrics": build_metrics(config, facts),
        "facts": dict(facts),
        "data": data,
    }
    if generates:
        parts["decode"] = build_decode(config.get("decode") or {})
    task: Task = build_node("task", config["task"], parts)
    task.monitor = config["checkpoint"]["monitor"]
    if train:
        penalise(task, config)
        task.full_batch = FullBatch() if full_batch(config) else None
    if train and strategy is not None:
        finetune(task, strategy, config, OptimizerOf, lambda schedule: ScheduleOf(schedule, mode))
    return task


def build_metrics(config: Config, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of a configuration by name.

    Raises:
        ZooError: one does not fit the problem.
    """
    problem = str(facts["problem"])
    built = {}
    for name, node in (config.get("metric") or {}).items():
        fits = getattr(registry().get("metric", node["name"]).load(), "problems", (problem,))
        if alike(problem) not in fits and problem not in fits:
            raise ConfigError(f"metric={name}", f"is for {', '.join(fits)} problems, and the data are {problem}")
        built[name] = build_node("metric", node, {**facts, "task": alike(problem)})
    return built


def preflight(config: Config, data: Any) -> Config:
    """Build everything once on the meta device, before anything is trained or written.

    Args:
        config: a validated configuration.
        data: its data component, set up.

    Returns:
        The completed configuration.

    Raises:
        ZooError: whatever would go wrong when building it for real.
    """
    config = completed(config, data.facts)
    task = assemble(config, data.facts, data, device="meta")
    monitored = [f"val/{name}" for name in ("loss", *(config.get("metric") or {}))]
    watched = config["checkpoint"]["monitor"]
    if watched not in monitored:
        choices = ", ".join(monitored)
        raise ConfigError("checkpoint.monitor", f"{watched!r} is not measured in this run", f"choose one of {choices}")
    _check_facts(config, data)
    _check_inputs(config, task, data)
    _check_loss(config, task, data)
    trainer = config["trainer"]
    if (lack := _no_validation(config, data)) is not None:
        _refuse_watchers(config, lack)
    if 0 in (trainer.get("max_epochs"), trainer.get("max_steps"), trainer.get("limit_train_batches")):
        key = next(one for one in ("max_epochs", "max_steps", "limit_train_batches") if trainer.get(one) == 0)
        raise ConfigError(f"trainer.{key}", "0 trains nothing", "give more")
    _check_course(config, task, data)
    check_trainer(
        config["trainer"],
        lambda world: len(batches_of(data, "train", shuffle=True, seed=config["seed"], world=world)),
    )
    return config


def _check_course(config: Config, task: Task, data: Any) -> None:
    """Whether every optimizer and every schedule can be built, and all stages have time to train.

    Raises:
        ZooError: one cannot.
    """
    trainer = config["trainer"]
    epochs = trainer.get("max_epochs") or 0
    endless = epochs < 0 and (trainer.get("max_steps") or -1) < 0
    optimizers = task.course.rehearse(task.model, None if endless else 100)
    for one in optimizers:
        task.penalties.check(one)
    check_stepping(config, optimizers, task.loss, len(batches_of(data, "train", shuffle=True, seed=config["seed"])))
    if (lack := _no_validation(config, data)) is not None:
        name = f"optimizer={config['optimizer']['name']}"
        if any(keeps_means(one) for one in optimizers):
            raise ConfigError(name, f"has its means evaluated and kept by validation, and {lack[0]}", lack[1])
        if any(watches_validation(one) for one in optimizers):
            raise ConfigError(name, f"watches validation, and {lack[0]}", lack[1])
        if any(getattr(one.schedule, "watches", False) for one in task.course.segments):
            raise ConfigError("finetune.phases", f"a schedule watches validation, and {lack[0]}", lack[1])
    finetuning = task.course.finetuning
    if finetuning is not None and epochs > 0 and (sentence := finetuning.unreached(epochs)):
        say(f"note: finetune={config['finetune']['name']}: {sentence}")


def _check_facts(config: Config, data: Any) -> None:
    """Whether the data say of themselves what their problem needs.

    Raises:
        ConfigError: they do not.
    """
    missing = NEEDED_FACTS.get(str(data.facts["problem"]), frozenset()) - set(data.facts)
    if missing:
        raise ConfigError(f"data={config['data']['name']}", f"does not say {', '.join(sorted(missing))} in its facts")


def _check_inputs(config: Config, task: Task, data: Any) -> None:
    """Whether the model's `forward` takes inputs of the form that the data have.

    Raises:
        ConfigError: it does not.
    """
    inputs = task.model_inputs(data.dataset("train")[0][0])
    try:
        signature = inspect.signature(task.model.forward)
        if isinstance(inputs, Mapping):
            signature.bind(**inputs)
        elif isinstance(inputs, tuple | list):
            signature.bind(*inputs)
        else:
            signature.bind(inputs)
    except TypeError as error:
        names = f"model={config['model']['name']}", f"data={config['data']['name']}"
        raise ConfigError(names[0], f"does not take the inputs of {names[1]}: {error}") from error


def _check_loss(config: Config, task: Task, data: Any) -> None:
    """Whether the loss takes targets of the form that the data have, of two examples.

    Raises:
        ConfigError: it does not.
    """
    if getattr(task, "generates", False):
        return
    dataset = data.dataset("train")
    target = torch.stack([torch.as_tensor(dataset[place][1]) for place in range(min(2, len(dataset)))])
    prediction = torch.zeros(len(target), width_of(config, type(task), data.facts, task.loss))
    try:
        with torch.no_grad():
            task.loss_of(prediction, target)
    except ValueError as error:
        raise ConfigError(f"loss={choice(config['loss'])}", str(error)) from error


def _no_validation(config: Config, data: Any) -> tuple[str, str] | None:
    """Why a run validates nothing, and what to do about it; None if it does."""
    if not data.facts.get("examples", {}).get("val", 1):
        return "there are no validation examples", "set data.val"
    if config["trainer"].get("limit_val_batches") in (0, 0.0):
        return "trainer.limit_val_batches=0 validates nothing", "leave it out"
    return None


def _refuse_watchers(config: Config, lack: tuple[str, str]) -> None:
    """Without validation nothing may wait for its values.

    Args:
        config: completed.
        lack: why there is none, and what to do.

    Raises:
        ConfigError: a schedule or a callback would.
    """
    watchers = [f"callback={name}" for name, node in (config.get("callback") or {}).items() if _watches(node)]
    if config.get("schedule") and ScheduleOf(config["schedule"], "min").watches:
        watchers.append(f"schedule={config['schedule']['name']}")
    if watchers:
        raise ConfigError(watchers[0], f"watches validation, and {lack[0]}", lack[1])


def _watches(node: Mapping[str, Any]) -> bool:
    """Whether a callback waits for validation: it has an option `monitor`, or says that it needs it."""
    return "monitor" in node or bool(
        getattr(registry().get("callback", str(node["name"])).load(), "needs_validation", False)
    )
