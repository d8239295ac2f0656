"""Deep stacks: gradients that vanish or explode.

On its way back the gradient is multiplied once a layer, by the weight and by the activation's
slope. Twenty factors of a quarter leave a millionth of a millionth, twenty factors of two make a
million. A few layers forgive nearly any choice; with many the activation and the size of the
starting weights decide whether the first layers learn at all.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("self-shallow-any-activation")
@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (torch.relu, 1.0),
        (torch.tanh, 0.6398),
        (torch.sigmoid, 0.0534),
        (F.softplus, 0.4519),
        (F.silu, 0.4833),
    ],
)
def test_two_layers_let_the_gradient_through_whatever_the_activation(function, slope, device):
    """After two layers, at 0.5 and with weights of 1, each common activation leaves a gradient."""
    x = torch.tensor(0.5, device=device, requires_grad=True)

    function(function(x)).backward()

    assert x.grad.item() == pytest.approx(slope, abs=6e-5)


@pytest.mark.claim("self-deep-vanishing")
def test_twenty_sigmoids_leave_next_to_nothing(device):
    """A sigmoid's slope is 1/4 at most: twenty leave less than a millionth of a millionth."""
    x = torch.zeros((), device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.sigmoid(y)

    y.backward()

    assert x.grad.item() == pytest.approx(1.2718e-13, rel=1e-3)


@pytest.mark.claim("self-deep-vanishing")
def test_twenty_relus_leave_all_of_it(device):
    """The slope of ReLU is 1 wherever it is awake: twenty of them change nothing."""
    x = torch.tensor(0.5, device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.relu(y)

    y.backward()

    assert x.grad.item() == 1.0


@pytest.mark.claim("self-deep-exploding")
def test_twenty_layers_of_weight_two_make_a_million(device):
    """Weights of 2 double the gradient once a layer: after twenty it is 2 to the 20th."""
    x = torch.tensor(1.0, device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.relu(2 * y)

    y.backward()

    assert x.grad.item() == 1048576.0


@pytest.mark.claim("self-deep-exploding")
def test_an_exploded_gradient_is_infinite_and_then_nan(device):
    """After 128 doublings float32 is at its end: `inf`, and `inf` less `inf` is `nan`."""
    x = torch.tensor(1.0, device=device, requires_grad=True)
    y = x
    for _ in range(128):
        y = 2 * y

    y.backward()

    assert str(x.grad.item()) == "inf"
    assert str((x.grad - x.grad).item()) == "nan"


@pytest.mark.parametrize(("scale", "gradient"), [(0.5, 2.0**-30), (1.0, 1.0), (2.0, 2.0**30)])
def test_the_starting_weights_decide_between_vanishing_and_exploding(scale, gradient, device):
    """Thirty layers multiply by the weight thirty times: only near 1 does the gradient stay."""
    x = torch.tensor(1.0, device=device, requires_grad=True)
    y = x
    for _ in range(30):
        y = torch.relu(scale * y)

    y.backward()

    assert x.grad.item() == gradient


@pytest.mark.claim("self-deep-vanishing")
def test_a_deep_stack_of_sigmoid_layers_starves_its_first_layer():
    """Of 30 sigmoid layers the first gets a gradient of 10 to the -23rd, the last one a hundred."""
    layers = [nn.Linear(50, 50, dtype=torch.float64) for _ in range(30)]
    x = torch.randn(16, 50, dtype=torch.float64)
    for layer in layers:
        x = torch.sigmoid(layer(x))

    x.sum().backward()
    first, last = layers[0].weight.grad, layers[-1].weight.grad

    assert first.norm().log10().item() == pytest.approx(-23.0, abs=1.0)
    assert last.norm().log10().item() == pytest.approx(2.0, abs=0.5)


def test_kaiming_weights_keep_a_deep_stack_of_relus_alive():
    """With `kaiming_normal_` the gradient passes 30 ReLU layers and keeps its size, about."""
    x = torch.randn(16, 50, requires_grad=True)
    y = x
    for _ in range(30):
        weight = nn.init.kaiming_normal_(torch.empty(50, 50), nonlinearity="relu")
        y = torch.relu(y @ weight)

    y.backward(torch.ones(16, 50) / 800**0.5)

    assert x.grad.norm().log10().item() == pytest.approx(0.3, abs=0.3)


def test_the_default_weights_are_too_small_for_thirty_relu_layers():
    """As `nn.Linear` starts, each ReLU layer loses more than half of the gradient."""
    x = torch.randn(16, 50, requires_grad=True)
    y = x
    for _ in range(30):
        y = torch.relu(nn.Linear(50, 50, bias=False)(y))

    y.backward(torch.ones(16, 50) / 800**0.5)

    assert x.grad.norm().log10().item() == pytest.approx(-11.0, abs=0.8)


def test_a_way_around_each_layer_keeps_the_gradient(device):
    """With `x + f(x)` the factor is 1 plus the slope: even twenty flat layers pass the gradient."""
    x = torch.tensor(-1.0, device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = y + torch.relu(y)

    y.backward()

    assert x.grad.item() == 1.0


def test_normalisation_between_layers_undoes_the_scale():
    """LayerNorm after weights of 0.01 or of 100 hands on the same numbers."""
    x = torch.tensor([[1.0, 2.0, 4.0]])
    small = F.layer_norm(x * 0.01, (3,), eps=1e-12)
    large = F.layer_norm(x * 100, (3,), eps=1e-12)

    assert small.flatten().tolist() == pytest.approx([-1.0690, -0.2673, 1.3363], abs=6e-4)
    assert large.flatten().tolist() == pytest.approx([-1.0690, -0.2673, 1.3363], abs=6e-5)
