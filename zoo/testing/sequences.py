"""What is asked of data for sequence to sequence beyond the other checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.testing.nested import map_tensors
from zoo.testing.suite import Nonconformity

#: Facts that sequence-to-sequence tasks ask for.
FACTS = ("source_vocab_size", "target_vocab_size", "padding_id", "unknown_id", "begin_id", "end_id")


def without_padding(batch: Any, padding: int) -> Any:
    """A batch of one example, cut where padding begins."""

    def cut(tensor: Tensor) -> Tensor:
        if tensor.dim() < 2:
            return tensor
        real = (tensor != padding).any(0).nonzero()
        return tensor[:, : int(real[-1]) + 1 if len(real) else 0]

    return map_tensors(cut, batch)


def check_sequences(batch: Any, facts: Mapping[str, Any]) -> None:
    """Raise where a batch is not `({"source", "prefix"}, target, examples)` as docs/plugins.md has it."""
    if not isinstance(batch, tuple) or len(batch) != 3 or not {"source", "prefix"} <= set(batch[0]):
        raise Nonconformity(
            "a batch is not (inputs, target, examples)", 'give ({"source": ..., "prefix": ...}, target, examples)'
        )
    inputs, target, _ = batch
    source, prefix = inputs["source"], inputs["prefix"]
    for name, ids, size in (
        ("source", source, facts["source_vocab_size"]),
        ("prefix", prefix, facts["target_vocab_size"]),
        ("target", target, facts["target_vocab_size"]),
    ):
        if ids.dtype != torch.int64 or ids.dim() != 2:
            raise Nonconformity(f"{name} is {tuple(ids.shape)} {ids.dtype}, expected (B, T) torch.int64")
        if not 0 <= int(ids.min()) <= int(ids.max()) < size:
            raise Nonconformity(f"{name} has an id outside 0 ... {size - 1}")
    for row in range(len(target)):
        real = {
            one: ids[row][ids[row] != facts["padding_id"]].tolist()
            for one, ids in (*inputs.items(), ("target", target))
        }
        _check_row(real["source"], real["prefix"], real["target"], facts)


def _check_row(source: list[int], prefix: list[int], target: list[int], facts: Mapping[str, Any]) -> None:
    begin, end = facts["begin_id"], facts["end_id"]
    if source[-1:] != [end] or target[-1:] != [end]:
        raise Nonconformity("a source or target lacks its end", "let both end with end_id")
    if prefix != [begin, *target[:-1]]:
        raise Nonconformity(
            "prefix is not the target moved by one", "begin with begin_id, then all of target but its end"
        )


def check_references(data: Any, split: str, targets: Tensor, facts: Mapping[str, Any]) -> None:
    """Raise where the right answers do not belong to the examples, of which the first few targets are given."""
    references = data.references(split)
    if len(references) != facts["examples"].get(split):
        raise Nonconformity(f"references({split!r}) has {len(references)} entries", "give a list for every example")
    for row, right in zip(targets.tolist(), references, strict=False):
        if facts["unknown_id"] not in row and data.decode(row) not in right:
            raise Nonconformity(f"{split}: decode() of a target is not among its references", "give texts as decoded")
