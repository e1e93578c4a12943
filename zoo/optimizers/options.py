"""Annotations that options of several optimizers share."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Interval

from zoo.registry import Names

NonNegative = Annotated[float, Ge(0)]
#: Of a running mean: how much of it is kept a step.
Share = Annotated[float, Interval(ge=0, lt=1)]
#: The name of another optimizer, or `{name: ..., option: ...}`; a constructor gets what builds it from `params`.
Inner = Annotated[Any, Names("optimizer")]
