"""Groups of parameters with settings of their own.

A list of dicts makes groups of the parameters, and each group has settings of its own: a learning
rate per layer, no weight decay for biases. What a group does not say it takes from the keyword
arguments, and what those don't say from the defaults.

What surprises newcomers: a misspelt setting in a group is kept without a word and does nothing; and
a parameter that is named twice in one group is moved twice in each step.
"""

import pytest
import torch
from torch import nn


@pytest.mark.claim("path-per-layer-learning-rate")
def test_each_layer_can_have_its_own_learning_rate(device):
    """A dict for each layer gives it a learning rate of its own: one line, long supported."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).to(device)
    net[0].weight.data.fill_(4.0)
    net[1].weight.data.fill_(4.0)
    net[0].weight.grad = torch.tensor([[1.0]], device=device)
    net[1].weight.grad = torch.tensor([[1.0]], device=device)

    torch.optim.SGD(
        [{"params": net[0].parameters(), "lr": 0.25}, {"params": net[1].parameters(), "lr": 2.0}],
        lr=1.0,
    ).step()

    assert net[0].weight.item() == 3.75
    assert net[1].weight.item() == 2.0


@pytest.mark.claim("path-per-layer-weight-decay")
def test_each_layer_can_have_its_own_weight_decay():
    """Weight decay is set per group as well, here for one layer and not for the other."""
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[0].weight.data.fill_(4.0)
    net[1].weight.data.fill_(4.0)
    net[0].weight.grad = torch.tensor([[0.0]])
    net[1].weight.grad = torch.tensor([[0.0]])

    torch.optim.SGD(
        [{"params": net[0].parameters(), "weight_decay": 0.5}, {"params": net[1].parameters()}],
        lr=0.5,
    ).step()

    assert net[0].weight.item() == 3.0
    assert net[1].weight.item() == 4.0


def test_a_group_takes_what_it_does_not_say_from_the_keyword_arguments():
    """Settings that a group lacks come from the keyword arguments, and then from the defaults."""
    first, second = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))

    optimizer = torch.optim.SGD(
        [{"params": [first]}, {"params": [second], "momentum": 0.5}], lr=0.25, momentum=0.75
    )

    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.75, 0.5]
    assert [group["nesterov"] for group in optimizer.param_groups] == [False, False]


def test_a_plain_list_makes_one_group():
    """A list of parameters makes one group; it holds the very objects, in their order."""
    net = nn.Linear(2, 1)

    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    (group,) = optimizer.param_groups
    assert [parameter is net.weight for parameter in group["params"]] == [True, False]
    assert [parameter is net.bias for parameter in group["params"]] == [False, True]


def test_biases_without_decay_are_told_apart_by_their_dimensions():
    """The usual pair of groups: matrices decay, what has one dimension (biases, norms) does not."""
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))

    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in net.parameters() if p.ndim > 1]},
            {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        weight_decay=0.1,
    )

    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 4]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]


def test_a_group_can_be_added_later():
    """`add_param_group` takes further parameters in, say of layers that are thawed later."""
    first, second = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([first], lr=0.5)

    optimizer.add_param_group({"params": second, "lr": 0.25})
    first.grad = second.grad = torch.tensor(1.0)
    optimizer.step()

    assert [first.item(), second.item()] == [3.5, 3.75]
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]


def test_clearing_reaches_every_group():
    """`zero_grad()` clears the gradients of all groups."""
    first, second = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.5)
    first.grad = second.grad = torch.tensor(1.0)

    optimizer.zero_grad(set_to_none=True)

    assert [first.grad, second.grad] == [None, None]


def test_groups_print_one_after_the_other():
    """An optimizer prints its class and each group with its settings, not the parameters."""
    first, second = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.5)

    lines = repr(optimizer).splitlines()

    assert lines[0] == "SGD ("
    assert [line for line in lines if "lr" in line] == ["    lr: 0.5", "    lr: 0.5"]
    assert [line for line in lines if line.startswith("Parameter")] == [
        "Parameter Group 0",
        "Parameter Group 1",
    ]


@pytest.mark.torch(">=2.6")
def test_named_parameters_keep_their_names():
    """Given `named_parameters()`, a group remembers the names beside the parameters."""
    optimizer = torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.5)

    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]


@pytest.mark.torch("<2.6")
def test_named_parameters_were_refused():
    """`named_parameters()` yields pairs, and a pair was no parameter."""
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is tup"):
        torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.5)


def test_a_parameter_belongs_to_one_group():
    """The same parameter in two groups is refused: which rate should it follow?"""
    net = nn.Linear(2, 1)

    with pytest.raises(ValueError, match="some parameters appear in more than one parameter gr"):
        torch.optim.SGD([{"params": net.parameters()}, {"params": [net.bias], "lr": 1.0}], lr=0.5)


def test_a_parameter_given_twice_steps_twice():
    """The same parameter twice in one group is taken, under a warning, and moved twice a step."""
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(1.0)

    with pytest.warns(UserWarning, match="a parameter group with duplicate parameters"):
        optimizer = torch.optim.SGD([weight, weight], lr=0.5)
    optimizer.step()

    assert weight.item() == 3.0


def test_a_dict_alone_is_read_as_its_keys():
    """A single group wants brackets as well: of a bare dict only the key "params" is seen."""
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is str"):
        torch.optim.SGD({"params": [weight]}, lr=0.5)


def test_a_misspelt_setting_is_kept_and_does_nothing():
    """A group keeps every key it is given: `learning_rate` stands beside `lr` and does nothing."""
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(1.0)
    optimizer = torch.optim.SGD([{"params": [weight], "learning_rate": 2.0}], lr=0.5)

    optimizer.step()

    assert weight.item() == 3.5
    assert optimizer.param_groups[0]["learning_rate"] == 2.0


def test_the_key_of_a_groups_parameters_is_params():
    """A group without the key `params` is a KeyError."""
    with pytest.raises(KeyError, match="params"):
        torch.optim.SGD([{"parameters": [nn.Parameter(torch.zeros(2))]}], lr=0.5)


def test_a_set_has_no_order():
    """A set of parameters is refused in a group: state is kept by order, and a set has none."""
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(TypeError, match="need to be organized in ordered collections"):
        torch.optim.SGD([{"params": {weight}}], lr=0.5)
