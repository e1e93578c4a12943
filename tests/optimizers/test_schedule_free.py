import numpy as np
import pytest
import torch

from zoo.optimizers.schedule_free import schedule_free


def plain(ravine, base, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, warmup_steps=0):
    """Defazio et al. (2024), algorithm 1, line by line: y and x after every step."""
    x, z, v, total, path = ravine.start, ravine.start, 0.0, 0.0, []
    y = x
    for t in range(1, 41):
        g = ravine.gradient(y, t - 1)
        rate = lr * (min(1, t / warmup_steps) if warmup_steps else 1)
        v = betas[1] * v + (1 - betas[1]) * g**2
        direction = g if base == "sgd" else g / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        z = z - rate * direction - rate * weight_decay * y
        total += rate**2
        x = (1 - rate**2 / total) * x + rate**2 / total * z
        y = (1 - betas[0]) * z + betas[0] * x
        path.append((y, x))
    return path


@pytest.mark.parametrize(
    ("base", "options"),
    [
        ("adamw", {"lr": 0.05}),
        ("adamw", {"lr": 0.1, "betas": (0.5, 0.8), "eps": 0.1, "weight_decay": 0.2, "warmup_steps": 10}),
        ("adamw", {"lr": 0.1, "betas": (0.0, 0.9)}),
        ("sgd", {"lr": 0.05}),
        ("sgd", {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.2, "warmup_steps": 5}),
    ],
)
def test_training_is_at_y_and_evaluation_at_x(ravine, base, options):
    theta = ravine.parameter()
    optimizer = schedule_free(params=[theta], base=base, **options)
    for step, (y, x) in enumerate(plain(ravine, base, **options)):
        ravine.walk(optimizer, theta, [step])
        np.testing.assert_allclose(theta.detach().numpy(), y, rtol=1e-9, atol=1e-9)
        optimizer.eval()
        optimizer.eval()
        np.testing.assert_allclose(theta.detach().numpy(), x, rtol=1e-9, atol=1e-9)
        optimizer.train()


def test_evaluating_in_between_changes_no_bit_of_training(ravine):
    paths = []
    for looks in (False, True):
        theta = torch.nn.Parameter(torch.from_numpy(ravine.start).float())
        optimizer = schedule_free(params=[theta], lr=0.05)
        for step in range(20):
            theta.grad = torch.from_numpy(ravine.gradient(theta.detach().numpy(), step)).float()
            optimizer.step()
            if looks:
                optimizer.eval()
                optimizer.train()
        paths.append(theta.detach().clone())
    assert torch.equal(*paths)


def test_a_step_from_the_means_is_refused(ravine):
    theta = ravine.parameter()
    optimizer = schedule_free(params=[theta])
    ravine.walk(optimizer, theta, [0])
    optimizer.eval()
    with pytest.raises(RuntimeError, match=r"call train\(\)"):
        ravine.walk(optimizer, theta, [1])


def test_a_state_saved_in_evaluation_goes_on_as_if_nothing_had_been(ravine, tmp_path):
    theta = ravine.parameter()
    optimizer = schedule_free(params=[theta], lr=0.1)
    ravine.walk(optimizer, theta, range(10))
    optimizer.eval()
    torch.save([theta.detach(), optimizer.state_dict()], tmp_path / "state.pt")
    optimizer.train()
    expected = ravine.walk(optimizer, theta, range(10, 20))
    values, state = torch.load(tmp_path / "state.pt", weights_only=True)
    other = torch.nn.Parameter(values)
    resumed = schedule_free(params=[other], lr=0.1)
    resumed.load_state_dict(state)
    resumed.train()
    np.testing.assert_array_equal(ravine.walk(resumed, other, range(10, 20)), expected)


def test_a_learning_rate_of_zero_at_first_divides_nothing_by_zero(ravine):
    theta = ravine.parameter()
    optimizer = schedule_free(params=[theta], lr=0.0)
    assert np.array_equal(ravine.walk(optimizer, theta, range(3))[-1], ravine.start)


def test_the_mean_beats_the_last_iterate_on_a_noisy_ravine():
    """What it is for: under noise x is nearer to the minimum than z, on average over many draws."""
    torch.manual_seed(0)
    theta = torch.nn.Parameter(torch.full((200, 2), 2.0))
    optimizer = schedule_free(params=[theta], base="sgd", lr=0.2)
    for _ in range(200):
        theta.grad = theta.detach() + torch.randn_like(theta)
        optimizer.step()
    state = optimizer.state[theta]
    assert state["x"].square().mean() < 0.5 * state["z"].square().mean()
