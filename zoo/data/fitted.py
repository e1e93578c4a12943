"""What training leaves behind for prediction, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.data.preprocessing import Category, Feature, features_from_state, features_to_state
from zoo.data.table import Table, listed
from zoo.data.targets import Target


@dataclass(frozen=True)
class Fitted:
    """All that prediction needs when the training data are gone.

    Args:
        columns: of the training file, in order.
        target: what is predicted.
        features: how columns become inputs.
        examples: number of rows in each split.
    """

    columns: list[str]
    target: Target
    features: list[Feature]
    examples: dict[str, int] = field(default_factory=dict)

    @property
    def as_text(self) -> set[str]:
        """Columns whose cells are kept as they are written."""
        written = {f.name for f in self.features if isinstance(f, Category) and f.as_text}
        return written | set(self.target.names if self.target.as_text else ())

    @property
    def layouts(self) -> list[list[str]]:
        """What the columns of a file without a header may be, told apart by their number."""
        without = [name for name in self.columns if name not in self.target.names]
        return [self.columns, without, [feature.name for feature in self.features]]

    def to_state(self) -> dict[str, Any]:
        """Plain data, for a checkpoint."""
        return asdict(self) | {"features": features_to_state(self.features)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Fitted:
        """The same again."""
        target, features = Target(**state["target"]), features_from_state(state["features"])
        return cls(list(state["columns"]), target, features, dict(state["examples"]))


def require_columns(table: Table, names: Sequence[str]) -> None:
    """Raise the DataError that names every absent column."""
    absent = [name for name in names if name not in table.names]
    if absent:
        plural = "s" if len(absent) > 1 else ""
        has = listed(table.names, at_most=10)
        raise table.error(f"column{plural} {listed(absent)} missing", f"the file has {has}")
