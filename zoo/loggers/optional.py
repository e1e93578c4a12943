"""Loggers of services, each an extra."""

from __future__ import annotations

from importlib.util import find_spec

from pytorch_lightning.loggers import MLFlowLogger, WandbLogger

from zoo.errors import ZooError


def _require(module: str, extra: str) -> None:
    if find_spec(module) is None:
        raise ZooError(f"logger={extra} needs an extra: pip install 'attention-zoo[{extra}]'")


def mlflow(
    save_dir: str,
    experiment_name: str = "attention-zoo",
    run_name: str | None = None,
    tracking_uri: str | None = None,
) -> MLFlowLogger:
    """MLflow; without `tracking_uri` it writes into the run's log folder.

    Args:
        save_dir: the run's log folder, injected.
        experiment_name: the experiment that runs are listed under.
        run_name: name of this run.
        tracking_uri: address of a tracking server.

    Raises:
        ZooError: the extra `mlflow` is not installed.
    """
    _require("mlflow", "mlflow")
    return MLFlowLogger(experiment_name, run_name, tracking_uri=tracking_uri, save_dir=f"{save_dir}/mlflow")


def wandb(
    save_dir: str, project: str = "attention-zoo", run_name: str | None = None, offline: bool = False
) -> WandbLogger:
    """Weights & Biases.

    Args:
        save_dir: the run's log folder, injected.
        project: the project that runs are listed under.
        run_name: name of this run.
        offline: write files only, to be synchronised later.

    Raises:
        ZooError: the extra `wandb` is not installed.
    """
    _require("wandb", "wandb")
    return WandbLogger(name=run_name, save_dir=save_dir, project=project, offline=offline)
