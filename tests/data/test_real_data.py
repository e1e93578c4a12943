"""Real files, from the folder that ZOO_TEST_DATA names."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from zoo.data.csv import CSV


def test_california_housing_equals_a_scikit_learn_pipeline(real_data: Path) -> None:
    path = real_data / "california_housing" / "housing.csv"
    data = CSV(str(path), "median_house_value", task="regression", seed=11)
    frame = pd.read_csv(path)
    rest, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=11)
    train, _ = train_test_split(rest, test_size=round(0.1 * len(frame)), random_state=11)
    numbers = [name for name in frame.columns if name not in ("median_house_value", "ocean_proximity")]
    theirs = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(sparse_output=False), ["ocean_proximity"]),
    ).fit(frame.iloc[train])
    inputs, targets = data.dataset("test").__getitems__(range(len(test)))
    names = data.facts["feature_names"]
    ours = inputs[:, [i for i, name in enumerate(names) if name != "total_bedrooms missing"]]
    np.testing.assert_allclose(ours, theirs.transform(frame.iloc[test]), rtol=1e-4, atol=1e-4)
    gaps = inputs[:, names.index("total_bedrooms missing")]
    np.testing.assert_array_equal(gaps, frame["total_bedrooms"].isna().to_numpy()[test])
    np.testing.assert_array_equal(targets[:, 0], frame["median_house_value"].to_numpy(np.float32)[test])


def test_california_housing_loads_in_well_under_a_second(real_data: Path) -> None:
    path = str(real_data / "california_housing" / "housing.csv")
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        data = CSV(path, "median_house_value", task="regression", transform="quantile")
        data.setup()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.8
    assert data.facts["in_features"] == 14
    assert torch.isfinite(data.dataset("all").inputs).all()


def test_tables_without_a_header_are_read(real_data: Path) -> None:
    abalone = CSV(str(real_data / "uci" / "abalone.csv"), 8, header=False, task="regression")
    abalone.setup()
    assert abalone.facts["feature_names"] == ["0=F", "0=I", "0=M", *(str(i) for i in range(1, 8))]
    pima = CSV(str(real_data / "uci" / "pima-indians-diabetes.csv"), -1, header=False)
    pima.setup()
    assert (pima.facts["problem"], pima.facts["class_names"]) == ("binary", ["0", "1"])
    wine = CSV(str(real_data / "uci" / "winequality-red.csv"), 11, header=False, task="classification")
    wine.setup()
    assert wine.facts["class_names"] == ["3", "4", "5", "6", "7", "8"]
