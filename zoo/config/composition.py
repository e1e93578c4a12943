"""From overrides to one plain, validated configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from zoo.config.explanation import explain, of_users, parsed
from zoo.config.groups import OF_A_TERM, PRESETS, SEVERAL, SINGLE
from zoo.config.installed import registry
from zoo.config.safety import refuse_in_hydra, refuse_override, refuse_targets
from zoo.config.source import searching
from zoo.config.validation import validate
from zoo.errors import ConfigError, ZooError


def compose(overrides: Sequence[str] = (), *, config_dir: str | Path | None = None) -> dict[str, Any]:
    """Compose a configuration as `python -m zoo.train` would, and validate it.

    Args:
        overrides: as on the command line: `["model=mlp", "optimizer.lr=0.001"]`.
        config_dir: a folder of further presets, searched first.

    Returns:
        Plain dicts, lists and scalars, every interpolation resolved.

    Raises:
        ZooError: whatever is wrong with it, in one line an error.
    """
    return compose_with_hydra(overrides, config_dir=config_dir)[0]


def compose_with_hydra(
    overrides: Sequence[str] = (), *, config_dir: str | Path | None = None, check: bool = True
) -> tuple[dict[str, Any], DictConfig]:
    """As `compose`, with Hydra's own node (run and sweep folders, sweeper) beside it; `check` validates.

    Raises:
        ZooError: as `compose`.
    """
    check_overrides(overrides)
    if config_dir is not None and not Path(config_dir).is_dir():
        raise ConfigError("config_dir", f"no folder {str(config_dir)!r}")
    with searching(Path(config_dir).resolve() if config_dir is not None else None):
        try:
            composed = _composed(overrides)
            own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
            config = plain(own)
        except Exception as error:
            if not of_users(error):
                raise
            problems = [str(explain(error, overrides)), *_further_problems(overrides)]
            raise ZooError("\n".join(dict.fromkeys(problems))) from error
    if check:
        validate(config)
    return config, composed.hydra


def hydra_node(overrides: Sequence[str], *, config_dir: Path | None = None) -> DictConfig:
    """Hydra's own node alone: what a sweep needs to know before its points are composed.

    Raises:
        ZooError: an override cannot be, or Hydra's node holds code.
    """
    check_overrides(overrides)
    with searching(config_dir):
        try:
            node: DictConfig = _composed(overrides).hydra
        except Exception as error:
            if not of_users(error):
                raise
            raise explain(error, overrides) from error
    return node


def _composed(overrides: Sequence[str]) -> DictConfig:
    """Hydra's composition, checked for code in Hydra's own node; another Hydra application is set aside for it."""
    outer, GlobalHydra.instance().hydra = GlobalHydra.instance().hydra, None
    try:
        with hydra.initialize(version_base="1.3", config_path=None, job_name="train"):
            composed = hydra.compose("train", overrides=emptied(chosen(overrides)), return_hydra_config=True)
    finally:
        GlobalHydra.instance().hydra = outer
    refuse_in_hydra(composed)
    return composed


def _further_problems(overrides: Sequence[str]) -> Iterator[str]:
    """What is wrong with each override by itself: Hydra stops at the first, a user wants to see all."""
    choices = [str(one.input_line) for one in parsed(overrides) if one.key_or_group in (*SINGLE, *SEVERAL, *PRESETS)]
    for one in parsed(overrides):
        line = str(one.input_line)
        if line in choices or one.is_sweep_override():
            continue
        try:
            _composed([*choices, line])
        except Exception as error:
            if of_users(error):
                yield str(explain(error, [*choices, line]))


def chosen(overrides: Sequence[str]) -> list[str]:
    """The overrides, and what follows from them.

    The experiment of train.yaml is what a command line trains that chooses neither data nor model nor task; it makes
    room for those that do. Data may name the model that usually goes with them, in an attribute `usual_model`.
    """
    groups = {one.key_or_group: one for one in parsed(overrides)}
    if "experiment" in groups or not groups.keys() & {"data", "model", "task"}:
        return list(overrides)
    model = None if "model" in groups or "data" not in groups else _usual_model(groups["data"])
    return [*overrides, "~experiment", *([f"model={model}"] if model else [])]


def _usual_model(data: Override) -> str | None:
    """The model that the chosen data name, if they do.

    Raises:
        ConfigError: a sweep over data that name different ones.
    """
    names = [str(one) for one in data.sweep_iterator()] if data.is_sweep_override() else [str(data.value())]
    models = {}
    for name in names:
        try:
            models[name] = getattr(registry().get("data", name).load(), "usual_model", None)
        except ZooError:  # a preset, or a name that composition will complain of
            models[name] = None
    if len(set(models.values())) > 1:
        raise ConfigError("data", f"{' and '.join(models)} usually go with different models", "choose one: model=NAME")
    return models[names[0]]


def emptied(overrides: Sequence[str]) -> list[str]:
    """The overrides as Hydra says them: `group=[]` for `group=null`, and each loss of a sum by itself."""
    nothing = {f"{kind}=null" for kind in (*SINGLE, *SEVERAL)}
    said: list[str] = []
    for one in overrides:
        said += [f"{one.partition('=')[0]}=[]"] if one in nothing else _summed(one)
    return said


def _summed(override: str) -> list[str]:
    """`loss=[a,b]` as two nodes under `loss`, with what a sum gives to each; any other override as it is."""
    value = parsed([override])[0].value() if override.startswith("loss=[") else []
    if not isinstance(value, list) or len(value) < 2:
        return [override]
    said = ["loss=[]"]
    for choice in map(str, value):
        name = choice.rpartition(":")[2]
        said += [f"+loss@loss.{name}={choice}"]
        said += [f"++loss.{name}.{key}={option.default}" for key, option in OF_A_TERM.items()]
    return said


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse overrides that name code, that cannot be read, or that climb out of the configuration folders.

    Raises:
        ZooError: the first such override.
    """
    for override in overrides:
        refuse_override(override)
    for one in parsed(overrides):
        value = one.value()
        if one.key_or_group == "loss":
            _check_sum(one)
        elif one.key_or_group in SINGLE and isinstance(value, list) and len(value) > 1:
            raise ConfigError(one.key_or_group, f"takes one name, got {len(value)}")


def _check_sum(loss: Override) -> None:
    """Refuse sums of losses that cannot be told apart, or that change from point to point.

    Raises:
        ConfigError: a loss stands twice in a list, or a sweep has lists.
    """
    if loss.is_sweep_override():
        if any(str(one).startswith("[") for one in loss.sweep_string_iterator()):
            raise ConfigError("loss", "a sweep cannot have sums", "sweep over a weight in one: loss.NAME.weight=0,1")
        return
    value = loss.value()
    names = [str(one) for one in value] if isinstance(value, list) else []
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError("loss", f"{twice} is there twice", "give it a weight: loss.NAME.weight")


def plain(composed: DictConfig) -> dict[str, Any]:
    """The composed configuration as plain data, its unused groups `None`.

    Raises:
        ZooError: it names code somewhere.
        OmegaConfBaseException: a mandatory value is missing, or an interpolation leads nowhere.
    """
    config = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    assert isinstance(config, dict)
    refuse_targets(config, "configuration")
    ordered: dict[str, Any] = {"seed": config.pop("seed", 0)}
    for kind in (*SINGLE, *SEVERAL):
        ordered[kind] = config.pop(kind, None) or None
    config.pop("experiment", None)
    return ordered | {str(key): value for key, value in config.items()}
