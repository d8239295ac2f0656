"""Gradients of a network.

`loss.backward()` goes through the autograd graph from the loss to the parameters and adds to each
parameter's `.grad` how the loss changes with it. The network itself only computed the output and
holds the parameters. Autograd in general is the chapter before: `spec/autograd/test_backward.py`,
`spec/autograd/test_leaves.py`, `spec/autograd/test_retain_graph.py`.

What surprises: gradients add up over calls of `backward()` until `zero_grad()` clears them, and a
cleared gradient is None (since PyTorch 2.0); the parameters of a layer that was not used have
None as well; and a layer's output gets no `.grad`, only its parameters do. That gradients pass
through a frozen layer is on `spec/autograd/test_network_graph.py`.
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
    """After `backward()` each parameter's `.grad` is the derivative of the loss: for the sum of
    `nn.Linear` it is the input for the weight and 1 for the bias.
    """
    net = nn.Linear(2, 1).to(device)

    net(torch.tensor([[3.0, 5.0]], device=device)).sum().backward()

    assert net.weight.grad.tolist() == [[3.0, 5.0]]
    assert net.bias.grad.tolist() == [1.0]


def test_a_gradient_is_shaped_like_its_parameter():
    """A parameter's `.grad` has the parameter's shape, dtype and device: [3, 2] and float64
    here, for a batch of 7 samples.
    """
    net = nn.Linear(2, 3).double()

    net(torch.ones(7, 2).double()).sum().backward()

    assert net.weight.grad.shape == (3, 2)
    assert net.weight.grad.dtype == torch.float64
    assert net.weight.grad.device == net.weight.device


@pytest.mark.claim("blitz-graph-differentiable")
def test_backward_reaches_every_layer():
    """One `loss.backward()` fills the gradients of the convolution at the beginning and of the
    linear layer at the end of a network.
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
    """After `loss.backward()` the bias of a convolution with six output channels has six
    gradients, here none of them 0.
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


@pytest.mark.claim("blitz-backward-random-gradient")
def test_an_output_of_ten_numbers_takes_a_gradient_of_ten_numbers():
    """`output.backward(gradient)` on an output [1, 10] takes a gradient of that shape; without
    one it raises RuntimeError, as only an output of one element needs none.

    The gradients of the parameters are then those of `(output * gradient).sum()`.
    """
    net = nn.Linear(2, 10)
    gradient = torch.randn(1, 10)

    net(torch.tensor([[0.5, -2.0]])).backward(gradient)

    assert torch.equal(net.bias.grad, gradient[0])
    assert torch.equal(net.weight.grad, gradient[0].outer(torch.tensor([0.5, -2.0])))
    assert net.weight.grad.shape == (10, 2)
    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        net(torch.ones(1, 2)).backward()
    one = nn.Linear(2, 1)
    one(torch.ones(1, 2)).backward()
    assert one.bias.grad.tolist() == [1.0]


@pytest.mark.claim("blitz-grad-on-every-tensor")
def test_only_leaves_get_their_grad_filled():
    """`backward()` fills `.grad` of the parameters, which are leaves; the output of a layer
    requires grad but has `.grad` None, and reading it warns.

    `retain_grad()` keeps the gradient of such a tensor: `spec/autograd/test_leaves.py`.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    between = net[0](torch.ones(1, 1))

    net[1](between).sum().backward()

    assert between.requires_grad is True
    with pytest.warns(UserWarning, match="The .grad attribute of a Tensor that is not a leaf"):
        assert between.grad is None
    assert net[0].bias.grad.tolist() == net[1].weight[0].tolist()


def test_the_input_gets_a_gradient_only_if_it_asks():
    """Data given to a network gets a `.grad` only if it requires grad itself: a plain tensor
    keeps None, one made with `requires_grad=True` gets a gradient.
    """
    net = nn.Linear(1, 1)
    net.weight.data.fill_(4.0)
    data, asked = torch.ones(1, 1), torch.ones(1, 1, requires_grad=True)

    (net(data) + net(asked)).sum().backward()

    assert data.grad is None
    assert asked.grad.tolist() == [[4.0]]


@pytest.mark.claim("blitz-grad-accumulates", "blitz-zero-grad-needed")
def test_a_second_backward_adds_to_the_gradients():
    """A second `backward()` adds its gradients to those in `.grad`, unless they are cleared
    between.
    """
    net = nn.Linear(2, 1)

    net(torch.tensor([[3.0, 5.0]])).sum().backward()
    net(torch.tensor([[1.0, 1.0]])).sum().backward()

    assert net.weight.grad.tolist() == [[4.0, 6.0]]
    assert net.bias.grad.tolist() == [2.0]


@pytest.mark.claim("blitz-accumulation-changes-update")
def test_leftover_gradients_change_the_update():
    """A gradient left from the last batch is added to the next one and changes the step: with 3
    left over and 1 new, SGD at `lr=0.5` moves the weight by 2 instead of 0.5.

    Call `optimizer.zero_grad()` once per step: `spec/optim/test_zero_grad.py`.
    """
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
    """`optimizer.step()` leaves the gradients as they are: clearing them is up to
    `zero_grad()`.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net(torch.tensor([[3.0]])).backward()
    optimizer.step()

    assert net.weight.grad.item() == 3.0


@pytest.mark.claim("blitz-bias-grad-zeros-before", "blitz-zero-grad-clears-all")
@pytest.mark.torch("<2.0")
def test_zero_grad_made_six_zeros_of_the_gradients_of_a_bias():
    """Before PyTorch 2.0 `net.zero_grad()` set the gradients of all parameters to zeros: the
    bias of `conv1` had six of them.
    """
    net = nn.Sequential(OrderedDict(conv1=nn.Conv2d(1, 6, 5), flat=nn.Flatten()))
    net(torch.rand(1, 1, 5, 5)).sum().backward()

    net.zero_grad()

    assert net.conv1.bias.grad.tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert net.conv1.weight.grad.abs().sum().item() == 0.0


@pytest.mark.claim("blitz-bias-grad-zeros-before", "blitz-zero-grad-clears-all")
@pytest.mark.torch(">=2.0")
def test_zero_grad_leaves_none():
    """Since PyTorch 2.0 `net.zero_grad()` sets `.grad` of all parameters to None: the bias of
    `conv1` has None and no zeros.

    Because None needs no memory, and an optimizer skips such parameters; `set_to_none=False`
    makes zeros.
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
    """`net.zero_grad(set_to_none=True)` clears the parameters of nested modules, and of those
    frozen by `requires_grad_(False)` after `backward()`.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Linear(1, 1)))
    net(torch.ones(1, 1)).sum().backward()
    net[0].requires_grad_(False)

    net.zero_grad(set_to_none=True)

    assert [parameter.grad for parameter in net.parameters()] == [None, None, None, None]


def test_a_layer_that_was_not_called_gets_no_gradient():
    """The parameters of a layer that took no part in the output keep `.grad` None, which is not
    the same as zeros: an optimizer skips None.
    """
    net = nn.ModuleDict({"used": nn.Linear(1, 1), "idle": nn.Linear(1, 1)})

    net["used"](torch.ones(1, 1)).sum().backward()

    assert {name: p.grad is None for name, p in net.named_parameters()} == {
        "used.weight": False,
        "used.bias": False,
        "idle.weight": True,
        "idle.bias": True,
    }


def test_detaching_in_between_cuts_the_first_layers_off():
    """`detach()` between two layers ends the graph there: the first layer gets no gradient, the
    second does.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[0].weight.data.fill_(2.0)

    net[1](net[0](torch.ones(1, 1)).detach()).backward()

    assert net[0].weight.grad is None
    assert net[1].weight.grad.tolist() == [[2.0]]


def test_a_loss_computed_without_gradients_has_no_graph():
    """`backward()` of a loss computed under `no_grad`, or from `argmax`, raises RuntimeError,
    "element 0 of tensors does not require grad and does not have a grad_fn".

    A loss taken by `item()` is a Python float and has no `backward` at all. Compute the loss
    from the outputs, outside `no_grad`.
    """
    net = nn.Linear(1, 2)
    with torch.no_grad():
        loss = net(torch.ones(1, 1)).sum()
    right = (net(torch.ones(3, 1)).argmax(1) == 1).float().mean()

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        loss.backward()
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        right.backward()
    with pytest.raises(AttributeError, match="'float' object has no attribute 'backward'"):
        net(torch.ones(1, 1)).sum().item().backward()
