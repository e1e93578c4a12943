"""Every built-in loss trains from a command line on data that it fits, and its loss falls."""

import csv
import tomllib
import warnings
from itertools import pairwise
from pathlib import Path

import pytest

import zoo
from zoo.errors import ZooError

DECLARED = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
TRAINED = sorted({*DECLARED["project"]["entry-points"]["zoo.losses"]} - {"zero_one"})
OF_VALUES = {
    "absolute", "gaussian_nll", "huber", "log_cosh", "mape", "mase", "mse", "poisson", "quantile", "rmse", "smape",
    "squared",
}  # fmt: skip
OF_TWO_CLASSES = {"bce", "exponential", "hinge", "log_loss", "squared_hinge"}
OPTIONS = {"mase": ["loss.scale=80"]}
QUIET = [
    "model=linear",
    "optimizer.lr=0.01",
    "logger=csv",
    "report=false",
    "trainer.accelerator=cpu",
    "trainer.devices=1",
    "trainer.max_steps=20",
    "trainer.log_every_n_steps=1",
    "trainer.enable_progress_bar=false",
]


@pytest.fixture(scope="module")
def labels(tmp_path_factory) -> list[str]:
    """The words for data of several labels: which of two numbers are positive."""
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    rows = [
        (one, other, int(one > 0), int(other > 0)) for one, other in pairwise([(i * 37 % 101) - 50 for i in range(161)])
    ]
    path.write_text("one,other,a,b\n" + "".join("{},{},{},{}\n".format(*row) for row in rows), encoding="utf-8")
    return ["data=csv", f"data.path={path}", "data.target=[a,b]", "task=classification"]


def data_for(name: str) -> list[str]:
    if name in OF_VALUES:
        return ["data=diabetes"]
    return ["data=breast_cancer" if name in OF_TWO_CLASSES else "data=digits"]


@pytest.mark.parametrize("name", TRAINED)
def test_its_loss_falls_within_twenty_steps_without_a_warning(name, labels, tmp_path):
    data = labels if name == "multilabel_bce" else data_for(name)
    config = zoo.compose([*data, f"loss={name}", *OPTIONS.get(name, []), *QUIET])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = zoo.train(config, tmp_path / "run")
    with open(tmp_path / "run" / "logs" / "metrics.csv", encoding="utf-8") as file:
        losses = [float(row["train/loss"]) for row in csv.DictReader(file) if row.get("train/loss")]
    assert len(losses) == 20
    assert sum(losses[-5:]) < sum(losses[:5]), losses
    assert run.metrics["test/loss"] < losses[0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("loss=hinge data=digits", "loss=hinge: fits binary, multilabel targets, and the data are multiclass"),
        ("loss=poisson data=digits", "loss=poisson: fits regression targets, and the data are multiclass"),
        ("loss=triplet data=diabetes", "loss=triplet: fits binary, multiclass targets, and the data are regression"),
        ("loss=multilabel_bce data=digits", "loss=multilabel_bce: fits multilabel targets"),
        ("loss=focal loss.alpha=0.5 data=digits", "loss=focal: alpha: one number is for two classes, there are 10"),
        ("loss=poly loss.epsilon=-2 data=digits", "loss=poly: epsilon: -2 makes the coefficient"),
    ],
)
def test_a_wrong_pairing_is_one_line_before_anything_is_written(words, message, tmp_path):
    with pytest.raises(ZooError, match=f"^{message}") as caught:
        zoo.train(zoo.compose([*words.split(), *QUIET]), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
