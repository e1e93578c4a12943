"""`python -m zoo.train`: one run, a sweep, or a run resumed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.errors import ConfigError, ZooError


def train_command(arguments: list[str]) -> int:
    """Read the command line and train.

    Raises:
        ZooError: whatever the user can mend.
    """
    from zoo.harness.ranks import joined_run

    if joined_run() is not None:
        from zoo.harness.training import train

        train({})
        return 0
    if "--help" in arguments or "-h" in arguments:
        from zoo.commands.help import train_help

        print(train_help(), end="")
        return 0
    if any(argument.startswith("resume=") for argument in arguments):
        return _resume(arguments)
    arguments, config_dir = _take_config_dir(arguments)
    flags = _flags(arguments)
    from zoo.config.composition import check_overrides

    check_overrides(flags.overrides)
    if flags.config_name or flags.config_path:
        raise ConfigError("--config-name", "not supported", "put presets into a folder and give --config-dir FOLDER")
    if flags.cfg == "job":
        return _show(flags.overrides, config_dir)
    if flags.multirun:
        return _sweep(arguments, flags.overrides, config_dir)
    if flags.cfg or flags.info or flags.hydra_help or flags.shell_completion:
        return _hand_to_hydra(arguments, flags.overrides, config_dir)
    return _run(flags.overrides, config_dir)


def _flags(arguments: list[str]) -> Any:
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()

    def refuse(message: str) -> None:
        raise ConfigError("command line", message, "see --help")

    parser.error = refuse  # type: ignore[method-assign,assignment]
    return parser.parse_args(arguments)


def _take_config_dir(arguments: list[str]) -> tuple[list[str], Path | None]:
    """The arguments without `--config-dir`, and the folder it names.

    Raises:
        ConfigError: there is no such folder.
    """
    rest, folder = [], None
    words = iter(arguments)
    for word in words:
        if word in ("--config-dir", "-cd"):
            folder = next(words, "")
        elif word.startswith("--config-dir="):
            folder = word.removeprefix("--config-dir=")
        else:
            rest.append(word)
    if folder is None:
        return rest, None
    if not Path(folder).is_dir():
        raise ConfigError("--config-dir", f"no folder {folder!r}")
    return rest, Path(folder)


def _run(overrides: Sequence[str], config_dir: Path | None) -> int:
    from zoo.config.composition import compose_with_hydra

    config, hydra = compose_with_hydra(overrides, config_dir=config_dir)
    if str(hydra.mode) == "RunMode.MULTIRUN":
        raise ConfigError("hydra.mode", "a sweep is started with -m")
    chosen = any(override.split("=")[0].lstrip("+") == "hydra.run.dir" for override in overrides)
    from zoo.harness.training import train

    run = train(config, hydra.run.dir, overrides=overrides, numbered=not chosen)
    _say_where(run.dir)
    return 0


def _resume(arguments: list[str]) -> int:
    from zoo.commands.options import key_values
    from zoo.harness.training import resume

    values = key_values(arguments)
    folder = str(values.pop("resume") or "")
    if not folder:
        raise ConfigError("resume", "names no folder", "give the one that zoo.train printed")
    run = resume(folder, values)
    _say_where(run.dir)
    return 0


def _say_where(folder: Path) -> None:
    """The last line of a run: its folder, as short as it can be said from here."""
    from zoo.harness.messages import first_process

    relative = os.path.relpath(folder)
    if first_process():
        print(f"run: {folder if relative.startswith('..') else relative}", flush=True)


def _show(overrides: Sequence[str], config_dir: Path | None) -> int:
    import yaml

    from zoo.config.composition import compose

    print(yaml.safe_dump(compose(overrides, config_dir=config_dir), sort_keys=False, allow_unicode=True), end="")
    return 0


# -- sweeps --------------------------------------------------------------------------------------------------------


def _sweep(arguments: list[str], overrides: list[str], config_dir: Path | None) -> int:
    """Check every point, then let Hydra's sweeper and launcher run them."""
    points = sweep_points(overrides, config_dir)
    if points is not None:
        check_points(points, config_dir)
    return _hand_to_hydra(arguments, overrides, config_dir)


def sweep_points(overrides: Sequence[str], config_dir: Path | None = None) -> list[list[str]] | None:
    """The overrides of every point, or `None` where a sweeper other than Hydra's own decides as it goes.

    Raises:
        ZooError: the overrides cannot be read, or bring code into Hydra's own node.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

    from zoo.config.composition import hydra_node
    from zoo.config.explanation import parsed

    fixed = [str(override.input_line) for override in parsed(overrides) if not override.is_sweep_override()]
    hydra = hydra_node(fixed, config_dir=config_dir)
    if not str(hydra.sweeper.get("_target_", "")).endswith("BasicSweeper"):
        return None
    swept = [f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items()]
    rest = [word for word in overrides if not word.lstrip("+~").startswith(("hydra.", "hydra/"))]
    batches = BasicSweeper.split_arguments(parsed([*swept, *rest]), None)
    return [list(point) for batch in batches for point in batch]


def check_points(points: Sequence[Sequence[str]], config_dir: Path | None = None) -> None:
    """Validate every point and build it on the meta device; data are read once a data configuration.

    Raises:
        ZooError: one line for each point that cannot be trained.
    """
    from zoo.config.composition import compose
    from zoo.harness.assembly import preflight
    from zoo.harness.training import set_up

    loaded: tuple[str, Any] = ("", None)  # the newest alone: a sweep over seeds splits the data anew each time
    problems = []
    for number, point in enumerate(points):
        try:
            config = compose(point, config_dir=config_dir)
            key = json.dumps([config["data"], config["seed"], config["task"]], sort_keys=True, default=str)
            if key != loaded[0]:
                loaded = (key, set_up(config))
            preflight(config, loaded[1])
        except ZooError as error:
            problems.append(f"point {number} ({' '.join(point)}): {error}")
    if problems:
        raise ZooError("\n".join([f"{len(problems)} of {len(points)} points cannot be trained; none was", *problems]))


def sweep_job(composed: Any) -> dict[str, float]:
    """One point, called by Hydra's launcher in the folder it made.

    Returns:
        The final metrics, for sweepers that optimise.
    """
    from hydra.core.hydra_config import HydraConfig

    from zoo.config.composition import plain
    from zoo.harness.training import train

    hydra = HydraConfig.get()
    run = train(plain(composed), hydra.runtime.output_dir, overrides=list(hydra.overrides.task))
    _say_where(run.dir)
    return run.metrics


def _hand_to_hydra(arguments: list[str], overrides: list[str], config_dir: Path | None) -> int:
    """Let `hydra.main` do what it does best; its errors come back as ours."""
    import hydra

    from zoo.config.composition import chosen, emptied
    from zoo.config.explanation import explain, of_users
    from zoo.config.source import searching

    sys.argv = [sys.argv[0], *emptied([*arguments, *chosen(overrides)[len(overrides) :]])]
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions are to reach us, not to be printed
    try:
        with searching(config_dir.resolve() if config_dir else None):
            try:
                hydra.main(version_base="1.3", config_path=None, config_name="train")(sweep_job)()
            except Exception as error:
                if not of_users(error):
                    raise
                raise explain(error, overrides) from error
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before
    return 0
