"""Bridges: any encoder with any decoder."""

import pytest
import torch

from zoo.seq2seq.bridges import Bridge
from zoo.seq2seq.encoder import Encoder

CELLS = ["gru", "lstm", "rnn"]
ENCODER_SIZE = 6


@pytest.fixture
def make():
    """`make(kind, **options)`: a bridge, and a final state of its encoder: (L, 2, 6), float64."""

    def build(kind, *, encoder_layers=1, encoder_cell="gru", decoder_size=6, decoder_layers=1, decoder_cell="gru"):
        torch.manual_seed(0)
        bridge = Bridge(
            kind,
            encoder_size=ENCODER_SIZE,
            encoder_layers=encoder_layers,
            encoder_cell=encoder_cell,
            decoder_size=decoder_size,
            decoder_layers=decoder_layers,
            decoder_cell=decoder_cell,
        ).double()
        parts = 2 if encoder_cell == "lstm" else 1
        final = tuple(torch.randn(encoder_layers, 2, ENCODER_SIZE, dtype=torch.float64) for _ in range(parts))
        return bridge, final

    return build


@pytest.mark.parametrize("kind", ["zero", "last", "dense"])
@pytest.mark.parametrize("encoder_cell", CELLS)
@pytest.mark.parametrize("decoder_cell", CELLS)
@pytest.mark.parametrize(("encoder_layers", "decoder_layers"), [(1, 1), (1, 3), (3, 1), (2, 3)])
def test_any_encoder_with_any_decoder(make, kind, encoder_cell, decoder_cell, encoder_layers, decoder_layers):
    """Every part of the first state by its formula, from the encoder's layer that stands beside it, counted from the
    lowest where there are enough decoder layers, else from the highest."""
    options = {"encoder_cell": encoder_cell, "decoder_cell": decoder_cell}
    bridge, final = make(kind, encoder_layers=encoder_layers, decoder_layers=decoder_layers, **options)
    state = bridge(final)
    beside = {(1, 1): [0], (1, 3): [0, 0, 0], (3, 1): [2], (2, 3): [0, 1, 1]}[encoder_layers, decoder_layers]
    assert len(state) == decoder_layers
    for layer, source in enumerate(beside):
        assert len(state[layer]) == (2 if decoder_cell == "lstm" else 1)
        sources = [final[0][source], final[-1][source]]
        for part, value in enumerate(state[layer]):
            if kind == "zero" or (kind == "last" and part == 1 and encoder_cell != "lstm"):
                expected = torch.zeros(2, 6).double()
            elif kind == "last":
                expected = sources[part]
            else:
                dense = (bridge.hidden, bridge.memory)[part][layer]
                expected = torch.tanh(sources[part] @ dense.weight.t() + dense.bias)
            torch.testing.assert_close(value, expected)


def test_parameters_are_those_of_dense_alone(make):
    assert [sum(p.numel() for p in make(kind)[0].parameters()) for kind in ("zero", "last", "dense")] == [0, 0, 42]
    both = make("dense", decoder_cell="lstm", decoder_layers=2)[0]
    assert sum(p.numel() for p in both.parameters()) == 4 * 42


@pytest.mark.parametrize("kind", ["zero", "dense"])
def test_sizes_may_differ(make, kind):
    bridge, final = make(kind, decoder_size=5)
    assert bridge(final)[0][0].shape == (2, 5)


def test_last_of_unequal_sizes_is_refused(make):
    with pytest.raises(ValueError, match=r"final state of size 6 into a decoder of size 5; .* bridge=dense"):
        make("last", decoder_size=5)


def test_an_unknown_kind_is_refused(make):
    with pytest.raises(ValueError, match="'half' is none of zero, last, dense"):
        make("half")


@pytest.mark.parametrize("bidirectional", [False, True])
def test_dense_reads_both_directions(bidirectional):
    """Gradients reach every encoder parameter: the final state of each direction has its say."""
    encoder = Encoder(3, 3 if bidirectional else 6, bidirectional=bidirectional)
    bridge = Bridge(
        "dense",
        encoder_size=6,
        encoder_layers=1,
        encoder_cell="gru",
        decoder_size=4,
        decoder_layers=1,
        decoder_cell="gru",
    )
    encoded = encoder(torch.randn(2, 4, 3), torch.arange(4) < torch.tensor([[4], [2]]))
    bridge(encoded.final)[0][0].square().sum().backward()
    assert all(parameter.grad.abs().amin(-1).gt(0).all() for parameter in bridge.parameters())
    assert encoder.recurrence.layer(0).weight_ih.grad.abs().amin(-1).gt(0).all()
