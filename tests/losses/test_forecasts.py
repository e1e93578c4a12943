"""Percentage and scaled errors: exact over what was observed, and safe at zero."""

import math

import pytest
import torch
from sklearn.metrics import mean_absolute_percentage_error

from zoo.losses.percentages import MAPE, SMAPE
from zoo.losses.scaled import MASE, naive_scale

NAN = float("nan")


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    draw = {"generator": random, "dtype": torch.float64}
    return 5 * torch.randn(30, 3, **draw), 5 * torch.randn(30, 3, **draw)


@pytest.fixture
def holes(batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Some targets not observed, some zero, and some met at zero; a whole row of nothing."""
    prediction, target = (part.clone() for part in batch)
    target[::4, 1], target[1::5, 0], target[7] = NAN, 0.0, NAN
    prediction[1, 0] = 0.0
    return prediction, target


def pairs(prediction: torch.Tensor, target: torch.Tensor) -> list[tuple[float, float]]:
    """Predictions with the targets that were observed."""
    every = zip(prediction.flatten().tolist(), target.flatten().tolist(), strict=True)
    return [(p, y) for p, y in every if not math.isnan(y)]


def test_mape_is_scikit_learns_in_per_cent(batch):
    expected = 100 * mean_absolute_percentage_error(batch[1], batch[0])
    assert MAPE()(*batch).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("floor", [0.0, 0.5, 100.0])
def test_mape_leaves_out_what_has_no_percentage_unless_there_is_a_floor(holes, floor):
    kept = [(p, y) for p, y in pairs(*holes) if floor or y]
    expected = 100 * sum(abs(p - y) / max(abs(y), floor) for p, y in kept) / len(kept)
    assert MAPE(floor)(*holes).item() == pytest.approx(expected, rel=1e-12)
    assert MAPE(floor).count(holes[1]) == len(kept)


def test_smape_is_the_m4_competitions_with_nothing_over_nothing_zero(holes):
    kept = pairs(*holes)
    assert (0.0, 0.0) in kept
    expected = sum(200 * abs(p - y) / (abs(p) + abs(y)) if p or y else 0.0 for p, y in kept) / len(kept)
    assert SMAPE()(*holes).item() == pytest.approx(expected, rel=1e-12)
    assert SMAPE().count(holes[1]) == len(kept)


def test_smape_is_at_most_200():
    assert SMAPE()(torch.tensor([[-1.0, 3.0]]), torch.tensor([[1.0, 0.0]])).item() == 200


@pytest.mark.parametrize("season", [1, 3])
def test_the_naive_scale_is_the_mean_error_of_repeating_the_last_season(season):
    history = [3.0, 5.0, 4.0, 8.0, 8.0, 1.0]
    errors = [abs(history[t] - history[t - season]) for t in range(season, len(history))]
    scales = naive_scale(torch.tensor([history, history[::-1]], dtype=torch.float64), season)
    assert scales.tolist() == pytest.approx([sum(errors) / len(errors)] * 2)


def test_the_naive_scale_needs_more_than_a_season():
    with pytest.raises(ValueError, match="season: 3 steps of a series of 3"):
        naive_scale(torch.zeros(3), 3)


def test_mase_is_below_one_just_where_it_beats_the_naive_forecast():
    series = torch.tensor([1.0, 3.0, 2.0, 6.0, 5.0])
    scale = naive_scale(series)
    target = torch.stack([series[1:], scale.expand(4)], dim=-1).unsqueeze(0)
    assert MASE()(series[:-1].unsqueeze(0), target).item() == pytest.approx(1.0)
    assert MASE()(series[1:].unsqueeze(0) + scale / 2, target).item() == pytest.approx(0.5)


def test_mase_takes_the_scale_of_each_series_beside_its_values(holes):
    prediction, values = holes
    scales = torch.rand(30, 1, dtype=torch.float64).expand(30, 3).clone() + 0.1
    scales[2], scales[3, 1] = 0.0, NAN  # a series that never changed, and one without a history
    kept = []
    for p, y, s in zip(*(part.flatten().tolist() for part in (prediction, values, scales)), strict=True):
        if not math.isnan(y) and s > 0:
            kept.append(abs(p - y) / s)
    target = torch.stack([values, scales], dim=-1)
    assert MASE()(prediction, target).item() == pytest.approx(sum(kept) / len(kept), rel=1e-12)
    assert MASE().count(target) == len(kept)


def test_mase_with_one_scale_for_all_is_the_absolute_error_over_it(batch):
    expected = (batch[0] - batch[1]).abs().mean() / 2.5
    torch.testing.assert_close(MASE(2.5)(*batch), expected)
    beside = torch.stack([batch[1], torch.full_like(batch[1], 2.5)], dim=-1)
    torch.testing.assert_close(MASE()(batch[0], beside), expected)


def test_mase_refuses_targets_without_a_scale_and_with_two(batch):
    with pytest.raises(ValueError, match=r"targets are \(30, 3\), expected \(B, T, 2\).* give loss.scale"):
        MASE()(*batch)
    with pytest.raises(ValueError, match="each target has its own; leave it out"):
        MASE(2.0)(batch[0], torch.ones(30, 3, 2))


def beside_scale(target: torch.Tensor) -> torch.Tensor:
    return torch.stack([target, 1 + torch.arange(len(target)).unsqueeze(1).expand_as(target) % 3], dim=-1)


FORECASTS = [(MAPE(), None), (MAPE(0.5), None), (SMAPE(), None), (MASE(3.0), None), (MASE(), beside_scale)]
IDS = ["mape", "mape_floor", "smape", "mase", "mase_beside"]


@pytest.mark.parametrize(("loss", "form"), FORECASTS, ids=IDS)
def test_batches_weighted_by_their_count_add_up_to_the_whole(loss, form, holes):
    prediction, target = holes[0], form(holes[1]) if form else holes[1]
    parts = list(zip(prediction.split(7), target.split(7), strict=True))
    total = sum(loss(*part) * loss.count(part[1]) for part in parts)
    torch.testing.assert_close(total / loss.count(target), loss(prediction, target))


@pytest.mark.parametrize(("loss", "form"), FORECASTS, ids=IDS)
def test_what_does_not_count_has_no_gradient_and_the_rest_the_right_one(loss, form, holes):
    prediction, target = holes[0].clone(), form(holes[1]) if form else holes[1]
    prediction[1, 0] = 0.3  # at 0 / 0 there is a corner
    prediction.requires_grad_()
    loss(prediction, target).backward()
    assert torch.count_nonzero(prediction.grad[holes[1].isnan()]) == 0
    assert torch.autograd.gradcheck(lambda z: loss(z, target), prediction)


@pytest.mark.parametrize(("loss", "form"), FORECASTS, ids=IDS)
def test_nothing_observed_is_zero_with_a_zero_gradient(loss, form):
    prediction, target = torch.randn(2, 3, requires_grad=True), torch.full((2, 3), NAN)
    value = loss(prediction, form(target) if form else target)
    value.backward()
    assert value.item() == 0
    assert torch.count_nonzero(prediction.grad) == 0


@pytest.mark.parametrize("loss", [MAPE(), SMAPE(), MASE(1.0)])
def test_zeros_everywhere_are_safe(loss):
    prediction = torch.zeros(2, 3, requires_grad=True)
    value = loss(prediction, torch.zeros(2, 3))
    value.backward()
    assert value.item() == 0
    assert prediction.grad.isfinite().all()


@pytest.mark.parametrize("loss", [MAPE(), SMAPE(), MASE(1.0)])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match="element by element"):
        loss(torch.zeros(4, 1), torch.zeros(4))
