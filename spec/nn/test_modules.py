"""Modules.

A network is an object of a class derived from `nn.Module`. Its constructor names the parts, its
`forward` says how data flows through them. Whatever part is assigned to an attribute is registered
on the way: from then on the module can list it, print it, move it and save it.

What surprises newcomers: the order of the assignments is the order of everything listed, whatever
`forward` does; the module is called, never its `forward`; and `__init__` of the base class has to
run first.
"""

from itertools import pairwise

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


@pytest.mark.claim("blitz-module-holds-layers")
def test_a_module_holds_layers_and_calling_it_returns_what_forward_returns(device):
    """A module keeps its layers as attributes; called with an input it answers with `forward`."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 2, bias=False, device=device)
            self.last = nn.Linear(2, 1, bias=False, device=device)

        def forward(self, x):
            return self.last(self.first(x))

    net = Net()
    net.first.weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0]], device=device)
    net.last.weight.data = torch.tensor([[10.0, 100.0]], device=device)

    assert net(torch.tensor([3.0, 4.0], device=device)).tolist() == [830.0]
    assert [name for name, _ in net.named_children()] == ["first", "last"]


@pytest.mark.claim("blitz-net-repr")
def test_printing_a_net_lists_its_layers(snapshot):
    """A printed net is its class and, line by line, each layer's name, class and sizes."""
    assert repr(LeNet()) == snapshot


@pytest.mark.claim("blitz-forward-32-to-10")
def test_lenet_makes_ten_numbers_of_a_32_by_32_image(device):
    """LeNet answers a batch of one grey 32 x 32 image with one row of ten numbers."""
    net = LeNet().to(device)
    one = net(torch.randn(1, 1, 32, 32, device=device))
    seven = net(torch.randn(7, 1, 32, 32, device=device))

    assert one.shape == (1, 10)
    assert seven.shape == (7, 10)


def test_an_image_of_another_size_is_refused_where_the_linear_layers_begin():
    """Convolutions take images of any size; the first linear layer was made for 400 numbers."""
    net = LeNet()

    with pytest.raises(RuntimeError, match=r"cannot be multiplied .1x256 and 400x120"):
        net(torch.randn(1, 1, 28, 28))


@pytest.mark.claim("blitz-super-two-argument")
def test_both_spellings_of_super_work():
    """`super(Net, self).__init__()`, as Python 2 wanted it, does what `super().__init__()` does."""

    class Old(nn.Module):
        def __init__(self):
            super(Old, self).__init__()  # noqa: UP008
            self.fc = nn.Linear(2, 1)

    class New(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

    assert [name for name, _ in Old().named_parameters()] == ["fc.weight", "fc.bias"]
    assert [name for name, _ in New().named_parameters()] == ["fc.weight", "fc.bias"]


def test_without_super_init_no_layer_can_be_assigned():
    """Forgetting `super().__init__()` is reported at the first layer, not at the first call."""

    class Net(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(2, 1)

    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\)"):
        Net()


def test_super_init_after_the_first_layer_is_too_late():
    """The layers come after `super().__init__()`; a parameter before it is refused as well."""

    class Net(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter(torch.ones(1))
            super().__init__()

    with pytest.raises(AttributeError, match=r"cannot assign parameters before Module.__init__"):
        Net()


@pytest.mark.claim("blitz-forward-required")
def test_a_module_without_forward_cannot_be_called():
    """The missing `forward` is reported when the module is called; to build it is allowed."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

    net = Net()

    assert len(list(net.parameters())) == 2
    with pytest.raises(NotImplementedError, match=r"Module \[Net\] is missing the required"):
        net(torch.ones(2))


def test_a_misspelt_forward_is_a_missing_one():
    """A method named `foward` is nobody's business; the words are those for no `forward` at all."""

    class Net(nn.Module):
        def foward(self, x):
            return x

    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        Net()(torch.ones(2))


def test_forward_without_self_counts_the_module_as_an_argument():
    """A `forward` that forgot `self` is told that it got one argument too many."""

    class Net(nn.Module):
        def forward(x):
            return x

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        Net()(torch.ones(2))


def test_a_forward_without_return_answers_none():
    """Whoever forgets `return` gets None, and an error only where None is used."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x):
            self.fc(x)

    y = Net()(torch.ones(2))

    assert y is None
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'sum'"):
        y.sum()


def test_data_given_to_the_constructor_is_taken_for_a_setting():
    """`nn.ReLU(x)` builds a module, with `x` for `inplace`; `nn.ReLU()(x)` computes."""
    x = torch.tensor([-1.0, 2.0])

    assert nn.ReLU()(x).tolist() == [0.0, 2.0]
    assert isinstance(nn.ReLU(x), nn.Module) is True
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        nn.ReLU(x)(x)


@pytest.mark.claim("blitz-backward-automatic")
def test_backward_needs_no_method_of_its_own(device):
    """A module has a `forward` and no `backward`: autograd finds the gradients by itself."""

    class Square(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(5.0, device=device))

        def forward(self, x):
            return self.scale * x * x

    net = Square()
    net(torch.tensor(3.0, device=device)).backward()

    assert net.scale.grad.item() == 9.0
    with pytest.raises(AttributeError, match="'Square' object has no attribute 'backward'"):
        net.backward()


@pytest.mark.claim("summary-autograd-and-nn")
def test_a_module_is_ordinary_tensor_arithmetic_recorded_by_autograd(device):
    """`nn.Linear` is `x @ weight.T + bias` on tracked tensors: results and gradients agree."""
    layer = nn.Linear(2, 1, device=device)
    weight = torch.tensor([[3.0, 4.0]], requires_grad=True, device=device)
    bias = torch.tensor([1.0], requires_grad=True, device=device)
    layer.load_state_dict({"weight": weight, "bias": bias})
    x = torch.tensor([10.0, 100.0], device=device)
    by_layer, by_hand = layer(x), x @ weight.T + bias
    by_layer.backward()
    by_hand.backward()

    assert by_layer.tolist() == by_hand.tolist() == [431.0]
    assert layer.weight.grad.tolist() == weight.grad.tolist() == [[10.0, 100.0]]
    assert layer.bias.grad.tolist() == bias.grad.tolist() == [1.0]


@pytest.mark.claim("summary-define-then-forward")
def test_building_a_net_runs_nothing_and_calling_it_builds_nothing():
    """The constructor defines the parts, once; `forward` runs at each call and uses them."""
    events = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)
            events.append("defined")

        def forward(self, x):
            events.append("run")
            return self.fc(x)

    net = Net()
    net(torch.ones(2))
    net(torch.ones(2))

    assert events == ["defined", "run", "run"]


def test_a_layer_made_inside_forward_is_forgotten():
    """A layer that `forward` makes is new at each call and not in the module: it cannot learn."""

    class Net(nn.Module):
        def forward(self, x):
            return nn.Linear(2, 1)(x)

    net = Net()
    x = torch.ones(2)

    assert list(net.parameters()) == []
    assert torch.equal(net(x), net(x)) is False


@pytest.mark.claim("blitz-forward-any-op")
def test_any_tensor_operation_goes_inside_forward(device):
    """`forward` may sort, index, stack and multiply: what autograd records is differentiated."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0, device=device))

        def forward(self, x):
            largest = x.sort(descending=True).values[:2]
            return torch.stack([largest.sin() * 0, largest * self.scale]).sum()

    net = Net()
    y = net(torch.tensor([3.0, 1.0, 4.0], device=device))
    y.backward()

    assert y.item() == 14.0
    assert net.scale.grad.item() == 7.0


def test_an_operation_outside_autograd_cuts_the_gradients_off():
    """NumPy, `item()` and `argmax` work inside `forward` too, but no gradient passes them."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 3)

        def forward(self, x):
            return self.fc(x).argmax()

    y = Net()(torch.ones(2))

    assert y.requires_grad is False


@pytest.mark.claim("course-build-network")
@pytest.mark.parametrize(
    ("piece", "shape"),
    [
        (nn.Conv2d(3, 6, 5), [2, 6, 4, 4]),
        (nn.MaxPool2d(2), [2, 3, 4, 4]),
        (nn.AvgPool2d(4), [2, 3, 2, 2]),
        (nn.BatchNorm2d(3), [2, 3, 8, 8]),
        (nn.Linear(8, 5), [2, 3, 8, 5]),
        (nn.Flatten(), [2, 192]),
        (nn.Flatten(start_dim=2), [2, 3, 64]),
        (nn.Upsample(scale_factor=3), [2, 3, 24, 24]),
    ],
    ids=lambda value: value.__class__.__name__,
)
def test_the_pieces_of_networks_are_ready_made_modules(piece, shape):
    """Layers, pooling, normalisation and reshaping are there to be put together."""
    images = torch.zeros(2, 3, 8, 8)

    assert list(piece(images).shape) == shape


@pytest.mark.claim("self-feature-map-count")
def test_a_convolution_makes_one_feature_map_for_each_filter():
    """After a convolution the channel axis holds its feature maps, each by a filter of its own."""
    layer = nn.Conv2d(1, 3, kernel_size=2, bias=False)
    layer.weight.data = torch.tensor(
        [[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]], [[[1.0, 1.0], [1.0, 1.0]]]]
    )
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    maps = layer(image)

    assert maps.shape == (1, 3, 1, 1)
    assert maps.flatten().tolist() == [1.0, 4.0, 10.0]
    assert nn.Conv2d(3, 16, kernel_size=5)(torch.ones(2, 3, 9, 9)).shape == (2, 16, 5, 5)


@pytest.mark.claim("self-regression-module")
def test_a_small_module_learns_a_parabola():
    """A module of one hidden layer fits `y = x²`: regression is a network without a last ReLU."""

    class Regression(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(1, 8)
            self.predict = nn.Linear(8, 1)

        def forward(self, x):
            return self.predict(torch.tanh(self.hidden(x)))

    net = Regression()
    x = torch.linspace(-1, 1, 21).unsqueeze(1)
    for _ in range(200):
        loss = F.mse_loss(net(x), x * x)
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.5 * parameter.grad

    outputs = net(torch.tensor([[-1.0], [0.0], [1.0]])).flatten()
    assert outputs.tolist() == pytest.approx([1.0, 0.0, 1.0], abs=0.15)


@pytest.mark.claim("course-flexible-networks")
@pytest.mark.parametrize(
    ("widths", "parameters"), [([3, 1], 4), ([3, 4, 1], 21), ([3, 4, 4, 4, 1], 61)]
)
def test_a_list_of_widths_becomes_a_network_in_one_line(widths, parameters):
    """The architecture is data: a list of widths says how many layers there are, and how wide."""
    net = nn.Sequential(*[nn.Linear(i, o) for i, o in pairwise(widths)])

    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net(torch.ones(3)).shape == (1,)
