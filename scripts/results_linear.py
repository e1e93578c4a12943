"""Linear models of this toolkit next to scikit-learn's: how far coefficients are apart.

    python scripts/results_linear.py

Both see the same standardised rows, all in one batch. Trained by the commands a user has: `model=linear` with a loss
and a penalty, by L-BFGS, or by momentum with a proximal step where weights become zero.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

import zoo
from zoo.harness.training import set_up
from zoo.runs.checkpoints import read_checkpoint

WHOLE = (
    *("model=linear", "model.init=zeros", "data.batch_size=1000", "data.val=0", "logger=[]", "report=false"),
    *("trainer.enable_progress_bar=false", "trainer.max_epochs=-1"),
)
LBFGS = ("optimizer=lbfgs", "optimizer.max_iter=200", "optimizer.tolerance_change=1e-12", "trainer.max_steps=3")
DESCENT = ("optimizer=momentum", "optimizer.lr=0.05", "trainer.max_steps=300")
#: Name, words of the command line, and scikit-learn's estimator of n examples.
CASES: list[tuple[str, str, tuple[str, ...], Any]] = [
    ("ridge", "data=diabetes loss=mse penalty=l2 penalty.l2.weight=0.1", LBFGS, lambda n: Ridge(0.05 * n)),
    (
        "lasso",
        "data=diabetes loss=squared loss.half=true penalty=l1 penalty.l1.weight=0.05 penalty.l1.proximal=true",
        DESCENT,
        lambda n: Lasso(0.05, tol=1e-10, max_iter=10**5),
    ),
    (
        "elastic net",
        "data=diabetes loss=squared loss.half=true penalty=elastic_net penalty.elastic_net.weight=0.2 "
        "penalty.elastic_net.l1_ratio=0.7 penalty.elastic_net.proximal=true",
        DESCENT,
        lambda n: ElasticNet(0.2, l1_ratio=0.7, tol=1e-10, max_iter=10**5),
    ),
    (
        "logistic",
        "data=breast_cancer loss=bce penalty=l2 penalty.l2.weight=0.02",
        LBFGS,
        lambda n: LogisticRegression(C=50 / n, tol=1e-10, max_iter=10**4),
    ),
    (
        "softmax",
        "data=wine loss=cross_entropy penalty=l2 penalty.l2.weight=0.02",
        LBFGS,
        lambda n: LogisticRegression(C=50 / n, tol=1e-10, max_iter=10**4),
    ),
]


def compared(words: str, training: tuple[str, ...], estimator: Any, folder: Path) -> tuple[float, float]:
    """The largest difference of a coefficient, and the largest coefficient."""
    config = zoo.compose([*WHOLE, *words.split(), *training])
    run = zoo.train(config, folder)
    data = set_up(config)
    rows = [data.dataset("train")[place] for place in range(len(data.dataset("train")))]
    x, y = (np.stack([np.asarray(one) for one in part]).astype(float) for part in zip(*rows, strict=True))
    if data.facts["problem"] == "regression":
        y = ((y - data.facts["target_mean"]) / data.facts["target_scale"]).ravel()
    right = np.atleast_2d(estimator(len(x)).fit(x, y).coef_)
    weights = read_checkpoint(run.dir / "checkpoints" / "last.ckpt")["state_dict"]["model.head.weight"].double().numpy()
    return float(np.abs(weights - right).max()), float(np.abs(right).max())


def main() -> None:
    """Prints the table."""
    rows = []
    for name, words, training, estimator in CASES:
        with tempfile.TemporaryDirectory() as folder:
            apart, largest = compared(words, training, estimator, Path(folder) / "run")
        rows.append(f"| {name} | `{words}` | {apart:.1e} | {largest:.2f} |")
    print("\n| | | coefficients differ by at most | largest coefficient |\n|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
