"""What an optimizer remembers.

Momentum, running means and step counts live in the optimizer, in `optimizer.state`, a dict with the
parameters themselves as keys. `state_dict()` is the form for saving: there the parameters are
numbered instead, in the order in which they were handed over.

What surprises newcomers: there is no state before the first step; a saved state knows numbers and
no names, so order matters; and loading it also brings back the old learning rate.
"""

import copy

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ("name", "options", "kept"),
    [
        ("Adam", {}, ["exp_avg", "exp_avg_sq", "step"]),
        ("Adam", {"amsgrad": True}, ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step"]),
        ("RMSprop", {}, ["square_avg", "step"]),
        ("Adagrad", {}, ["step", "sum"]),
    ],
)
def test_each_rule_keeps_its_own_state_per_parameter(name, options, kept):
    """For each parameter the optimizer keeps what its rule needs: Adam two means and a count."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    optimizer = getattr(torch.optim, name)([weight], lr=0.5, **options)

    optimizer.step()

    assert sorted(optimizer.state[weight]) == kept


def test_sgd_keeps_a_buffer_for_its_momentum():
    """SGD with momentum keeps one buffer a parameter; its first value is the first gradient."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 5.0])
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5)

    optimizer.step()

    assert sorted(optimizer.state[weight]) == ["momentum_buffer"]
    assert optimizer.state[weight]["momentum_buffer"].tolist() == [3.0, 5.0]


def test_the_state_has_the_shape_of_the_parameter(device):
    """A mean or a buffer has its parameter's shape: Adam needs twice the memory of the weights."""
    weight = nn.Parameter(torch.zeros(2, 3, device=device))
    weight.grad = torch.ones(2, 3, device=device)
    optimizer = torch.optim.Adam([weight])

    optimizer.step()

    assert optimizer.state[weight]["exp_avg"].shape == (2, 3)
    assert optimizer.state[weight]["exp_avg_sq"].shape == (2, 3)
    assert optimizer.state[weight]["step"].item() == 1.0


def test_the_state_is_made_by_the_first_step():
    """A new Adam has no state: a parameter's is made by the first step that moves it."""
    trained, idle = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([trained, idle])
    trained.grad = torch.ones(1)
    before = len(optimizer.state)

    optimizer.step()

    assert before == 0
    assert [parameter is trained for parameter in optimizer.state] == [True]


def test_parameters_without_a_gradient_are_passed_over():
    """`step()` passes over parameters whose gradient is None: no decay, no momentum, no state."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.5)

    optimizer.step()

    assert weight.item() == 4.0
    assert optimizer.state_dict()["state"] == {}


def test_a_state_dict_numbers_the_parameters():
    """`state_dict()` has the state by number, and the groups with their settings and numbers."""
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    first.grad, second.grad = torch.tensor([2.0]), torch.tensor([3.0])
    optimizer = torch.optim.SGD(
        [{"params": [first]}, {"params": [second], "lr": 0.5}], lr=0.25, momentum=0.75
    )
    optimizer.step()

    saved = optimizer.state_dict()

    assert list(saved) == ["state", "param_groups"]
    assert [kept["momentum_buffer"].tolist() for kept in saved["state"].values()] == [[2.0], [3.0]]
    assert list(saved["state"]) == [0, 1]
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in saved["param_groups"]] == [0.25, 0.5]


def test_a_state_dict_shares_memory_with_the_optimizer():
    """`state_dict()` copies no tensor: later steps show in it, unless one makes a deep copy."""
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1)
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5)
    optimizer.step()

    shared = optimizer.state_dict()
    copied = copy.deepcopy(optimizer.state_dict())
    optimizer.step()

    assert shared["state"][0]["momentum_buffer"].tolist() == [1.5]
    assert copied["state"][0]["momentum_buffer"].tolist() == [1.0]


def test_a_resumed_training_goes_on_as_if_uninterrupted():
    """Weights and optimizer state, saved and loaded, lead where no interruption would have led."""
    straight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([straight], lr=0.25, momentum=0.5)
    (straight**2).backward()
    optimizer.step()
    weight, saved = straight.item(), copy.deepcopy(optimizer.state_dict())
    optimizer.step()

    resumed = nn.Parameter(torch.tensor(weight))
    again = torch.optim.SGD([resumed], lr=1.0)
    again.load_state_dict(saved)
    resumed.grad = straight.grad
    again.step()

    assert weight == 2.0
    assert straight.item() == -1.0
    assert resumed.item() == -1.0


def test_without_its_state_a_resumed_training_loses_its_momentum():
    """A new optimizer without the saved state starts from rest, and goes another way."""
    straight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([straight], lr=0.25, momentum=0.5)
    (straight**2).backward()
    optimizer.step()

    again = torch.optim.SGD([straight], lr=0.25, momentum=0.5)
    again.step()

    assert straight.item() == 0.0


def test_loading_a_state_brings_its_settings_along():
    """The learning rate is part of the state: loading replaces the one given to the new object."""
    weight = nn.Parameter(torch.tensor(0.0))
    saved = torch.optim.SGD([weight], lr=0.5).state_dict()
    optimizer = torch.optim.SGD([weight], lr=0.25)

    optimizer.load_state_dict(saved)

    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_loaded_state_goes_by_order():
    """Parameters in another order get each other's state, without a word."""
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    first.grad, second.grad = torch.tensor([2.0]), torch.tensor([3.0])
    optimizer = torch.optim.SGD([first, second], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([second, first], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    assert other.state[first]["momentum_buffer"].tolist() == [3.0]
    assert other.state[second]["momentum_buffer"].tolist() == [2.0]


def test_a_loaded_state_takes_the_dtype_of_the_parameter():
    """Loaded state is converted to the dtype and device of the parameter it belongs to."""
    single, double = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1).double())
    single.grad = torch.ones(1)
    optimizer = torch.optim.SGD([single], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([double], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    assert other.state[double]["momentum_buffer"].dtype == torch.float64


def test_a_state_of_another_size_is_refused():
    """The state of one parameter is refused for two, and one group's for two groups."""
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    saved = torch.optim.SGD([first], lr=0.5).state_dict()

    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        torch.optim.SGD([first, second], lr=0.5).load_state_dict(saved)
    with pytest.raises(ValueError, match="has a different number of parameter groups"):
        torch.optim.SGD([{"params": first}, {"params": second}], lr=0.5).load_state_dict(saved)


def test_a_state_of_another_shape_is_taken_and_fails_later():
    """The shapes of loaded state aren't looked at: a wrong one fails in the next step."""
    small, large = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(2))
    small.grad, large.grad = torch.ones(1), torch.ones(2)
    optimizer = torch.optim.SGD([small], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([large], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        other.step()


def test_the_state_of_a_net_is_none_of_an_optimizer():
    """A net's `state_dict()` handed to the optimizer lacks the key `param_groups`."""
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    with pytest.raises(KeyError, match="param_groups"):
        optimizer.load_state_dict(net.state_dict())
