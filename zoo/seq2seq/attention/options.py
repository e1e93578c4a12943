"""The options that every attention shares, as types for the signature of a factory."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval

Size = Annotated[int, Ge(1)]
#: Which positions a step may attend to; see `zoo.seq2seq.attention.scopes`.
Scope = Literal["global", "local_m", "local_p"]
#: How weights follow from energies; see `zoo.seq2seq.attention.selections`.
Selection = Literal["softmax", "top_k", "sparsemax", "entmax", "gumbel", "hard"]
#: D: a local scope attends to the 2D + 1 positions around its centre.
Window = Annotated[int, Ge(1)]
#: Energies are divided by it.
Temperature = Annotated[float, Gt(0)]
#: Number of positions that `top_k` keeps.
TopK = Annotated[int, Ge(1)]
#: α of `entmax`: 1 is softmax, 2 sparsemax.
Alpha = Annotated[float, Interval(ge=1, le=2)]
