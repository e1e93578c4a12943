"""A trained run: its metrics, its model, its predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import torch
from lightning_fabric.utilities import move_data_to_device
from torch import Tensor

from zoo.errors import ConfigError, RunError
from zoo.harness.assembly import assemble, build_data
from zoo.harness.batches import Batches, loader_of
from zoo.harness.messages import say
from zoo.runs.checkpoints import read_checkpoint
from zoo.runs.folder import RunFolder
from zoo.runs.provenance import check_components


class Run:
    """A run folder with results in it.

    Attributes:
        dir: the folder.
        metrics: final metrics by name.
        config: the resolved configuration.
    """

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.dir = folder.path
        self.metrics: dict[str, float] = folder.read_metrics()
        self.config: dict[str, Any] = folder.read_config()
        self._model: LoadedModel | None = None

    @property
    def model(self) -> LoadedModel:
        """The best checkpoint, loaded at first use."""
        if self._model is None:
            self._model = load(self.dir)
        return self._model

    def predict(self, source: Any) -> list[dict[str, Any]]:
        """Predictions of the best checkpoint; see `LoadedModel.predict`."""
        return self.model.predict(source)

    def __repr__(self) -> str:
        return f"Run({str(self.dir)!r})"


class LoadedModel:
    """A trained model, ready to use.

    Attributes:
        task: the module with the best weights, in evaluation mode.
        data: the data component with its fitted preprocessing.
        config: the configuration it was trained with.
        components: origin of every component it is made of.
        facts: what training found out about the data.
        folder: where the checkpoint lies.
    """

    def __init__(self, checkpoint: Mapping[str, Any], where: Path) -> None:
        header = checkpoint["zoo"]
        self.folder = where.parent
        self.config: dict[str, Any] = dict(header["config"])
        self.components: list[dict[str, Any]] = list(header["components"])
        self.facts: dict[str, Any] = dict(header["facts"])
        for sentence in check_components(self.components, where):
            say(f"note: {sentence}")
        self.data = build_data(self.config)
        self.data.load_state_dict(header["data"])
        self.task = assemble(self.config, self.facts, train=False)
        try:
            self.task.load_state_dict(checkpoint["state_dict"])
        except RuntimeError as error:
            problem = " ".join(str(error).split())
            raise RunError(where, f"its weights do not fit its configuration: {problem}") from error
        self.task.eval().requires_grad_(False)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.task.to(self.device)

    def predict(self, source: str | Path | TextIO | Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Predict for the rows of a file, an open text file, or a list of records.

        Returns:
            One flat record a row: for classification `prediction`, `probability` and `p(class)`; for regression
            `prediction` in original units.

        Raises:
            DataError: the rows are not what the model was trained on; says where.
        """
        if isinstance(source, Sequence) and not isinstance(source, str):
            if not source:
                return []
            if not hasattr(self.data, "read_records"):
                raise ConfigError(f"data={self.config['data']['name']}", "reads no records", "give it a file")
            dataset = self.data.read_records(source)
        elif isinstance(source, str | Path) or hasattr(source, "read"):
            dataset = self.data.read(source)
        else:
            raise ConfigError("predict", f"cannot read a {type(source).__name__}", "give a file or a list of records")
        rows: list[dict[str, Any]] = []
        for outputs in self._outputs(dataset):
            rows += self.task.rows(outputs)
        return rows

    @torch.inference_mode()
    def _outputs(self, dataset: Any) -> Iterable[Tensor]:
        size = max(256, getattr(self.data, "batch_size", 32))
        for batch in loader_of(self.data, dataset, Batches(len(dataset), size, shuffle=False)):
            inputs = move_data_to_device(batch, self.device)
            yield self.task.outputs(self.task.predict_from(inputs)).cpu()


def load(path: str | Path) -> LoadedModel:
    """The model of a finished run, from its folder or from one checkpoint file.

    Raises:
        ZooError: there is none, it is damaged or unsafe, or a plugin it needs is missing.
    """
    path = Path(path)
    if path.is_file():
        return LoadedModel(read_checkpoint(path), path)
    folder = RunFolder.open(path)
    if not folder.best.exists():
        raise RunError(path, "has no best checkpoint yet", f"train it with resume={path}")
    return LoadedModel(read_checkpoint(folder.best), folder.best)
