"""Gradients of whole models against finite differences, in float64."""

import pytest
import torch
from torch.func import functional_call

SMALL = {"embedding_size": 2, "decoder_size": 2, "source_vocab_size": 7, "target_vocab_size": 6}


@pytest.fixture
def checked(build):
    """`checked(attention, decoder, fast, **options)`: gradcheck of logits and weights by all parameters."""
    source = torch.tensor([[4, 3, 0], [5, 6, 3]])
    prefix = torch.tensor([[2, 4, 5], [2, 5, 0]])

    def run(attention, decoder, fast=True, **options):
        model = build(attention, decoder, **{**SMALL, **options}).double().train()
        # A tied matrix appears once.
        names, values = zip(*model.named_parameters(), strict=True)

        class Both(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, source, prefix):
                return self.model.teacher_forced(source, prefix)

        def outputs(*given):
            parameters = dict(zip((f"model.{name}" for name in names), given, strict=True))
            return functional_call(Both(), parameters, (source, prefix), tie_weights=True)

        return torch.autograd.gradcheck(
            outputs, tuple(value.detach().requires_grad_() for value in values), fast_mode=fast
        )

    return run


@pytest.mark.parametrize("decoder", ["bahdanau", "luong", "parallel"])
@pytest.mark.parametrize("score", ["additive", "concat", "dot", "scaled_dot", "general", "location", "none"])
def test_every_decoder_with_every_score(checked, decoder, score):
    assert checked(score, decoder)


@pytest.mark.parametrize("decoder", ["bahdanau", "luong", "parallel"])
def test_every_single_parameter_of_a_model(checked, decoder):
    """Number by number, not in one random direction."""
    assert checked("additive", decoder, fast=False, decoder_cell="lstm", bidirectional=False)


@pytest.mark.parametrize("decoder", ["bahdanau", "luong", "parallel"])
@pytest.mark.parametrize(
    "options",
    [
        {"encoder": "lstm", "decoder_cell": "lstm", "encoder_layers": 2, "decoder_layers": 2, "residual": True},
        {"encoder": "rnn", "decoder_cell": "rnn", "layer_norm": True, "bridge": "last"},
        {"tie": "all", "joint_vocabulary": True, "source_vocab_size": 7, "target_vocab_size": 7},
    ],
    ids=["deep lstm", "normalised rnn", "tied"],
)
def test_every_decoder_with_other_options(checked, decoder, options):
    assert checked({"name": "general", "scope": "local_p", "window": 2, "coverage": True}, decoder, **options)
