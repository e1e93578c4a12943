"""Mixup and CutMix: shares of pictures and shares of targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from zoo.data.images.boxes import cut_box
from zoo.data.images.mixing import Mix, draw_share
from zoo.errors import ConfigError

CLASSES = 7
KINDS = {"mixup": Mix(0.4, 0.0, CLASSES), "cutmix": Mix(0.0, 1.0, CLASSES), "both": Mix(0.4, 1.0, CLASSES)}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def batch(examples: int = CLASSES) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise, and a class of its own for each of up to seven examples."""
    inputs = torch.randint(0, 256, (examples, 3, 12, 10), dtype=torch.uint8, generator=seeded(1))
    return inputs, torch.arange(examples) % CLASSES


def sources(targets: torch.Tensor) -> list[tuple[int, float]]:
    """Of examples that have class i each: which other one is in it, and the share that is left of itself."""
    found = []
    for own, shares in enumerate(targets.double()):
        others = [place for place, share in enumerate(shares.tolist()) if share and place != own]
        found.append((others[0] if others else own, float(shares[own])))
    return found


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 8.0])
def test_shares_follow_the_beta_distribution(alpha):
    generator = seeded(2)
    shares = [draw_share(alpha, generator) for _ in range(4000)]
    assert stats.kstest(shares, "beta", (alpha, alpha)).pvalue > 0.01
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.08)


@pytest.mark.parametrize("seed", range(5))
def test_mixup_is_the_weighted_sum_of_two_examples_and_of_their_targets(seed):
    inputs, targets = batch()
    mixed, shares = KINDS["mixup"](inputs, targets, seeded(seed))
    assert (mixed.dtype, shares.dtype, shares.shape) == (torch.float32, torch.float32, (CLASSES, CLASSES))
    pairs = sources(shares)
    weights = {round(left, 6) for own, (other, left) in enumerate(pairs) if other != own}
    assert len(weights) == 1  # one λ a batch
    assert sorted(other for other, _ in pairs) == list(range(CLASSES))  # a permutation
    for own, (other, left) in enumerate(pairs):
        expected = left * inputs[own].double() + (1 - left) * inputs[other].double()
        torch.testing.assert_close(mixed[own].double(), expected, rtol=0, atol=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_cutmix_shares_are_those_of_the_pixels_after_clipping(seed):
    inputs = torch.arange(CLASSES, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 12, 10)
    mixed, shares = KINDS["cutmix"](inputs, torch.arange(CLASSES), seeded(seed))
    assert mixed.dtype == torch.uint8
    for image, row in zip(mixed, shares, strict=True):
        pixels = torch.bincount(image.flatten().long(), minlength=CLASSES) / image.numel()
        torch.testing.assert_close(row, pixels, rtol=0, atol=1e-6)


def test_cutmix_puts_one_rectangle_of_the_same_place_of_another_example():
    inputs, targets = batch()
    for seed in range(10):
        mixed, shares = KINDS["cutmix"](inputs, targets, seeded(seed))
        for own, (other, left) in enumerate(sources(shares)):
            inside = (mixed[own] != inputs[own]).any(0)
            assert torch.equal(mixed[own][:, inside], inputs[other][:, inside])
            rows, columns = inside.any(1).sum(), inside.any(0).sum()
            assert int(rows * columns) == (0 if other == own else round(120 * (1 - left)))


@pytest.mark.parametrize("left", [0.96, 0.64, 0.36, 0.0])
def test_the_rectangle_is_clipped_as_the_closed_form_says(left):
    """A side of share s about a uniform centre keeps s - s²/4 of it on average."""
    generator, side = seeded(3), np.sqrt(1 - left)
    boxes = np.array([cut_box(1000, 2000, left, generator) for _ in range(4000)])
    top, start, height, width = boxes.T
    assert (boxes >= 0).all()
    assert (top + height <= 1000).all()
    assert (start + width <= 2000).all()
    assert np.mean(height / 1000) == pytest.approx(side - side**2 / 4, abs=0.008)
    assert np.mean(width / 2000) == pytest.approx(side - side**2 / 4, abs=0.008)
    assert np.mean(height / 1000 * width / 2000) == pytest.approx((side - side**2 / 4) ** 2, abs=0.01)
    whole = (top > 0) & (start > 0) & (top + height < 1000) & (start + width < 2000)
    assert set(zip(height[whole], width[whole], strict=True)) <= {(round(1000 * side), round(2000 * side))}


def test_the_share_of_another_picture_is_that_of_the_closed_form():
    """Over λ uniform, α = 1: the integral of (√u - u/4)² over u in 0..1 is 77/240."""
    generator = seeded(4)
    boxes = np.array([cut_box(400, 400, draw_share(1.0, generator), generator) for _ in range(6000)])
    assert np.mean(boxes[:, 2] * boxes[:, 3] / 160_000) == pytest.approx(77 / 240, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("examples", [1, 2, 7, 20])
def test_targets_are_shares_that_sum_to_one(kind, examples):
    inputs, targets = batch(examples)
    for seed in range(10):
        mixed, shares = KINDS[kind](inputs, targets, seeded(seed))
        assert mixed.shape == inputs.shape
        assert shares.min() >= 0
        torch.testing.assert_close(shares.sum(1), torch.ones(examples), rtol=0, atol=1e-6)
        assert mixed.min() >= 0
        assert mixed.max() <= 255


@pytest.mark.parametrize("kind", KINDS)
def test_mixing_is_a_function_of_batch_and_generator_and_changes_neither(kind):
    inputs, targets = batch()
    torch.manual_seed(1)
    first = [KINDS[kind](inputs, targets, seeded(seed)) for seed in range(5)]
    torch.manual_seed(2)
    before = torch.get_rng_state()
    again = [KINDS[kind](inputs, targets, seeded(seed)) for seed in range(5)]
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        torch.equal(a, b) for one, other in zip(first, again, strict=True) for a, b in zip(one, other, strict=True)
    )
    assert len({shares.numpy().tobytes() for _, shares in first}) == 5
    assert torch.equal(inputs, batch()[0])
    assert torch.equal(targets, batch()[1])


def test_with_both_each_kind_has_half_of_the_batches():
    inputs, targets = batch()
    generator = seeded(5)
    summed = sum(KINDS["both"](inputs, targets, generator)[0].dtype == torch.float32 for _ in range(400))
    assert abs(summed - 200) < 40  # four standard deviations


def test_pictures_after_mixup_can_be_cut():
    inputs, targets = batch()
    mixed, _ = KINDS["cutmix"](inputs.float(), targets, seeded())
    assert torch.equal(mixed, KINDS["cutmix"](inputs, targets, seeded())[0].float())


def test_a_batch_of_one_stays_as_it_is():
    inputs, targets = batch(1)
    for kind in KINDS.values():
        mixed, shares = kind(inputs, targets, seeded())
        torch.testing.assert_close(mixed.float(), inputs.float())
        torch.testing.assert_close(shares, torch.eye(CLASSES)[:1])


def test_without_either_the_targets_become_indicators_and_nothing_is_drawn():
    inputs, targets = batch()
    generator = seeded()
    mixed, shares = Mix(0.0, 0.0, CLASSES)(inputs, targets, generator)
    assert torch.equal(mixed, inputs)
    assert torch.equal(shares, torch.eye(CLASSES))
    assert torch.equal(generator.get_state(), seeded().get_state())


@pytest.mark.parametrize(
    ("mixup", "cutmix", "key"), [(-0.1, 0.0, "mixup"), (0.2, -1.0, "cutmix"), (float("nan"), 0.0, "mixup")]
)
def test_a_negative_alpha_is_refused(mixup, cutmix, key):
    with pytest.raises(ConfigError, match=rf"data\.{key}: .* is no α of a Beta distribution; give a number above 0"):
        Mix(mixup, cutmix, CLASSES)
