"""Teacher-forced logits are step-by-step logits, of every decoder with every attention."""

import pytest
import torch

SCORES = ["additive", "concat", "dot", "scaled_dot", "general", "location", "multihead"]
DECODERS = ["bahdanau", "luong", "parallel"]
ATTENTIONS = [
    {"name": score, "scope": scope, "coverage": coverage, "window": 1}
    for score in SCORES
    for scope in ("global", "local_m", "local_p")
    for coverage in (False, True)
]


def name_of(value):
    return value if isinstance(value, str) else "-".join(str(value[key]) for key in ("name", "scope", "coverage"))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("attention", ATTENTIONS, ids=name_of)
def test_with_every_score_scope_and_coverage(build, batch, step_by_step, decoder, attention):
    model = build({**attention, **({"heads": 2} if attention["name"] == "multihead" else {})}, decoder).double()
    source, prefix = batch()
    logits, weights = model.teacher_forced(source, prefix)
    expected, expected_weights = step_by_step(model, source, prefix)
    torch.testing.assert_close(logits, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(weights, expected_weights, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    "attention",
    [
        "none",
        "local_m",
        "local_p",
        {"name": "additive", "normalised": True},
        {"name": "general", "project": "queries"},
        {"name": "general", "selection": "top_k", "k": 2},
        {"name": "general", "selection": "hard"},
        {"name": "general", "selection": "sparsemax"},
        {"name": "general", "selection": "entmax", "alpha": 1.7},
        {"name": "general", "selection": "gumbel"},
        {"name": "general", "temperature": 0.5},
    ],
    ids=str,
)
def test_with_every_selection_and_preset(build, batch, step_by_step, decoder, attention):
    model = build(attention, decoder).double()
    source, prefix = batch()
    for one, other in zip(model.teacher_forced(source, prefix), step_by_step(model, source, prefix), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize(
    "options",
    [
        {"bridge": "zero", "encoder": "lstm"},
        {"bridge": "last", "bidirectional": False, "encoder": "lstm", "encoder_layers": 3, "decoder_layers": 2},
        {"bridge": "last", "encoder": "rnn", "decoder_layers": 2, "residual": True},
        {"bridge": "dense", "encoder_layers": 2, "layer_norm": True, "decoder_layers": 2},
        {"tie": "target_softmax"},
        {"encoder_size": 5, "embedding_size": 3},
    ],
    ids=str,
)
def test_with_every_encoder_bridge_and_cell(build, batch, step_by_step, decoder, cell, options):
    model = build("general", decoder, decoder_cell=cell, **options).double()
    source, prefix = batch()
    for one, other in zip(model.teacher_forced(source, prefix), step_by_step(model, source, prefix), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("decoder", DECODERS)
def test_under_autocast(build, batch, step_by_step, decoder):
    """As `trainer.precision=bf16-mixed` computes; step by step and at once, to the two digits of bfloat16."""
    model = build("additive", decoder)
    source, prefix = batch()
    exact, _ = step_by_step(model, source, prefix)
    with torch.autocast("cpu", torch.bfloat16):
        logits, weights = model.teacher_forced(source, prefix)
        stepwise, _ = step_by_step(model, source, prefix)
    assert stepwise.dtype == weights.dtype == torch.float32
    torch.testing.assert_close(logits.float(), exact, rtol=0.03, atol=0.03)
    torch.testing.assert_close(stepwise, exact, rtol=0.03, atol=0.03)
    assert not torch.equal(stepwise, exact), "autocast changed nothing"


@pytest.mark.parametrize("readout", ["maxout", "tanh"])
def test_with_either_readout(build, batch, step_by_step, readout):
    model = build("additive", "bahdanau", readout=readout).double()
    source, prefix = batch()
    logits, _ = model.teacher_forced(source, prefix)
    torch.testing.assert_close(logits, step_by_step(model, source, prefix)[0])
    assert model.vocabulary.weight.shape[1] == {"maxout": 2, "tanh": 4}[readout]
