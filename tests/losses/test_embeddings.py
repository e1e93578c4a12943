import math

import pytest
import torch
from torch.nn import functional

from zoo.losses.embeddings import Contrastive, Triplet


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    embeddings = torch.randn(12, 3, generator=random, dtype=torch.float64)
    return embeddings, torch.tensor([0, 1, 2, 0, 1, 1, 0, 0, 2, 1, 0, 3])  # of 3 there is a single one


def plain_triplets(embeddings, target, margin) -> dict[int, list[float]]:
    """The losses of all triplets, by anchor."""
    points, found = embeddings.tolist(), {}
    for a in range(len(points)):
        for p in range(len(points)):
            for n in range(len(points)):
                if p != a and target[p] == target[a] and target[n] != target[a]:
                    loss = max(0.0, margin + math.dist(points[a], points[p]) - math.dist(points[a], points[n]))
                    found.setdefault(a, []).append(loss)
    return found


@pytest.mark.parametrize("margin", [0.5, 2.0])
def test_contrastive_is_the_mean_over_all_pairs(batch, margin):
    points, target = batch[0].tolist(), batch[1].tolist()
    losses = []
    for i in range(12):
        for j in range(i):
            d = math.dist(points[i], points[j])
            losses.append(d**2 / 2 if target[i] == target[j] else max(0.0, margin - d) ** 2 / 2)
    assert Contrastive(margin)(*batch).item() == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert Contrastive(margin).count(batch[1]) == len(losses) == 66


@pytest.mark.parametrize("margin", [0.3, 2.0])
def test_all_triplets_are_those_of_a_loop_over_three_examples(batch, margin):
    losses = [one for ofanchor in plain_triplets(*batch, margin).values() for one in ofanchor]
    loss = Triplet(margin, "all")
    assert loss(*batch).item() == pytest.approx(sum(losses) / len(losses), rel=1e-12)
    assert loss.count(batch[1]) == len(losses)


@pytest.mark.parametrize("margin", [0.3, 2.0])
def test_hard_triplets_are_the_worst_of_each_anchor(batch, margin):
    worst = [max(losses) for losses in plain_triplets(*batch, margin).values()]
    loss = Triplet(margin)
    assert loss(*batch).item() == pytest.approx(sum(worst) / len(worst), rel=1e-12)
    assert loss.count(batch[1]) == len(worst) == 11


def test_a_triplet_is_torchs():
    """Of three examples there are two triplets: each of the pair is an anchor."""
    points = torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = functional.triplet_margin_loss(points[[0, 1]], points[[1, 0]], points[[2, 2]], margin=1.5, eps=0.0)
    target = torch.tensor([4, 4, 7])
    for kind in ("hard", "all"):
        torch.testing.assert_close(Triplet(1.5, kind)(points, target), expected)


@pytest.mark.parametrize("loss", [Contrastive(), Triplet(), Triplet(triplets="all")])
def test_the_gradient_is_that_of_finite_differences(loss, batch):
    assert torch.autograd.gradcheck(lambda z: loss(z, batch[1]), batch[0].clone().requires_grad_())


@pytest.mark.parametrize("loss", [Contrastive(), Triplet(), Triplet(triplets="all")])
def test_collapsed_embeddings_cost_the_margin_and_have_a_finite_gradient(loss):
    embeddings = torch.ones(4, 2, requires_grad=True)
    value = loss(embeddings, torch.tensor([0, 0, 1, 1]))
    value.backward()
    assert value.item() == pytest.approx(1.0 if isinstance(loss, Triplet) else 4 * 0.5 / 6)
    assert embeddings.grad.isfinite().all()


@pytest.mark.parametrize("loss", [Triplet(), Triplet(triplets="all")])
@pytest.mark.parametrize("target", [[0, 0, 0], [0, 1, 2], [0]])
def test_without_a_triplet_the_loss_is_zero_and_counts_nothing(loss, target):
    embeddings, classes = torch.randn(len(target), 2, requires_grad=True), torch.tensor(target)
    value = loss(embeddings, classes)
    value.backward()
    assert (value.item(), loss.count(classes).item()) == (0, 0)
    assert torch.count_nonzero(embeddings.grad) == 0


def test_a_single_example_has_no_pairs():
    value = Contrastive()(torch.randn(1, 2), torch.tensor([0]))
    assert (value.item(), Contrastive().count(torch.tensor([0])).item()) == (0, 0)


def test_moving_or_turning_an_embedding_changes_nothing(batch):
    turn, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)))
    for loss in (Contrastive(2.0), Triplet(), Triplet(triplets="all")):
        torch.testing.assert_close(loss(batch[0] @ turn + 5, batch[1]), loss(*batch))
