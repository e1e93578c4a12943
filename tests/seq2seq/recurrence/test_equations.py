"""Layers with every option against the papers' equations, one sentence and one step at a time, in float64."""

import pytest
import torch
from torch import nn

from zoo.seq2seq.recurrence import Layer, gru, lstm, tanh_rnn
from zoo.seq2seq.recurrence.packing import Packing

CELLS = ["gru", "lstm", "rnn"]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])
@pytest.mark.parametrize("layer_norm", [False, True, "rms"], ids=["raw", "norm", "rms"])
def test_three_layers(build, sentences, plain, cell, directions, residual, layer_norm):
    recurrence = build(cell=cell, directions=directions, layers=3, residual=residual, layer_norm=layer_norm)
    tokens, mask = sentences()
    outputs, final = recurrence(tokens, mask)
    for row, length in enumerate(mask.sum(1).tolist()):
        expected, expected_final = plain(recurrence, tokens[row, :length])
        torch.testing.assert_close(outputs[row, :length], expected)
        for parts, expected_parts in zip(final, expected_final, strict=True):
            for part, expected_part in zip(parts, expected_parts, strict=True):
                torch.testing.assert_close(part[row], expected_part)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("directions", [1, 2])
def test_variational_dropout_has_one_mask_for_all_steps(build, sentences, plain, drawn, cell, directions):
    """Of each layer one for h in its products, and one for what comes from the layer below: Gal & Ghahramani (2016)."""
    options = {"layers": 2, "dropout": 0.5, "variational": True, "residual": True, "layer_norm": True}
    recurrence = build(cell=cell, directions=directions, hidden_size=16, **options)
    tokens, mask = sentences()
    outputs, final = recurrence(tokens, mask)
    within_first, below_second, within_second = drawn
    sizes = [(5, 16 * directions)] * 3
    assert [factor.shape for factor in drawn] == sizes
    for row, length in enumerate(mask.sum(1).tolist()):
        expected, expected_final = plain(
            recurrence,
            tokens[row, :length],
            below=[torch.ones(()), below_second[row]],
            within=[within_first[row], within_second[row]],
        )
        torch.testing.assert_close(outputs[row, :length], expected)
        torch.testing.assert_close(final[1][0][row], expected_final[1][0])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("directions", [1, 2])
def test_drop_connect_multiplies_the_weights_of_all_steps(build, sentences, plain, drawn, cell, directions):
    """Values, and gradients of W: those of the equations with the masked W, times the mask."""
    recurrence = build(cell=cell, directions=directions, layers=2, drop_connect=0.5, layer_norm=True)
    tokens, mask = sentences()
    outputs, _ = recurrence(tokens, mask)
    outputs.square().sum().backward()
    ours = [layer.weight_hh.grad for layer in recurrence.layers]
    factors = [factor for factor in drawn if factor is not None]
    assert [factor.shape for factor in factors] == [layer.weight_hh.shape for layer in recurrence.layers]
    assert all(set(factor.unique().tolist()) == {0.0, 2.0} for factor in factors)
    recurrence.zero_grad()
    with torch.no_grad():
        for layer, factor in zip(recurrence.layers, factors, strict=True):
            layer.weight_hh.mul_(factor)
    for row, length in enumerate(mask.sum(1).tolist()):
        expected, _ = plain(recurrence, tokens[row, :length])
        torch.testing.assert_close(outputs[row, :length], expected)
        expected.square().sum().backward()
    for gradient, layer, factor in zip(ours, recurrence.layers, factors, strict=True):
        torch.testing.assert_close(gradient, layer.weight_hh.grad * factor)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_variational_dropout_are_those_of_the_equations(build, sentences, plain, drawn, cell):
    recurrence = build(cell=cell, directions=2, dropout=0.5, variational=True)
    tokens, mask = sentences()
    recurrence(tokens, mask)[0].square().sum().backward()
    ours = {name: parameter.grad for name, parameter in recurrence.named_parameters()}
    recurrence.zero_grad()
    for row, length in enumerate(mask.sum(1).tolist()):
        plain(recurrence, tokens[row, :length], within=[drawn[0][row]])[0].square().sum().backward()
    for name, parameter in recurrence.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad)


def test_ordinary_dropout_lies_between_layers_and_is_drawn_for_every_step(build, sentences, plain, drawn):
    """Not on the input of the lowest layer, nor on the output of the highest, nor on h."""
    recurrence = build(layers=2, dropout=0.5, residual=True, hidden_size=8)
    tokens, mask = sentences((4, 4))
    outputs, _ = recurrence(tokens, mask)
    (factors,) = drawn
    by_step = factors.view(4, 2, 8)  # as many sentences in every step
    assert not torch.equal(by_step[0], by_step[1])
    for row in range(2):
        expected, _ = plain(recurrence, tokens[row], below=[torch.ones(()), by_step[:, row]])
        torch.testing.assert_close(outputs[row], expected)


@pytest.mark.parametrize("variational", [False, True])
def test_after_training_nothing_is_dropped(build, sentences, plain, variational):
    recurrence = build(layers=2, dropout=0.5, variational=variational, drop_connect=0.5).eval()
    tokens, mask = sentences((4,))
    torch.testing.assert_close(recurrence(tokens, mask)[0][0], plain(recurrence, tokens[0])[0])
    assert recurrence.draw(tokens, 1, steps=4) is None


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dropped", [False, True])
def test_gradcheck_of_a_layer(sentences, cell, dropped):
    """Of gates, first state, weights and bias, in both directions, with a sentence without tokens."""
    random = torch.Generator().manual_seed(4)
    _, mask = sentences((2, 3, 0, 1))
    packing, size = Packing.of(mask), 2
    count = {"gru": 3, "lstm": 4, "rnn": 1}[cell]

    def leaf(*shape):
        return torch.randn(*shape, generator=random, dtype=torch.float64).requires_grad_()

    gates, hidden, weight = leaf(2, 6, count * size), leaf(2, 4, size), leaf(2, count * size, size)
    drop = 2.0 * torch.randint(0, 2, (2, 4, size), generator=random).double() if dropped else None

    def run(gates, hidden, weight, *more):
        gates = gates.clone()  # they are overwritten
        if cell == "gru":
            return gru(gates, hidden, weight, *more, packing, drop)
        if cell == "lstm":
            return lstm(gates, hidden, *more, weight, packing, drop)
        return tanh_rnn(gates, hidden, weight, packing, drop)

    more = {"gru": (leaf(2, size),), "lstm": (leaf(2, 4, size),), "rnn": ()}[cell]
    assert torch.autograd.gradcheck(run, (gates, hidden, weight, *more))


def test_an_unknown_cell_is_refused():
    with pytest.raises(ValueError, match="'ugrnn' is none of gru, lstm, rnn"):
        Layer(2, 3, cell="ugrnn")


def test_layers_keep_nothing_of_a_call(build, sentences):
    recurrence = build(cell="lstm", directions=2, layers=2, dropout=0.5, variational=True)
    tokens, mask = sentences()
    recurrence(tokens, mask)
    held = [value for module in recurrence.modules() for value in vars(module).values()]
    assert not any(isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter) for value in held)
    assert not list(recurrence.buffers())
