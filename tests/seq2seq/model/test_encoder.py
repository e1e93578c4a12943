"""The encoder: states where tokens stand, and the state of each direction after its own last token."""

import pytest
import torch

from zoo.seq2seq.encoder import Encoder

LENGTHS = [2, 4, 1, 4, 3]
every_encoder = pytest.mark.parametrize(
    ("cell", "bidirectional"), [(cell, both) for cell in ("gru", "lstm", "rnn") for both in (False, True)]
)


@pytest.fixture
def batch():
    torch.manual_seed(0)
    return torch.randn(5, 4, 3, dtype=torch.float64), torch.arange(4) < torch.tensor(LENGTHS).unsqueeze(1)


@every_encoder
def test_unsorted_sentences_are_encoded_each_for_itself(batch, cell, bidirectional):
    encoder = Encoder(3, 4, cell=cell, layers=2, bidirectional=bidirectional).double()
    embedded, mask = batch
    encoded = encoder(embedded, mask)
    assert encoded.states.shape == (5, 4, encoder.output_size)
    assert len(encoded.final) == (2 if cell == "lstm" else 1)
    assert all(part.shape == (2, 5, encoder.output_size) for part in encoded.final)
    assert not encoded.states[~mask].any()
    for row, length in enumerate(LENGTHS):
        alone = encoder(embedded[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(encoded.states[row, :length], alone.states[0])
        for part, alone_part in zip(encoded.final, alone.final, strict=True):
            torch.testing.assert_close(part[:, row], alone_part[:, 0])


@every_encoder
def test_the_final_state_stands_at_the_end_of_each_direction(batch, cell, bidirectional):
    """Forward at the sentence's last token, backward at its first; forward first."""
    encoder = Encoder(3, 4, cell=cell, bidirectional=bidirectional).double()
    encoded = encoder(*batch)
    hidden = encoded.final[0][0]
    for row, length in enumerate(LENGTHS):
        assert torch.equal(hidden[row, :4], encoded.states[row, length - 1, :4])
        if bidirectional:
            assert torch.equal(hidden[row, 4:], encoded.states[row, 0, 4:])


def test_each_direction_sees_what_it_has_read(batch):
    """A change of the last token reaches the forward states from there on alone, and all backward ones."""
    encoder = Encoder(3, 4).double()
    embedded, mask = batch
    changed = embedded.clone()
    changed[1, 3] += 1.0
    differs = (encoder(embedded, mask).states != encoder(changed, mask).states)[1]
    assert differs[:, :4].all(1).tolist() == [False, False, False, True]
    assert differs[:3, :4].any().item() is False
    assert differs[:, 4:].all(1).tolist() == [True] * 4


def test_output_size_is_that_of_all_directions():
    assert Encoder(3, 4).output_size == 8
    assert Encoder(3, 4, bidirectional=False).output_size == 4


def test_embedded_tokens_and_highest_states_are_not_dropped(batch):
    encoder = Encoder(3, 4, dropout=0.5).double()
    assert torch.equal(encoder(*batch).states, encoder.eval()(*batch).states)
    deep = Encoder(3, 4, layers=2, dropout=0.5).double()
    assert not torch.equal(deep(*batch).states, deep.eval()(*batch).states)


@pytest.mark.parametrize(
    "option", [{"residual": True}, {"layer_norm": True}, {"layer_norm": "rms"}, {"drop_connect": 0.5}], ids=str
)
def test_options_reach_the_layers(batch, option):
    torch.manual_seed(0)
    plain = Encoder(3, 4, layers=2).double()
    other = Encoder(3, 4, layers=2, **option).double()
    other.load_state_dict(plain.state_dict(), strict=False)
    assert not torch.allclose(plain(*batch).states, other(*batch).states)
