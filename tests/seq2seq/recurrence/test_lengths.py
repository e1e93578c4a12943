"""Sentences of several lengths: what stands beside a sentence, or behind it, changes nothing."""

import pytest
import torch

from zoo.seq2seq.recurrence.packing import Packing

CELLS = ["gru", "lstm", "rnn"]
OPTIONS = {"directions": 2, "layers": 2, "residual": True, "layer_norm": True}


@pytest.mark.parametrize("cell", CELLS)
def test_a_sentence_in_a_batch_is_the_sentence_alone(build, sentences, cell):
    recurrence = build(cell=cell, **OPTIONS)
    tokens, mask = sentences()
    outputs, final = recurrence(tokens, mask)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone, alone_final = recurrence(tokens[row : row + 1, :length])
        torch.testing.assert_close(outputs[row, :length], alone[0])
        assert not outputs[row, length:].any()
        for parts, alone_parts in zip(final, alone_final, strict=True):
            for part, alone_part in zip(parts, alone_parts, strict=True):
                torch.testing.assert_close(part[row], alone_part[0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("garbage", [7.0, float("nan"), float("inf")])
def test_nothing_is_read_of_padding(build, sentences, cell, garbage):
    """Neither its values nor its width; its gradient is zero."""
    recurrence = build(cell=cell, **OPTIONS)
    tokens, mask = sentences()
    outputs, _ = recurrence(tokens, mask)
    outputs.square().sum().backward()
    expected = {name: parameter.grad for name, parameter in recurrence.named_parameters()}
    recurrence.zero_grad()
    wide = torch.cat([tokens.masked_fill(~mask.unsqueeze(-1), garbage), torch.full((5, 4, 3), garbage).double()], 1)
    wide.requires_grad_()
    padded, _ = recurrence(wide, torch.cat([mask, torch.zeros(5, 4).bool()], 1))
    padded.square().sum().backward()
    assert torch.equal(padded[:, :5], outputs)
    assert not padded[:, 5:].any()
    assert not wide.grad[:, :5][~mask].any()
    assert not wide.grad[:, 5:].any()
    assert wide.grad[:, :5][mask].abs().amin(-1).gt(0).all()
    for name, parameter in recurrence.named_parameters():
        assert torch.equal(parameter.grad, expected[name])


@pytest.mark.parametrize("cell", CELLS)
def test_a_sentence_without_tokens_ends_where_it_starts(build, sentences, state_of, cell):
    recurrence = build(cell=cell, directions=2)
    tokens, mask = sentences((2, 0, 3))
    state = state_of(recurrence, 3)
    outputs, final = recurrence(tokens, mask, state)
    assert not outputs[1].any()
    for end, start in zip(final[0], state[0], strict=True):
        assert torch.equal(end[1], start[1])
    sum((i + 2) * end[1].sum() for i, end in enumerate(final[0])).backward()
    for i, start in enumerate(state[0]):
        assert torch.equal(start.grad, torch.tensor([0.0, i + 2, 0.0]).unsqueeze(1).expand(3, 8).double())
    assert not any(parameter.grad.any() for parameter in recurrence.parameters())
    _, from_zero = recurrence(tokens, mask)
    assert not any(end[1].any() for end in from_zero[0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("started", [False, True])
def test_a_batch_without_a_single_token(build, sentences, state_of, cell, started):
    recurrence = build(cell=cell, directions=2)
    tokens, mask = sentences((0, 0), steps=3)
    tokens.requires_grad_()
    state = state_of(recurrence, 2) if started else None
    outputs, final = recurrence(tokens, mask, state)
    assert outputs.shape == (2, 3, 8)
    assert not outputs.any()
    if state is None:
        assert not any(end.any() for end in final[0])
    else:
        assert all(torch.equal(end, start) for end, start in zip(final[0], state[0], strict=True))
    (outputs.sum() + final[0][0].sum()).backward()
    assert not tokens.grad.any()


@pytest.mark.parametrize("mask", [[[False, True]], [[True, False, True]]])
def test_padding_before_a_token_is_refused(mask):
    with pytest.raises(ValueError, match="put padding behind the tokens"):
        Packing.of(torch.tensor(mask))


def test_packed_rows_go_step_by_step_from_the_longest_sentence(sentences):
    """Written out for lengths 2, 3, 0, 1: rows (sentence, step), and the rows of the backward direction."""
    _, mask = sentences((2, 3, 0, 1))
    packing = Packing.of(mask)
    rows = [(row // 3, row % 3) for row in packing.rows.tolist()]
    assert rows == [(1, 0), (0, 0), (3, 0), (1, 1), (0, 1), (1, 2)]
    assert packing.sizes == [3, 2, 1]
    assert [rows[index] for index in packing.mirror] == [(1, 2), (0, 1), (3, 0), (1, 1), (0, 0), (1, 0)]
    assert [rows[packing.last[sentence]] for sentence in (0, 1, 3)] == [(0, 1), (1, 2), (3, 0)]


def test_no_step_computes_a_sentence_that_is_over(build, sentences):
    """The packed batch has a row a token, not a row a place."""
    recurrence = build(directions=2)
    tokens, mask = sentences((40, 1, 1, 1))
    rows = []
    recurrence.layer(0).register_forward_hook(lambda _, inputs, outputs: rows.append(len(outputs[0])))
    recurrence(tokens, mask)
    assert rows == [43]
