"""ROC and reliability agree with scikit-learn and with plain loops."""

from __future__ import annotations

import math
import re

import pytest
import torch
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from zoo.report.probabilities import BINS, draw_probabilities, reliability


def predictions(examples: int = 500) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities of class 1, and classes drawn from their squares."""
    generator = torch.Generator().manual_seed(1)
    probability = torch.rand(examples, generator=generator)
    return probability, (torch.rand(examples, generator=generator) < probability**2).long()


def test_bins_are_scikit_learns() -> None:
    probability, positive = predictions()
    observed, predicted = calibration_curve(positive.numpy(), probability.numpy(), n_bins=BINS)
    measured = reliability(probability, positive)
    assert measured.observed.tolist() == pytest.approx(observed.tolist())
    assert measured.predicted.tolist() == pytest.approx(predicted.tolist())


def test_the_calibration_error_is_the_mean_distance_over_examples() -> None:
    probability, positive = predictions(40)
    total = 0.0
    for place in range(BINS):
        inside = [i for i, p in enumerate(probability.tolist()) if min(int(p * BINS), BINS - 1) == place]
        total += abs(sum(probability[i].item() - positive[i].item() for i in inside))
    assert reliability(probability, positive).error == pytest.approx(total / 40, rel=1e-6)


def test_the_interval_is_wilsons() -> None:
    """Its bounds are where the normal test of the binomial share is just rejected."""
    measured = reliability(torch.full((8,), 0.35), torch.tensor([1, 1, 1, 0, 0, 0, 0, 0]))
    for bound in (measured.low[3].item(), measured.high[3].item()):
        assert abs(3 / 8 - bound) / math.sqrt(bound * (1 - bound) / 8) == pytest.approx(1.959964, rel=1e-6)


def test_empty_bins_are_nan_and_a_probability_of_one_is_in_the_last() -> None:
    measured = reliability(torch.tensor([0.0, 1.0]), torch.tensor([0, 1]))
    assert measured.counts.tolist() == [1, *[0] * (BINS - 2), 1]
    assert measured.observed[1:-1].isnan().all()
    assert measured.error == 0


def test_the_caption_says_scikit_learns_area() -> None:
    probability, positive = predictions()
    caption = draw_probabilities(probability, positive, ["no", "yes"]).caption
    area = re.search(r"Area under the ROC ([\d.]+)\. ", caption)
    assert area is not None
    assert float(area[1]) == pytest.approx(roc_auc_score(positive.numpy(), probability.numpy()), abs=1e-4)


@pytest.mark.parametrize("value", [0, 1])
def test_one_class_alone_has_no_area(value: int) -> None:
    caption = draw_probabilities(torch.rand(5), torch.full((5,), value), ["no", "yes"]).caption
    assert "Area" not in caption
