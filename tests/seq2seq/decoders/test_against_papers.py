"""Both decoders against the papers' equations, one sentence and one step at a time, in float64."""

import pytest
import torch


def softmax(energies):
    powers = [torch.exp(energy - max(energies)) for energy in energies]
    return [power / sum(powers) for power in powers]


def mean_of(weights, states):
    return sum(weight * state for weight, state in zip(weights, states, strict=True))


def bahdanau(decoder, cell_step, states, embedded, first):
    """Bahdanau et al. (2015), A.1.2 and A.2.2, of one sentence (S, K) and its tokens (T, E).

    e_ij = vᵀ tanh(W s_{i-1} + U h_j); α_i = softmax(e_i); c_i = Σ_j α_ij h_j; s_i = f(s_{i-1}, y_{i-1}, c_i);
    t̃_i = a linear layer of [s_i; y_{i-1}; c_i], and of each two of its units the larger one.
    """
    score, readout = decoder.attend.attention.score, decoder.readout
    state, features, alphas = list(first), [], []
    for y in embedded:
        s = state[-1][0]
        alpha = softmax([score.v @ torch.tanh(score.query.weight @ s + score.key.weight @ h) for h in states])
        c = mean_of(alpha, states)
        x = torch.cat([y, c])
        for index, layer in enumerate(decoder.recurrence.layers):
            state[index] = cell_step(layer, x, state[index])
            x = state[index][0]
        hidden = readout.linear.weight @ torch.cat([x, y, c]) + readout.linear.bias
        if readout.kind == "tanh":
            features.append(torch.tanh(hidden))
        else:
            features.append(torch.stack([max(hidden[2 * j], hidden[2 * j + 1]) for j in range(len(hidden) // 2)]))
        alphas.append(torch.stack(alpha))
    return torch.stack(features), torch.stack(alphas)


def luong(decoder, cell_step, states, embedded, first):
    """Luong et al. (2015), section 3, equations 5, 7 and 8 (general), and 3.3, of one sentence.

    a_t(s) = softmax(h_tᵀ W h_s); c_t = Σ_s a_t(s) h_s; h̃_t = tanh(W_c [c_t; h_t]); with input feeding, [y_t; h̃_t]
    enters the next step.
    """
    score = decoder.attend.attention.score
    state, features, alphas = list(first), [], []
    attentional = embedded.new_zeros(4)
    for y in embedded:
        x = torch.cat([y, attentional]) if decoder.input_feeding else y
        for index, layer in enumerate(decoder.recurrence.layers):
            state[index] = cell_step(layer, x, state[index])
            x = state[index][0]
        alpha = softmax([x @ score.weight.weight @ h / len(h) ** 0.5 for h in states])
        attentional = torch.tanh(decoder.combine.weight @ torch.cat([mean_of(alpha, states), x]))
        features.append(attentional)
        alphas.append(torch.stack(alpha))
    return torch.stack(features), torch.stack(alphas)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("bahdanau", {"readout": "maxout"}),
        ("bahdanau", {"readout": "tanh"}),
        ("luong", {"input_feeding": True}),
        ("luong", {"input_feeding": False}),
    ],
)
@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("stepwise", [False, True], ids=["all steps", "step by step"])
def test_features_and_weights(build, batch, first, cell_step, step_by_step, kind, options, cell, layers, stepwise):
    decoder = build(kind, cell=cell, layers=layers, **options)
    states, mask, embedded = batch
    start = first(decoder)
    memory = decoder.prepare(states, mask)
    if stepwise:
        features, weights = step_by_step(decoder, embedded, memory, start)
    else:
        features, weights = decoder(embedded, memory, decoder.start(start))
    assert features.shape[-1] == decoder.feature_size
    for row, length in enumerate(mask.sum(1).tolist()):
        own = [tuple(part[row] for part in layer) for layer in start]
        loop = bahdanau if kind == "bahdanau" else luong
        expected, alphas = loop(decoder, cell_step, states[row, :length], embedded[row], own)
        torch.testing.assert_close(features[row], expected)
        torch.testing.assert_close(weights[row, :, :length], alphas)
        assert not weights[row, :, length:].any()


@pytest.mark.parametrize(("kind", "feeding"), [("bahdanau", True), ("luong", True), ("luong", False)])
@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_gradients_of_all_steps_at_once_are_those_of_single_steps(
    build, batch, first, step_by_step, kind, feeding, cell
):
    """Of parameters, embedded tokens, encoder states and the first state."""
    decoder = build(kind, cell=cell, layers=2, **({} if kind == "bahdanau" else {"input_feeding": feeding}))
    results = []
    for stepwise in (False, True):
        decoder.zero_grad()
        states, mask, embedded = (one.clone() for one in batch)
        states.requires_grad_()
        embedded.requires_grad_()
        start = first(decoder)
        starts = [part.requires_grad_() for layer in start for part in layer]
        memory = decoder.prepare(states, mask)
        if stepwise:
            features, weights = step_by_step(decoder, embedded, memory, start)
        else:
            features, weights = decoder(embedded, memory, decoder.start(start))
        (features.square().sum() + weights.square().sum()).backward()
        results.append([one.grad for one in (states, embedded, *starts, *decoder.parameters())])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
