"""What stands beside a sentence in a batch, and behind it, changes neither its logits nor the loss."""

import pytest
import torch
from torch.nn import functional

SCORES = ["additive", "concat", "dot", "scaled_dot", "general", "location", "multihead"]
every_model = pytest.mark.parametrize(
    ("decoder", "attention"),
    [
        (decoder, {"name": score, "scope": scope, "window": 1, "coverage": True})
        for decoder in ("bahdanau", "luong", "parallel")
        for score in SCORES
        for scope in ("global", "local_p")
    ]
    + [
        (decoder, {"name": "general", "scope": "local_m", "window": 1}) for decoder in ("bahdanau", "luong", "parallel")
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value['name']}-{value['scope']}",
)
both_precisions = pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
OPTIONS = {"encoder_layers": 2, "decoder_layers": 2, "residual": True, "layer_norm": True}


@pytest.fixture
def model(build, decoder, attention):
    return build({**attention, **({"heads": 2} if attention["name"] == "multihead" else {})}, decoder, **OPTIONS)


@pytest.fixture
def run(precision):
    """`run(model, source, prefix)`: logits (M, V) and weights (B, T, S), as the harness sets precision."""

    def teacher_forced(model, source, prefix):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            logits, weights = model.teacher_forced(source, prefix)
        return logits.float(), weights

    return teacher_forced


@pytest.fixture
def close(precision):
    """Products of other shapes are summed in another order: the last digits of either type."""
    rtol, atol = (1e-5, 1e-6) if precision == "32-true" else (0.03, 0.03)

    def assert_close(one, other):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)

    return assert_close


@every_model
@both_precisions
def test_padding_changes_nothing(model, batch, run, close, precision):
    source, prefix = batch()
    logits, weights = run(model, source, prefix)
    wide, long = functional.pad(source, (0, 30)), functional.pad(prefix, (0, 7))
    padded_logits, padded_weights = run(model, wide, long)
    close(padded_logits, logits)
    close(padded_weights[:, : prefix.shape[1], : source.shape[1]], weights)
    assert not padded_weights[..., source.shape[1] :].any()


@every_model
@both_precisions
def test_a_sentence_alone_is_the_sentence_in_a_batch(model, batch, run, close, by_row, precision):
    source, prefix = batch()
    logits, weights = run(model, source, prefix)
    for row, own in enumerate(by_row(logits, prefix)):
        width, steps = (source[row] != 0).sum(), (prefix[row] != 0).sum()
        alone, alone_weights = run(model, source[row : row + 1, :width], prefix[row : row + 1, :steps])
        close(own, alone)
        close(weights[row, :steps, :width], alone_weights[0])


@every_model
@both_precisions
def test_order_of_the_batch_changes_nothing(model, batch, run, close, by_row, precision):
    source, prefix = batch()
    order = torch.tensor([3, 0, 4, 2, 1])
    logits, weights = run(model, source, prefix)
    permuted, permuted_weights = run(model, source[order], prefix[order])
    rows, permuted_rows = by_row(logits, prefix), by_row(permuted, prefix[order])
    for index, row in enumerate(order.tolist()):
        close(permuted_rows[index], rows[row])
    close(permuted_weights, weights[order])


@every_model
@both_precisions
def test_what_other_sentences_say_changes_no_bit(model, batch, run, by_row, precision):
    """Others of the same lengths: all shapes are the same, and so is every product of the sentences that stay."""
    source, prefix = batch()
    logits, weights = run(model, source, prefix)
    others_source, others_prefix = source.clone(), prefix.clone()
    others_source[1:, 0] = others_source[1:, 0] % 7 + 4
    others_prefix[2:, 1:] = torch.where(prefix[2:, 1:] > 0, prefix[2:, 1:] % 5 + 4, 0)
    others, others_weights = run(model, others_source, others_prefix)
    assert torch.equal(by_row(others, others_prefix)[0], by_row(logits, prefix)[0])
    assert torch.equal(others_weights[0], weights[0])
    assert not torch.equal(by_row(others, others_prefix)[2], by_row(logits, prefix)[2])


@pytest.mark.parametrize("decoder", ["bahdanau", "luong", "parallel"])
@both_precisions
def test_loss_and_gradients_are_sums_over_sentences(build, batch, decoder, precision):
    """The loss of a padded batch, summed over tokens, and its gradients are the sums of those of single sentences."""
    model = build("additive", decoder).train()
    source, prefix = batch()
    target = prefix.roll(-1, 1).masked_fill(prefix == 0, 0)

    def total(source, prefix, target):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            logits = model(source, prefix)
            return functional.cross_entropy(logits.float(), target[prefix != 0], reduction="sum")

    whole = total(functional.pad(source, (0, 9)), functional.pad(prefix, (0, 3)), functional.pad(target, (0, 3)))
    whole.backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    model.zero_grad()
    parts = 0.0
    for row in range(len(source)):
        width, steps = (source[row] != 0).sum(), (prefix[row] != 0).sum()
        part = total(source[row : row + 1, :width], prefix[row : row + 1, :steps], target[row : row + 1, :steps])
        part.backward()
        parts += part.detach()
    tolerance = 1e-5 if precision == "32-true" else 0.03
    torch.testing.assert_close(whole.detach(), parts, rtol=tolerance, atol=tolerance)
    for gradient, parameter in zip(gradients, model.parameters(), strict=True):
        scale = gradient.abs().max().item() + 1e-3
        torch.testing.assert_close(gradient / scale, parameter.grad / scale, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("decoder", ["bahdanau", "luong", "parallel"])
@pytest.mark.parametrize("attention", ["additive", "general", "location", "local_m", "local_p", "none"])
@both_precisions
def test_a_source_without_tokens_hurts_nobody(build, batch, run, close, by_row, decoder, attention, precision):
    """It gets zero weights and finite logits, and all others what they get without it; gradients are finite."""
    model = build(attention, decoder).train()
    source, prefix = batch()
    logits, weights = run(model, source, prefix)
    emptied = source.clone()
    emptied[1] = 0
    with_empty, weights_with_empty = run(model, emptied, prefix)
    assert with_empty.isfinite().all()
    assert not weights_with_empty[1].any()
    for row in (0, 2, 3, 4):
        close(by_row(with_empty, prefix)[row], by_row(logits, prefix)[row])
        close(weights_with_empty[row], weights[row])
    with_empty.square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters() if parameter.grad is not None)
