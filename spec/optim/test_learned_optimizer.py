"""Learning to optimize.

Gradient descent is itself a function, from gradients to steps, and a network can be put in its
place: an LSTM that reads the gradient of each coordinate and answers with the step to take. It is
trained by what comes of its steps. The loss after some steps is differentiated through all of
them, back to the LSTM's weights.

What surprises newcomers: nothing special is needed for it. Parameters of the trained function are
plain tensors here, updated out of place, so that the graph reaches through the updates.
"""

import pytest
import torch
from torch import nn


def test_gradients_flow_through_an_update_out_of_place():
    """A step `w - lr * g` that makes a new tensor can be differentiated, even by `lr`."""
    lr = torch.tensor(0.25, requires_grad=True)
    weight = torch.tensor(4.0)

    for _ in range(2):
        weight = weight - lr * (2 * weight)
    (weight**2).backward()

    # The loss is (4 * (1 - 2 * lr) ** 2) ** 2.
    assert weight.item() == 1.0
    assert lr.grad.item() == -16.0


def test_gradients_do_not_flow_through_an_optimizers_step():
    """`optimizer.step()` writes in place, outside of the graph: `lr` gets no gradient from it."""
    lr = torch.tensor(0.25, requires_grad=True)
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=lr.item())

    (weight**2).backward()
    optimizer.step()
    (weight**2).backward()

    assert weight.item() == 2.0
    assert lr.grad is None


def test_an_lstm_gets_gradients_from_the_steps_it_took():
    """The loss after the LSTM's steps reaches all of its weights, through the unrolled updates."""
    cell, head = nn.LSTMCell(1, 4), nn.Linear(4, 1)
    weight, memory = torch.tensor([[4.0]]), None

    for _ in range(3):
        memory = cell(2 * weight.detach(), memory)
        weight = weight + head(memory[0])
    (weight**2).sum().backward()

    reached = [bool(p.grad.any()) for p in [*cell.parameters(), *head.parameters()]]
    assert reached == [True, True, True, True, True, True]


@pytest.mark.claim("path-lstm-optimizer")
def test_an_lstm_can_learn_to_optimize():
    """An LSTM trained on parabolas ends lower on new ones than descent with rate 0.1 does.

    A rate chosen well would still win: forty batches are a short training.
    """
    cell, head = nn.LSTMCell(1, 4), nn.Linear(4, 1)

    def loss_after(steps, curvature, x):
        memory, total = None, 0.0
        for _ in range(steps):
            gradient = (curvature * x).detach()
            memory = cell(gradient, memory)
            x = x + 0.1 * head(memory[0])
            total = total + (curvature * x**2).mean()
        return total, (curvature * x**2).mean().item()

    curvature, start = torch.rand(16, 1) + 0.5, torch.randn(16, 1)
    _, untrained = loss_after(10, curvature, start)
    optimizer = torch.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.03)
    for _ in range(40):
        optimizer.zero_grad()
        total, _ = loss_after(10, torch.rand(16, 1) + 0.5, torch.randn(16, 1))
        total.backward()
        optimizer.step()
    _, trained = loss_after(10, curvature, start)
    by_descent = start * (1 - 0.1 * curvature) ** 10

    losses = {
        "untrained": untrained,
        "descent with rate 0.1": (curvature * by_descent**2).mean().item(),
        "trained": trained,
    }
    assert sorted(losses, key=losses.get) == ["trained", "descent with rate 0.1", "untrained"]
