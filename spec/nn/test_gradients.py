"""Gradients of a network.

`loss.backward()` walks the graph from the loss back to the parameters and puts into the `.grad` of
each how the loss would change with it. The net itself has no part in this: it only made the graph
when it was called, and keeps the parameters that are found at its end.

What surprises newcomers: only the parameters, the leaves of the graph, get their `.grad` filled,
no tensor in between; gradients add to those of the last batch until someone clears them; and a
cleared gradient is None.
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn


def test_a_new_network_has_no_gradients():
    """Before the first `backward()` every parameter's `.grad` is None."""
    net = nn.Linear(2, 1)

    assert [parameter.grad for parameter in net.parameters()] == [None, None]


def test_backward_puts_the_slope_of_the_loss_into_each_parameter(device):
    """After `backward()` each parameter's `.grad` says how the loss changes with it."""
    net = nn.Linear(2, 1).to(device)

    net(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()

    assert net.weight.grad.tolist() == [[3.0, 5.0]]
    assert net.bias.grad.tolist() == [1.0]


def test_a_gradient_is_shaped_like_its_parameter():
    """A gradient has shape, dtype and device of its parameter, whatever the batch's size."""
    net = nn.Linear(2, 3).double()

    net(torch.ones(7, 2).double()).sum().backward()

    assert net.weight.grad.shape == (3, 2)
    assert net.weight.grad.dtype == torch.float64
    assert net.weight.grad.device == net.weight.device


@pytest.mark.claim("blitz-graph-differentiable")
def test_backward_reaches_every_layer():
    """One `loss.backward()` differentiates the whole graph: all layers get their gradients."""
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 10)
    )

    loss = nn.functional.mse_loss(net(torch.rand(1, 1, 8, 8)), torch.rand(1, 10))
    loss.backward()

    reached = {name: bool(p.grad.any()) for name, p in net.named_parameters()}
    assert reached == {"0.weight": True, "0.bias": True, "4.weight": True, "4.bias": True}


@pytest.mark.claim("blitz-backward-random-gradient")
def test_an_output_of_ten_numbers_takes_a_gradient_of_ten_numbers():
    """`backward` on an output of shape `[1, 10]` takes a gradient of that shape, even random."""
    net = nn.Linear(2, 10)
    gradient = torch.randn(1, 10)

    net(torch.tensor([[0.5, -2.0]])).backward(gradient)

    assert torch.equal(net.bias.grad, gradient[0])
    assert torch.equal(net.weight.grad, gradient[0].outer(torch.tensor([0.5, -2.0])))
    assert net.weight.grad.shape == (10, 2)


def test_an_output_of_ten_numbers_needs_such_a_gradient():
    """`backward()` alone is for one number: an output of ten is refused without a gradient."""
    net = nn.Linear(2, 10)

    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar outp"):
        net(torch.ones(1, 2)).backward()


@pytest.mark.claim("blitz-grad-on-every-tensor")
def test_only_leaves_get_their_grad_filled():
    """`backward()` fills `.grad` of the parameters only; a layer's output has None, and warns."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    between = net[0](torch.ones(1, 1))

    net[1](between).sum().backward()

    assert between.requires_grad is True
    with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf"):
        assert between.grad is None
    assert net[0].bias.grad.tolist() == net[1].weight[0].tolist()


def test_a_tensor_in_between_can_ask_for_its_gradient():
    """`retain_grad()` before `backward()` makes a tensor in between keep its gradient too."""
    net = nn.Linear(1, 1)
    net.weight.data.fill_(4.0)
    between = torch.ones(1, 1, requires_grad=True) * 2
    between.retain_grad()

    net(between).sum().backward()

    assert between.grad.tolist() == [[4.0]]


def test_the_input_gets_a_gradient_only_if_it_asks():
    """Inputs get no gradient unless they require one: data is not trained."""
    net = nn.Linear(1, 1)
    net.weight.data.fill_(4.0)
    data, asked = torch.ones(1, 1), torch.ones(1, 1, requires_grad=True)

    (net(data) + net(asked)).sum().backward()

    assert data.grad is None
    assert asked.grad.tolist() == [[4.0]]


@pytest.mark.claim("blitz-grad-accumulates", "blitz-zero-grad-needed")
def test_a_second_backward_adds_to_the_gradients():
    """Gradients add up: without clearing, a second pass adds its own to what is there."""
    net = nn.Linear(2, 1)

    net(torch.tensor([[3.0, 5.0]])).sum().backward()
    net(torch.tensor([[1.0, 1.0]])).sum().backward()

    assert net.weight.grad.tolist() == [[4.0, 6.0]]
    assert net.bias.grad.tolist() == [2.0]


@pytest.mark.claim("blitz-accumulation-changes-update")
def test_leftover_gradients_change_the_update():
    """A gradient left over from the last batch takes part in the next step of the weights."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    net(torch.tensor([[3.0]])).backward()

    net(torch.tensor([[1.0]])).backward()
    optimizer.step()

    # With the new gradient alone it would be 3.5.
    assert net.weight.item() == 2.0


@pytest.mark.claim("blitz-optim-zero-grad-still-needed")
def test_an_optimizer_does_not_clear_by_itself():
    """`optimizer.step()` clears nothing: with an optimizer, too, clearing is the caller's part."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net(torch.tensor([[3.0]])).backward()
    optimizer.step()

    assert net.weight.grad.item() == 3.0


@pytest.mark.claim("blitz-bias-grad-zeros-before", "blitz-zero-grad-clears-all")
@pytest.mark.torch("<2.0")
def test_zero_grad_made_six_zeros_of_the_gradients_of_a_bias():
    """`net.zero_grad()` cleared all parameters to zeros: six of them in the bias of `conv1`."""
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 6, 5), flat=nn.Flatten()))
    net(torch.rand(1, 1, 5, 5)).sum().backward()

    net.zero_grad()

    assert net.conv1.bias.grad.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert net.conv1.weight.grad.abs().sum().item() == 0.0


@pytest.mark.claim("blitz-bias-grad-zeros-before", "blitz-zero-grad-clears-all")
@pytest.mark.torch(">=2.0")
def test_zero_grad_leaves_none():
    """`net.zero_grad()` clears all parameters: since 2.0 the bias of `conv1` has None, no zeros."""
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 6, 5), flat=nn.Flatten()))
    net(torch.rand(1, 1, 5, 5)).sum().backward()

    net.zero_grad()

    assert net.conv1.bias.grad is None
    assert net.conv1.weight.grad is None


@pytest.mark.claim("blitz-bias-grad-after")
def test_backward_fills_the_gradient_of_the_bias():
    """After `loss.backward()` the bias of `conv1` has six gradients, none of them 0."""
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


def test_zero_grad_reaches_every_layer_and_frozen_ones_too():
    """`net.zero_grad()` clears parameters at any depth, those that were frozen meanwhile too."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1)))
    net(torch.ones(1, 1)).sum().backward()
    net[0].requires_grad_(False)

    net.zero_grad(set_to_none=True)

    assert [parameter.grad for parameter in net.parameters()] == [None, None, None, None]


def test_a_frozen_layer_gets_no_gradient_and_lets_others_through():
    """A frozen layer gets no gradient itself, and passes it on to the layers before it."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[1].weight.data.fill_(4.0)
    net[1].requires_grad_(False)

    net(torch.ones(1, 1)).backward()

    assert net[1].weight.grad is None
    assert net[0].weight.grad.tolist() == [[4.0]]


def test_a_layer_that_was_not_called_gets_no_gradient():
    """A layer that took no part in the output keeps None, which is not the same as zeros."""
    net = nn.ModuleDict({"used": nn.Linear(1, 1), "idle": nn.Linear(1, 1)})

    net["used"](torch.ones(1, 1)).sum().backward()

    assert {name: p.grad is None for name, p in net.named_parameters()} == {
        "used.weight": False,
        "used.bias": False,
        "idle.weight": True,
        "idle.bias": True,
    }


def test_detaching_in_between_cuts_the_first_layers_off():
    """`detach()` between two layers ends the graph there: the first layer learns nothing."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[0].weight.data.fill_(2.0)

    net[1](net[0](torch.ones(1, 1)).detach()).backward()

    assert net[0].weight.grad is None
    assert net[1].weight.grad.tolist() == [[2.0]]


def test_a_loss_made_a_number_has_no_backward():
    """`loss.item()` is a Python float: it knows nothing of the graph and has no `backward`."""
    loss = nn.Linear(1, 1)(torch.ones(1, 1)).sum().item()

    with pytest.raises(AttributeError, match="'float' object has no attribute 'backward'"):
        loss.backward()


def test_a_loss_computed_without_gradients_has_no_graph():
    """A loss computed under `no_grad`, or from `argmax`, has no graph to walk back through."""
    net = nn.Linear(1, 2)
    with torch.no_grad():
        loss = net(torch.ones(1, 1)).sum()
    right = (net(torch.ones(3, 1)).argmax(1) == 1).float().mean()

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        loss.backward()
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        right.backward()


def test_the_same_loss_goes_backward_once():
    """A second `backward()` of the same loss is refused: the graph was freed by the first."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    loss = net(torch.ones(1, 1)).sum()
    loss.backward()

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()
