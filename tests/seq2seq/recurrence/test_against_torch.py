"""Whole sentences against torch.nn.GRU, LSTM and RNN over packed sequences, forward and backward."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from zoo.seq2seq.recurrence import Recurrence
from zoo.seq2seq.recurrence.fused import fused
from zoo.seq2seq.recurrence.packing import Packing

every_shape = pytest.mark.parametrize(
    ("cell", "directions", "layers"), [(c, d, n) for c in ("gru", "lstm", "rnn") for d in (1, 2) for n in (1, 2)]
)


def run_theirs(theirs, tokens, mask, state=None):
    """Outputs (B, T, D·H), and of every layer its last state, (B, D·H)."""
    packed = pack_padded_sequence(tokens, mask.sum(1), batch_first=True, enforce_sorted=False)
    start = None
    directions = 2 if theirs.bidirectional else 1
    if state is not None:
        parts = [
            torch.stack([chunk for layer in layers for chunk in layer.chunk(directions, 1)])
            for layers in zip(*state, strict=True)
        ]
        start = tuple(parts) if len(parts) == 2 else parts[0]
    outputs, ends = theirs(packed, start)
    outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=mask.shape[1])
    ends = ends if isinstance(ends, tuple) else (ends,)
    by_layer = [end.unflatten(0, (-1, directions)).transpose(1, 2).flatten(2) for end in ends]
    return outputs, [tuple(parts) for parts in zip(*by_layer, strict=True)]


def loss_of(outputs, final):
    """A sum in which every number counts differently, whatever wants a gradient."""
    random = torch.Generator().manual_seed(3)
    total = 0.0
    for part in (outputs, *(one for layer in final for one in layer)):
        total = total + (part * torch.randn(part.shape, generator=random, dtype=torch.float64).to(part.dtype)).sum()
    return total


def gradients_of_theirs(ours, theirs):
    """torch's gradients under the names of our parameters."""
    return {
        f"layers.{index}.{name}": torch.cat(
            [
                getattr(theirs, f"{name}_l{index}{suffix}").grad
                for suffix in (("", "_reverse") if ours.directions == 2 else ("",))
            ]
        )
        for index, layer in enumerate(ours.layers)
        for name, _ in layer.named_parameters()
    }


@every_shape
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("started", [False, True], ids=["from zero", "from a state"])
def test_outputs_states_and_all_gradients(
    build, torch_twin, sentences, state_of, cell, directions, layers, dtype, started
):
    ours = build(cell=cell, directions=directions, layers=layers).to(dtype)
    theirs = torch_twin(ours)
    tokens, mask = sentences()
    close = {"rtol": 1e-9, "atol": 1e-11} if dtype == torch.float64 else {"rtol": 2e-4, "atol": 2e-5}
    results = []
    for run in (lambda *given: ours(*given), lambda *given: run_theirs(theirs, *given)):
        inputs = tokens.to(dtype).requires_grad_()
        state = state_of(ours, len(mask)) if started else None
        outputs, final = run(inputs, mask, state)
        loss_of(outputs, final).backward()
        starts = [] if state is None else [part.grad for layer in state for part in layer]
        results.append([outputs, *(part for layer in final for part in layer), inputs.grad, *starts])
    for one, other in zip(*results, strict=True):
        assert one.dtype == dtype
        torch.testing.assert_close(one, other, **close)
    expected = gradients_of_theirs(ours, theirs)
    for name, parameter in ours.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], **close, msg=lambda text, name=name: name + text)


@every_shape
def test_under_autocast_products_are_bfloat16_and_states_float32(
    build, torch_twin, sentences, cell, directions, layers
):
    """Against float64, to the two digits of bfloat16; gradients reach float32 parameters in float32."""
    exact = build(cell=cell, directions=directions, layers=layers)
    for parameter in exact.parameters():
        parameter.data.mul_(0.4)
    theirs = torch_twin(exact)
    tokens, mask = sentences()
    expected, expected_final = run_theirs(theirs, tokens, mask)
    loss_of(expected, expected_final).backward()
    ours = exact.float()
    with torch.autocast("cpu", torch.bfloat16):
        outputs, final = ours(tokens.float(), mask)
        loss = loss_of(outputs, final)
    loss.backward()
    assert outputs.dtype == torch.float32
    torch.testing.assert_close(outputs.double(), expected, rtol=0.03, atol=0.03)
    gradients = gradients_of_theirs(ours, theirs)
    for name, parameter in ours.named_parameters():
        assert parameter.grad.dtype == torch.float32
        scale = gradients[name].abs().max()
        torch.testing.assert_close(parameter.grad.double() / scale, gradients[name] / scale, rtol=0.04, atol=0.04)
    assert not torch.equal(outputs, ours(tokens.float(), mask)[0]), "autocast changed nothing"


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("lengths", [(1, 1, 1), (4,), (1,)], ids=["all of one token", "one sentence", "one token"])
def test_the_smallest_batches(build, torch_twin, sentences, cell, lengths):
    ours = build(cell=cell, directions=2)
    tokens, mask = sentences(lengths)
    outputs, final = ours(tokens, mask)
    expected, expected_final = run_theirs(torch_twin(ours), tokens, mask)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(final[0], expected_final[0])


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("read", ["outputs", "last hidden", "last of all"])
def test_a_loss_of_some_results_alone(build, torch_twin, sentences, cell, read):
    """What nothing reads has no gradient, which is not the gradient of everything."""
    ours = build(cell=cell, directions=2)
    theirs = torch_twin(ours)
    tokens, mask = sentences()
    for outputs, final in (ours(tokens, mask), run_theirs(theirs, tokens, mask)):
        part = {"outputs": outputs, "last hidden": final[0][0], "last of all": final[0][-1]}[read]
        part.square().sum().backward()
    for name, expected in gradients_of_theirs(ours, theirs).items():
        torch.testing.assert_close(ours.get_parameter(name).grad, expected)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_initial_values_have_the_range_of_torch(cell):
    """U(-1/√H, 1/√H) for everything, as torch documents."""
    torch.manual_seed(0)
    for parameter in Recurrence(20, 64, cell=cell, directions=2).parameters():
        assert parameter.abs().max() <= 1 / 8
        assert parameter.abs().max() > 0.95 / 8
        assert abs(parameter.std().item() - 1 / 8 / 3**0.5) < 0.1 / 8


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("started", [False, True])
def test_what_a_gpu_would_compute(build, sentences, state_of, cell, directions, started):
    """The fused kernel, which a CPU has too, against our loop; with sentences without a token among the others."""
    recurrence = build(cell=cell, directions=directions)
    layer = recurrence.layer(0)
    tokens, mask = sentences((2, 0, 4, 0, 1))
    packing = Packing.of(mask)
    state = state_of(recurrence, len(mask))[0] if started else None
    states, ends = layer(packing.pack(tokens), state, packing)
    split = None if state is None else tuple(layer._split(part) for part in state)
    fused_states, fused_ends = fused(layer, layer.weight_hh, packing.pack(tokens), split, packing)
    torch.testing.assert_close(fused_states, states)
    torch.testing.assert_close(fused_ends, ends)


def test_the_fused_kernel_without_a_single_token(build, sentences):
    layer = build(cell="lstm", directions=2).layer(0)
    tokens, mask = sentences((0, 0), steps=3)
    states, ends = fused(layer, layer.weight_hh, Packing.of(mask).pack(tokens), None, Packing.of(mask))
    assert states.shape == (0, 8)
    assert [end.tolist() for end in ends] == [[[0.0] * 8] * 2] * 2
