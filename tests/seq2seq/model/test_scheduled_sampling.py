"""Scheduled sampling: a coin a token decides between the right token and the model's own best one."""

import pytest
import torch

DECODERS = ["bahdanau", "luong", "parallel"]


@pytest.fixture
def follow(step_by_step):
    """`follow(model, source, prefix, own)`: logits (B, T, V) of steps that read the best token where `own` (B, T)."""

    def run(model, source, prefix, own):
        memory = model.encode(source)
        state, tokens, logits, read = model.start(memory), prefix[:, :1], [], []
        for t in range(prefix.shape[1]):
            read.append(tokens)
            step_logits, _, state = model.step(tokens, memory, state)
            logits.append(step_logits)
            if t + 1 < prefix.shape[1]:
                tokens = torch.where(own[:, t + 1 : t + 2], step_logits.argmax(-1), prefix[:, t + 1 : t + 2])
        return torch.cat(logits, 1), torch.cat(read, 1)

    return run


@pytest.mark.parametrize("decoder", DECODERS)
def test_with_probability_one_the_model_reads_its_own_best_tokens(build, batch, follow, decoder):
    model = build("additive", decoder, scheduled_sampling=1.0).double().train()
    source, prefix = batch()
    expected, read = follow(model, source, prefix, torch.ones_like(prefix, dtype=torch.bool))
    assert not torch.equal(read, prefix)
    torch.testing.assert_close(model(source, prefix), expected[prefix != 0])


@pytest.mark.parametrize("decoder", DECODERS)
def test_with_probability_zero_it_reads_the_right_ones(build, batch, step_by_step, decoder):
    model = build("additive", decoder, scheduled_sampling=0.0).double().train()
    source, prefix = batch()
    torch.testing.assert_close(model(source, prefix), step_by_step(model, source, prefix)[0])


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_coin_is_thrown_for_every_token(build, batch, follow, monkeypatch, decoder):
    """With coins that are known: neighbours in a sentence, and sentences at a step, have coins of their own."""
    model = build("additive", decoder, scheduled_sampling=0.4).double().train()
    source, prefix = batch()
    coins = []
    rand = torch.rand

    def noted(*shape, **options):
        coins.append(rand(*shape, **options))
        return coins[-1]

    monkeypatch.setattr(torch, "rand", noted)
    torch.manual_seed(5)
    logits = model(source, prefix)
    (thrown,) = coins
    own = thrown < 0.4
    assert own.shape == prefix.shape
    assert 0 < own[:, 1:].sum() < own[:, 1:].numel()
    expected, _ = follow(model, source, prefix, own)
    torch.testing.assert_close(logits, expected[prefix != 0])


@pytest.mark.parametrize("decoder", DECODERS)
def test_after_training_nothing_is_sampled(build, batch, step_by_step, decoder):
    model = build("additive", decoder, scheduled_sampling=1.0).double()
    source, prefix = batch()
    torch.testing.assert_close(model(source, prefix), step_by_step(model, source, prefix)[0])


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("variational", [False, True])
def test_sampled_tokens_are_dropped_as_the_right_ones_would_be(build, batch, decoder, variational):
    """Where the best token is the right one, sampling or not makes no difference, dropout included."""
    options = {"dropout": 0.5, "variational_dropout": variational}
    model = build("additive", decoder, scheduled_sampling=1.0, **options).double().train()
    source, _ = batch()
    prefix = torch.tensor([[2, 5, 5, 5]]).expand(5, -1)
    model.vocabulary.bias.data[5] = 100.0
    torch.manual_seed(0)
    sampled = model(source, prefix)
    model.scheduled_sampling = 1e-12  # the same draws, of which none is below
    torch.manual_seed(0)
    torch.testing.assert_close(sampled, model(source, prefix))


def test_gradients_flow_through_sampled_steps(build, batch):
    """Every parameter but the embeddings of unread tokens learns; the choice itself has no gradient."""
    model = build("additive", "luong", scheduled_sampling=1.0).double().train()
    model(*batch()).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
