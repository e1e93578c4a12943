"""Each optimizer, step by step, against its formula in float64 as a plain loop."""

import numpy as np
import pytest
import torch

from zoo.optimizers.adam_variants import adamax, nadam, radam
from zoo.optimizers.adaptive import adadelta, adagrad, rmsprop
from zoo.optimizers.layerwise import LAMB, LARS
from zoo.optimizers.lion import Lion
from zoo.optimizers.momentum import bgd, momentum, nesterov

BETAS = (0.9, 0.999)


def plain_momentum(lr=0.01, beta=0.9, weight_decay=0.0, average=False, look_ahead=False):
    def update(theta, g, t, memory):
        g = g + weight_decay * theta
        v = memory["v"] = beta * memory.get("v", 0) + ((1 - beta) if average else 1) * g
        return theta - lr * (g + beta * v if look_ahead else v)

    return update


def plain_adagrad(lr=0.01, lr_decay=0.0, weight_decay=0.0, first=0.0, eps=1e-10):
    def update(theta, g, t, memory):
        g = g + weight_decay * theta
        s = memory["s"] = memory.get("s", first) + g**2
        return theta - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s) + eps)

    return update


def plain_adadelta(lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
    def update(theta, g, t, memory):
        g = g + weight_decay * theta
        s = memory["s"] = rho * memory.get("s", 0) + (1 - rho) * g**2
        change = np.sqrt(memory.get("d", 0) + eps) / np.sqrt(s + eps) * g
        memory["d"] = rho * memory.get("d", 0) + (1 - rho) * change**2
        return theta - lr * change

    return update


def plain_rmsprop(lr=0.01, alpha=0.99, eps=1e-8, momentum=0.0, centered=False, weight_decay=0.0):
    def update(theta, g, t, memory):
        g = g + weight_decay * theta
        s = memory["s"] = alpha * memory.get("s", 0) + (1 - alpha) * g**2
        mean = memory["mean"] = alpha * memory.get("mean", 0) + (1 - alpha) * g
        change = g / (np.sqrt(s - mean**2 if centered else s) + eps)
        if momentum:
            change = memory["v"] = momentum * memory.get("v", 0) + change
        return theta - lr * change

    return update


def moments(g, memory, betas=BETAS):
    m = memory["m"] = betas[0] * memory.get("m", 0) + (1 - betas[0]) * g
    v = memory["v"] = betas[1] * memory.get("v", 0) + (1 - betas[1]) * g**2
    return m, v


def plain_adamax(lr=0.002, betas=BETAS, eps=1e-8, weight_decay=0.0):
    def update(theta, g, t, memory):
        g = g + weight_decay * theta
        m, _ = moments(g, memory, betas)
        u = memory["u"] = np.maximum(betas[1] * memory.get("u", 0), np.abs(g) + eps)
        return theta - lr / (1 - betas[0] ** t) * m / u

    return update


def plain_nadam(lr=0.002, betas=BETAS, eps=1e-8, psi=0.004, weight_decay=0.0, decoupled=False):
    def update(theta, g, t, memory):
        if decoupled:
            theta = theta - lr * weight_decay * theta
        else:
            g = g + weight_decay * theta
        m, v = moments(g, memory, betas)
        mu, following = (betas[0] * (1 - 0.5 * 0.96 ** (k * psi)) for k in (t, t + 1))
        product = memory["product"] = memory.get("product", 1.0) * mu
        ahead = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
        return theta - lr * ahead / (np.sqrt(v / (1 - betas[1] ** t)) + eps)

    return update


def plain_radam(lr=0.001, betas=BETAS, eps=1e-8, weight_decay=0.0, decoupled=False):
    def update(theta, g, t, memory):
        if decoupled:
            theta = theta - lr * weight_decay * theta
        else:
            g = g + weight_decay * theta
        m, v = moments(g, memory, betas)
        m = m / (1 - betas[0] ** t)
        longest = 2 / (1 - betas[1]) - 1
        length = longest - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        if length <= 5:
            return theta - lr * m
        r = np.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))
        return theta - lr * r * m * np.sqrt(1 - betas[1] ** t) / (np.sqrt(v) + eps)

    return update


def plain_lion(lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
    def update(theta, g, t, memory):
        m = memory.get("m", np.zeros_like(g))
        direction = np.sign(betas[0] * m + (1 - betas[0]) * g)
        memory["m"] = betas[1] * m + (1 - betas[1]) * g
        return theta - lr * (direction + weight_decay * theta)

    return update


def plain_lars(lr=1.0, momentum=0.9, trust=0.001, weight_decay=0.0, scaled="matrices"):
    def update(theta, g, t, memory):
        local = 1.0
        if (scaled == "all" or theta.ndim > 1) and np.any(theta) and np.any(g):
            weights = np.sqrt((theta**2).sum())
            local = trust * weights / (np.sqrt((g**2).sum()) + weight_decay * weights)
        v = memory["v"] = momentum * memory.get("v", 0) + lr * local * (g + weight_decay * theta)
        return theta - v

    return update


def plain_lamb(lr=0.001, betas=BETAS, eps=1e-6, weight_decay=0.01, scaled="matrices"):
    def update(theta, g, t, memory):
        m, v = moments(g, memory, betas)
        change = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps) + weight_decay * theta
        ratio = 1.0
        if (scaled == "all" or theta.ndim > 1) and np.any(theta) and np.any(change):
            ratio = np.sqrt((theta**2).sum()) / np.sqrt((change**2).sum())
        return theta - lr * ratio * change

    return update


ROUGH = {"betas": (0.5, 0.8), "lr": 0.05}
CASES = [
    (bgd, plain_momentum, [{"lr": 0.1}, {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1}]),
    (momentum, plain_momentum, [{}, {"lr": 0.02, "momentum": 0.5, "weight_decay": 0.2}]),
    (momentum, plain_momentum, [{"convention": "average"}]),
    (momentum, plain_momentum, [{"convention": "average", "lr": 0.1, "momentum": 0.5, "weight_decay": 0.2}]),
    (nesterov, plain_momentum, [{}, {"lr": 0.02, "momentum": 0.5, "weight_decay": 0.2}]),
    (adagrad, plain_adagrad, [{}, {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.2, "eps": 0.1}]),
    (adagrad, plain_adagrad, [{"initial_accumulator_value": 0.3, "fused": False}, {"foreach": True, "lr": 0.2}]),
    (adadelta, plain_adadelta, [{}, {"lr": 0.5, "rho": 0.5, "eps": 0.01, "weight_decay": 0.2}]),
    (rmsprop, plain_rmsprop, [{}, {"alpha": 0.5, "eps": 0.1, "weight_decay": 0.2}, {"momentum": 0.9}]),
    (rmsprop, plain_rmsprop, [{"alpha": 0.8, "centered": True, "momentum": 0.5, "eps": 0.01}]),
    (adamax, plain_adamax, [{}, {**ROUGH, "weight_decay": 0.2, "eps": 0.1}]),
    (nadam, plain_nadam, [{}, {**ROUGH, "weight_decay": 0.2, "momentum_decay": 0.5, "eps": 0.1}]),
    (nadam, plain_nadam, [{"decoupled": True, "weight_decay": 0.2, "lr": 0.1}]),
    (radam, plain_radam, [{}, {"betas": (0.5, 0.8), "lr": 0.05, "weight_decay": 0.2, "eps": 0.1}]),
    (radam, plain_radam, [{"decoupled": True, "weight_decay": 0.2, "lr": 0.1}]),
    (Lion, plain_lion, [{}, {**ROUGH, "weight_decay": 0.2}, {"betas": (0.0, 0.5), "lr": 0.1}]),
    (LARS, plain_lars, [{}, {"lr": 5.0, "momentum": 0.5, "trust": 0.01, "weight_decay": 0.2}, {"scaled": "all"}]),
    (LAMB, plain_lamb, [{}, {**ROUGH, "weight_decay": 0.2, "eps": 0.1}, {"scaled": "all", "lr": 0.1}]),
]
RENAMED = {"initial_accumulator_value": "first", "momentum_decay": "psi"}


def expected(plain, factory, options):
    named = {RENAMED.get(key, key): value for key, value in options.items() if key not in ("fused", "foreach")}
    if plain is plain_momentum:
        named["beta"] = named.pop("momentum", 0.0 if factory is bgd else 0.9)
        named["average"] = named.pop("convention", "sum") == "average"
        named["look_ahead"] = factory is nesterov
    return plain(**named)


@pytest.mark.parametrize("form", ["matrix", "vector"])
@pytest.mark.parametrize(
    ("factory", "plain", "options"),
    [
        pytest.param(factory, plain, one, id=f"{factory.__name__}-{one}")
        for factory, plain, options in CASES
        for one in options
    ],
)
def test_every_step_is_the_formula(ravine, factory, plain, options, form):
    start = ravine.start if form == "matrix" else ravine.start[0]
    found = ravine.walked(factory, start, **options)
    np.testing.assert_allclose(found, ravine.path(expected(plain, factory, options), start), rtol=1e-7, atol=1e-9)


def test_the_conventions_of_momentum_differ_by_a_factor_on_the_learning_rate(ravine):
    total = ravine.walked(momentum, momentum=0.8, lr=0.01)
    np.testing.assert_allclose(ravine.walked(momentum, momentum=0.8, lr=0.05, convention="average"), total, rtol=1e-10)


@pytest.mark.parametrize("factory", [LARS, LAMB])
def test_weights_that_are_all_zero_move_by_the_plain_step(ravine, factory):
    start = np.zeros((2, 3))
    found = ravine.walked(factory, start, lr=0.01)
    plain = {LARS: plain_lars, LAMB: plain_lamb}[factory]
    np.testing.assert_allclose(found, ravine.path(plain(lr=0.01), start), rtol=1e-7, atol=1e-12)
    assert np.any(found[0])


@pytest.mark.parametrize("factory", [momentum, Lion, LARS, LAMB])
def test_every_group_goes_by_its_own_options(ravine, factory):
    """Two groups in one optimizer end where two optimizers would."""
    first, second = ravine.parameter(), ravine.parameter(ravine.start[0])
    own = {"lr": 0.003, "weight_decay": 0.3}
    groups = [{"params": [first]}, {"params": [second], **own}]
    options = {"lr": 0.02, "weight_decay": 0.1, **({"convention": "average"} if factory is momentum else {})}
    optimizer = factory(params=groups, **options)
    for step in range(20):
        for theta in (first, second):
            theta.grad = torch.from_numpy(ravine.gradient(theta.detach().numpy(), step))
        optimizer.step()
    for theta, start, changed in ((first, ravine.start, {}), (second, ravine.start[0], own)):
        alone = ravine.walked(factory, start, **{**options, **changed})[19]
        np.testing.assert_array_equal(theta.detach().numpy(), alone)


@pytest.mark.parametrize("factory", [Lion, LARS, LAMB])
def test_zero_gradients_leave_weights_where_they_are_but_for_decay(ravine, factory):
    theta = ravine.parameter()
    optimizer = factory(params=[theta], lr=0.1, weight_decay=0.0)
    for _ in range(3):
        theta.grad = torch.zeros_like(theta)
        optimizer.step()
    np.testing.assert_array_equal(theta.detach().numpy(), ravine.start)


@pytest.mark.parametrize("factory", [Lion, LARS, LAMB])
def test_sparse_gradients_are_refused_with_a_choice(factory):
    embedding = torch.nn.Embedding(4, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="dense real gradients only; choose optimizer=sgd"):
        factory(params=embedding.parameters()).step()
