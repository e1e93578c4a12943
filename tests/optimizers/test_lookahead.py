import numpy as np
import pytest
import torch

import zoo
from zoo.runs.provenance import components_of


def plain(ravine, k, alpha, lr=0.05, momentum=0.9):
    """Zhang et al. (2019), algorithm 1, around momentum: fast and slow weights after every step."""
    theta = slow = ravine.start
    v, path = 0.0, []
    for t in range(1, 41):
        v = momentum * v + ravine.gradient(theta, t - 1)
        theta = theta - lr * v
        if t % k == 0:
            slow = slow + alpha * (theta - slow)
            theta = slow
        path.append((theta, slow))
    return path


def built(theta, k=5, alpha=0.5, inner=None):
    inner = inner or {"name": "sgd", "lr": 0.05, "momentum": 0.9}
    return zoo.build("optimizer", "lookahead", params=[{"params": [theta]}], inner=inner, k=k, alpha=alpha)


@pytest.mark.parametrize(("k", "alpha"), [(5, 0.5), (1, 0.5), (3, 0.8), (7, 1.0)])
def test_fast_and_slow_weights_are_the_papers(ravine, k, alpha):
    theta = ravine.parameter()
    optimizer = built(theta, k, alpha)
    for step, (fast, slow) in enumerate(plain(ravine, k, alpha)):
        ravine.walk(optimizer, theta, [step])
        np.testing.assert_allclose(theta.detach().numpy(), fast, rtol=1e-9, atol=1e-12)
        optimizer.eval()
        np.testing.assert_allclose(theta.detach().numpy(), slow, rtol=1e-9, atol=1e-12)
        optimizer.train()
        np.testing.assert_allclose(theta.detach().numpy(), fast, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("inner", ["adam", "radam", "lion", "adagrad", "schedule_free", {"name": "sam", "rho": 0.1}])
def test_any_optimizer_goes_on_inside_until_the_slow_weights_move(ravine, inner):
    node = {"name": inner} if isinstance(inner, str) else inner
    options = {key: value for key, value in node.items() if key != "name"}
    theta, alone = ravine.parameter(), ravine.parameter()
    path = ravine.walk(built(theta, k=5, inner=inner), theta, range(4))
    other = zoo.build("optimizer", node["name"], params=[{"params": [alone]}], **options)
    np.testing.assert_array_equal(path, ravine.walk(other, alone, range(4)))


def test_a_parameter_whose_gradient_comes_late_starts_slow_where_it_is(ravine):
    early, late = ravine.parameter(), ravine.parameter()
    optimizer = zoo.build("optimizer", "lookahead", params=[{"params": [early, late]}], inner="adam", k=4)
    for step in range(8):
        early.grad = torch.ones_like(early)
        late.grad = torch.ones_like(late) if step >= 2 else None
        optimizer.step()
        if step == 1:
            np.testing.assert_array_equal(late.detach().numpy(), ravine.start)
    assert torch.isfinite(late).all()
    assert not np.array_equal(late.detach().numpy(), ravine.start)


def test_a_learning_rate_goes_to_the_inner_optimizer_and_to_groups_without_their_own():
    groups = [{"params": [torch.nn.Parameter(torch.ones(1))]} for _ in range(2)]
    groups[1]["lr"] = 0.5
    optimizer = zoo.build("optimizer", "lookahead", params=groups, inner="sgd", lr=0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.5]
    assert optimizer.parts[0].param_groups[0] is optimizer.param_groups[0]


def test_parameters_that_are_added_later_are_trained(ravine):
    theta, added = ravine.parameter(), ravine.parameter()
    optimizer = built(theta)
    optimizer.add_param_group({"params": [added]})
    assert len(optimizer.param_groups) == len(optimizer.parts[0].param_groups) == 2
    theta.grad, added.grad = torch.ones_like(theta), torch.ones_like(added)
    optimizer.step()
    np.testing.assert_array_equal(theta.detach().numpy(), added.detach().numpy())


@pytest.mark.parametrize(
    ("inner", "message"),
    [
        ("adm", r"optimizer=adm: not installed .did you mean 'adam'"),
        ({"name": "sgd", "mometum": 0.9}, r"optimizer\.inner\.mometum: no such option"),
        ({"name": "sgd", "lr": -1}, r"optimizer\.inner\.lr: "),
        ({"name": "sgd", "decay_all": True}, r"optimizer\.inner\.decay_all: no such option"),
        ({"lr": 0.1}, r"optimizer\.inner: expected \{name"),
    ],
)
def test_a_wrong_inner_optimizer_is_named_before_anything_is_built(inner, message):
    with pytest.raises(zoo.errors.ZooError, match=message):
        zoo.build("optimizer", "lookahead", params=[torch.nn.Parameter(torch.ones(1))], inner=inner)


def test_the_inner_optimizer_is_chosen_on_the_command_line():
    words = ["data=iris", "optimizer=lookahead", "optimizer.inner={name: sgd, momentum: 0.8}", "optimizer.k=3"]
    optimizer = zoo.compose(words)["optimizer"]
    assert optimizer["inner"] == {"name": "sgd", "momentum": 0.8}
    assert zoo.compose(["data=iris", "optimizer=lookahead", "optimizer.inner=lion"])["optimizer"]["inner"] == "lion"


def test_a_run_records_the_inner_optimizer_and_its_inner_one_too():
    words = ["data=iris", "optimizer=lookahead", "optimizer.inner={name: sam, inner: lion}", "schedule=warmup"]
    recorded = [(one["kind"], one["name"]) for one in components_of(zoo.compose(words))]
    named = [one for one in recorded if one[0] in ("optimizer", "schedule")]
    assert named == [
        *(("optimizer", name) for name in ("lookahead", "sam", "lion")),
        *(("schedule", name) for name in ("warmup", "cosine")),
    ]
