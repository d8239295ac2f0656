"""Which parameters are trained.

An optimizer is given the parameters that it is to train, once, when it is made: `net.parameters()`
or any list of tensors. From then on it holds these very objects. It knows nothing of the net.

What surprises newcomers: a net whose parameters are replaced, or a copy of the net, is not trained
by an optimizer made before; one that is moved or converted still is; and `net.parameters()` can be
read only once.
"""

import copy
import pickle

import pytest
import torch
from torch import nn


def test_no_parameters_at_all_are_refused():
    """An empty list is refused: the net has no parameters, or its layers hide in a plain list."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(1, 1)]

    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        torch.optim.SGD(Net().parameters(), lr=0.5)


def test_parameters_can_be_read_only_once():
    """`net.parameters()` is a generator: once something else has read it, nothing is left."""
    parameters = nn.Linear(2, 1).parameters()

    assert sum(parameter.numel() for parameter in parameters) == 3
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        torch.optim.SGD(parameters, lr=0.5)


def test_a_tensor_in_place_of_a_list_is_refused():
    """One parameter alone is no list of parameters; it wants brackets around it."""
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(TypeError, match="should be an iterable of Tensors or dicts, but got torch"):
        torch.optim.SGD(weight, lr=0.5)

    optimizer = torch.optim.SGD([weight], lr=0.5)
    assert len(optimizer.param_groups[0]["params"]) == 1


def test_the_net_itself_and_the_method_are_no_list():
    """`SGD(net)` and `SGD(net.parameters)` lack a call: neither can be iterated over."""
    net = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="'Linear' object is not iterable"):
        torch.optim.SGD(net, lr=0.5)
    with pytest.raises(TypeError, match="'method' object is not iterable"):
        torch.optim.SGD(net.parameters, lr=0.5)


def test_the_result_of_a_calculation_is_refused():
    """What was calculated from a parameter is no leaf, gets no gradient, and is refused."""
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        torch.optim.SGD([weight * 1], lr=0.5)


def test_a_tensor_without_requires_grad_is_taken_and_rests():
    """A tensor that never gets a gradient is taken without a word, and no step moves it."""
    weight, constant = nn.Parameter(torch.tensor(4.0)), torch.tensor(4.0)
    optimizer = torch.optim.SGD([weight, constant], lr=0.25)

    (weight * constant).backward()
    optimizer.step()

    assert weight.item() == 3.0
    assert constant.item() == 4.0


def test_a_shared_weight_is_one_parameter():
    """A weight that two layers share comes once from `parameters()`: nothing to warn about."""
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    net[1].weight = net[0].weight

    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    assert len(optimizer.param_groups[0]["params"]) == 1


def test_converting_a_net_keeps_its_parameters():
    """`net.double()`, like a move to a GPU, changes parameters in place: the optimizer follows."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    weight = net.weight
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.double()
    net(torch.ones(1, 1).double()).sum().backward()
    optimizer.step()

    assert net.weight is weight
    assert net.weight.dtype == torch.float64
    assert net.weight.item() == 3.5


@pytest.mark.cuda
def test_an_optimizer_made_before_the_move_follows_to_the_gpu():
    """`net.to("cuda")` keeps the Parameter objects: an optimizer made before trains them there."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.to("cuda")
    net(torch.ones(1, 1, device="cuda")).sum().backward()
    optimizer.step()

    assert net.weight.device.type == "cuda"
    assert net.weight.item() == 3.5


@pytest.mark.cuda
def test_state_made_before_the_move_stays_behind():
    """State that a step made on the CPU stays there when the net moves: the next step fails."""
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.5, foreach=False)
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

    net.to("cuda")
    net(torch.ones(1, 1, device="cuda")).sum().backward()

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        optimizer.step()


def test_a_replaced_parameter_is_not_the_optimizers():
    """A new Parameter in the net is unknown to an optimizer made before: it doesn't move."""
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.weight = nn.Parameter(torch.tensor([[4.0]]))
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert net.weight.item() == 4.0
    assert optimizer.param_groups[0]["params"][0] is not net.weight


def test_a_copied_net_is_not_the_optimizers():
    """A deep copy of a net has parameters of its own: the optimizer goes on with the original."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    copied = copy.deepcopy(net)
    copied(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert copied.weight.item() == 4.0
    assert net.weight.grad is None


def test_a_pickled_optimizer_has_parameters_of_its_own():
    """An optimizer pickled alone comes back with copies of the parameters, tied to no net."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    again = pickle.loads(pickle.dumps(optimizer))
    again.param_groups[0]["params"][0].grad = torch.tensor(1.0)
    again.step()

    assert again.param_groups[0]["params"][0].item() == 3.5
    assert weight.item() == 4.0
