"""Cross-entropy over many logits, whose softmax becomes the gradient at once."""

import pytest
import torch
from torch.nn import functional

from zoo.losses import vocabulary
from zoo.losses.classification import CrossEntropy
from zoo.losses.vocabulary import gains, mean_cross_entropy


@pytest.fixture(params=[1, 50, 1 << 19], ids=["row by row", "some rows", "at once"])
def parts(request, monkeypatch):
    """How many rows are worked on at a time."""
    monkeypatch.setattr(vocabulary, "_AT_ONCE", request.param)


def batch(rows: int = 40, size: int = 23, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(rows, size, generator=random, dtype=torch.float64)
    target = torch.randint(size, (rows,), generator=random)
    return logits.to(dtype).requires_grad_(), target


def loss_and_gradient(loss, logits, target):
    logits = logits.detach().requires_grad_()
    value = loss(logits, target)
    return value.detach(), torch.autograd.grad(value, logits)[0]


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("ignored", [-100, 3])
def test_it_is_the_definition_with_torchs_gradient(smoothing, ignored):
    logits, target = batch()
    target[::7] = ignored
    value, gradient = loss_and_gradient(lambda z, y: mean_cross_entropy(z, y, smoothing, ignored), logits, target)
    total, kept = 0.0, [(z, y) for z, y in zip(logits.tolist(), target.tolist(), strict=True) if y != ignored]
    for z, y in kept:
        log_p = torch.tensor(z).double() - torch.tensor(z).double().exp().sum().log()
        total -= float((1 - smoothing) * log_p[y] + smoothing * log_p.mean())
    assert float(value) == pytest.approx(total / len(kept), rel=1e-6)
    theirs = loss_and_gradient(
        lambda z, y: functional.cross_entropy(z, y, label_smoothing=smoothing, ignore_index=ignored), logits, target
    )
    torch.testing.assert_close((value, gradient), theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_passes_the_gradient_check(smoothing):
    logits, target = batch(rows=6, size=7)
    target[2] = 1
    assert torch.autograd.gradcheck(lambda z: 2.5 * mean_cross_entropy(z, target, smoothing, 1), logits)


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"label_smoothing": 0.1, "ignore_index": 5}])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_batch_of_a_translation_model_has_the_loss_of_float64(options, dtype):
    """The loss as it is used, with as many logits as to take this way: float32 arithmetic whatever their type."""
    logits, target = batch(140, 8000, dtype)
    target[:9] = 5
    assert gains(logits)
    value, gradient = loss_and_gradient(CrossEntropy(**options), logits, target)
    smoothing, ignored = options.get("label_smoothing", 0.0), options.get("ignore_index", -100)
    expected = loss_and_gradient(
        lambda z, y: functional.cross_entropy(z, y, label_smoothing=smoothing, ignore_index=ignored),
        logits.double(),
        target,
    )
    assert value.dtype == torch.float32
    assert gradient.dtype == dtype
    assert float(value) == pytest.approx(float(expected[0]), rel=5e-7)
    # Seven digits in float32, two in bfloat16; fewer where p is close to ε / V, and their difference to zero.
    rtol = 8e-3 if dtype == torch.bfloat16 else 1e-5
    torch.testing.assert_close(gradient.double(), expected[1], rtol=rtol, atol=1e-9 / 140)


def test_few_logits_and_large_batches_have_the_same_loss():
    logits, target = batch(140, 8000, torch.float32)
    loss = CrossEntropy(label_smoothing=0.1)
    whole = loss(logits, target)
    parts = [loss(*part) for part in zip(logits.split(7), target.split(7), strict=True)]
    assert not gains(logits[:7])
    torch.testing.assert_close(torch.stack(parts).mean(), whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [80.0, 90.0, 120.0, 1e4])
def test_a_class_whose_probability_underflows_keeps_its_loss(dtype, size):
    """Of two rows the first is surely wrong, by so much that p[y] has no digits left, or is zero."""
    logits = torch.zeros(2, 5, dtype=dtype)
    logits[0, 0] = size
    logits.requires_grad_()
    value = mean_cross_entropy(logits, torch.tensor([1, 1]), 0.0, -100)
    value.backward()
    assert value.item() == pytest.approx((size + float(torch.tensor(5.0).log())) / 2, rel=3e-3 if size > 256 else 1e-6)
    torch.testing.assert_close(logits.grad[0].float(), torch.tensor([0.5, -0.5, 0, 0, 0]))


def test_logits_far_from_zero_have_the_loss_of_their_differences():
    logits, target = batch(dtype=torch.float32)
    near = mean_cross_entropy(logits, target, 0.1, -100)
    # At 4,096 neighbouring float32 numbers are 2⁻¹¹ apart: these keep the shifted logits exact.
    rounded = (logits.detach() * 2**10).round() / 2**10
    shifted = mean_cross_entropy((rounded + 4096.0).requires_grad_(), target, 0.1, -100)
    exact = functional.cross_entropy(rounded.double(), target, label_smoothing=0.1)
    assert near.item() == pytest.approx(exact.item(), rel=1e-3)
    assert shifted.item() == pytest.approx(exact.item(), abs=0.1 * 4096 * 2**-22)


def test_nothing_to_count_is_zero_with_zero_gradient():
    logits, _ = batch(rows=3)
    value = mean_cross_entropy(logits, torch.full((3,), 4), 0.1, 4)
    value.backward()
    assert value.item() == 0
    assert torch.count_nonzero(logits.grad) == 0


def test_logits_laid_out_by_columns_have_the_same_gradient():
    logits, target = batch()
    columns = logits.detach().t().contiguous().t().requires_grad_()
    for one in (logits, columns):
        mean_cross_entropy(one, target, 0.1, -100).backward()
    assert not columns.is_contiguous()
    torch.testing.assert_close(columns.grad, logits.grad)


def test_the_loss_may_be_scaled_and_its_graph_used_again():
    logits, target = batch()
    value = mean_cross_entropy(logits, target, 0.1, -100)
    (once,) = torch.autograd.grad(value, logits, retain_graph=True)
    value.backward(retain_graph=True)
    value.backward()  # adds to what the first left, and may not change what that was
    (thrice,) = torch.autograd.grad(3 * mean_cross_entropy(logits, target, 0.1, -100), logits)
    torch.testing.assert_close(logits.grad, 2 * once)
    torch.testing.assert_close(thrice, 3 * once)


def test_a_second_derivative_is_refused():
    logits, target = batch()
    value = mean_cross_entropy(logits, target, 0.1, -100)
    with pytest.raises(RuntimeError, match="no second derivative"):
        torch.autograd.grad(value, logits, create_graph=True)


def test_a_target_that_is_no_class_is_refused():
    logits, target = batch(140, 8000, torch.float32)
    target[3] = 8000
    with pytest.raises(RuntimeError, match="index 8000 is out of bounds"):
        CrossEntropy()(logits, target)


def test_it_is_for_training_with_many_logits_without_class_weights(monkeypatch):
    logits, target = batch(140, 8000, torch.float32)
    assert gains(logits)
    assert not gains(logits.detach())
    assert not gains(logits.view(140, 8, 1000))
    assert not gains(logits.half())
    with torch.no_grad():
        assert not gains(logits)
    weighted = CrossEntropy(class_weights=[1.0] * 7999 + [2.0])(logits, target)
    expected = functional.cross_entropy(logits, target, weight=torch.tensor([1.0] * 7999 + [2.0]))
    torch.testing.assert_close(weighted, expected)


def test_half_precision_is_computed_in_single_either_way():
    logits, target = batch(dtype=torch.bfloat16)
    value = CrossEntropy(label_smoothing=0.1)(logits, target)
    assert value.dtype == torch.float32
    exact = functional.cross_entropy(logits.double(), target, label_smoothing=0.1)
    assert float(value) == pytest.approx(float(exact), rel=1e-6)
