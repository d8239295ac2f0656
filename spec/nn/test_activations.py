"""Activations.

Layers that only multiply and add make, one after the other, just another layer that multiplies
and adds. An activation between them bends the line: a function of one number, applied to each
element. A handful of formulas is all there is to know, with the range of each, its slope, and
where it goes flat.

What surprises: an activation needs no derivative everywhere, not even a true one; but where its
slope is zero, nothing behind it learns.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("self-activation-bends")
def test_two_linear_layers_are_one(device):
    """Without an activation two linear layers are a single one, whose weight is their product."""
    first = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    second = torch.tensor([[5.0, -6.0]], device=device)
    x = torch.tensor([1.0, 1.0], device=device)

    assert (second @ (first @ x)).tolist() == [-27.0]
    assert (second @ first).tolist() == [[-13.0, -14.0]]
    assert ((second @ first) @ x).tolist() == [-27.0]


@pytest.mark.claim("self-activation-bends")
def test_with_a_relu_between_them_two_layers_bend(device):
    """`relu(x) + relu(-x)` is the absolute value, which no single linear layer can make."""
    first = torch.tensor([[1.0], [-1.0]], device=device)
    second = torch.tensor([[1.0, 1.0]], device=device)
    x = torch.tensor([[-2.0, 0.0, 2.0]], device=device)

    assert (second @ torch.relu(first @ x)).tolist() == [[2.0, 0.0, 2.0]]
    assert (second @ (first @ x)).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.claim("self-activation-bends")
def test_an_activation_at_the_end_bounds_the_answer():
    """Bending is not its only use: a sigmoid or softmax makes probabilities of scores."""
    scores = torch.tensor([-1000.0, 0.0, 1000.0])

    assert scores.sigmoid().tolist() == [0.0, 0.5, 1.0]
    assert scores.softmax(dim=0).tolist() == [0.0, 0.0, 1.0]
    assert torch.zeros(4).softmax(dim=0).tolist() == [0.25, 0.25, 0.25, 0.25]


@pytest.mark.claim("self-activation-plots")
@pytest.mark.parametrize(
    ("function", "curve"),
    [
        (torch.relu, [0, 0, 0, 1, 3]),
        (F.relu6, [0, 0, 0, 1, 3]),
        (F.leaky_relu, [-0.03, -0.01, 0, 1, 3]),
        (F.elu, [-0.9502, -0.6321, 0, 1, 3]),
        (torch.selu, [-1.6706, -1.1113, 0, 1.0507, 3.1521]),
        (torch.sigmoid, [0.0474, 0.2689, 0.5, 0.7311, 0.9526]),
        (torch.tanh, [-0.9951, -0.7616, 0, 0.7616, 0.9951]),
        (F.softsign, [-0.75, -0.5, 0, 0.5, 0.75]),
        (F.softplus, [0.0486, 0.3133, 0.6931, 1.3133, 3.0486]),
        (F.gelu, [-0.0040, -0.1587, 0, 0.8413, 2.9960]),
        (F.silu, [-0.1423, -0.2689, 0, 0.7311, 2.8577]),
        (F.mish, [-0.1456, -0.3034, 0, 0.8651, 2.9865]),
        (F.hardtanh, [-1, -1, 0, 1, 1]),
        (F.hardsigmoid, [0, 0.3333, 0.5, 0.6667, 1]),
        (F.hardswish, [0, -0.3333, 0, 0.6667, 3]),
        (F.logsigmoid, [-3.0486, -1.3133, -0.6931, -0.3133, -0.0486]),
    ],
)
def test_the_curve_of_each_activation(function, curve, device):
    """Each activation at -3, -1, 0, 1 and 3: the points through which its curve is drawn."""
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], device=device)

    assert function(x).tolist() == pytest.approx(curve, abs=6e-5)


@pytest.mark.claim("self-activation-plots")
def test_a_curve_is_an_array_for_a_plotting_library():
    """What is drawn are two arrays, the inputs and the values: `numpy()` hands them over."""
    x = torch.linspace(-1, 1, 5)

    assert x.numpy().tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert torch.relu(x).numpy().tolist() == [0.0, 0.0, 0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("function", "slopes"),
    [
        (torch.relu, [0, 0, 0, 1, 1]),
        (F.leaky_relu, [0.01, 0.01, 0.01, 1, 1]),
        (torch.sigmoid, [0, 0.1966, 0.25, 0.1966, 0]),
        (torch.tanh, [0, 0.4200, 1, 0.4200, 0]),
        (F.softplus, [0, 0.2689, 0.5, 0.7311, 1]),
        (F.elu, [0, 0.3679, 1, 1, 1]),
        (F.silu, [0, 0.0723, 0.5, 0.9277, 1]),
    ],
)
def test_the_slope_of_each_activation(function, slopes, device):
    """Slopes at -100, -1, 0, 1 and 100: sigmoid and tanh go flat on both sides, others on one."""
    x = torch.tensor([-100.0, -1.0, 0.0, 1.0, 100.0], device=device, requires_grad=True)

    function(x).sum().backward()

    assert x.grad.tolist() == pytest.approx(slopes, abs=6e-5)


@pytest.mark.parametrize(
    ("function", "lowest", "highest"),
    [
        (torch.relu, 0.0, 1000.0),
        (F.relu6, 0.0, 6.0),
        (torch.sigmoid, 0.0, 1.0),
        (torch.tanh, -1.0, 1.0),
        (F.elu, -1.0, 1000.0),
        (F.leaky_relu, -10.0, 1000.0),
    ],
)
def test_the_range_of_each_activation(function, lowest, highest, device):
    """Between -1000 and 1000 an activation takes the values from its lowest to its highest."""
    y = function(torch.linspace(-1000, 1000, 21, device=device))

    assert [y.min().item(), y.max().item()] == [lowest, highest]


def test_a_saturated_unit_does_not_learn(device):
    """Far out a sigmoid is flat: its slope rounds to zero, and so does what reaches the weight."""
    weight = torch.tensor([200.0], device=device, requires_grad=True)

    torch.sigmoid(weight * 1.0).sum().backward()

    assert weight.grad.tolist() == [0.0]


def test_a_dead_relu_does_not_learn(device):
    """A ReLU that only sees negative numbers answers 0 and passes no gradient; a leaky one does."""
    dead = torch.tensor([-8.0], device=device, requires_grad=True)
    leaky = torch.tensor([-8.0], device=device, requires_grad=True)

    torch.relu(dead).sum().backward()
    F.leaky_relu(leaky, negative_slope=0.125).sum().backward()

    assert dead.grad.tolist() == [0.0]
    assert leaky.grad.tolist() == [0.125]


def test_softmax_is_no_function_of_one_number(device):
    """Softmax divides exponentials by their sum along `dim`: rows or columns add up to one."""
    x = torch.tensor([[1.0, 3.0], [1.0, 1.0]], device=device).log()

    assert x.softmax(dim=1).flatten().tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])
    assert x.softmax(dim=0).flatten().tolist() == pytest.approx([0.5, 0.75, 0.5, 0.25])


def test_softmax_without_a_dim_guesses_and_warns():
    """Without `dim` softmax chooses an axis by the rank, here the last, and says so."""
    x = torch.tensor([[0.0, 0.0]])

    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecat"):
        y = F.softmax(x)

    assert y.tolist() == [[0.5, 0.5]]


def test_an_activation_is_a_module_or_a_function():
    """`nn.ReLU()` is a layer without parameters, `F.relu` a function; `Sequential` takes layers."""
    layer = nn.ReLU()

    y = layer(torch.tensor([-1.0, 2.0]))

    assert y.tolist() == [0.0, 2.0]
    assert list(layer.parameters()) == []
    with pytest.raises(TypeError, match="relu is not a Module subclass"):
        nn.Sequential(nn.Linear(2, 2), F.relu)


def test_an_activation_module_is_made_before_it_is_called():
    """`nn.Tanh(x)` hands the data to the constructor, which takes none; `nn.Tanh()(x)` works."""
    x = torch.tensor([0.0])

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        nn.Tanh(x)
    assert nn.Tanh()(x).tolist() == [0.0]


def test_relu_swallows_its_input_as_a_setting():
    """`nn.ReLU(x)` raises nothing: the data become its setting `inplace`, a layer comes back."""
    swallowed = nn.ReLU(torch.tensor([-1.0]))

    assert isinstance(swallowed, torch.Tensor) is False
    assert swallowed.inplace.tolist() == [-1.0]


def test_inplace_overwrites_the_input(device):
    """`inplace=True` writes the answer over the input, and returns that same tensor."""
    x = torch.tensor([-1.0, 2.0], device=device)

    y = nn.ReLU(inplace=True)(x)

    assert y is x
    assert x.tolist() == [0.0, 2.0]


def test_inplace_after_a_sigmoid_breaks_backward():
    """A sigmoid's slope is made of its output: overwritten, it stops `backward()`."""
    y = torch.sigmoid(torch.ones(2, requires_grad=True))
    F.relu(y, inplace=True)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_prelu_learns_its_slope(device):
    """`nn.PReLU` is a leaky ReLU whose slope is a parameter, 0.25 at first."""
    layer = nn.PReLU(device=device)

    y = layer(torch.tensor([-2.0, 3.0], device=device))
    y.sum().backward()

    assert y.tolist() == [-0.5, 3.0]
    assert layer.weight.grad.tolist() == [-2.0]
