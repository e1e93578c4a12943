"""One optimizer after another, which look like one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from zoo.finetuning.relay import Relay
from zoo.optimizers.schedule_free import schedule_free
from zoo.optimizers.torch_optimizers import adam, sgd
from zoo.testing.nested import difference


def pair() -> tuple[nn.Linear, Relay]:
    torch.manual_seed(0)
    model = nn.Linear(3, 2)
    second = adam([{"params": list(model.parameters()), "name": "all"}], lr=0.01)
    return model, Relay([sgd([{"params": list(model.parameters()), "name": "all"}], lr=0.1, momentum=0.9), second])


def closure_of(model: nn.Module, optimizer: Any) -> Callable[[], Any]:
    def closure() -> Any:
        optimizer.zero_grad()
        loss = model(torch.ones(4, 3)).square().sum()
        loss.backward()
        return loss

    return closure


def test_the_steps_are_those_of_the_one_whose_turn_it_is() -> None:
    model, relay = pair()
    twin = copy.deepcopy(model)
    first = torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9)
    second = torch.optim.Adam(twin.parameters(), lr=0.01)
    for turn, alone in enumerate((first, second)):
        if turn:
            relay.hand_over(turn)
        for _ in range(3):
            relay.step(closure_of(model, relay))
            alone.step(closure_of(twin, alone))
        for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
            torch.testing.assert_close(mine, other)
        assert relay.param_groups[0]["lr"] == alone.param_groups[0]["lr"]


def test_the_one_before_leaves_no_state_behind() -> None:
    model, relay = pair()
    relay.step(closure_of(model, relay))
    assert len(relay.state) == 2
    relay.hand_over(1)
    assert len(relay.state) == 0
    assert all(len(part.state) == 0 for part in relay.parts)


def test_a_relay_goes_on_from_its_state_in_either_turn() -> None:
    for turn in (0, 1):
        model, relay = pair()
        if turn:
            relay.hand_over(1)
        relay.step(closure_of(model, relay))
        weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(relay.state_dict())
        relay.step(closure_of(model, relay))
        other, again = pair()
        other.load_state_dict(weights)
        again.load_state_dict(state)
        assert again.turn == turn
        again.step(closure_of(other, again))
        assert difference(model.state_dict(), other.state_dict(), "weights") is None
        assert difference(relay.state_dict(), again.state_dict(), "state") is None


def test_means_of_weights_are_put_in_place_before_the_next_one_takes_over() -> None:
    """Handing over while the evaluated means are in place would go on from them by accident."""
    model, _ = pair()
    groups = [{"params": list(model.parameters())}]
    relay = Relay([schedule_free(groups, lr=0.1), sgd([{"params": list(model.parameters())}], lr=0.1)])
    for _ in range(3):
        relay.step(closure_of(model, relay))
    trained = copy.deepcopy(model.state_dict())
    relay.eval()
    assert difference(trained, model.state_dict(), "weights") is not None
    relay.hand_over(1)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, trained[name])
