"""From columns to inputs: gaps filled, scaled, one-hot; fitted on the training rows, kept as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.data.table import Floats, Table, as_numbers, as_texts, natural_order

Transform = Literal["standard", "quantile", "none"]
FeatureKind = Literal["number", "boolean", "category"]
Floats32 = NDArray[np.float32]
Rows = NDArray[np.int64]

_FIX = "correct it, leave it empty, or name it in data.missing or the column in data.categorical"
_EDGE = 1e-7  # how near to 0 and 1 a quantile may come, as in scikit-learn's QuantileTransformer


@dataclass(frozen=True)
class Number:
    """A numeric or boolean column: gap filled, scaled to (x - center) / scale or to a normal quantile.

    Args:
        name: of the column.
        boolean: 0 and 1, not scaled.
        fill: what stands for a missing value: the median of the training rows (booleans: the commoner value).
        indicator: whether a second input says 1 where the value was missing: where training had gaps.
        center: subtracted.
        scale: divided by.
        quantiles: of the training rows, evenly spaced from 0 to 1, where the transform is "quantile".
    """

    name: str
    boolean: bool = False
    fill: float = 0.0
    indicator: bool = False
    center: float = 0.0
    scale: float = 1.0
    quantiles: list[float] = field(default_factory=list)

    @property
    def inputs(self) -> list[str]:
        """What each input is called."""
        return [self.name, f"{self.name} missing"] if self.indicator else [self.name]


@dataclass(frozen=True)
class Category:
    """A categorical column: one input for each category of the training rows, 1 where it is that one.

    Args:
        name: of the column.
        categories: those of the training rows; any other makes every input 0.
        missing: whether a missing value is a category of its own: where training had gaps.
        as_text: whether the cells are to be read as they are written.
    """

    name: str
    categories: list[str] = field(default_factory=list)
    missing: bool = False
    as_text: bool = True

    @property
    def inputs(self) -> list[str]:
        """What each input is called."""
        names = [f"{self.name}={category}" for category in self.categories]
        return [*names, f"{self.name} missing"] if self.missing else names


Feature = Number | Category


def fit_features(
    table: Table, kinds: Mapping[str, FeatureKind], rows: Rows, transform: Transform, max_categories: int
) -> list[Feature]:
    """Learn from the training rows of a table how its columns become inputs.

    Args:
        table: all rows.
        kinds: what each feature column is.
        rows: the training rows, (n,); no other is looked at.
        transform: of numbers.
        max_categories: of one column.

    Returns:
        One feature a column; a column that is missing in all training rows is left out, with a note.

    Raises:
        DataError: text in a numeric column, too many categories, or no column left.
    """
    features: list[Feature] = []
    for name, kind in kinds.items():
        if kind == "category":
            column = table.get(name)
            codes, names = as_texts(column)
            seen = np.unique(codes[rows])
            categories = natural_order(names[code] for code in seen if code >= 0)
            _limit_categories(table, name, categories, max_categories)
            gaps = bool((seen < 0).any())
            feature: Feature = Category(name, categories, missing=gaps, as_text=column.kind == "text")
            empty = not categories
        else:
            values = as_numbers(table, name, boolean=kind == "boolean", remedy=_FIX)[rows]
            empty = bool(np.isnan(values).all())
            feature = Number(name) if empty else fit_number(name, values, transform, boolean=kind == "boolean")
        if empty:
            table.notes.append(f"column {name!r} has no value in the training rows and is left out")
        else:
            features.append(feature)
    if not features:
        raise table.error("no column is left as a feature", "name columns in data.features")
    return features


def fit_number(name: str, values: Floats, transform: Transform, boolean: bool = False) -> Number:
    """Median, scale and quantiles of one column.

    Args:
        name: of the column.
        values: the training rows, (n,), NaN where missing, not all of them.
        transform: "standard": mean 0 and standard deviation 1; "quantile": to a normal distribution, for
            heavy tails, as Gorishniy et al. (2021) prepare tables; "none".
        boolean: 0 and 1.
    """
    missing = np.isnan(values)
    fill = float(np.median(values[~missing]))
    if boolean:
        return Number(name, True, fill=float(fill >= 0.5), indicator=bool(missing.any()))
    filled = np.where(missing, fill, values)
    center, scale, quantiles = 0.0, 1.0, []
    if transform == "standard":
        center, scale = mean_and_scale(filled)
    elif transform == "quantile":
        count = min(max(min(len(filled) // 30, 1000), 10), len(filled))  # as Gorishniy et al.
        quantiles = np.percentile(filled, np.linspace(0, 100, count)).tolist()
    return Number(name, False, fill, bool(missing.any()), center, scale, quantiles)


def mean_and_scale(values: Floats) -> tuple[float, float]:
    """Mean and standard deviation (divided by n); the latter is 1 where the values differ by rounding only.

    The bound on rounding is scikit-learn's.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # apply_features names the row that is too large
        mean, variance = float(values.mean()), float(values.var())
    rounding = np.finfo(np.float64).eps
    constant = variance <= len(values) * rounding * variance + (len(values) * mean * rounding) ** 2
    return mean, 1.0 if constant else float(np.sqrt(variance))


def normal_quantiles(values: Floats, quantiles: Sequence[float]) -> Floats:
    """Where values stand among the quantiles, as quantiles of the standard normal distribution.

    Between two quantiles the place is interpolated; in a run of equal ones it is the middle of the run,
    or the end where the run is the lowest or the highest.

    Args:
        values: (n,).
        quantiles: rising, evenly spaced from probability 0 to 1, (k,).

    Returns:
        (n,), within ±5.2.
    """
    import torch

    points = np.asarray(quantiles)
    places = np.linspace(0, 1, len(points))
    probability = 0.5 * (np.interp(values, points, places) - np.interp(-values, -points[::-1], -places[::-1]))
    probability[values + _EDGE > points[-1]] = 1.0
    probability[values - _EDGE < points[0]] = 0.0
    limits = torch.special.ndtri(torch.tensor([_EDGE, 1 - _EDGE], dtype=torch.float64))
    scores = torch.special.ndtri(torch.from_numpy(probability)).clamp(limits[0], limits[1])
    return np.asarray(scores, dtype=np.float64)


def apply_features(table: Table, features: Sequence[Feature], notes: list[str]) -> Floats32:
    """Inputs of every row.

    Args:
        table: has a column for each feature, in any order.
        features: fitted.
        notes: gets a sentence on each column with unknown categories or unexpected gaps.

    Returns:
        float32 (N, F).

    Raises:
        DataError: text in a numeric column; names the line.
    """
    inputs = np.zeros((table.rows, sum(len(feature.inputs) for feature in features)), dtype=np.float32)
    start = 0
    for feature in features:
        part = inputs[:, start : start + len(feature.inputs)]
        if isinstance(feature, Category):
            _apply_category(table, feature, part, notes)
        else:
            _apply_number(table, feature, part, notes)
        start += len(feature.inputs)
    return inputs


def _apply_number(table: Table, feature: Number, out: Floats32, notes: list[str]) -> None:
    values = as_numbers(table, feature.name, boolean=feature.boolean, remedy="correct it or leave it empty")
    missing = np.isnan(values)
    if missing.any():
        values = np.where(missing, feature.fill, values)
        if feature.indicator:
            out[:, 1] = missing
        else:
            notes.append(
                f"{_rows(missing.sum())} no value in column {feature.name!r}, which had none missing in "
                f"training: taken as {feature.fill:g}"
            )
    if feature.quantiles:
        scaled = normal_quantiles(values, feature.quantiles)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            scaled = (values - feature.center) / feature.scale
    largest = np.finfo(np.float32).max
    if not (np.abs(scaled) <= largest).all():
        row = int((~(np.abs(scaled) <= largest)).argmax())
        raise table.error(f"{values[row]:g} is too large to compute with", "correct it", row=row, column=feature.name)
    out[:, 0] = scaled


def _apply_category(table: Table, feature: Category, out: Floats32, notes: list[str]) -> None:
    codes, names = as_texts(table.get(feature.name))
    place = {category: index for index, category in enumerate(feature.categories)}
    index = np.array([place.get(name, -1) for name in names] + [-1])[codes]
    if feature.missing:
        index[codes < 0] = len(feature.categories)
    known = np.flatnonzero(index >= 0)
    out[known, index[known]] = 1.0
    unseen = ((index < 0) & (codes >= 0)).sum()
    gaps = ((index < 0) & (codes < 0)).sum()
    if unseen:
        notes.append(f"{_rows(unseen)} a category never seen in training in column {feature.name!r}")
    if gaps:
        notes.append(f"{_rows(gaps)} no value in column {feature.name!r}, which had none missing in training")


def _rows(count: int) -> str:
    return "1 row has" if count == 1 else f"{count} rows have"


def _limit_categories(table: Table, name: str, categories: Sequence[str], most: int) -> None:
    if len(categories) > most:
        raise table.error(
            f"text with {len(categories)} different values (data.max_categories={most})",
            "leave the column out by naming the others in data.features, or raise the limit",
            column=name,
        )


def features_to_state(features: Sequence[Feature]) -> list[dict[str, Any]]:
    """Plain data, for a checkpoint."""
    kinds: dict[type[Feature], str] = {Number: "number", Category: "category"}
    return [{"kind": kinds[type(feature)], **asdict(feature)} for feature in features]


def features_from_state(state: Sequence[Mapping[str, Any]]) -> list[Feature]:
    """The features again."""
    kinds: dict[str, type[Feature]] = {"number": Number, "category": Category}
    return [kinds[entry["kind"]](**{key: value for key, value in entry.items() if key != "kind"}) for entry in state]
