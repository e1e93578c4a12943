"""A trained run: its metrics, its model, its predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from lightning_fabric.utilities import move_data_to_device

from zoo.config.decode import build_decode, changed_decode
from zoo.errors import ConfigError, RunError
from zoo.harness.assembly import assemble, build_data
from zoo.harness.batches import Batches, PlannedBatches, loader_of
from zoo.harness.lightning import precision
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
        companions: the other runs of an ensemble.
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
        self.task = assemble(self.config, self.facts, self.data, train=False)
        try:
            self.task.load_state_dict(checkpoint["state_dict"])
        except RuntimeError as error:
            problem = " ".join(str(error).split())
            raise RunError(where, f"its weights do not fit its configuration: {problem}") from error
        self.task.eval()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.task.to(self.device)
        self.companions: list[LoadedModel] = []

    @property
    def generates(self) -> bool:
        """Whether its predictions are searched for, token by token."""
        return bool(getattr(self.task, "generates", False))

    @property
    def sees(self) -> bool:
        """Whether its inputs are pictures, and it has stages by which what it sees can be shown."""
        return hasattr(self.data, "channels") and callable(getattr(self.task.model, "stages", None))

    def join(self, others: Sequence[LoadedModel]) -> None:
        """Make an ensemble with other runs."""
        self.companions = list(others)
        join: Callable[[list[Any]], None] = getattr(self.task, "join")  # noqa: B009
        join([other.task for other in others])

    def set_decode(self, options: Mapping[str, Any]) -> None:
        """Change how predictions are searched for.

        Args:
            options: of the group `decode`, by name.

        Raises:
            ZooError: the model does not generate, or an option does not fit.
        """
        if not options:
            return
        if not self.generates:
            raise ConfigError(f"decode.{next(iter(options))}", "this model has nothing to decode", "leave it out")
        self.config["decode"] = changed_decode(self.config.get("decode") or {}, options)
        self.task.decode = build_decode(self.config["decode"])

    def predict(
        self, source: str | Path | TextIO | Sequence[Any], *, batch_size: int | None = None, details: bool = True
    ) -> list[dict[str, Any]]:
        """Predict for the rows of a file, an open text file, or a list of records.

        Args:
            source: what to predict for. A model that reads text takes a list of texts too.
            batch_size: examples computed at once; no prediction depends on it.
            details: of sequences, whether all hypotheses with tokens and alignments are wanted, which take memory.

        Returns:
            One record a row: for classification `prediction`, `probability` and `p(class)`, after the `file` where rows
            are files; for regression `prediction` in original units; for sequence to sequence `prediction`, its score,
            and all hypotheses.

        Raises:
            DataError: the rows are not what the model was trained on; says where.
        """
        return self.predictions(self.read(source), batch_size=batch_size, details=details)

    def predictions(self, dataset: Any, *, batch_size: int | None = None, details: bool = True) -> list[dict[str, Any]]:
        """As `predict`, for what `read` has returned."""
        if dataset is None:
            return []
        every: Callable[[Any], list[dict[str, Any]]] = self.task.predictions
        chosen = every if details else getattr(self.task, "summaries", every)
        records = self.over(dataset, chosen, batch_size=batch_size)
        if not hasattr(dataset, "identity"):
            return records
        return [{**dataset.identity(place), **record} for place, record in enumerate(records)]

    def read(self, source: str | Path | TextIO | Sequence[Any]) -> Any:
        """What `predict` is given, as a data set; `None` for an empty list.

        Raises:
            ZooError: it cannot be read.
        """
        if isinstance(source, str | Path) or hasattr(source, "read"):
            return self.data.read(source)
        if not isinstance(source, Sequence):
            raise ConfigError("predict", f"cannot read a {type(source).__name__}", "give a file or a list of records")
        if not source:
            return None
        if not hasattr(self.data, "read_records"):
            raise ConfigError(f"data={self.config['data']['name']}", "reads no records", "give it a file")
        if self.generates:
            source = [{"source": one} if isinstance(one, str) else one for one in source]
        return self.data.read_records(source)

    @torch.no_grad()  # in inference mode, autocast would cast every weight anew in every step
    def over(
        self, dataset: Any, function: Callable[[Any], list[dict[str, Any]]], *, batch_size: int | None = None
    ) -> list[dict[str, Any]]:
        """The records that a function of batches gives, in the order of the data set.

        Args:
            dataset: of `read`.
            function: of a collated batch, on the model's device.
            batch_size: examples a batch.
        """
        batches = self._batches(dataset, batch_size)
        order = [index for batch in batches for index in batch]
        records: list[dict[str, Any]] = [{}] * len(order)
        done: Iterator[int] = iter(order)
        with self._autocast():
            for batch in loader_of(self.data, dataset, batches):
                for record in function(move_data_to_device(batch, self.device)):
                    records[next(done)] = record
        return records

    def _batches(self, dataset: Any, batch_size: int | None) -> Batches:
        """Batches in order; of sources of like length where the data set says how long they are."""
        if not self.generates:
            size = batch_size or max(256, getattr(self.data, "batch_size", 32))
            return Batches(len(dataset), size, shuffle=False)
        lengths = getattr(dataset, "lengths", np.zeros(len(dataset)))
        order = np.argsort(-np.asarray(lengths), kind="stable")
        size = batch_size or 64
        plan = [order[start : start + size] for start in range(0, len(order), size)]
        return PlannedBatches(lambda epoch: plan, len(dataset), shuffle=False)

    def _autocast(self) -> AbstractContextManager[Any]:
        """Generation computes as training did; other predictions are computed in full precision."""
        if self.generates and precision(self.config["trainer"].get("precision")) in ("bf16-mixed", "bf16"):
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()


def load(path: str | Path | Sequence[str | Path], *, average: bool = False) -> LoadedModel:
    """The model of a finished run, from its folder or from one checkpoint file.

    Args:
        path: of the run; several of sequence-to-sequence runs make an ensemble, whose probabilities are averaged.
        average: take the mean of the weights of all checkpoints that `checkpoint.keep` has kept.

    Raises:
        ZooError: there is none, it is damaged or unsafe, or a plugin it needs is missing.
    """
    if isinstance(path, str | Path):
        return _load_one(Path(path), average)
    first, *rest = [_load_one(Path(one), average) for one in path]
    for other, where in zip(rest, path[1:], strict=True):
        if not (hasattr(first.task, "join") and hasattr(other.task, "join")):
            raise RunError(str(where), "only sequence-to-sequence runs can be an ensemble", "give one run")
        if not hasattr(first.data, "same_target_vocabulary"):
            name = f"data={first.config['data']['name']}"
            raise ConfigError(name, "cannot say whether target vocabularies are the same", "give one run")
        if not first.data.same_target_vocabulary(other.data):
            raise RunError(str(where), f"its target vocabulary differs from that of {path[0]}", "use the same data")
    if rest:
        first.join(rest)
    return first


def _load_one(path: Path, average: bool) -> LoadedModel:
    if path.is_file():
        return LoadedModel(read_checkpoint(path), path)
    folder = RunFolder.open(path)
    if not folder.best.exists():
        raise RunError(path, "has no best checkpoint yet", f"train it with resume={path}")
    checkpoint = read_checkpoint(folder.best)
    if average:
        others = [read_checkpoint(one)["state_dict"] for one in folder.kept]
        if len(others) < 2:
            raise RunError(path, "kept one checkpoint, so there is nothing to average", "train with checkpoint.keep=5")
        checkpoint["state_dict"] = mean_of(others)
    return LoadedModel(checkpoint, folder.best)


def mean_of(state_dicts: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of every floating-point tensor over several state dicts; others are the first's."""
    mean = {}
    for name, first in state_dicts[0].items():
        if first.is_floating_point():
            total = sum((one[name].double() for one in state_dicts), torch.zeros_like(first, dtype=torch.float64))
            mean[name] = (total / len(state_dicts)).to(first.dtype)
        else:
            mean[name] = first
    return mean
