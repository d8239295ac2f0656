"""Buffers and lists of parameters.

Some tensors belong to a module and are not learnt: the running mean of a BatchNorm, a mask, a
table of positions. Registered as buffers they are cast, moved and saved with it, and the optimizer
never sees them. Parameters that come by the dozen go into a `ParameterList` or `ParameterDict`, as
a plain Python list would hide them.
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn


def test_a_buffer_is_saved_and_cast_and_not_learnt(device):
    """A registered buffer is in `state_dict()` and follows `to()`; `parameters()` leaves it out."""
    net = nn.Module()
    net.register_buffer("mean", torch.zeros(2))
    net.to(device).double()

    assert list(net.state_dict()) == ["mean"]
    assert [name for name, _ in net.named_buffers()] == ["mean"]
    assert list(net.parameters()) == []
    assert net.mean.requires_grad is False
    assert net.mean.dtype == torch.float64
    assert net.mean.device.type == device


def test_a_buffer_that_is_not_persistent_is_not_saved():
    """With `persistent=False` a buffer is cast and moved but has no place in `state_dict()`."""
    net = nn.Module()
    net.register_buffer("kept", torch.zeros(1))
    net.register_buffer("made_again", torch.zeros(1), persistent=False)
    net.double()

    assert list(net.state_dict()) == ["kept"]
    assert net.made_again.dtype == torch.float64


def test_a_tensor_may_be_assigned_to_a_buffer():
    """Unlike a parameter a buffer is overwritten by assignment, even by one of another shape."""
    net = nn.Module()
    net.register_buffer("mean", torch.zeros(2))
    net.mean = torch.ones(3)

    assert net.state_dict()["mean"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(TypeError, match="cannot assign 'list' as buffer 'mean'"):
        net.mean = [1.0, 1.0, 1.0]


def test_a_buffer_is_a_tensor_from_the_start():
    """A list of numbers is no buffer, and a name that is taken is not given twice."""
    layer = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="cannot assign 'list' object to buffer 'table'"):
        layer.register_buffer("table", [1.0, 2.0])
    with pytest.raises(KeyError, match="attribute 'weight' already exists"):
        layer.register_buffer("weight", torch.ones(2))
    layer.register_buffer("table", torch.tensor([1.0, 2.0]))

    assert list(layer.state_dict()) == ["weight", "bias", "table"]


@pytest.mark.torch(">=2.5")
def test_a_buffer_can_be_registered_by_assignment():
    """`nn.Buffer` is to buffers what `nn.Parameter` is to parameters."""
    net = nn.Module()
    net.mean = nn.Buffer(torch.zeros(2))
    net.made_again = nn.Buffer(torch.ones(2), persistent=False)

    assert [name for name, _ in net.named_buffers()] == ["mean", "made_again"]
    assert list(net.state_dict()) == ["mean"]


def test_batch_norm_has_two_parameters_and_three_buffers():
    """What BatchNorm learns are its scale and shift; what it counts along are buffers."""
    layer = nn.BatchNorm1d(4)

    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == [
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]


def test_a_plain_list_hides_its_parameters():
    """Parameters in a Python list are not registered; a `ParameterList` registers them."""
    net = nn.Module()
    net.hidden = [nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(2))]
    net.listed = nn.ParameterList([nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(4))])

    assert [name for name, _ in net.named_parameters()] == ["listed.0", "listed.1"]


def test_a_parameter_list_is_used_like_a_list():
    """A `ParameterList` has a length, indices and `append`, and can be walked."""
    weights = nn.ParameterList([nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0))])
    weights.append(nn.Parameter(torch.tensor(4.0)))

    assert len(weights) == 3
    assert weights[-1].item() == 4.0
    assert [weight.item() for weight in weights] == [2.0, 3.0, 4.0]


def test_a_parameter_list_makes_parameters_of_tensors():
    """A plain tensor put into a `ParameterList` or `ParameterDict` is wrapped as a parameter."""
    listed = nn.ParameterList([torch.ones(1)])
    named = nn.ParameterDict({"scale": torch.ones(1)})

    assert type(listed[0]) is type(named["scale"]) is nn.Parameter


def test_a_parameter_dict_registers_by_key():
    """The keys of a `ParameterDict` become the names of its parameters."""
    net = nn.Module()
    net.gains = nn.ParameterDict({"left": torch.ones(1)})
    net.gains["right"] = torch.ones(2)
    found = [name in net.gains for name in ("left", "middle")]

    assert [name for name, _ in net.named_parameters()] == ["gains.left", "gains.right"]
    assert net.gains["right"].shape == (2,)
    assert found == [True, False]


def test_a_parameter_dict_sorts_the_keys_of_a_plain_dict():
    """Given a dict, a `ParameterDict` sorts its keys; an `OrderedDict` keeps the order given."""
    plain = {"b": torch.ones(1), "a": torch.ones(2)}

    assert list(nn.ParameterDict(plain)) == ["a", "b"]
    assert list(nn.ParameterDict(OrderedDict(plain))) == ["b", "a"]
    assert list(nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})) == ["b", "a"]
