"""Learning to optimize.

Gradient descent is itself a function, from gradients to steps, and a network can be put in its
place: an LSTM that reads the gradient of each coordinate and answers with the step to take. It is
trained by what comes of its steps: the loss after some steps is differentiated through all of them,
back to the weights of the LSTM. This is called meta-learning, or learning to optimize.

For that the steps have to be part of the autograd graph. The parameters of the function that is
minimised are therefore plain tensors here, updated out of place, `weight = weight + step`.

What surprises: no special class is needed for that, arithmetic on tensors is enough; and an update
by `optimizer.step()` would not do, because it writes in place, outside of the graph, unless the
optimizer was made with `differentiable=True`, and then with limits. A longer run is
`spec/models/test_learning_to_optimize.py`.
"""

import pytest
import torch
from torch import nn


def test_gradients_flow_through_an_update_out_of_place():
    """With `lr = torch.tensor(0.25, requires_grad=True)` and `weight = torch.tensor(4.0)`,
    autograd records two updates `weight = weight - lr * (2 * weight)`:
    `(weight**2).backward()` then gives `lr.grad` -16.

    So a learning rate, or whatever else computes the step, can itself be learned by
    gradient descent.
    """
    lr = torch.tensor(0.25, requires_grad=True)
    weight = torch.tensor(4.0)

    for _ in range(2):
        weight = weight - lr * (2 * weight)
    (weight**2).backward()

    # The loss is (4 * (1 - 2 * lr) ** 2) ** 2.
    assert weight.item() == 1.0
    assert lr.grad.item() == -16.0


def test_gradients_do_not_flow_through_an_optimizers_step():
    """Autograd doesn't record `SGD.step()` by default: after a step with a `weight.grad`
    that was computed from a tensor `scale`, `backward()` on the loss `weight**2` adds
    nothing to `scale.grad`.

    Because `step()` runs under `no_grad`. Write the update out of place, `weight - lr * gradient`,
    with a gradient made by `create_graph=True`.
    """
    scale = torch.tensor(2.0, requires_grad=True)
    weight = nn.Parameter(torch.tensor(3.0))
    (gradient,) = torch.autograd.grad(scale * weight**2, weight, create_graph=True)

    ((weight - 0.125 * gradient) ** 2).backward()
    out_of_place = scale.grad.item()
    scale.grad = None
    weight.grad = gradient
    torch.optim.SGD([weight], lr=0.125).step()
    (weight**2).backward()

    assert weight.item() == 1.5
    assert out_of_place == -2.25
    assert scale.grad is None


@pytest.mark.torch(">=2.0")
def test_a_differentiable_step_is_recorded():
    """With `s = torch.tensor(2.0, requires_grad=True)`,
    `w = nn.Parameter(torch.tensor(3.0)).clone()` and `w.grad = s * 6.0`, autograd records
    `SGD([w], lr=0.125, differentiable=True).step()`: `(w**2).backward()` makes `s.grad`
    -2.25.

    Hand over a clone: a leaf that requires grad can't be changed in place. The step still writes
    in place, so a graph that saved the old weight fails in `backward()`. With momentum, but
    without `nesterov=True`, the first step passes no gradient on to `s`.
    """
    scale = torch.tensor(2.0, requires_grad=True)
    weight = nn.Parameter(torch.tensor(3.0)).clone()
    weight.grad = scale * 6.0

    torch.optim.SGD([weight], lr=0.125, differentiable=True).step()
    (weight**2).backward()

    assert weight.item() == 1.5
    assert scale.grad.item() == -2.25

    with_momentum = nn.Parameter(torch.tensor(3.0)).clone()
    with_momentum.grad = scale * 6.0
    torch.optim.SGD([with_momentum], lr=0.125, momentum=0.5, differentiable=True).step()
    (with_momentum**2).backward()
    assert with_momentum.item() == 1.5
    assert scale.grad.item() == -2.25


def test_an_lstm_gets_gradients_from_the_steps_it_took():
    """With `cell = nn.LSTMCell(1, 4)`, `head = nn.Linear(4, 1)`, `w = torch.tensor([[4.0]])` and
    `m = None`, run `m = cell(2 * w.detach(), m); w = w + head(m[0])` 3 times:
    `(w**2).sum().backward()` gives all parameters of both modules a gradient.

    The LSTM reads `2 * w.detach()`, the gradient of `w**2`. `detach()` avoids second derivatives;
    the path through the steps remains.
    """
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
    """A learned optimizer, an `nn.LSTMCell(1, 4)` and an `nn.Linear(4, 1)` that turn a
    gradient into a step, can reach a lower loss in 10 steps on new parabolas than gradient
    descent with rate 0.1, after training on 100 batches of parabolas.

    With curvatures between 0.5 and 1.5, gradient descent with the well-chosen rate 1 reaches a
    still lower loss, even if the learned optimizer is trained on 1000 batches.
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
    for _ in range(100):
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
