"""Sharing weights.

To use the same weights twice takes no feature: a layer is called twice, or stands under two names.
There is one tensor then, and its gradient is the sum over all its uses.

What surprises: `parameters()` lists a shared tensor once, `state_dict()` under every name; and
what is shared by assignment is separated by a copy or by assigning anew.
"""

import copy

import pytest
import torch
from torch import nn


@pytest.mark.claim("path-share-parameters")
def test_a_layer_called_twice_shares_its_weight_with_itself(device):
    """Calling one layer twice in `forward` is sharing: one parameter, gradients of both calls."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False, device=device)

        def forward(self, x):
            return self.layer(self.layer(x))

    net = Net()
    net.layer.weight.data.fill_(3.0)
    y = net(torch.tensor([5.0], device=device))
    y.backward()

    assert y.tolist() == [45.0]
    assert len(list(net.parameters())) == 1
    assert net.layer.weight.grad.tolist() == [[30.0]]


@pytest.mark.claim("path-share-parameters")
def test_one_layer_may_serve_two_inputs():
    """A twin network is one network called with two inputs; the gradients add up."""
    twin = nn.Linear(2, 1, bias=False)
    difference = twin(torch.tensor([1.0, 10.0])) - twin(torch.tensor([3.0, 4.0]))
    difference.backward()

    assert twin.weight.grad.tolist() == [[-2.0, 6.0]]


def test_two_names_for_one_layer_are_one_layer():
    """A layer assigned to two attributes, or put twice into a `Sequential`, is not copied."""
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)

    assert net[0] is net[2]
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias"]
    assert [name for name, _ in net.named_children()] == ["0", "1"]


def test_the_state_dict_lists_a_shared_tensor_under_each_name():
    """`state_dict()` knows every name, all with the same memory; `parameters()` lists it once."""
    layer = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(layer, layer)
    state = net.state_dict()

    assert list(state) == ["0.weight", "1.weight"]
    assert state["0.weight"].data_ptr() == state["1.weight"].data_ptr()
    assert len(list(net.parameters())) == 1


@pytest.mark.torch(">=2.0")
def test_all_names_of_a_shared_parameter_can_be_listed():
    """`named_parameters(remove_duplicate=False)` gives each name of a shared parameter."""
    layer = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(layer, layer)

    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "0.weight",
        "1.weight",
    ]


def test_weights_alone_are_tied_by_assigning_the_parameter(device):
    """One layer's weight assigned to another layer ties the two; the biases stay apart."""
    embed = nn.Embedding(5, 3, device=device)
    decode = nn.Linear(3, 5, device=device)
    decode.weight = embed.weight
    with torch.no_grad():
        embed.weight.fill_(7.0)

    assert decode.weight is embed.weight
    assert decode(torch.zeros(3, device=device)).tolist() == decode.bias.tolist()
    assert decode.weight[4].tolist() == [7.0, 7.0, 7.0]


def test_tied_weights_collect_one_gradient():
    """Both layers write into the one `.grad`: the gradient is the sum of what each would get."""
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight = first.weight
    (first(torch.tensor([2.0])) + second(torch.tensor([5.0]))).backward()

    assert first.weight.grad.tolist() == [[7.0]]
    assert second.weight.grad is first.weight.grad


def test_assigning_the_data_shares_memory_and_not_the_gradient():
    """Two parameters over one memory hold the same numbers, but each has its own gradient."""
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight.data = first.weight.data
    with torch.no_grad():
        first.weight.fill_(3.0)
    first(torch.tensor([2.0])).backward()

    assert second.weight.tolist() == [[3.0]]
    assert first.weight.grad.tolist() == [[2.0]]
    assert second.weight.grad is None


def test_to_keeps_weights_tied():
    """Casting or moving the module casts a shared parameter once, and it stays shared."""
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.Sequential(layer)).double()

    assert net[0].weight is net[1][0].weight
    assert net[0].weight.dtype == torch.float64


def test_a_deep_copy_is_tied_in_itself_and_to_nothing_else():
    """`copy.deepcopy` keeps the sharing inside the net; the copy shares nothing with the net."""
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    copied = copy.deepcopy(net)
    first, second = copied

    assert first is second
    assert len(list(copied.parameters())) == 2
    assert first.weight is not layer.weight


def test_a_new_parameter_unties():
    """Assigning another parameter to one of the two ends the sharing; the other keeps the old."""
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight = first.weight
    tied = list(nn.Sequential(first, second).parameters())
    first.weight = nn.Parameter(torch.tensor([[3.0]]))
    untied = list(nn.Sequential(first, second).parameters())

    assert [len(tied), len(untied)] == [1, 2]
    assert second.weight is not first.weight


def test_a_list_multiplied_repeats_one_layer():
    """`[layer] * 3` is one layer three times, a list comprehension three layers."""
    repeated = nn.Sequential(*[nn.Linear(2, 2)] * 3)
    separate = nn.Sequential(*[nn.Linear(2, 2) for _ in range(3)])

    assert len(list(repeated.parameters())) == 2
    assert len(list(separate.parameters())) == 6
