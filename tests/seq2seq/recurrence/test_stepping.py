"""One step at a time: the same numbers and gradients as whole sentences."""

import pytest
import torch

from zoo.seq2seq import deferred

CELLS = ["gru", "lstm", "rnn"]
every_stack = pytest.mark.parametrize(
    ("cell", "options"),
    [
        (cell, options)
        for cell in CELLS
        for options in ({}, {"layers": 2}, {"layers": 3, "residual": True, "layer_norm": True})
    ],
)


def run_steps(recurrence, tokens, state, *, known=None, noises=None, linear=torch.nn.functional.linear):
    """Outputs (B, T, H) and the last state; `known` columns of the input are multiplied for all steps at once."""
    gates = None if known is None else recurrence.gates(tokens[..., :known])
    outputs = []
    for t in range(tokens.shape[1]):
        output, state = recurrence.step(
            tokens[:, t, known:],
            state,
            gates=None if gates is None else gates[:, t],
            noise=None if noises is None else noises[t],
            linear=linear,
        )
        outputs.append(output)
    return torch.stack(outputs, 1), state


@every_stack
@pytest.mark.parametrize("known", [None, 2, 3], ids=["no gates", "gates of some columns", "gates of all columns"])
@pytest.mark.parametrize("deferring", [False, True], ids=["autograd", "deferred"])
def test_steps_are_the_sequence(build, sentences, state_of, cell, options, known, deferring):
    recurrence = build(cell=cell, **options)
    tokens, _ = sentences((4, 4))
    results = []
    for stepwise in (False, True):
        recurrence.zero_grad()
        inputs, state = tokens.clone().requires_grad_(), state_of(recurrence, 2)
        if not stepwise:
            outputs, final = recurrence(inputs, state=state)
        elif deferring:
            with deferred.loop():
                outputs, final = run_steps(recurrence, inputs, state, known=known, linear=deferred.linear)
        else:
            outputs, final = run_steps(recurrence, inputs, state, known=known)
        ends = [part for layer in final for part in layer]
        (outputs.square().sum() + sum(end.sum() for end in ends)).backward()
        gradients = [parameter.grad for parameter in recurrence.parameters()]
        starts = [part.grad for layer in state for part in layer]
        results.append([outputs, *ends, inputs.grad, *starts, *gradients])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("cell", CELLS)
def test_a_state_of_zeros_is_no_state(build, sentences, cell):
    recurrence = build(cell=cell, layers=2)
    tokens, _ = sentences((4, 4))
    outputs, _ = run_steps(recurrence, tokens, recurrence.zeros(tokens, 2))
    torch.testing.assert_close(outputs, recurrence(tokens)[0])


@pytest.mark.parametrize("cell", CELLS)
def test_hypotheses_step_as_rows_of_a_batch(build, sentences, cell):
    recurrence = build(cell=cell, layers=2, residual=True)
    tokens, _ = sentences((3, 3, 3, 3, 3, 3))
    state = recurrence.zeros(tokens, 6)
    for t in range(3):
        flat, state_after = recurrence.step(tokens[:, t], state)
        grouped, grouped_after = recurrence.step(
            tokens[:, t].view(2, 3, 3), tuple(tuple(part.view(2, 3, -1) for part in layer) for layer in state)
        )
        torch.testing.assert_close(grouped.flatten(0, 1), flat)
        torch.testing.assert_close(grouped_after[1][0].flatten(0, 1), state_after[1][0])
        state = state_after


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("variational", [False, True], ids=["every step", "variational"])
def test_dropout_drawn_for_steps_is_that_of_the_equations(build, sentences, plain, cell, variational):
    recurrence = build(cell=cell, layers=2, hidden_size=8, dropout=0.5, variational=variational)
    tokens, _ = sentences((4, 4))
    noises = recurrence.draw(tokens, 2, steps=4)
    assert len(noises) == 4
    assert all(noise[0][0] is None for noise in noises), "the input of the lowest layer is left alone"
    assert all((noise[layer][1] is not None) == variational for noise in noises for layer in range(2))
    below = torch.stack([noise[1][0] for noise in noises])  # (T, B, H)
    assert torch.equal(below[0], below[1]) == variational
    outputs, _ = run_steps(recurrence, tokens, recurrence.zeros(tokens, 2), noises=noises)
    for row in range(2):
        within = [noises[0][layer][1][row] for layer in range(2)] if variational else ()
        expected, _ = plain(recurrence, tokens[row], below=[torch.ones(()), below[:, row]], within=within)
        torch.testing.assert_close(outputs[row], expected)


@pytest.mark.parametrize("cell", CELLS)
def test_states_stay_float32_where_products_are_bfloat16(build, sentences, cell):
    """Under autocast, and in a model that is bfloat16 itself: rounding does not pile up from step to step."""
    exact = build(cell=cell)
    for parameter in exact.parameters():
        parameter.data.mul_(0.3)
    tokens, _ = sentences((20, 20))
    expected, _ = run_steps(exact, tokens, exact.zeros(tokens, 2))
    single = exact.float()
    with torch.autocast("cpu", torch.bfloat16):
        outputs, state = run_steps(single, tokens.float(), single.zeros(tokens.float(), 2))
    assert {part.dtype for part in state[0]} == {torch.float32}
    torch.testing.assert_close(outputs.double(), expected, rtol=0.02, atol=0.02)
    half = single.bfloat16()
    outputs, state = run_steps(half, tokens.bfloat16(), half.zeros(tokens.bfloat16(), 2))
    assert {part.dtype for part in state[0]} == {torch.float32}
    torch.testing.assert_close(outputs.double(), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("cell", CELLS)
def test_gradcheck_of_one_step(build, cell):
    random = torch.Generator().manual_seed(4)
    layer = build(cell=cell, hidden_size=2).layer(0)
    width = {"gru": 6, "lstm": 8, "rnn": 2}[cell]
    leaves = [
        torch.randn(3, size, generator=random, dtype=torch.float64).requires_grad_() for size in (width, width, 2, 2)
    ]
    states = 2 if cell == "lstm" else 1

    def run(inputs, recurrent, *state):
        return layer.update(inputs, recurrent, state)

    if cell != "gru":  # of h it reads the type alone: h has entered the product before
        leaves[2].requires_grad_(False)
    assert torch.autograd.gradcheck(run, tuple(leaves[: 2 + states]))
