"""Every built-in loss passes the toolkit's own checks, but for what its definition rules out."""

import tomllib
from pathlib import Path

import pytest
import torch

from zoo.testing import loss_checks

DECLARED = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
LOSSES = DECLARED["project"]["entry-points"]["zoo.losses"]

NO_MEAN = "a root of a mean is no mean"
PAIRS = {
    "mean_over_examples": "examples are compared across a batch's halves",
    "perfect_beats_wrong": "classes that change places are an embedding as good",
}
EXPECTED = {
    "rmse": {"mean_over_examples": NO_MEAN},
    "zero_one": {"gradient_reaches_prediction": "it is flat"},
    "contrastive": PAIRS,
    "triplet": PAIRS,
}
OPTIONS = {
    "cross_entropy": [{"class_weights": [1, 2, 0.5]}, {"class_weights": [1, 2, 0.5], "reduction": "examples"}],
    "focal": [{"gamma": 0.5, "alpha": [0.2, 0.3, 0.5]}],
    "gaussian_nll": [{"full": True}],
    "hinge": [{"margin": 0.5}],
    "kl_divergence": [{"label_smoothing": 0.1}],
    "mape": [{"floor": 0.5}],
    "multiclass_hinge": [{"variant": "weston_watkins"}],
    "nll": [{"class_weights": [1, 2, 0.5], "ignore_index": 1}],
    "poisson": [{"full": True}],
    "poly": [{"epsilon": [2.0, -0.5]}],
    "quantile": [{"quantile": 0.9}],
    "squared": [{"half": True}],
    "triplet": [{"triplets": "all"}],
}


def two_columns_a_target(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(size, 4), torch.randn(size, 2)


def counts(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(size, 2), torch.randint(5, (size, 2)).float()


def labels(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(size, 3), torch.randint(2, (size, 3)).float()


SPECIAL = {
    "gaussian_nll": {
        "examples": two_columns_a_target,
        "expected_failures": {"perfect_beats_wrong": "the target is no prediction: it lacks the variances"},
    },
    "poisson": {"examples": counts},
    "mase": {"config": {"scale": 2.0}},
}
OF_LABELS = ["focal", "bce", "multilabel_bce", "hinge", "squared_hinge", "exponential"]
CASES = [(name, options) for name in LOSSES for options in ({}, *OPTIONS.get(name, ()))]


@pytest.mark.parametrize(("name", "options"), CASES)
def test_it_conforms(name, options, assert_conforms):
    special = SPECIAL.get(name, {})
    given = {"expected_failures": EXPECTED.get(name), **special}
    assert_conforms(loss_checks(LOSSES[name], **{**given, "config": {**options, **special.get("config", {})}}))


@pytest.mark.parametrize("name", OF_LABELS)
def test_it_conforms_for_several_labels(name, assert_conforms):
    made_for_indices = {"perfect_beats_wrong": "the check takes its target for indices"}
    assert_conforms(
        loss_checks(LOSSES[name], examples=labels, expected_failures=made_for_indices if name == "focal" else None)
    )


def test_a_sum_is_no_mean_over_examples(assert_conforms):
    reason = {"mean_over_examples": "a sum grows with the batch"}
    assert_conforms(loss_checks(LOSSES["cross_entropy"], config={"reduction": "sum"}, expected_failures=reason))
