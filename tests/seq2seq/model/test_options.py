"""Sizes, what cannot be, the presets' wiring, and the example in the package's docstring."""

import re

import pytest
import torch

import zoo
import zoo.seq2seq
from zoo.config.building import AttentionFactory, build_node
from zoo.errors import ZooError
from zoo.seq2seq.attention.scopes import Predictive
from zoo.seq2seq.attention.scores.additive import Additive
from zoo.seq2seq.attention.scores.general import General
from zoo.seq2seq.decoders import BahdanauDecoder, LuongDecoder

FACTS = {"source_vocab_size": 11, "target_vocab_size": 9, "padding_id": 0}


def test_dot_of_unequal_sizes_names_them(build):
    with pytest.raises(ZooError, match=r"query_size is 4, key_size 6"):
        build("dot", encoder_size=3)


def test_last_bridge_of_unequal_sizes_names_them(build):
    with pytest.raises(ZooError, match=r"size 6 into a decoder of size 4; make them equal, or choose bridge=dense"):
        build("general", bridge="last", encoder_size=3)


def test_bahdanau_without_its_context_is_refused(build):
    with pytest.raises(ZooError, match=r"input_feeding: false is an option of decoder=luong"):
        build("additive", "bahdanau", input_feeding=False)


def test_a_readout_of_luong_is_refused(build):
    with pytest.raises(ZooError, match=r"readout: an option of decoder=bahdanau"):
        build("general", "luong", readout="maxout")


@pytest.mark.parametrize(
    ("size", "embedding", "hidden"), [("small", 128, 256), ("base", 256, 512), ("large", 512, 1024)]
)
def test_size_sets_the_sizes_that_are_left_out(build, size, embedding, hidden):
    with torch.device("meta"):
        model = build("general", size=size, embedding_size=None, decoder_size=None)
        assert model.source.embedding_dim == model.target.embedding_dim == embedding
        assert model.decoder.recurrence.hidden_size == model.encoder.output_size == hidden
        one_way = build("general", size=size, bidirectional=False, embedding_size=5, decoder_size=None)
        assert one_way.source.embedding_dim == 5
        assert one_way.encoder.recurrence.hidden_size == hidden


@pytest.mark.parametrize(
    ("option", "other"),
    [
        ("encoder", "lstm"),
        ("encoder", "rnn"),
        ("bidirectional", False),
        ("encoder_layers", 2),
        ("decoder_cell", "lstm"),
        ("decoder_layers", 2),
        ("bridge", "zero"),
        ("bridge", "last"),
        ("input_feeding", False),
        ("dropout", 0.5),
        ("layer_norm", True),
        ("layer_norm", "rms"),
        ("encoder_drop_connect", 0.5),
        ("tie", "target_softmax"),
        ("scheduled_sampling", 1.0),
    ],
)
def test_every_option_changes_what_the_model_says(build, batch, option, other):
    said = []
    for options in ({}, {option: other}):
        model = build("general", **options).train()
        torch.manual_seed(1)
        said.append(model(*batch()))
    assert not torch.allclose(*said)


@pytest.mark.parametrize(("option", "beside"), [("residual", {}), ("variational_dropout", {"dropout": 0.5})])
def test_options_of_deep_and_dropped_models_do_so_too(build, batch, option, beside):
    said = []
    for value in (False, True):
        model = build("general", encoder_layers=2, decoder_layers=2, **beside, **{option: value}).train()
        torch.manual_seed(1)
        said.append(model(*batch()))
    assert not torch.allclose(*said)


@pytest.fixture
def preset():
    """`preset(name, *overrides)`: the model that `model=name` composes to, and its configuration."""

    def make(name, *overrides):
        config = zoo.compose([f"model={name}", "data=copy", "model.size=small", *overrides])
        known = {**FACTS, "attention": AttentionFactory(config["attention"])}
        return build_node("model", config["model"], known), config

    return make


def runs(model, batch):
    source, prefix = batch()
    logits, weights = model(source, prefix), model.teacher_forced(source, prefix)[1]
    assert logits.shape == (15, 9)
    torch.testing.assert_close(weights.sum(-1), torch.ones(5, 5))


def test_bahdanau_is_wired_as_in_the_paper(preset, batch):
    """A bidirectional GRU, a GRU that reads the context, additive attention, a first state tanh(W h), maxout."""
    model, _ = preset("bahdanau")
    encoder, decoder = model.encoder.recurrence, model.decoder
    assert (encoder.cell, encoder.directions, len(encoder.layers)) == ("gru", 2, 1)
    assert isinstance(decoder, BahdanauDecoder)
    assert (decoder.recurrence.cell, len(decoder.recurrence.layers)) == ("gru", 1)
    assert decoder.recurrence.layer(0).input_size == 128 + model.encoder.output_size
    assert isinstance(decoder.attend.attention.score, Additive)
    assert decoder.attend.attention.scope is None
    assert model.bridge.kind == "dense"
    assert decoder.readout.kind == "maxout"
    assert decoder.feature_size == decoder.recurrence.hidden_size // 2
    runs(model, batch)


def test_luong_is_wired_as_in_the_paper(preset, batch):
    """Stacked LSTMs in one direction, the last states as a bridge, general attention, input feeding, 0.2 dropped."""
    model, _ = preset("luong")
    encoder, decoder = model.encoder.recurrence, model.decoder
    assert (encoder.cell, encoder.directions) == ("lstm", 1)
    assert isinstance(decoder, LuongDecoder)
    assert decoder.recurrence.cell == "lstm"
    assert len(encoder.layers) == len(decoder.recurrence.layers) > 1
    assert model.bridge.kind == "last"
    assert isinstance(decoder.attend.attention.score, General)
    assert decoder.attend.attention.scope is None
    assert decoder.input_feeding
    assert decoder.recurrence.layer(0).input_size == 128 + 256
    assert model.dropout.p == decoder.dropout.p == encoder.dropout.p == 0.2
    runs(model, batch)


def test_local_is_luong_with_a_predicted_window(preset):
    model, config = preset("local")
    luong, luong_config = preset("luong")
    assert isinstance(model.decoder.attend.attention.scope, Predictive)
    assert isinstance(model.decoder.attend.attention.score, General)
    assert model.decoder.attend.attention.window == 10, "D of the paper, section 4.1"
    assert config["model"] == luong_config["model"]
    extra = set(model.state_dict()) - set(luong.state_dict())
    assert all("attention.scope" in name for name in extra)
    assert extra


@pytest.mark.parametrize("name", ["bahdanau", "luong", "local"])
def test_any_attention_goes_into_any_preset(preset, batch, name):
    model, _ = preset(name, "attention=concat", "attention.scope=local_m", "attention.coverage=true")
    assert model(*batch()).isfinite().all()


def test_the_example_of_the_package_runs(capsys):
    names = {}
    exec(re.search(r"```python\n(.*?)```", zoo.seq2seq.__doc__, re.DOTALL).group(1), names)
    assert names["logits"].shape == (5, 30)
    assert [len(ranked) for ranked in names["found"]] == [1, 1]
    assert capsys.readouterr().out.startswith("[")
