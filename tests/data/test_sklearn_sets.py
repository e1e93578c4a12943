"""scikit-learn's data sets."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import numpy as np
import pytest
import sklearn.datasets
import torch
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from zoo.data.sklearn_sets import BreastCancer, Diabetes, Digits, Iris, Wine
from zoo.errors import DataError

SETS = [
    (Digits, sklearn.datasets.load_digits),
    (Iris, sklearn.datasets.load_iris),
    (Wine, sklearn.datasets.load_wine),
    (BreastCancer, sklearn.datasets.load_breast_cancer),
    (Diabetes, lambda: sklearn.datasets.load_diabetes(scaled=False)),
]


def rows(dataset: Any) -> Any:
    return dataset.__getitems__(list(range(len(dataset))))


@pytest.mark.parametrize(("kind", "load"), SETS)
def test_splits_and_inputs_are_those_of_scikit_learn(kind: Any, load: Callable[[], Any]) -> None:
    bunch, data = load(), kind(seed=2)
    classes = data.task == "classification"
    rest, test = train_test_split(
        np.arange(len(bunch.data)), test_size=0.2, random_state=2, stratify=bunch.target if classes else None
    )
    train, _ = train_test_split(
        rest, test_size=round(0.1 * len(bunch.data)), random_state=2, stratify=bunch.target[rest] if classes else None
    )
    scaler = StandardScaler().fit(bunch.data[train])
    inputs, targets = rows(data.dataset("test"))
    np.testing.assert_allclose(inputs, scaler.transform(bunch.data[test]), rtol=1e-4, atol=1e-4)
    expected = bunch.target[test] if classes else bunch.target[test, None]
    np.testing.assert_allclose(targets, expected)


@pytest.mark.parametrize(("kind", "load"), SETS[:4])
def test_class_names_are_in_scikit_learns_order(kind: Any, load: Callable[[], Any]) -> None:
    data = kind()
    data.setup()
    assert data.facts["class_names"] == [str(name) for name in load().target_names]
    assert data.facts["problem"] == ("binary" if data.facts["num_classes"] == 2 else "multiclass")


def test_diabetes_is_regression_in_original_units() -> None:
    data = Diabetes()
    data.setup()
    assert data.facts["problem"] == "regression"
    assert data.facts["feature_names"][:2] == ["age", "sex"]
    assert 140 < data.facts["target_mean"][0] < 165


@pytest.mark.parametrize(("kind", "load"), SETS)
def test_a_file_with_the_feature_names_is_read_for_prediction(
    kind: Any, load: Callable[[], Any], write: Callable[..., str]
) -> None:
    bunch, data = load(), kind()
    data.setup()
    order = np.random.default_rng(0).permutation(len(bunch.feature_names))
    header = ",".join(str(bunch.feature_names[i]) for i in order)
    path = write([header, *(",".join(map(repr, row[order].tolist())) for row in bunch.data[:20])])
    expected = rows(data.dataset("all"))[0][:20]
    torch.testing.assert_close(rows(data.read(path)), expected)
    new = kind()
    new.load_state_dict(data.state_dict())
    torch.testing.assert_close(rows(new.read(path)), expected)


def test_a_file_without_a_feature_is_refused(write: Callable[..., str]) -> None:
    data = Iris()
    data.setup()
    with pytest.raises(DataError, match=r"columns 'petal length \(cm\)', 'petal width \(cm\)' missing"):
        data.read(write(["sepal length (cm),sepal width (cm)", "1,2"]))


@pytest.mark.parametrize("kind", [kind for kind, _ in SETS])
def test_every_argument_is_annotated_and_kept_under_its_name(kind: Any) -> None:
    parameters = inspect.signature(kind).parameters
    hints = get_type_hints(kind.__init__, include_extras=True)
    data = kind(seed=3, batch_size=7)
    for name, parameter in parameters.items():
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert name in hints
        assert hasattr(data, name)
    assert (data.seed, data.batch_size) == (3, 7)


@pytest.mark.parametrize("transform", ["standard", "quantile", "none"])
def test_the_transform_is_a_choice(transform: Any) -> None:
    inputs, _ = rows(Iris(transform=transform).dataset("all"))
    assert torch.isfinite(inputs).all()
    largest = inputs.abs().max()
    assert (largest > 5.5) == (transform == "none")
