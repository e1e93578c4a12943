"""Gradients of keys, queries and every parameter, against finite differences in float64."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

SCORES = ["additive", "concat", "dot", "scaled_dot", "general", "location", "multihead"]


class Run(nn.Module):
    """All steps, as a function of keys, queries and parameters."""

    def __init__(self, attention, mask):
        super().__init__()
        self.attention, self.mask = attention, mask

    def forward(self, keys, queries):
        torch.manual_seed(3)  # so that Gumbel noise is one and the same
        memory, state = self.attention.prepare(keys, self.mask), None
        outputs = []
        for query in queries.unbind(1):
            context, weights, state = self.attention(query, memory, state)
            outputs += [context, weights]
        return torch.cat(outputs, -1)


def check_gradients(attention, keys, mask, queries):
    run = Run(attention, mask)
    names = [name for name, _ in run.named_parameters()]

    def function(keys, queries, *values):
        return functional_call(run, dict(zip(names, values, strict=True)), (keys, queries))

    inputs = [keys, queries, *(parameter.detach() for parameter in run.parameters())]
    assert torch.autograd.gradcheck(function, [one.clone().requires_grad_() for one in inputs])


@pytest.mark.parametrize("coverage", [False, True], ids=["plain", "coverage"])
@pytest.mark.parametrize("selection", ["softmax", "top_k", "sparsemax", "entmax"])
@pytest.mark.parametrize("scope", ["global", "local_m", "local_p"])
@pytest.mark.parametrize("score", SCORES)
def test_gradients(build, sentences, score, scope, selection, coverage):
    own = {"heads": 2} if score == "multihead" else {"max_length": 4} if score == "location" else {}
    attention = build(score, scope=scope, window=1, selection=selection, k=2, coverage=coverage, **own)
    check_gradients(attention, *sentences((3, 0), steps=2))


@pytest.mark.parametrize("scope", ["local_m", "local_p"])
def test_gradients_through_gathered_windows(build, sentences, scope):
    check_gradients(build("additive", scope=scope, window=1, coverage=True, hidden_size=2), *sentences((13,), steps=2))


@pytest.mark.parametrize("scope", ["global", "local_p"])
def test_gradients_through_gumbel_noise(build, sentences, scope):
    check_gradients(build("general", scope=scope, window=1, selection="gumbel").train(), *sentences((3, 2), steps=2))


def test_hard_weights_have_the_gradient_of_gumbel_weights(build, sentences):
    keys, mask, queries = sentences((5, 3))
    gradients = []
    for selection in ("hard", "gumbel"):
        attention = build("general", selection=selection, temperature=0.8).train()
        memory = attention.prepare(keys, mask)
        torch.manual_seed(3)
        _, weights, _ = attention(queries[:, 0], memory, None)
        (weights * torch.arange(5.0)).sum().backward()
        gradients.append(attention.score.weight.weight.grad)
    assert gradients[0].abs().max() > 1e-3
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_no_gradient_is_nan_for_an_empty_sentence(build, sentences):
    keys, mask, queries = sentences((3, 0))
    keys.requires_grad_()
    for score in SCORES:
        with torch.autograd.detect_anomaly(check_nan=True):
            attention = build(score, scope="local_p", coverage=True)
            Run(attention, mask)(keys, queries).sum().backward()
        assert keys.grad.isfinite().all()
        assert not keys.grad[1].any()
