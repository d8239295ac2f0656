"""Momentum.

`momentum` is an addition of `torch.optim.SGD` to the plain rule. It keeps a buffer for each weight,
a decaying sum of past gradients, and subtracts `lr` times the buffer instead of `lr` times the
last gradient: where gradients keep their sign the steps grow, where they alternate they cancel.
The other addition, `weight_decay`, is told in `spec/optim/test_regularisation.py`.

What surprises: momentum makes steps longer, up to `1 / (1 - momentum)` times, so that ten times
the step is usual with 0.9 and the learning rate has to be smaller; and a weight with momentum
can move even where its gradient is zero. Where the buffer is kept is told in
`spec/optim/test_optimizer_state.py`.
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
    """`SGD` with only `lr` and `momentum=0.5` set keeps `buffer = 0.5 * buffer + gradient`,
    beginning with the first gradient, and subtracts `lr * buffer`: under a constant gradient the
    first three steps are 1, 1.5, 1.75 times `lr * gradient`.

    `nesterov=True` subtracts `lr * (gradient + momentum * buffer)`; `dampening` scales each
    gradient but the first by `1 - dampening`.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, **options)
    weight.grad = torch.tensor(1.0)

    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append(weight.item())

    assert seen == path


def test_momentum_rolls_on_where_the_gradient_is_zero():
    """`SGD([weight], lr=1.0, momentum=0.5)` goes on moving a weight of 0.0 whose gradient is -8 in
    the first step and a tensor of 0 from then on: the first four steps are 8, 4, 2 and 1.

    Because the buffer still holds the past gradients. Momentum carries a weight across flat parts
    of the loss, and past a minimum too. A weight whose gradient is None doesn't move.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.5)
    weight.grad = torch.tensor(-8.0)

    seen = []
    for _ in range(4):
        optimizer.step()
        seen.append(weight.item())
        weight.grad = torch.tensor(0.0)

    assert seen == [8.0, 12.0, 14.0, 15.0]


def test_under_a_constant_gradient_momentum_multiplies_the_step():
    """Under a constant gradient the steps of a float64 weight that starts at 0 with
    `SGD(lr=lr, momentum=0.75)` approach 4 times the step `lr * gradient` of plain SGD: 4 is
    `1 / (1 - 0.75)`.

    For the usual 0.9 that is ten times: when momentum is added, the learning rate usually
    has to go down.
    """
    weight = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.75)
    weight.grad = torch.tensor(1.0, dtype=torch.float64)

    for _ in range(100):
        before = weight.item()
        optimizer.step()

    assert before - weight.item() == pytest.approx(4.0)


@pytest.mark.claim("blitz-sgd-momentum")
def test_the_notes_optimizer_for_their_classifier():
    """`torch.optim.SGD([w], lr=0.001, momentum=0.9)` takes
    `w = nn.Parameter(torch.tensor(0.0))`, with `w.grad` 1000 at each step, to -1, -2.9 and
    -5.61, up to rounding: its steps are 1, 1.9 and 2.71 long.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=0.001, momentum=0.9)
    weight.grad = torch.tensor(1000.0)

    seen = []
    for _ in range(3):
        optimizer.step()
        seen.append(weight.item())

    assert seen == pytest.approx([-1.0, -2.9, -5.61])


def test_all_of_it_together_by_hand():
    """`SGD(params, lr=lr, weight_decay=c, momentum=m, nesterov=True)`, m > 0, computes
    `slope = gradient + c * weight`, then `buffer = m * buffer + slope` with a first `buffer` of 0,
    then subtracts `lr * (slope + m * buffer)` from `weight`.
    """
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
