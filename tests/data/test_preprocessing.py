"""Preprocessing against scikit-learn's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

from zoo.data.preprocessing import (
    Number,
    apply_features,
    features_from_state,
    features_to_state,
    fit_features,
    fit_number,
    mean_and_scale,
    normal_quantiles,
)
from zoo.data.table import Column, Table
from zoo.errors import DataError

RNG = np.random.default_rng(0)
N, TRAIN = 400, np.arange(300)


def table_of(**columns: Column) -> Table:
    return Table("made", tuple(columns), len(next(iter(columns.values())).values), columns.__getitem__)


def number(values: Any) -> Column:
    return Column("number", np.asarray(values, dtype=np.float64))


def text(values: Sequence[str | None]) -> Column:
    texts = tuple(dict.fromkeys(value for value in values if value is not None))
    return Column("text", np.array([-1 if v is None else texts.index(v) for v in values]), texts)


def heavy_tailed() -> np.ndarray:
    return np.exp(RNG.normal(size=N) * 2)


def test_numbers_are_imputed_and_standardised_as_by_scikit_learn() -> None:
    values = RNG.normal(5, 3, N)
    values[::7] = np.nan
    table = table_of(x=number(values))
    ours = apply_features(table, fit_features(table, {"x": "number"}, TRAIN, "standard", 10), [])
    column = values[:, None]
    scaler = make_pipeline(SimpleImputer(strategy="median"), StandardScaler()).fit(column[TRAIN])
    indicator = MissingIndicator(features="missing-only").fit(column[TRAIN])
    expected = np.hstack([scaler.transform(column), indicator.transform(column)])
    np.testing.assert_allclose(ours, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("run", [1.0, 0.0, 1e6], ids=["within", "lowest", "highest"])
def test_quantiles_are_those_of_scikit_learn_with_runs_of_equal_values(run: float) -> None:
    values = heavy_tailed()
    values[:80] = run
    feature = fit_number("x", values[TRAIN], "quantile")
    theirs = QuantileTransformer(n_quantiles=len(feature.quantiles), output_distribution="normal", subsample=None).fit(
        values[TRAIN, None]
    )
    expected = theirs.transform(values[:, None])[:, 0]
    np.testing.assert_allclose(normal_quantiles(values, feature.quantiles), expected, atol=1e-6)


def test_quantiles_tame_values_far_outside_the_training_rows() -> None:
    feature = fit_number("x", heavy_tailed(), "quantile")
    far = normal_quantiles(np.array([-1e30, 1e30]), feature.quantiles)
    assert far[0] == pytest.approx(-5.1993, abs=1e-3)
    assert far[1] == pytest.approx(5.1993, abs=1e-3)


def test_categories_are_one_hot_as_by_scikit_learn() -> None:
    values = RNG.choice(["b", "a", "c"], N).tolist()
    values[350:360] = ["unknown"] * 10
    table = table_of(x=text(values))
    ours = apply_features(table, fit_features(table, {"x": "category"}, TRAIN, "standard", 10), [])
    column = np.array(values)[:, None]
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(column[TRAIN])
    np.testing.assert_array_equal(ours, encoder.transform(column))


def test_a_whole_table_equals_scikit_learns_column_transformer() -> None:
    a, b = heavy_tailed(), RNG.normal(size=N)
    c = RNG.choice(["x", "y"], N)
    table = table_of(c=text(c.tolist()), a=number(a), b=number(b))
    kinds = {"c": "category", "a": "number", "b": "number"}
    ours = apply_features(table, fit_features(table, kinds, TRAIN, "standard", 10), [])
    frame = np.stack([c.astype(object), a, b], axis=1)
    theirs = make_column_transformer((OneHotEncoder(sparse_output=False), [0]), (StandardScaler(), [1, 2]))
    theirs.fit(frame[TRAIN])
    np.testing.assert_allclose(ours, theirs.transform(frame).astype(float), rtol=1e-5, atol=1e-6)


def test_rows_outside_the_training_split_have_no_influence() -> None:
    values, names = RNG.normal(size=N), RNG.choice(["a", "b"], N).tolist()
    kinds = {"x": "number", "c": "category"}
    fitted = []
    for outlier in (0.0, 1e6):
        changed, others = values.copy(), list(names)
        changed[300:] = outlier
        others[300:] = [f"new{outlier:g}"] * 100
        table = table_of(x=number(changed), c=text(others))
        fitted.append([features_to_state(fit_features(table, kinds, TRAIN, t, 10)) for t in ("standard", "quantile")])
    assert fitted[0] == fitted[1]


@pytest.mark.parametrize("constant", [0.0, 7.0, 0.1, 1e8 + 0.1])
def test_a_constant_column_becomes_zero_as_by_scikit_learn(constant: float) -> None:
    values = np.full(300, constant)
    mean, scale = mean_and_scale(values)
    assert scale == 1.0
    assert StandardScaler().fit(values[:, None]).scale_[0] == 1.0
    np.testing.assert_allclose((values - mean) / scale, 0, atol=1e-6)


def test_none_leaves_numbers_as_they_are() -> None:
    table = table_of(x=number([3.0, 5.0, 100.0]))
    features = fit_features(table, {"x": "number"}, np.arange(3), "none", 10)
    assert apply_features(table, features, [])[:, 0].tolist() == [3, 5, 100]


def test_booleans_stay_zero_and_one_and_a_gap_takes_the_commoner() -> None:
    table = table_of(x=Column("boolean", np.array([1.0, 1.0, 0.0, np.nan])))
    features = fit_features(table, {"x": "boolean"}, np.arange(4), "standard", 10)
    assert apply_features(table, features, []).tolist() == [[1, 0], [1, 0], [0, 0], [1, 1]]


def test_a_missing_category_is_one_of_its_own_only_where_training_had_gaps() -> None:
    table = table_of(x=text(["a", None, "b"]))
    with_gap = fit_features(table, {"x": "category"}, np.arange(3), "standard", 10)
    assert apply_features(table, with_gap, []).tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
    without = fit_features(table, {"x": "category"}, np.array([0, 2]), "standard", 10)
    notes: list[str] = []
    assert apply_features(table, without, notes).tolist() == [[1, 0], [0, 0], [0, 1]]
    assert notes == ["1 row has no value in column 'x', which had none missing in training"]


def test_unknown_categories_are_counted() -> None:
    features = fit_features(table_of(x=text(["a", "b"])), {"x": "category"}, np.arange(2), "standard", 10)
    notes: list[str] = []
    assert apply_features(table_of(x=text(["z", "a", "y"])), features, notes).tolist() == [[0, 0], [1, 0], [0, 0]]
    assert notes == ["2 rows have a category never seen in training in column 'x'"]


def test_a_gap_that_training_did_not_have_is_filled_with_the_median_and_noted() -> None:
    features = fit_features(table_of(x=number([1, 2, 9])), {"x": "number"}, np.arange(3), "none", 10)
    notes: list[str] = []
    assert apply_features(table_of(x=number([np.nan])), features, notes).tolist() == [[2]]
    assert "1 row has no value in column 'x'" in notes[0]


def test_a_column_without_training_values_is_left_out_and_noted() -> None:
    table = table_of(x=number([np.nan, np.nan, 1.0]), y=number([1, 2, 3]))
    features = fit_features(table, {"x": "number", "y": "number"}, np.arange(2), "standard", 10)
    assert [feature.name for feature in features] == ["y"]
    assert "column 'x'" in table.notes[0]


def test_too_many_categories_are_refused_with_advice() -> None:
    table = table_of(x=text([f"name{i}" for i in range(11)]))
    with pytest.raises(DataError, match=r"column 'x': text with 11 different values .*data.features"):
        fit_features(table, {"x": "category"}, np.arange(11), "standard", 10)
    assert fit_features(table, {"x": "category"}, np.arange(11), "standard", 11)


@pytest.mark.parametrize("transform", ["standard", "none"])
def test_a_value_beyond_single_precision_is_named(transform: Any) -> None:
    table = table_of(x=number([1.0, 2.0, 1e300]))
    with pytest.raises(DataError, match=r"row 3: 1e\+300 is too large"):
        apply_features(table, fit_features(table, {"x": "number"}, np.arange(2), transform, 10), [])


@pytest.mark.parametrize("transform", ["standard", "quantile", "none"])
def test_the_state_survives_json_and_gives_the_same_inputs(transform: Any) -> None:
    values = heavy_tailed()
    values[3] = np.nan
    table = table_of(x=number(values), c=text(RNG.choice(["u", "v"], N).tolist()))
    features = fit_features(table, {"x": "number", "c": "category"}, TRAIN, transform, 10)
    restored = features_from_state(json.loads(json.dumps(features_to_state(features))))
    assert restored == features
    np.testing.assert_array_equal(apply_features(table, restored, []), apply_features(table, features, []))


def test_few_rows_are_enough_for_quantiles() -> None:
    feature = fit_number("x", np.array([1.0, 2.0, 3.0]), "quantile")
    assert isinstance(feature, Number)
    assert normal_quantiles(np.array([2.0]), feature.quantiles)[0] == pytest.approx(0, abs=1e-12)
