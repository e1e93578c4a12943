"""The figures of docs/results.md on tables: ours next to scikit-learn's, on the same rows.

    python scripts/results_tables.py [--seeds 5] [--data FOLDER]

FOLDER holds california_housing/housing.csv; the environment variable ZOO_TEST_DATA names it too. Without it only
digits are measured. Each seed draws its own 20 % of test rows, the same for both.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import zoo


def ours(overrides: list[str], metric: str) -> tuple[float, float]:
    """One run: its test metric, and its seconds."""
    began = time.perf_counter()
    quiet = ["logger=null", "trainer.enable_progress_bar=false", "trainer.accelerator=cpu"]
    with tempfile.TemporaryDirectory() as folder:
        config = zoo.compose([*overrides, *quiet])
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            run = zoo.train(config, Path(folder) / "run")
    return run.metrics[metric], time.perf_counter() - began


def digits_reference(seed: int) -> float:
    """scikit-learn's multilayer perceptron of the same size on the same rows, pixels scaled to 0..1."""
    inputs, classes = load_digits(return_X_y=True)
    rows = np.arange(len(classes))
    train, test = train_test_split(rows, test_size=0.2, random_state=seed, stratify=classes)
    model = MLPClassifier((256, 256), max_iter=300, random_state=seed)
    model.fit(inputs[train] / 16, classes[train])
    return float(model.score(inputs[test] / 16, classes[test]))


def california_reference(path: Path, seed: int) -> float:
    """scikit-learn's random forest of 200 trees on the same rows: RMSE in dollars."""
    table = pd.read_csv(path)
    target = table.pop("median_house_value")
    text = ["ocean_proximity"]
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), text), remainder=SimpleImputer(strategy="median")
    )
    train, test = train_test_split(np.arange(len(table)), test_size=0.2, random_state=seed)
    forest = make_pipeline(columns, RandomForestRegressor(200, n_jobs=-1, random_state=seed))
    forest.fit(table.iloc[train], target.iloc[train])
    error = forest.predict(table.iloc[test]) - target.iloc[test]
    return float(np.sqrt(np.mean(error**2)))


def report(name: str, rows: list[tuple[float, float, float]], decimals: int) -> None:
    """Print one table: a line a seed, then means and deviations."""
    print(f"\n{name}\nseed        ours   reference   seconds")
    for seed, (value, reference, seconds) in enumerate(rows):
        print(f"{seed:4d} {value:11.{decimals}f} {reference:11.{decimals}f} {seconds:9.1f}")
    values: Any = np.array(rows)
    mean, deviation = values.mean(0), values.std(0, ddof=1) if len(rows) > 1 else values.mean(0) * 0
    print(f"mean {mean[0]:11.{decimals}f} {mean[1]:11.{decimals}f} {mean[2]:9.1f}")
    print(f"sd   {deviation[0]:11.{decimals}f} {deviation[1]:11.{decimals}f} {deviation[2]:9.1f}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=os.environ.get("ZOO_TEST_DATA"))
    arguments = parser.parse_args()
    rows = []
    for seed in range(arguments.seeds):
        accuracy, seconds = ours(["experiment=digits", f"seed={seed}"], "test/accuracy")
        rows.append((accuracy, digits_reference(seed), seconds))
    report("digits, test accuracy (reference: MLPClassifier)", rows, 4)
    if arguments.data is None:
        print("\ncalifornia_housing left out: no --data")
        return
    path = Path(arguments.data) / "california_housing" / "housing.csv"
    rows = []
    for seed in range(arguments.seeds):
        overrides = ["experiment=california_housing", f"data.path={path}", f"seed={seed}"]
        error, seconds = ours(overrides, "test/rmse")
        rows.append((error, california_reference(path, seed), seconds))
    report("california_housing, test RMSE in dollars (reference: RandomForestRegressor)", rows, 0)


if __name__ == "__main__":
    main()
