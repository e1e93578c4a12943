"""What is computed once, and of which rows; and what is kept: nothing."""

import pytest
import torch

from zoo.seq2seq.search import DecodeOptions, search

DECODERS = ["bahdanau", "luong", "parallel"]


def shapes_of(module):
    """The shape of every input that a module is called with, from here on."""
    seen = []
    module.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    return seen


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(("attention", "name"), [("additive", "key"), ("general", "weight")])
def test_keys_are_projected_once_a_sentence(build, batch, decoder, attention, name):
    """In training, and in a search whatever its beam."""
    model = build(attention, decoder)
    source, prefix = batch()
    seen = shapes_of(getattr(model.decoder.attend.attention.score, name))
    model(source, prefix)
    assert seen == [(5, 6, 4)]
    seen.clear()
    search(model, source, DecodeOptions(beam=4))
    assert seen == [(5, 6, 4)]


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_encoder_runs_once_over_real_tokens(build, batch, decoder):
    model = build("general", decoder)
    source, prefix = batch()
    seen = shapes_of(model.encoder.recurrence.layer(0))
    model(source, prefix)
    search(model, source, DecodeOptions(beam=4))
    assert seen == [((source != 0).sum(), 4)] * 2


@pytest.mark.parametrize("decoder", DECODERS)
def test_one_product_with_the_vocabulary_over_real_tokens_alone(build, batch, decoder):
    model = build("general", decoder).train()
    source, prefix = batch()
    seen = shapes_of(model.vocabulary)
    assert model(source, prefix).shape == (15, 9)
    assert seen == [(15, model.decoder.feature_size)]


def test_scheduled_sampling_asks_for_best_tokens_without_gradients_and_then_predicts_once(build, batch):
    model = build("general", "luong", scheduled_sampling=0.5).train()
    source, prefix = batch()
    calls = []
    model.vocabulary.register_forward_hook(
        lambda _, inputs, outputs: calls.append((tuple(inputs[0].shape), outputs.requires_grad))
    )
    model(source, prefix)
    assert calls == [((5, 1, 4), False)] * 4 + [((15, 4), True)]


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("attention", ["location", {"name": "additive", "coverage": True, "scope": "local_m"}], ids=str)
def test_modules_keep_nothing_of_a_call(build, batch, decoder, attention):
    """The same answer after other batches as before, gradients of two calls do not mix, and no tensor is held."""
    model = build(attention, decoder, dropout=0.5, variational_dropout=True)
    source, prefix = batch()
    other_source, other_prefix = batch((2, 9), (7, 3))
    first = model(source, prefix)
    model(other_source, other_prefix)
    model.train()(other_source, other_prefix)
    search(model.eval(), other_source)
    assert torch.equal(model(source, prefix), first)
    held = [value for module in model.modules() for value in vars(module).values()]
    assert not any(isinstance(value, torch.Tensor) for value in held)
    assert not [name for name, _ in model.named_buffers()]


def test_two_graphs_at_once_have_their_own_gradients(build, batch):
    """Both forward passes come first, then both backward passes, in turn."""
    model = build("additive", "luong", decoder_cell="lstm").double().train()
    given = [batch(), batch((2, 9), (7, 3))]
    expected = []
    for source, prefix in given:
        expected.append(torch.autograd.grad(model(source, prefix).square().sum(), list(model.parameters())))
    losses = [model(source, prefix).square().sum() for source, prefix in given]
    for loss, gradients in zip(losses, expected, strict=True):
        torch.testing.assert_close(torch.autograd.grad(loss, list(model.parameters())), gradients)


@pytest.mark.parametrize("decoder", DECODERS)
def test_the_model_builds_without_memory(build, decoder):
    """On the meta device, where every run is built once before anything is trained."""
    with torch.device("meta"):
        model = build("additive", decoder, tie="target_softmax", encoder_layers=2)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
