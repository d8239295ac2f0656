"""Gradients of a network.

`loss.backward()` goes through the autograd graph from the loss to the parameters and adds to each
parameter's `.grad` how the loss changes with it. The network itself only computed the output and
holds the parameters.

What surprises: a gradient that `zero_grad()` cleared is None, no zeros (since PyTorch 2.0), and
`net.zero_grad()` clears frozen layers too.

The chapter before has autograd in general: an output of several numbers on
`spec/autograd/test_backward.py`, gradients that add up on `spec/autograd/test_accumulation.py`, a
layer that was not called on `spec/autograd/test_gradients.py`, a layer's output, which keeps no
`.grad`, on `spec/autograd/test_leaves.py`, a second `backward()` on
`spec/autograd/test_retain_graph.py`, a frozen layer on `spec/autograd/test_network_graph.py`. What
a forgotten `zero_grad()` does, and a loss without a graph, is told in
`spec/training/test_wrong_orders.py`.
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn


def test_a_new_network_has_no_gradients():
    """Before the first `backward()` the `.grad` of each parameter of a new `nn.Linear` is None."""
    net = nn.Linear(2, 1)

    assert [parameter.grad for parameter in net.parameters()] == [None, None]


def test_backward_puts_the_slope_of_the_loss_into_each_parameter(device):
    """After `net(torch.tensor([[3.0, 5.0]])).sum().backward()` with a new `net = nn.Linear(2, 1)`,
    the `.grad` of the weight is [[3, 5]] and that of the bias [1]: the derivatives of the sum.
    """
    net = nn.Linear(2, 1).to(device)

    net(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()

    assert net.weight.grad.tolist() == [[3.0, 5.0]]
    assert net.bias.grad.tolist() == [1.0]


def test_a_gradient_is_shaped_like_its_parameter():
    """After `backward()` the `.grad` of the weight of `nn.Linear(2, 3).double()` has the
    shape, dtype and device of the weight: [3, 2] and float64, also for a batch of 7
    samples.

    Because the gradients of the samples are summed: a batch does not make the gradient larger in
    shape.
    """
    net = nn.Linear(2, 3).double()

    net(torch.ones(7, 2).double()).sum().backward()

    assert net.weight.grad.shape == (3, 2)
    assert net.weight.grad.dtype == torch.float64
    assert net.weight.grad.device == net.weight.device


@pytest.mark.claim("blitz-graph-differentiable")
def test_backward_reaches_every_layer():
    """One `loss.backward()` fills the `.grad` of the parameters of the `nn.Conv2d` at the
    beginning and of the `nn.Linear` at the end of an `nn.Sequential`, with ReLU, pooling
    and flattening between them.
    """
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 10)
    )

    loss = nn.functional.mse_loss(net(torch.rand(1, 1, 8, 8)), torch.rand(1, 10))
    loss.backward()

    reached = {name: bool(p.grad.any()) for name, p in net.named_parameters()}
    assert reached == {"0.weight": True, "0.bias": True, "4.weight": True, "4.bias": True}


@pytest.mark.claim("blitz-bias-grad-after")
def test_backward_fills_the_gradient_of_the_bias():
    """After `backward()` of a loss of the output of a new `nn.Sequential` whose first layer
    is `nn.Conv2d(1, 6, 5)`, the bias of this layer has a `.grad` of six elements, one per
    output channel.
    """
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(1, 6, 5),
            relu=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            flat=nn.Flatten(),
            fc1=nn.Linear(6 * 14 * 14, 10),
        )
    )

    loss = nn.functional.mse_loss(net(torch.randn(1, 1, 32, 32)), torch.randn(1, 10))
    loss.backward()

    assert net.conv1.bias.grad.shape == (6,)
    assert net.conv1.bias.grad.count_nonzero().item() == 6


def test_the_input_gets_a_gradient_only_if_it_asks():
    """The input of an `nn.Linear` gets a `.grad` from `backward()` if it is a leaf that
    requires grad, such as `torch.ones(1, 1, requires_grad=True)`; a plain tensor, such as a
    batch of data, keeps None.

    An input computed from such a leaf gets none: call its `retain_grad()` before `backward()`.
    """
    net = nn.Linear(1, 1)
    net.weight.data.fill_(4.0)
    data, asked = torch.ones(1, 1), torch.ones(1, 1, requires_grad=True)

    (net(data) + net(asked)).sum().backward()

    assert data.grad is None
    assert asked.grad.tolist() == [[4.0]]


@pytest.mark.claim("blitz-bias-grad-zeros-before", "blitz-zero-grad-clears-all")
@pytest.mark.torch("<2.0")
def test_zero_grad_made_six_zeros_of_the_gradients_of_a_bias():
    """Before PyTorch 2.0 `net.zero_grad()` filled each `.grad` that a parameter had with
    zeros: six zeros for the bias of an `nn.Conv2d` with six output channels.
    """
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 6, 5), flat=nn.Flatten()))
    net(torch.rand(1, 1, 5, 5)).sum().backward()

    net.zero_grad()

    assert net.conv1.bias.grad.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert net.conv1.weight.grad.abs().sum().item() == 0.0


@pytest.mark.claim("blitz-bias-grad-zeros-before", "blitz-zero-grad-clears-all")
@pytest.mark.torch(">=2.0")
def test_zero_grad_leaves_none():
    """Since PyTorch 2.0 `net.zero_grad()` sets the `.grad` of all parameters of a network to None
    and not to zeros.

    Because None needs no memory, and optimizers such as SGD and Adam skip such parameters;
    `set_to_none=False` fills the gradients that exist with zeros.
    """
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 6, 5), flat=nn.Flatten()))
    net(torch.rand(1, 1, 5, 5)).sum().backward()

    net.zero_grad()

    assert net.conv1.bias.grad is None
    assert net.conv1.weight.grad is None
    net(torch.rand(1, 1, 5, 5)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.conv1.bias.grad.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def test_zero_grad_reaches_every_layer_and_frozen_ones_too():
    """`net.zero_grad(set_to_none=True)` clears the `.grad` of the parameters of nested modules too,
    and of parameters frozen by `requires_grad_(False)` after `backward()`.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1)))
    net(torch.ones(1, 1)).sum().backward()
    net[0].requires_grad_(False)

    net.zero_grad(set_to_none=True)

    assert [parameter.grad for parameter in net.parameters()] == [None, None, None, None]


def test_detaching_in_between_cuts_the_first_layers_off():
    """With `first` and `second` both a new `nn.Linear(1, 1)`,
    `second(first(torch.ones(1, 1)).detach()).backward()` gives the weight of `second` a `.grad`,
    and the weight of `first` none: `detach()` ends the autograd graph.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[0].weight.data.fill_(2.0)

    net[1](net[0](torch.ones(1, 1)).detach()).backward()

    assert net[0].weight.grad is None
    assert net[1].weight.grad.tolist() == [[2.0]]
