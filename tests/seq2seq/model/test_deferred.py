"""Gradients summed after a loop are those of autograd, whatever the loop and the backward pass look like."""

import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.seq2seq import deferred


class Counting(TorchDispatchMode):
    """Counts the operations that torch runs, by name."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls.append((function.overloadpacket.__name__, [tuple(a.shape) for a in args if torch.is_tensor(a)]))
        return function(*args, **(kwargs or {}))

    def count(self, name, *shapes):
        return sum(called == name and (not shapes or seen == list(shapes)) for called, seen in self.calls)


@pytest.fixture
def leaves():
    """A square weight (3, 3), a bias (3,), a wide weight (3, 5), and a first state (2, 3)."""
    random = torch.Generator().manual_seed(0)
    return [
        torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_()
        for shape in ((3, 3), (3,), (3, 5), (2, 3))
    ]


def run(linear, weight, bias, wide, state):
    """A loop that reads a weight with and without its bias, transposed, and two parts of another."""
    total = 0.0
    for step in range(4):
        state = torch.tanh(linear(state, weight, bias))
        state = torch.tanh(linear(state, weight) + linear(state, weight.t(), None))
        state = state + linear(state, wide[:, :3]) * linear(state[:, :2], wide[:, 3:], bias)
        total = total + (step + 1) * state.square().sum()
    return total


def gradients(loss, leaves, **options):
    return torch.autograd.grad(loss, leaves, allow_unused=True, **options)


def test_gradients_are_those_of_autograd(leaves):
    expected = run(functional.linear, *leaves)
    with deferred.loop():
        loss = run(deferred.linear, *leaves)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients(loss, leaves), gradients(expected, leaves))


def test_gradcheck(leaves):
    def looped(*given):
        with deferred.loop():
            return run(deferred.linear, *given)

    assert torch.autograd.gradcheck(looped, tuple(leaves))


def test_weights_made_on_the_way_are_told_apart(leaves):
    """A tensor that is gone must not lend its place to the next one."""
    weight, _, _, state = leaves

    def scaled(linear):
        total = 0.0
        for step in range(6):
            total = total + linear(state, weight * (step + 1.0)).square().sum()
        return total

    expected = scaled(functional.linear)
    with deferred.loop():
        loss = scaled(deferred.linear)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients(loss, [weight, state]), gradients(expected, [weight, state]))


@pytest.mark.parametrize("frozen", [0, 1, 2, 3])
def test_what_is_frozen_stays_out(leaves, frozen):
    leaves[frozen].requires_grad_(False)
    wanted = [leaf for leaf in leaves if leaf.requires_grad]
    with deferred.loop():
        loss = run(deferred.linear, *leaves)
    torch.testing.assert_close(gradients(loss, wanted), gradients(run(functional.linear, *leaves), wanted))


def test_a_weight_that_is_read_outside_the_loop_too(leaves):
    weight, bias, _, state = leaves
    expected = gradients(run(functional.linear, *leaves) + (state @ weight).sum() * bias.sum(), leaves)
    with deferred.loop():
        loss = run(deferred.linear, *leaves)
    torch.testing.assert_close(gradients(loss + (state @ weight).sum() * bias.sum(), leaves), expected)


def test_two_backward_passes_of_one_loop(leaves):
    with deferred.loop():
        loss = run(deferred.linear, *leaves)
    first = gradients(loss, leaves, retain_graph=True)
    second = gradients(3.0 * loss, leaves)
    torch.testing.assert_close(second, tuple(3.0 * one for one in first))


def test_a_backward_pass_that_stops_before_the_weights_leaves_nothing_behind(leaves):
    """Gradients of the state alone: every step notes its share, and nobody comes for it."""
    with deferred.loop():
        loss = run(deferred.linear, *leaves)
    (of_state,) = torch.autograd.grad(loss, leaves[3:], retain_graph=True)
    expected = gradients(run(functional.linear, *leaves), leaves)
    torch.testing.assert_close(of_state, expected[3])
    torch.testing.assert_close(gradients(loss, leaves), expected)


def test_loops_inside_loops_and_one_after_the_other(leaves):
    weight, bias, _, state = leaves

    def nested(linear, loop):
        with loop():
            outer = torch.tanh(linear(state, weight, bias))
            with loop():
                inner = linear(torch.tanh(linear(outer, weight, bias)), weight)
            after = linear(inner, weight, bias)
        with loop():
            return linear(after, weight, bias).square().sum()

    class Nothing:
        def __enter__(self): ...
        def __exit__(self, *_): ...

    wanted = [weight, bias, state]
    expected = gradients(nested(functional.linear, Nothing), wanted)
    torch.testing.assert_close(gradients(nested(deferred.linear, deferred.loop), wanted), expected)


def test_a_step_that_nothing_depends_on(leaves):
    weight, bias, _, state = leaves
    with deferred.loop():
        read = deferred.linear(state, weight, bias)
        deferred.linear(state, weight, bias)
    expected = gradients(functional.linear(state, weight, bias).square().sum(), [weight, bias])
    torch.testing.assert_close(gradients(read.square().sum(), [weight, bias]), expected)


def test_an_error_in_a_loop_ends_it(leaves):
    weight, bias, _, state = leaves
    with pytest.raises(ZeroDivisionError), deferred.loop():
        raise ZeroDivisionError
    with Counting() as mode:
        deferred.linear(state, weight, bias).sum().backward()
    assert mode.count("addmm") == 1
    torch.testing.assert_close(weight.grad, torch.ones(3, 2).double() @ state.detach())


def test_one_product_a_weight_however_many_steps():
    """Of 7 steps of 2 rows: autograd makes 7 products of (4, 2) and (2, 3), we one of (4, 14) and (14, 3)."""
    weight, bias = torch.randn(4, 3, requires_grad=True), torch.randn(4, requires_grad=True)
    inputs = torch.randn(7, 2, 3, requires_grad=True)
    with deferred.loop():
        total = sum(deferred.linear(one, weight, bias).square().sum() for one in inputs)
    with Counting() as ours:
        total.backward()
    assert ours.count("mm", (4, 14), (14, 3)) == 1
    assert ours.count("mm", (4, 2), (2, 3)) == 0
    with Counting() as theirs:
        sum(functional.linear(one, weight, bias).square().sum() for one in inputs).backward()
    assert theirs.count("mm", (4, 2), (2, 3)) == 7


def test_without_gradients_it_is_an_ordinary_product(leaves):
    weight, bias, _, state = leaves
    with torch.no_grad(), deferred.loop():
        product = deferred.linear(state, weight, bias)
    assert not product.requires_grad
    assert torch.equal(product, functional.linear(state, weight, bias))


def test_under_autocast_a_weight_is_cast_once_and_gets_a_float32_gradient():
    torch.manual_seed(0)
    weight, bias = torch.randn(40, 30, requires_grad=True), torch.randn(40, requires_grad=True)
    inputs = torch.randn(9, 5, 30)
    with torch.autocast("cpu", torch.bfloat16), Counting() as mode, deferred.loop():
        outputs = [deferred.linear(one, weight, bias) for one in inputs]
    assert {output.dtype for output in outputs} == {torch.bfloat16}
    assert mode.count("_to_copy", (40, 30)) == 1
    torch.stack(outputs).float().square().sum().backward()
    assert weight.grad.dtype == bias.grad.dtype == torch.float32
    exact_weight, exact_bias = (one.detach().double().requires_grad_() for one in (weight, bias))
    functional.linear(inputs.double(), exact_weight, exact_bias).square().sum().backward()
    for ours, exact in ((weight, exact_weight), (bias, exact_bias)):
        torch.testing.assert_close(ours.grad.double(), exact.grad, rtol=0.02, atol=0.01 * exact.grad.abs().max().item())


# -- shared right sides of batched products ------------------------------------------------------------------------


@pytest.fixture
def batched():
    """Four left sides (2, 1, 3), and a right side (2, 3, 5)."""
    random = torch.Generator().manual_seed(1)
    lefts = torch.randn(4, 2, 1, 3, generator=random, dtype=torch.float64).requires_grad_()
    return lefts, torch.randn(2, 3, 5, generator=random, dtype=torch.float64).requires_grad_()


def looped(product, lefts, right):
    total, carried = 0.0, 0.0
    for left in lefts:
        carried = torch.tanh(product(left + carried, right)).sum(-1, keepdim=True)
        total = total + carried.square().sum()
    return total


def test_products_with_a_shared_right_side(batched):
    lefts, right = batched
    expected = gradients(looped(torch.bmm, lefts, right), batched)
    shared = deferred.share(right * 2.0 - right)  # as encoder states are: no leaf
    torch.testing.assert_close(gradients(looped(deferred.product, lefts, shared), batched), expected)
    assert torch.autograd.gradcheck(lambda a, b: looped(deferred.product, a, deferred.share(b)), batched)


def test_a_shared_tensor_may_be_read_in_any_way_beside(batched):
    lefts, right = batched
    expected = gradients(looped(torch.bmm, lefts, right) + right.pow(3).sum(), batched)
    shared = deferred.share(right)
    loss = looped(deferred.product, lefts, shared) + shared.pow(3).sum()
    torch.testing.assert_close(gradients(loss, batched), expected)
    alone = deferred.share(right).pow(3).sum()
    torch.testing.assert_close(gradients(alone, [right]), gradients(right.pow(3).sum(), [right]))


def test_the_gradient_of_a_shared_right_side_is_one_product(batched):
    lefts, right = batched
    loss = looped(deferred.product, lefts, deferred.share(right))
    with Counting() as mode:
        loss.backward()
    assert mode.count("bmm", (2, 3, 4), (2, 4, 5)) == 1
    assert mode.count("bmm", (2, 3, 1), (2, 1, 5)) == 0


def test_what_needs_no_gradient_is_not_shared(batched):
    lefts, right = batched
    constant = right.detach()
    assert deferred.share(constant) is constant
    torch.testing.assert_close(
        gradients(looped(deferred.product, lefts, constant), [lefts]),
        gradients(looped(torch.bmm, lefts, constant), [lefts]),
    )
    with torch.no_grad():
        assert deferred.share(right) is right
