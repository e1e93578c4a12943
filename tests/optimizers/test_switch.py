import math

import numpy as np
import pytest
import torch

import zoo
from zoo.optimizers.projected_rate import ProjectedRate
from zoo.schedules.torch_schedules import cosine

ADAM = {"name": "adam", "lr": 0.05}
SGD = {"name": "sgd", "lr": 0.01, "momentum": 0.5}


def built(*thetas, first=ADAM, second=SGD, **options):
    groups = [{"params": [theta]} for theta in thetas]
    return zoo.build("optimizer", "switch", params=groups, first=first, second=second, **options)


def alone(node, *thetas):
    options = {key: value for key, value in node.items() if key != "name"}
    return zoo.build("optimizer", node["name"], params=[{"params": [theta]} for theta in thetas], **options)


def expected(ravine, at, second=SGD):
    """Adam for `at` steps, then a new second optimizer from there."""
    theta = ravine.parameter()
    head = ravine.walk(alone(ADAM, theta), theta, range(at))
    return np.concatenate([head, ravine.walk(alone(second, theta), theta, range(at, 30))])


@pytest.mark.parametrize("second", [SGD, {"name": "adagrad", "lr": 0.1}, {"name": "lion", "weight_decay": 0.1}])
@pytest.mark.parametrize("at", [1, 12])
def test_it_is_one_optimizer_and_then_the_other(ravine, at, second):
    theta = ravine.parameter()
    path = ravine.walk(built(theta, when="step", at=at, second=second), theta, range(30))
    np.testing.assert_allclose(path, expected(ravine, at, second), rtol=1e-10, atol=1e-12)


def test_it_switches_after_an_epoch(ravine):
    theta = ravine.parameter()
    optimizer = built(theta, when="epoch", at=2)
    path = []
    for epoch in range(3):
        path.append(ravine.walk(optimizer, theta, range(10 * epoch, 10 * epoch + 10)))
        assert optimizer.progress["switched"] == (epoch == 2)
        optimizer.epoch_ended()
    np.testing.assert_allclose(np.concatenate(path), expected(ravine, 20), rtol=1e-10, atol=1e-12)


def test_it_switches_when_progress_stops(ravine):
    optimizer = built(ravine.parameter(), when="plateau", patience=1)
    seen = []
    for loss in [3.0, 2.0, 2.5, 1.0, 1.0, 1.5, 0.5]:
        optimizer.validated(loss)
        seen.append(optimizer.progress["switched"])
    assert seen == [False] * 5 + [True] * 2


def plain_swats(ravine, lr=0.05, betas=(0.9, 0.999), eps=1e-8, decay=0.9, tolerance=1e-4, momentum=0.9):
    """Keskar & Socher (2017), algorithm 1, line by line; also returns the step of the switch and Λ."""
    w = ravine.start
    m = a = lam = 0.0
    phase, v, rate, when, path = "Adam", 0.0, None, None, []
    for k in range(1, 41):
        g = ravine.gradient(w, k - 1)
        if phase == "SGD":
            v = momentum * v + g
            w = w - (1 - momentum) * rate * v
            path.append(w)
            continue
        m = betas[0] * m + (1 - betas[0]) * g
        a = betas[1] * a + (1 - betas[1]) * g**2
        p = -lr * (m / (1 - betas[0] ** k)) / (np.sqrt(a / (1 - betas[1] ** k)) + eps)
        w = w + p
        path.append(w)
        if (p * g).sum() != 0:
            gamma = (p * p).sum() / -(p * g).sum()
            lam = decay * lam + (1 - decay) * gamma
            if k > 1 and abs(lam / (1 - decay**k) - gamma) < tolerance:
                phase, rate, when = "SGD", lam / (1 - decay**k), k
    return np.stack(path), when, rate


def test_swats_is_the_papers_algorithm(ravine):
    path, when, rate = plain_swats(ravine)
    assert 8 < when < 35
    assert rate > 0
    theta = ravine.parameter()
    optimizer = zoo.build("optimizer", "switch", params=[theta], first=ADAM, decay=0.9, tolerance=1e-4)
    np.testing.assert_allclose(ravine.walk(optimizer, theta), path, rtol=1e-8, atol=1e-10)
    assert optimizer.progress["projections"] == when
    assert optimizer.progress["factor"] * 0.05 == pytest.approx(rate, rel=1e-9)


def test_the_estimate_of_gradient_descent_is_its_own_rate(ravine):
    """Projecting plain descent's steps on the gradient gives back its learning rate, at once and for ever."""
    rate, theta = ProjectedRate(0.9, 1e-9), ravine.parameter()
    memory = rate.start()
    assert rate.estimate(memory) == 0
    settled = []
    for step in range(5):
        g = torch.from_numpy(ravine.gradient(theta.detach().numpy(), step))
        before = theta.detach().clone()
        theta.data.sub_(0.03 * g)
        settled.append(rate.update(memory, [(theta, before, g)]))
        assert rate.estimate(memory) == pytest.approx(0.03, rel=1e-12)
    assert settled == [False, True, True, True, True]


def test_a_schedule_goes_on_through_the_switch(ravine):
    theta, other = ravine.parameter(), ravine.parameter()
    optimizer = built(theta, other, when="step", at=10)
    schedule = cosine(optimizer, 20)
    rates = []
    for step in range(20):
        ravine.walk(optimizer, theta, [step])
        rates.append(optimizer.second.param_groups[0]["lr"])
        schedule.step()
    wanted = [0.01 * (1 + math.cos(math.pi * t / 20)) / 2 for t in range(10, 20)]
    assert rates[10:] == pytest.approx(wanted, rel=1e-12)


def test_groups_keep_their_proportion_through_the_switch(ravine):
    first, second = ravine.parameter(), ravine.parameter()
    groups = [{"params": [first]}, {"params": [second], "lr": 0.1}]
    optimizer = zoo.build("optimizer", "switch", params=groups, first=ADAM, second="sgd", when="step", at=1)
    for _ in range(2):
        first.grad, second.grad = torch.ones_like(first), torch.ones_like(second)
        optimizer.step()
    assert [group["lr"] for group in optimizer.second.param_groups] == pytest.approx([0.01, 0.02])


def test_a_learning_rate_is_the_first_ones_and_leaves_the_second_its_own(ravine):
    theta = ravine.parameter()
    optimizer = built(theta, when="step", at=1, lr=0.3)
    assert optimizer.param_groups[0]["lr"] == 0.3
    ravine.walk(optimizer, theta, range(2))
    assert optimizer.second.param_groups[0]["lr"] == pytest.approx(0.01)


@pytest.mark.parametrize("at", [3, 8, 12])
def test_it_resumes_before_and_after_the_switch(ravine, tmp_path, at):
    theta = ravine.parameter()
    optimizer = built(theta, when="step", at=8)
    ravine.walk(optimizer, theta, range(at))
    torch.save([theta.detach(), optimizer.state_dict()], tmp_path / "state.pt")
    wanted = ravine.walk(optimizer, theta, range(at, 20))
    values, state = torch.load(tmp_path / "state.pt", weights_only=True)
    again = torch.nn.Parameter(values)
    resumed = built(again, when="step", at=8)
    resumed.load_state_dict(state)
    np.testing.assert_array_equal(ravine.walk(resumed, again, range(at, 20)), wanted)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"when": "step"}, "at: goes with when=step or when=epoch, which need it; when=step has none; give it"),
        ({"when": "swats", "at": 3}, "when=swats has no use for it; leave it out"),
        ({"when": "step", "at": 3, "patience": 1}, "patience: goes with when=plateau, not with when=step"),
        ({"first": {"name": "adam", "lr": 0.0}}, "first: its learning rate is zero"),
        ({"when": "step", "at": 2, "second": "lbfgs"}, "second: forms other parameter groups"),
    ],
)
def test_options_that_do_not_go_together_are_refused(ravine, options, message):
    with pytest.raises(zoo.errors.ZooError, match=message):
        built(ravine.parameter(), ravine.parameter(ravine.start[0]), **{"second": SGD, **options})
