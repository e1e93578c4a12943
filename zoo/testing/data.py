"""The checks of a data component."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from zoo.runs.checkpoints import first_object
from zoo.testing.constructor import plain_defaults, schema_derivable
from zoo.testing.imports import imports_quietly
from zoo.testing.nested import difference, rows, tensors, through_file
from zoo.testing.packaging import entry_point_name, yaml_in_wheel
from zoo.testing.sequences import FACTS, check_references, check_sequences, without_padding
from zoo.testing.subject import Subject
from zoo.testing.suite import Nonconformity, NotApplicable, Rule, Suite, asserting, needs

SPLITS = ("train", "val", "test")
PROBLEMS = ("binary", "multiclass", "multilabel", "regression", "forecast", "seq2seq")
#: Facts that the tasks of this toolkit ask for, by problem.
NEEDED: dict[str, tuple[str, ...]] = {
    "binary": ("num_classes", "class_names"),
    "multiclass": ("num_classes", "class_names"),
    "multilabel": ("num_labels", "class_names"),
    "regression": ("target_names", "target_mean", "target_scale"),
    "forecast": ("in_features", "target_names", "horizon", "season"),
    "seq2seq": FACTS,
}
Source = Callable[[], Any] | Any


@dataclass
class DataSubject(Subject):
    """A data component.

    Attributes:
        source: what `read` is given, or a function that makes it.
    """

    source: Source = None

    @cached_property
    def ready(self) -> Any:
        """An instance that has read its data."""
        data = self.build()
        data.setup()
        return data

    def to_read(self) -> Any:
        """Rows to predict on, anew."""
        return self.source() if callable(self.source) else self.source


def _batch(dataset: Any, data: Any, indices: list[int]) -> Any:
    """A batch as a DataLoader makes it."""
    return data.collate(dataset.__getitems__(indices))


@needs("schema_derivable")
def builds(subject: DataSubject) -> None:
    """It can be built, reads nothing then, and has `batch_size` and `num_workers`."""
    data = subject.build()
    for name in ("batch_size", "num_workers"):
        if not isinstance(getattr(data, name, None), int):
            raise Nonconformity(f"{name} is no number", f"take {name} in the constructor and keep it under that name")
    methods = ("setup", "dataset", "read", "state_dict", "load_state_dict", "collate")
    if lacking := [name for name in methods if not callable(getattr(data, name, None))]:
        raise Nonconformity(f"it has no method {', '.join(lacking)}")


@needs("builds")
def plain_facts(subject: DataSubject) -> None:
    """`setup` reads the data and may be called again; `facts` is plain data with what the task needs."""
    facts = dict(subject.ready.facts)
    subject.ready.setup()
    if difference(facts, dict(subject.ready.facts)) is not None:
        raise Nonconformity("a second setup() changes the facts", "return at once when the data are read")
    if (place := first_object(facts)) is not None or any(True for _ in tensors(facts)):
        raise Nonconformity(f"facts{place or ''} is no plain data", "use numbers, strings, lists and dicts")
    problem = facts.get("problem")
    if problem not in PROBLEMS:
        raise Nonconformity(f"facts['problem'] is {problem!r}", f"make it one of {', '.join(PROBLEMS)}")
    if lacking := [name for name in (*NEEDED.get(problem, ()), "examples") if name not in facts]:
        raise Nonconformity(f"facts lacks {', '.join(lacking)}, which {problem} needs")


@needs("plain_facts")
def batches(subject: DataSubject) -> None:
    """Each split gives whole batches of inputs and targets, of the dtype and width that the facts promise.

    For sequence to sequence: as docs/plugins.md has them, each with its list of right answers.
    """
    data, facts = subject.ready, subject.ready.facts
    for split in SPLITS:
        dataset = data.dataset(split)
        if len(dataset) != facts["examples"].get(split):
            raise Nonconformity(f"{split} has {len(dataset)} examples, facts say {facts['examples'].get(split)}")
        if len(dataset) == 0:
            continue
        indices = list(range(min(4, len(dataset))))
        batch = _batch(dataset, data, indices)
        if facts["problem"] == "seq2seq":
            check_sequences(batch, facts)
            check_references(data, split, batch[1], facts)
        inputs, targets = batch[:2]
        for tensor in (*tensors(inputs), *tensors(targets)):
            if len(tensor) != len(indices):
                raise Nonconformity(f"{split}: a batch of {len(indices)} has a tensor {tuple(tensor.shape)}")
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise Nonconformity(f"{split}: a batch holds NaN or infinity", "fill or refuse missing values")
        _check_width(inputs, facts)
        _check_target(targets, facts, len(indices))


def _check_width(inputs: Any, facts: Mapping[str, Any]) -> None:
    if "in_features" not in facts or not isinstance(inputs, Tensor):
        return
    if inputs.dtype != torch.float32 or inputs.shape[1:] != (facts["in_features"],):
        raise Nonconformity(
            f"inputs are {tuple(inputs.shape)} {inputs.dtype}, expected (B, {facts['in_features']}) torch.float32"
        )


def _check_target(targets: Any, facts: Mapping[str, Any], size: int) -> None:
    problem = facts["problem"]
    if not isinstance(targets, Tensor) or problem == "seq2seq":
        return
    if problem in ("binary", "multiclass"):
        expected: tuple[tuple[int, ...], torch.dtype] = ((size,), torch.int64)
    else:
        width = facts["num_labels"] if problem == "multilabel" else len(facts["target_names"])
        # What MASE divides by stands beside every value of a forecast.
        expected = ((size, width, 2) if problem == "forecast" else (size, width), torch.float32)
    if (tuple(targets.shape), targets.dtype) != expected:
        raise Nonconformity(f"{problem} targets are {tuple(targets.shape)} {targets.dtype}, expected {expected}")
    if targets.dtype == torch.int64 and not 0 <= int(targets.min()) <= int(targets.max()) < facts["num_classes"]:
        raise Nonconformity(f"a class is outside 0 ... {facts['num_classes'] - 1}")


@needs("batches")
def items_equal_batches(subject: DataSubject) -> None:
    """An example does not depend on the batch in which it comes."""
    data, dataset = subject.ready, subject.ready.dataset("train")
    together = _batch(dataset, data, [2, 0, 1] if len(dataset) > 2 else [0])
    alone = _batch(dataset, data, [0])
    position = 1 if len(dataset) > 2 else 0
    row = rows(together, slice(position, position + 1))
    if subject.ready.facts["problem"] == "seq2seq":
        padding = subject.ready.facts["padding_id"]
        row, alone = without_padding(row, padding), without_padding(alone, padding)
    if difference(row, alone) is not None:
        raise Nonconformity("example 0 alone and in a batch differ", "let __getitems__ only select")


def _hashes(data: Any, split: str) -> Counter[bytes]:
    """How often each content occurs in a split."""
    dataset = data.dataset(split)
    parts = 2 if data.facts["problem"] == "seq2seq" else None  # without its number in the split
    count: Counter[bytes] = Counter()
    for index in range(len(dataset)):
        digest = hashlib.sha256()
        batch = _batch(dataset, data, [index])
        for tensor in tensors(batch if parts is None else batch[:parts]):
            digest.update(str((tensor.dtype, tensor.shape)).encode())
            digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
        count[digest.digest()] += 1
    return count


@needs("batches")
def splits_disjoint(subject: DataSubject) -> None:
    """No example is in two splits: none occurs more often in all splits together than in the data."""
    counts = [_hashes(subject.ready, split) for split in SPLITS]
    total = sum(counts, Counter())
    shared = {key for key in total if sum(key in count for count in counts) > 1}
    if not shared:
        return
    try:
        everything = _hashes(subject.ready, "all")
    except (KeyError, ValueError):
        everything = Counter()
    leaked = [key for key in shared if total[key] > everything[key]]
    if leaked:
        raise Nonconformity(
            f"{len(leaked)} examples are in more than one split", "give each row to one split, duplicates together"
        )


@needs("batches")
def deterministic(subject: DataSubject) -> None:
    """A second instance with the same options and seed gives the same splits, whatever the global generators do."""
    other = subject.build()
    torch.rand(7)
    other.setup()
    if (place := difference(dict(subject.ready.facts), dict(other.facts))) is not None:
        raise Nonconformity(f"a second instance has other facts, at {place}", "use the option `seed` only")
    for split in SPLITS:
        if _hashes(subject.ready, split) != _hashes(other, split):
            raise Nonconformity(f"a second instance has another {split} split", "use the option `seed` only")


@needs("batches")
def state_dict_round_trip(subject: DataSubject) -> None:
    """Its state is plain data; an instance that loads it knows the facts without reading the training data."""
    state = subject.ready.state_dict()
    if any(True for _ in tensors(state)):
        raise Nonconformity("state_dict() holds tensors", "use numbers, strings, lists and dicts")
    fresh = subject.build()
    fresh.load_state_dict(through_file(state, "state_dict()"))
    if (place := difference(dict(subject.ready.facts), dict(fresh.facts))) is not None:
        raise Nonconformity(f"an instance with the loaded state has other facts, at {place}")
    if (place := difference(state, fresh.state_dict())) is not None:
        raise Nonconformity(f"state_dict() does not come back, at {place}")


@needs("state_dict_round_trip")
def reads_for_prediction(subject: DataSubject) -> None:
    """`read` gives inputs without targets, the same from an instance that only loaded the state."""
    if subject.source is None:
        raise NotApplicable("the test gives no source=...")
    fresh = subject.build()
    fresh.load_state_dict(through_file(subject.ready.state_dict(), "state_dict()"))
    read = [(data, data.read(subject.to_read())) for data in (subject.ready, fresh)]
    if len({len(dataset) for _, dataset in read}) > 1 or not len(read[0][1]):
        raise Nonconformity(f"read() gives {' and '.join(str(len(dataset)) for _, dataset in read)} rows")
    one, other = (_batch(dataset, data, list(range(len(dataset)))) for data, dataset in read)
    if isinstance(one, tuple) and isinstance(_batch(subject.ready.dataset("train"), subject.ready, [0])[0], Tensor):
        raise Nonconformity("read() gives a tuple where training has a tensor", "leave the target out")
    _check_width(one, subject.ready.facts)
    if difference(one, other) is not None:
        raise Nonconformity("preprocessing from the loaded state differs", "put all of it into state_dict()")


RULES: tuple[Rule, ...] = (
    schema_derivable,
    plain_defaults,
    imports_quietly,
    builds,
    plain_facts,
    batches,
    items_equal_batches,
    splits_disjoint,
    deterministic,
    state_dict_round_trip,
    reads_for_prediction,
    entry_point_name,
    yaml_in_wheel,
)


def data_checks(
    target: str,
    *,
    config: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
    source: Source = None,
) -> Suite:
    """The checks of a data component, one by one: for `pytest.mark.parametrize("check", data_checks(...))`.

    Args:
        target: `package.module:attribute`, a class or factory.
        config: options of its constructor.
        expected_failures: reason by name of a check that fails and may. It must fail then.
        facts: what a run would inject: `seed` 0, and these.
        source: rows to predict on, as `read` takes them, or a function that makes them; None skips that check.
    """
    subject = DataSubject("data", target, config or {}, {"seed": 0, **(facts or {})}, source)
    return Suite(subject, target, RULES, expected_failures)


check_data = asserting(data_checks)
