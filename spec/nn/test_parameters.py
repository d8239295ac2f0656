"""Parameters and buffers.

A parameter is a tensor that a module is to learn. Wrapped as `nn.Parameter` and assigned to an
attribute, it is registered: `parameters()` hands it to the optimizer, `state_dict()` saves it,
`to()` moves it. A buffer is saved and moved in the same way but not learnt, such as the running
mean of a BatchNorm.

A plain tensor as attribute is neither, and that is the commonest trap. The other surprise: a
registered parameter cannot be overwritten by a tensor.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    """Two convolutions with pooling, then three linear layers, for 32 x 32 images."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


@pytest.mark.claim("blitz-params-count", "blitz-params-first-shape")
def test_lenet_has_ten_parameter_tensors():
    """Five layers with a weight and a bias each make ten parameters, `conv1.weight` the first."""
    sizes = {name: list(parameter.shape) for name, parameter in LeNet().named_parameters()}

    assert list(sizes.items()) == [
        ("conv1.weight", [6, 1, 5, 5]),
        ("conv1.bias", [6]),
        ("conv2.weight", [16, 6, 5, 5]),
        ("conv2.bias", [16]),
        ("fc1.weight", [120, 400]),
        ("fc1.bias", [120]),
        ("fc2.weight", [84, 120]),
        ("fc2.bias", [84]),
        ("fc3.weight", [10, 84]),
        ("fc3.bias", [10]),
    ]


@pytest.mark.claim("blitz-params-trainable")
def test_parameters_are_the_tensors_to_be_trained():
    """`parameters()` yields what training is to change: leaves that want a gradient and get one."""
    net = LeNet()
    net(torch.randn(1, 1, 32, 32)).sum().backward()
    parameters = list(net.parameters())

    assert [parameter.requires_grad for parameter in parameters] == [True] * 10
    assert [parameter.grad.shape for parameter in parameters] == [p.shape for p in parameters]


def test_parameters_is_a_generator():
    """`parameters()` can be walked once and has no length; `list` makes it a list."""
    layer = nn.Linear(2, 1)
    parameters = layer.parameters()

    with pytest.raises(TypeError, match="object of type 'generator' has no len"):
        len(parameters)
    assert [parameter.shape for parameter in parameters] == [(1, 2), (1,)]
    assert list(parameters) == []


def test_the_numbers_of_a_network_are_counted_by_numel():
    """A network's size is the sum of `numel()`: LeNet has 61 706 numbers to learn."""
    assert sum(parameter.numel() for parameter in LeNet().parameters()) == 61706


def test_a_parameter_is_a_tensor_that_wants_a_gradient(device):
    """`nn.Parameter` is a subclass of `Tensor`, a leaf, and has `requires_grad` from the start."""
    parameter = nn.Parameter(torch.ones(2, device=device))

    assert isinstance(parameter, torch.Tensor) is True
    assert parameter.requires_grad is True
    assert parameter.is_leaf is True
    assert repr(parameter.cpu()) != repr(parameter.detach().cpu())


def test_a_parameter_says_so_when_printed():
    """A printed parameter has a line above the tensor that gives it away."""
    assert repr(nn.Parameter(torch.ones(2))) == (
        "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    )


def test_a_parameter_shares_its_memory_with_the_tensor():
    """Wrapping a tensor copies nothing: the tensor sees what training does to the parameter."""
    x = torch.ones(2)
    parameter = nn.Parameter(x)
    with torch.no_grad():
        parameter += 1

    assert x.tolist() == [2.0, 2.0]
    assert x.requires_grad is False


def test_only_parameters_count_among_the_tensors():
    """A plain tensor as attribute is not learnt, not saved and not cast, tracked or not."""

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


def test_the_result_of_an_operation_on_a_parameter_is_no_parameter():
    """`nn.Parameter(x) * 2`, or a parameter sent `to` another dtype, is a plain tensor."""
    net = nn.Module()
    net.weight = nn.Parameter(torch.ones(1)) * 2
    net.other = nn.Parameter(torch.ones(1)).to(torch.float64)

    assert type(net.weight) is type(net.other) is torch.Tensor
    assert list(net.parameters()) == []


@pytest.mark.claim("path-plain-assign")
def test_a_parameter_cannot_be_overwritten_by_a_tensor():
    """Assigning a plain tensor to a parameter is refused, and the parameter stays."""
    layer = nn.Linear(2, 1)
    before = layer.weight

    with pytest.raises(TypeError, match=r"cannot assign 'torch.FloatTensor' as parameter 'weight'"):
        layer.weight = torch.ones(1, 2)
    assert layer.weight is before


@pytest.mark.claim("path-plain-assign")
def test_a_parameter_is_changed_in_place_under_no_grad(device):
    """New numbers are written into the parameter under `no_grad`; it stays the same object."""
    layer = nn.Linear(2, 1, device=device)
    before = layer.weight
    with torch.no_grad():
        layer.weight[:] = torch.tensor([[3.0, 4.0]], device=device)
        layer.bias.fill_(5.0)

    assert layer.weight is before
    assert layer.weight.tolist() == [[3.0, 4.0]]
    assert layer.bias.tolist() == [5.0]
    assert layer.weight.requires_grad is True


@pytest.mark.claim("path-plain-assign")
def test_another_parameter_may_be_assigned():
    """A new `nn.Parameter` takes the old one's place; who still holds the old one isn't told."""
    layer = nn.Linear(2, 1)
    held = list(layer.parameters())
    layer.weight = nn.Parameter(torch.tensor([[3.0, 4.0]]))
    same = [old is new for old, new in zip(held, layer.parameters(), strict=True)]

    assert layer.weight.tolist() == [[3.0, 4.0]]
    assert same == [False, True]


def test_without_no_grad_a_parameter_refuses_to_be_changed():
    """In-place writing outside `no_grad` is refused; through `.data` it goes unseen by autograd."""
    layer = nn.Linear(2, 1)

    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
        layer.weight.fill_(1.0)
    layer.weight.data = torch.tensor([[3.0, 4.0]])

    assert layer.weight.tolist() == [[3.0, 4.0]]


def test_a_parameter_set_to_none_is_gone_and_keeps_its_name():
    """A layer's `bias = None` takes the bias out of the sum and out of `parameters()`."""
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[3.0, 4.0]])
    layer.bias = None

    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(torch.ones(2)).tolist() == [7.0]


def test_a_parameter_of_integers_cannot_be_learnt():
    """Whole numbers have no gradients: such a parameter needs `requires_grad=False`."""
    x = torch.tensor([1, 2])

    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
        nn.Parameter(x)
    assert nn.Parameter(x, requires_grad=False).tolist() == [1, 2]


def test_register_parameter_takes_no_plain_tensor():
    """By name as by assignment, a parameter has to be an `nn.Parameter`, or None."""
    net = nn.Module()

    with pytest.raises(TypeError, match=r"object to parameter 'w' .torch.nn.Parameter or None"):
        net.register_parameter("w", torch.ones(1))
    net.register_parameter("w", nn.Parameter(torch.ones(1)))

    assert [name for name, _ in net.named_parameters()] == ["w"]


def test_a_frozen_parameter_is_still_one():
    """`requires_grad_(False)` stops the gradient; `parameters()` lists the frozen ones as well."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    net(torch.ones(2)).backward()

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


def test_freezing_through_an_attribute_of_the_module_does_nothing():
    """`module.requires_grad = False` only makes a new attribute; the method is what freezes."""
    layer = nn.Linear(2, 1)
    layer.requires_grad = False

    assert layer.weight.requires_grad is True

    layer.requires_grad_(False)

    assert layer.weight.requires_grad is False


def test_parameters_of_the_module_alone():
    """`recurse=False` leaves out the parameters of the children."""
    net = nn.Module()
    net.scale = nn.Parameter(torch.ones(1))
    net.layer = nn.Linear(2, 1)

    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [name for name, _ in net.named_parameters()] == ["scale", "layer.weight", "layer.bias"]
