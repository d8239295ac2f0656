"""Activations.

Linear layers in a row compute nothing that one linear layer couldn't. An activation between them,
a function applied to each element, makes the network non-linear. This page has tables of values,
of slopes and of ranges for common ones. They come as functions (`torch.relu`, `F.gelu`) and
as modules (`nn.ReLU()`). Softmax, which works on a whole row, is here too. Home-made activations
are on `spec/nn/test_own_activations.py`, what they do to deep networks on
`spec/nn/test_depth.py`.

What surprises: where the slope of an activation is 0, the layers before it get gradient 0;
and `layer = nn.ReLU(x)` raises nothing and computes nothing: `x` becomes the setting `inplace`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("self-activation-bends")
def test_two_linear_layers_are_one(device):
    """Two float32 matrices applied one after the other to a vector `x`, without an activation
    between them, are one linear map, their product: `second @ (first @ x)` equals
    `(second @ first) @ x` up to rounding, if all values stay finite.

    So two `nn.Linear` in a row, biases included, compute nothing that one `nn.Linear` could not.
    """
    first = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    second = torch.tensor([[5.0, -6.0]], device=device)
    x = torch.tensor([1.0, 1.0], device=device)

    assert (second @ (first @ x)).tolist() == [-27.0]
    assert (second @ first).tolist() == [[-13.0, -14.0]]
    assert ((second @ first) @ x).tolist() == [-27.0]


@pytest.mark.claim("self-activation-bends")
def test_with_a_relu_between_them_two_layers_bend(device):
    """Two linear maps with `torch.relu` between them can compute the absolute value of each number
    in a float32 tensor `x`, `torch.relu(x) + torch.relu(-x)`, which no single linear map can.
    """
    first = torch.tensor([[1.0], [-1.0]], device=device)
    second = torch.tensor([[1.0, 1.0]], device=device)
    x = torch.tensor([[-2.0, 0.0, 2.0]], device=device)

    assert (second @ torch.relu(first @ x)).tolist() == [[2.0, 0.0, 2.0]]
    assert (second @ (first @ x)).tolist() == [[0.0, 0.0, 0.0]]


@pytest.mark.claim("self-activation-plots")
@pytest.mark.parametrize(
    ("function", "curve"),
    [
        (torch.relu, [0, 0, 0, 1, 3]),
        (F.relu6, [0, 0, 0, 1, 3]),
        (F.leaky_relu, [-0.03, -0.01, 0, 1, 3]),
        (F.elu, [-0.9502, -0.6321, 0, 1, 3]),
        (torch.selu, [-1.6706, -1.1113, 0, 1.0507, 3.1521]),
        (F.selu, [-1.6706, -1.1113, 0, 1.0507, 3.1521]),
        (F.celu, [-0.9502, -0.6321, 0, 1, 3]),
        (nn.Mish(), [-0.1456, -0.3034, 0, 0.8651, 2.9865]),
        (nn.Hardsigmoid(), [0, 0.3333, 0.5, 0.6667, 1]),
        (nn.Softplus(), [0.0486, 0.3133, 0.6931, 1.3133, 3.0486]),
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
    """For `x = torch.tensor(-3.0)`, rounded to three decimals, `torch.relu(x)` is 0,
    `F.leaky_relu(x)` -0.03, `F.elu(x)` -0.950, `F.gelu(x)` -0.004, `F.silu(x)` -0.142,
    `torch.tanh(x)` -0.995 and `torch.sigmoid(x)` 0.047.

    The table of this fact has their values at -3, -1, 0, 1 and 3, to about four decimals,
    and those of `F.relu6`, `F.selu`, `F.celu`, `F.softsign`, `F.softplus`, `F.mish`,
    `F.hardtanh`, `F.hardsigmoid`, `F.hardswish`, `F.logsigmoid` and of the modules
    `nn.Mish`, `nn.Hardsigmoid` and `nn.Softplus`.
    """
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], device=device)

    assert function(x).tolist() == pytest.approx(curve, abs=6e-5)


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
    """In float32 with default settings `torch.sigmoid`, `torch.tanh`, `torch.relu`,
    `F.softplus`, `F.elu` and `F.silu` have slope 0 at -100 to four decimals, `F.leaky_relu`
    0.01. At 100 sigmoid and tanh have slope 0, the other five 1.
    """
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
    """On float32 inputs from -1000 to 1000 `torch.sigmoid` takes values from 0 to 1,
    `torch.tanh` from -1 to 1, `F.relu6` from 0 to 6, `torch.relu` from 0 to 1000 and, by
    default, `F.elu` from -1 to 1000 and `F.leaky_relu` from -10 to 1000.
    """
    y = function(torch.linspace(-1000, 1000, 21, device=device))

    assert [y.min().item(), y.max().item()] == [lowest, highest]


@pytest.mark.claim("self-activation-plots")
def test_a_curve_is_an_array_for_a_plotting_library():
    """To plot an activation, compute it on the CPU for `x = torch.linspace(-5, 5, 100)` and
    pass `x.numpy()` and `torch.relu(x).numpy()` to the plotting library.

    The output `y` of a layer with parameters, such as `nn.PReLU()(x)`, requires grad, and
    `y.numpy()` raises RuntimeError: write `y.detach().numpy()`.
    """
    x = torch.linspace(-1, 1, 5)
    of_a_layer = nn.PReLU()(x)

    assert x.numpy().tolist() == [-1.0, -0.5, 0.0, 0.5, 1.0]
    assert torch.relu(x).numpy().tolist() == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert of_a_layer.detach().numpy().tolist() == [-0.25, -0.125, 0.0, 0.5, 1.0]


@pytest.mark.claim("self-activation-bends")
def test_an_activation_at_the_end_bounds_the_answer():
    """As a last step `torch.sigmoid` maps each finite float32 score to a number in [0, 1],
    and `torch.softmax(row, dim=0)` maps a few such scores, a 1-D tensor `row`, to numbers
    in [0, 1] that sum to 1 up to rounding.

    For training, losses that take logits, such as `F.cross_entropy` and
    `F.binary_cross_entropy_with_logits`, include this step:
    `spec/nn/test_classification_losses.py`.
    """
    scores = torch.tensor([-1000.0, 0.0, 1000.0])

    assert scores.sigmoid().tolist() == [0.0, 0.5, 1.0]
    assert scores.softmax(dim=0).tolist() == [0.0, 0.0, 1.0]
    assert torch.zeros(4).softmax(dim=0).tolist() == [0.25, 0.25, 0.25, 0.25]


def test_softmax_is_no_function_of_one_number(device):
    """`x.softmax(dim)` of a non-empty tensor of finite float32 scores divides the exponentials by
    their sum along `dim`, without overflow. Of a matrix `dim=1` makes each row sum to 1 and
    `dim=0` each column, up to rounding.
    """
    x = torch.tensor([[1.0, 3.0], [1.0, 1.0]], device=device).log()

    assert x.softmax(dim=1).flatten().tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])
    assert x.softmax(dim=0).flatten().tolist() == pytest.approx([0.5, 0.75, 0.5, 0.25])
    assert torch.tensor([1e4, 1e4], device=device).softmax(dim=0).tolist() == [0.5, 0.5]


def test_softmax_without_a_dim_guesses_and_warns():
    """`F.softmax(x)` of a float32 `x`, without `dim`, issues a UserWarning, "Implicit dimension
    choice for softmax has been deprecated", and takes dimension 1 of a matrix but dimension 0 of a
    3-D tensor.

    By default the warning is shown once for a line of code; write `dim=-1` for the last
    dimension.
    """
    x = torch.tensor([[0.0, 0.0]])

    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecat"):
        y = F.softmax(x)

    assert y.tolist() == [[0.5, 0.5]]
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecat"):
        z = F.softmax(torch.zeros(1, 1, 2))
    assert z.tolist() == [[[1.0, 1.0]]]


def test_a_saturated_unit_does_not_learn(device):
    """For `weight = torch.tensor([200.0], requires_grad=True)`,
    `torch.sigmoid(weight * 1.0).sum().backward()` makes `weight.grad` 0: at 200 the float32
    sigmoid is saturated, its slope rounds to 0.

    Because the slope is `s * (1 - s)`, where `s`, the sigmoid of 200, rounds to 1. Keep inputs near
    0 by normalisation or smaller weights.
    """
    weight = torch.tensor([200.0], device=device, requires_grad=True)

    torch.sigmoid(weight * 1.0).sum().backward()

    assert weight.grad.tolist() == [0.0]


def test_a_dead_relu_does_not_learn(device):
    """`torch.relu` has slope 0 for negative inputs, so that a unit that gets only such inputs
    passes back gradient 0; the slope of `F.leaky_relu` there is its `negative_slope`, 0.01 by
    default.

    A learning rate that is too large can push a unit below 0 for all samples; its own weights then
    get no gradient that would bring it back.
    """
    dead = torch.tensor([-8.0], device=device, requires_grad=True)
    leaky = torch.tensor([-8.0], device=device, requires_grad=True)

    torch.relu(dead).sum().backward()
    F.leaky_relu(leaky, negative_slope=0.125).sum().backward()

    assert dead.grad.tolist() == [0.0]
    assert leaky.grad.tolist() == [0.125]


def test_an_activation_is_a_module_or_a_function():
    """`nn.ReLU()` is a module without parameters, which fits into `nn.Sequential`; `F.relu` is a
    function for use in a `forward`. Both compute the same.
    """
    layer = nn.ReLU()

    y = layer(torch.tensor([-1.0, 2.0]))
    function = F.relu(torch.tensor([-1.0, 2.0]))

    assert y.tolist() == [0.0, 2.0]
    assert function.tolist() == [0.0, 2.0]
    assert list(layer.parameters()) == []


def test_an_activation_module_is_made_before_it_is_called():
    """`nn.Tanh(x)` raises TypeError, "takes 1 positional argument but 2 were given", because its
    constructor takes no data; write `nn.Tanh()(x)` or `torch.tanh(x)`.
    """
    x = torch.tensor([0.0])

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        nn.Tanh(x)
    assert nn.Tanh()(x).tolist() == [0.0]


def test_relu_swallows_its_input_as_a_setting():
    """For `x = torch.tensor([-1.0, 2.0])`, `layer = nn.ReLU(x)` computes nothing: it takes
    `x` as the setting `layer.inplace`. `layer(x)` or `print(layer)` raises RuntimeError,
    "Boolean value of Tensor with more than one value is ambiguous".

    Write `nn.ReLU()(x)` or `torch.relu(x)`. `nn.SiLU(x)`, `nn.ELU(x)`, `nn.LeakyReLU(x)` and
    `nn.GELU(x)` take `x` for a setting too.
    """
    x = torch.tensor([-1.0, 2.0])
    swallowed = nn.ReLU(x)

    assert isinstance(swallowed, nn.Module) is True
    assert swallowed.inplace.tolist() == [-1.0, 2.0]
    with pytest.raises(
        RuntimeError, match="Boolean value of Tensor with more than one value is ambig"
    ):
        swallowed(x)
    with pytest.raises(
        RuntimeError, match="Boolean value of Tensor with more than one value is ambig"
    ):
        repr(swallowed)
    assert nn.ReLU()(x).tolist() == [0.0, 2.0]


def test_inplace_overwrites_the_input(device):
    """`nn.ReLU(inplace=True)(x)` of `x = torch.tensor([-1.0, 2.0])` sets `x` to [0, 2] and returns
    it. In the default grad mode the input `torch.ones(2, requires_grad=True)` raises RuntimeError,
    "a leaf Variable that requires grad is being used".

    `inplace=True` saves memory, but the old values of `x` are lost: with this layer as `f`,
    `x + f(x)` is [0, 4], not [-1, 4].
    """
    x = torch.tensor([-1.0, 2.0], device=device)

    y = nn.ReLU(inplace=True)(x)

    assert y is x
    assert x.tolist() == [0.0, 2.0]
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used"):
        nn.ReLU(inplace=True)(torch.ones(2, device=device, requires_grad=True))


def test_inplace_after_a_sigmoid_breaks_backward():
    """`F.relu(y, inplace=True)` on `y = torch.sigmoid(x)`, where the float32 `x` requires grad,
    makes `y.sum().backward()` raise RuntimeError, "has been modified by an inplace operation".

    Because `sigmoid` saves its output for its gradient. `nn.Linear` doesn't, so that an
    in-place ReLU behind it works. Elsewhere leave out `inplace=True`.
    """
    y = torch.sigmoid(torch.ones(2, requires_grad=True))
    F.relu(y, inplace=True)

    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        y.sum().backward()
    z = nn.Linear(1, 2, bias=False)(torch.ones(1, 1))
    F.relu(z, inplace=True).sum().backward()
    assert z.grad_fn.name() == "ReluBackward0"


def test_prelu_learns_its_slope(device):
    """`layer = nn.PReLU()` is a leaky ReLU whose negative slope `layer.weight` is a parameter,
    0.25 at first: `y = layer(torch.tensor([-2.0, 3.0]))` is [-0.5, 3], and `y.sum().backward()`
    then sets `layer.weight.grad` to [-2].

    Where an input is negative, the output is the slope times the input, so its derivative by the
    slope is the input; for other inputs it is 0.
    """
    layer = nn.PReLU(device=device)

    y = layer(torch.tensor([-2.0, 3.0], device=device))
    y.sum().backward()

    assert y.tolist() == [-0.5, 3.0]
    assert layer.weight.grad.tolist() == [-2.0]
