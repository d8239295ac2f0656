"""Parameters.

A parameter is a tensor that a module is to learn: an `nn.Parameter`, a tensor that requires grad
and that a module registers when it is assigned to an attribute. `parameters()` yields the
registered ones for the optimizer, `state_dict()` saves them, `to()` casts and moves them. Layers
make their own: `nn.Linear` has `weight` and `bias`. Tensors that belong to a module but are not
learnt are buffers: `spec/nn/test_buffers.py`.

What surprises: a plain tensor as attribute is not registered, even if it requires grad. Once
registered, a parameter can't be replaced by a plain tensor; to change its values, write into it
under `torch.no_grad()`.
"""

import pytest
import torch
from torch import nn


def test_a_parameter_is_a_tensor_that_wants_a_gradient(device):
    """`nn.Parameter(x)` of a floating-point `x` that is not an inference tensor is a
    `torch.Tensor` and a leaf, and requires grad unless `requires_grad=False` is given, whether `x`
    requires grad or not.

    Because a parameter is there to be learnt. It is a leaf even where `x` was computed: no gradient
    goes on to what `x` was computed from.
    """
    parameter = nn.Parameter(torch.ones(2, device=device))
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    computed = nn.Parameter(torch.ones(2, requires_grad=True) * 2)

    assert isinstance(parameter, torch.Tensor) is True
    assert parameter.requires_grad is True
    assert parameter.is_leaf is True
    assert frozen.requires_grad is False
    assert (computed.is_leaf, computed.grad_fn) == (True, None)
    assert computed.requires_grad is True


def test_a_parameter_says_so_when_printed():
    """`repr` of an `nn.Parameter` of a plain tensor begins with the line "Parameter containing:",
    followed by the tensor.
    """
    assert repr(nn.Parameter(torch.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


def test_only_parameters_count_among_the_tensors():
    """A plain float32 tensor as a new attribute of an `nn.Module` is missing in `parameters()`
    and `state_dict()` and stays behind in `double()` and `to(device)`, even if it requires
    grad; an `nn.Parameter` takes part in all four.

    Wrap what is to be learnt in `nn.Parameter`, and register other tensors as buffers:
    `spec/nn/test_buffers.py`.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.plain = torch.ones(1)
            self.tracked = torch.ones(1, requires_grad=True)
            self.parameter = nn.Parameter(torch.ones(1))

    net = Net().double()

    assert [name for name, _ in net.named_parameters()] == ["parameter"]
    assert list(net.state_dict()) == ["parameter"]
    assert [net.plain.dtype, net.tracked.dtype] == [torch.float32, torch.float32]
    assert net.parameter.dtype == torch.float64
    net.to("meta")
    assert [net.plain.is_meta, net.tracked.is_meta, net.parameter.is_meta] == [False, False, True]


@pytest.mark.claim("blitz-params-trainable")
def test_parameters_are_the_tensors_to_be_trained():
    """`parameters()` of `net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))` yields two
    weights and two biases, leaves that require grad; `net(torch.ones(5, 3)).sum().backward()`
    gives each a `.grad` of its own shape.
    """
    net = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    net(torch.ones(5, 3)).sum().backward()
    parameters = list(net.parameters())

    assert [parameter.requires_grad for parameter in parameters] == [True, True, True, True]
    assert [parameter.is_leaf for parameter in parameters] == [True, True, True, True]
    assert [parameter.shape for parameter in parameters] == [(2, 3), (2,), (1, 2), (1,)]
    assert [parameter.grad.shape for parameter in parameters] == [(2, 3), (2,), (1, 2), (1,)]


def test_parameters_is_a_generator():
    """`nn.Module.parameters()` returns a generator: it has no `len`, and after one iteration it
    yields nothing more.

    Write `list(net.parameters())` to keep the parameters, for instance to pass them to two
    functions.
    """
    layer = nn.Linear(2, 1)
    parameters = layer.parameters()

    with pytest.raises(TypeError, match="object of type 'generator' has no len"):
        len(parameters)
    assert [parameter.shape for parameter in parameters] == [(1, 2), (1,)]
    assert list(parameters) == []


def test_parameters_of_the_module_alone():
    """`named_parameters(recurse=False)` of an `nn.Module` yields a pair (name, parameter) for each
    parameter that is registered in the module itself, and none for one that is registered only in
    its children.
    """
    net = nn.Module()
    net.scale = nn.Parameter(torch.ones(1))
    net.layer = nn.Linear(2, 1)

    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [name for name, _ in net.named_parameters()] == ["scale", "layer.weight", "layer.bias"]


def test_a_parameter_shares_its_memory_with_the_tensor():
    """`parameter = nn.Parameter(x)` of `x = torch.ones(2)` copies nothing: the two share
    storage, and `parameter += 1` under `torch.no_grad()` makes `x` 2, 2.

    Write `nn.Parameter(x.clone())` where `x` has to keep its values.
    """
    x = torch.ones(2)
    parameter = nn.Parameter(x)
    with torch.no_grad():
        parameter += 1

    assert x.tolist() == [2.0, 2.0]
    assert x.requires_grad is False


def test_the_result_of_an_operation_on_a_parameter_is_no_parameter():
    """`nn.Parameter(torch.ones(1)) * 2` is a plain tensor, which a module doesn't register, and
    so is the result of `.to(torch.float64)` of a float32 `nn.Parameter`.

    Do the arithmetic first and wrap its result: `nn.Parameter(x * 2)`.
    """
    net = nn.Module()
    net.weight = nn.Parameter(torch.ones(1)) * 2
    net.other = nn.Parameter(torch.ones(1)).to(torch.float64)

    assert type(net.weight) is type(net.other) is torch.Tensor
    assert list(net.parameters()) == []


def test_a_parameter_of_integers_cannot_be_learnt():
    """`nn.Parameter` of an int64 tensor raises RuntimeError, "Only Tensors of floating point and
    complex dtype can require gradients", unless `requires_grad=False` is given.

    A tensor of integers that belongs to a module is better registered as a buffer:
    `spec/nn/test_buffers.py`.
    """
    x = torch.tensor([1, 2])

    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
        nn.Parameter(x)
    assert nn.Parameter(x, requires_grad=False).tolist() == [1, 2]


def test_a_frozen_parameter_is_still_one():
    """`net[0].requires_grad_(False)` freezes the first layer of a new
    `net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))`: after `net(x).sum().backward()`
    its parameters have the `.grad` None, but `net.parameters()` still yields them.

    An optimizer such as `torch.optim.SGD` skips parameters whose `.grad` is None, so that frozen
    ones may be passed to it. A gradient from before freezing would still move them: call
    `zero_grad()`. If nothing requires grad, `backward()` raises.
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    net(torch.ones(2)).sum().backward()

    assert [parameter.requires_grad for parameter in net.parameters()] == [
        False,
        False,
        True,
        True,
    ]
    assert [parameter.grad is None for parameter in net.parameters()] == [
        True,
        True,
        False,
        False,
    ]
    net[1].weight.data.fill_(4.0)
    net[1].requires_grad_(False).weight.grad.fill_(1.0)
    torch.optim.SGD(net.parameters(), lr=0.5).step()
    assert net[1].weight.tolist() == [[3.5, 3.5]]


def test_freezing_through_an_attribute_of_the_module_does_nothing():
    """`layer.requires_grad = False` of an `nn.Linear` freezes nothing: it only sets a new
    attribute of the module. `layer.requires_grad_(False)`, with an underscore and a call,
    freezes the parameters of the layer.

    Because `requires_grad` is an attribute of tensors and not of modules, and Python lets one set a
    new attribute.
    """
    layer = nn.Linear(2, 1)
    layer.requires_grad = False

    assert layer.weight.requires_grad is True

    layer.requires_grad_(False)

    assert layer.weight.requires_grad is False


@pytest.mark.claim("path-plain-assign")
def test_a_parameter_cannot_be_overwritten_by_a_tensor():
    """Assigning a plain float32 tensor on the CPU to the weight of `layer = nn.Linear(2, 1)`,
    `layer.weight = torch.ones(1, 2)`, raises TypeError, "cannot assign 'torch.FloatTensor' as
    parameter 'weight'", and changes nothing.

    Write `layer.weight = nn.Parameter(tensor)`, or copy the values in place under
    `torch.no_grad()`.
    """
    layer = nn.Linear(2, 1)
    before = layer.weight

    with pytest.raises(TypeError, match=r"cannot assign 'torch.FloatTensor' as parameter 'weight'"):
        layer.weight = torch.ones(1, 2)
    assert layer.weight is before


@pytest.mark.claim("path-plain-assign")
def test_a_parameter_is_changed_in_place_under_no_grad(device):
    """Under `torch.no_grad()` the parameters of a new `layer = nn.Linear(2, 1)` can be changed in
    place, by `layer.weight[:] = torch.ones(1, 2)` or `layer.bias.fill_(5.0)`: `layer.weight` stays
    the same `nn.Parameter` and still requires grad.
    """
    layer = nn.Linear(2, 1, device=device)
    before = layer.weight
    with torch.no_grad():
        layer.weight[:] = torch.ones(1, 2)
        layer.bias.fill_(5.0)

    assert layer.weight is before
    assert layer.weight.tolist() == [[1.0, 1.0]]
    assert layer.bias.tolist() == [5.0]
    assert layer.weight.requires_grad is True


def test_without_no_grad_a_parameter_refuses_to_be_changed():
    """With grad mode on and `layer = nn.Linear(2, 1)`, `layer.weight.fill_(1.0)` and
    `layer.weight[0] = 1.0` raise RuntimeError, "leaf Variable that requires grad is being used
    in an in-place operation".

    Write it under `with torch.no_grad():`. Functions of `nn.init` do so themselves:
    `spec/nn/test_initialisation.py`.
    """
    layer = nn.Linear(2, 1)

    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"
    ):
        layer.weight.fill_(1.0)
    with pytest.raises(
        RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in"
    ):
        layer.weight[0] = 1.0
    with torch.no_grad():
        layer.weight.fill_(1.0)

    assert layer.weight.tolist() == [[1.0, 1.0]]


@pytest.mark.claim("path-plain-assign")
def test_another_parameter_may_be_assigned():
    """A new `nn.Parameter` may be assigned to `layer.weight` of `layer = nn.Linear(2, 1)`. A list
    of the layer's parameters that was made before, such as the one in an optimizer, still holds
    the old weight.

    Make the optimizer after replacing parameters, or change the values in place under
    `torch.no_grad()` instead.
    """
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    held = optimizer.param_groups[0]["params"]
    layer.weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    same = [old is new for old, new in zip(held, layer.parameters(), strict=True)]

    assert layer.weight.tolist() == [[3.0, 4.0]]
    assert same == [False, True]


def test_a_parameter_set_to_none_is_gone_and_keeps_its_name():
    """`layer.bias = None` on an `nn.Linear` removes the bias from `parameters()`, and the layer
    then computes without it.
    """
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[3.0, 4.0]])
    layer.bias = None

    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(torch.ones(2)).tolist() == [7.0]


def test_the_parameters_of_a_model_are_counted_by_numel():
    """`sum(p.numel() for p in model.parameters())` counts the elements of the parameters of a
    model without lazy layers; with `if p.requires_grad` it leaves out the frozen parameters.

    A parameter object shared by two layers counts once; buffers do not count. Parameters of a
    lazy layer raise ValueError before its first call: `spec/nn/test_layers.py`.
    """
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))
    model[0].requires_grad_(False)

    assert sum(p.numel() for p in model.parameters()) == 15 + 6 + 8
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 6 + 8


def test_register_parameter_takes_no_plain_tensor():
    """`module.register_parameter(name, value)` registers an `nn.Parameter` under a new name, a
    non-empty string without dots; for a plain tensor as `value` it raises TypeError.

    Write `nn.Parameter(tensor)`. Use the method where the name is a computed string; otherwise
    assign the attribute.
    """
    net = nn.Module()

    with pytest.raises(TypeError, match=r"object to parameter 'w' .torch.nn.Parameter or None"):
        net.register_parameter("w", torch.ones(1))
    net.register_parameter("w", nn.Parameter(torch.ones(1)))

    assert [name for name, _ in net.named_parameters()] == ["w"]
