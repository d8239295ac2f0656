"""Momentum and weight decay.

`SGD` has two additions to the plain rule. Momentum keeps a running sum of past gradients, a buffer
for each weight, and subtracts that sum instead of the last gradient: steps along a slope grow,
steps to and fro cancel. Weight decay pulls each weight towards zero.

What surprises newcomers: momentum makes steps longer, up to `1 / (1 - momentum)` times, so that the
rate wants to be smaller with it; and a weight with momentum moves even where its gradient is zero.
"""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"momentum": 0.0}, [-1.0, -2.0, -3.0]),
        # The buffer goes 1, 0.5 * 1 + 1 = 1.5, 0.5 * 1.5 + 1 = 1.75, and is subtracted each time.
        ({"momentum": 0.5}, [-1.0, -2.5, -4.25]),
        # Nesterov looks ahead: what is subtracted is 1 + 0.5 * buffer.
        ({"momentum": 0.5, "nesterov": True}, [-1.5, -3.25, -5.125]),
        # Dampening shrinks each new gradient, but not the first: 1, 0.5 + 0.25, 0.375 + 0.25.
        ({"momentum": 0.5, "dampening": 0.75}, [-1.0, -1.75, -2.375]),
    ],
)
def test_momentum_adds_up_past_gradients(options, path):
    """Momentum subtracts `buffer = momentum * buffer + gradient`: steps grow along a slope."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, **options)
    weight.grad = torch.tensor(1.0)

    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append(weight.item())

    assert seen == path


def test_momentum_rolls_on_where_the_gradient_is_zero():
    """With momentum a weight rolls on over flat ground, a part of its speed lost each step."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    weight.grad = torch.tensor(-8.0)

    seen = []
    for _ in range(4):
        optimizer.step()
        seen.append(weight.item())
        weight.grad = torch.tensor(0.0)

    assert seen == [8.0, 12.0, 14.0, 15.0]


def test_on_an_even_slope_momentum_multiplies_the_step():
    """On an even slope steps with momentum 0.75 end four times as long: `1 / (1 - momentum)`."""
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.75)
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    for _ in range(100):
        before = weight.item()
        optimizer.step()

    assert before - weight.item() == pytest.approx(4.0)


@pytest.mark.claim("blitz-sgd-momentum")
def test_the_notes_optimizer_for_their_classifier():
    """`SGD` with `lr=0.001, momentum=0.9` takes 1, 1.9 and 2.71 thousandths of a gradient."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=0.001, momentum=0.9)
    weight.grad = torch.tensor(1000.0)

    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append(weight.item())

    assert seen == pytest.approx([-1.0, -2.9, -5.61])


def test_weight_decay_adds_a_part_of_the_weight_to_its_gradient():
    """`weight_decay` adds `weight_decay * weight` to the gradient: idle weights shrink."""
    weight = nn.Parameter(torch.tensor([4.0, -4.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5, weight_decay=0.5)
    weight.grad = torch.tensor([0.0, 0.0])

    optimizer.step()
    once = weight.tolist()
    optimizer.step()

    assert once == [3.0, -3.0]
    assert weight.tolist() == [2.25, -2.25]


def test_weight_decay_is_the_gradient_of_a_penalty_in_the_loss():
    """For SGD `weight_decay=0.5` and a penalty of `0.5 / 2 * weight**2` in the loss are one."""
    decayed = nn.Parameter(torch.tensor(4.0))
    penalised = nn.Parameter(torch.tensor(4.0))

    (3 * decayed).backward()
    (3 * penalised + 0.25 * penalised**2).backward()
    torch.optim.SGD([decayed], lr=0.5, weight_decay=0.5).step()
    torch.optim.SGD([penalised], lr=0.5).step()

    assert decayed.item() == 1.5
    assert penalised.item() == 1.5


def test_all_of_it_together_by_hand():
    """Decay first, then momentum, then Nesterov's look ahead: the whole rule by hand."""
    gradients = [1.0, -2.0, 4.0, 0.5]
    weight = nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.25, nesterov=True)
    by_hand, buffer = 2.0, 0.0

    for gradient in gradients:
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        slope = gradient + 0.25 * by_hand
        buffer = 0.5 * buffer + slope
        by_hand -= 0.5 * (slope + 0.5 * buffer)

    assert weight.item() == pytest.approx(by_hand)
    assert weight.item() == pytest.approx(-1.8707580566)
