"""Deep stacks: gradients that vanish or explode.

In `backward()` the gradient is multiplied once per layer by the layer's weight and by the slope
of its activation. Twenty factors of 1/4 leave less than a millionth of a millionth, twenty
factors of 2 make a million. In shallow networks most activations work; in deep ones the
activation, the scale of the initial weights, normalisation and skip connections decide whether
the first layers learn.

What surprises: the default initialisation of `nn.Linear` is too small for thirty ReLU layers, and
`kaiming_normal_` is right for them (`spec/nn/test_initialisation.py`). Measured values depend on
the random numbers and are given as orders of magnitude.
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
    """The gradient of `f(f(x))` at 0.5 is at least 0.05 and at most 1 for `torch.relu`,
    `torch.tanh`, `torch.sigmoid`, `F.softplus` and `F.silu` as `f`.
    """
    x = torch.tensor(0.5, device=device, requires_grad=True)

    function(function(x)).backward()

    assert x.grad.item() == pytest.approx(slope, abs=6e-5)


@pytest.mark.claim("self-deep-vanishing")
def test_twenty_sigmoids_leave_next_to_nothing(device):
    """A chain of twenty `torch.sigmoid`, each applied to the result of the one before, has a
    gradient of only about 1e-13 at the float32 input 0, because the slope of `torch.sigmoid` is at
    most 1/4.
    """
    x = torch.zeros((), device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.sigmoid(y)

    y.backward()

    assert x.grad.item() == pytest.approx(1.2718e-13, rel=1e-3)


@pytest.mark.claim("self-deep-vanishing")
def test_twenty_relus_leave_all_of_it(device):
    """The slope of `torch.relu` is 1 for a positive input: through twenty calls of `torch.relu`
    one after another, starting at 0.5, the gradient is 1.

    Where the inputs of ReLU are positive, only the weights scale the gradient.
    """
    x = torch.tensor(0.5, device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.relu(y)

    y.backward()

    assert x.grad.item() == 1.0


@pytest.mark.claim("self-deep-exploding")
def test_twenty_layers_of_weight_two_make_a_million(device):
    """For `x = torch.tensor(1.0, requires_grad=True)` and `y = x`, after twenty times
    `y = torch.relu(2 * y)`, as in a stack of twenty layers, `y.backward()` makes `x.grad` 2 **
    20, about a million.
    """
    x = torch.tensor(1.0, device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = torch.relu(2 * y)

    y.backward()

    assert x.grad.item() == 1048576.0


@pytest.mark.claim("self-deep-exploding")
def test_an_exploded_gradient_is_infinite_and_then_nan(device):
    """With `x = torch.tensor(1.0, requires_grad=True)` and `y = x`, 128 times `y = 2 * y`
    and then `y.backward()` make `x.grad` `inf`, because 2 ** 128 is beyond the range of
    float32; `x.grad - x.grad` is then NaN.
    """
    x = torch.tensor(1.0, device=device, requires_grad=True)
    y = x
    for _ in range(128):
        y = 2 * y

    y.backward()

    assert str(x.grad.item()) == "inf"
    assert str((x.grad - x.grad).item()) == "nan"


@pytest.mark.parametrize(("scale", "gradient"), [(0.5, 2.0**-30), (1.0, 1.0), (2.0, 2.0**30)])
def test_the_starting_weights_decide_between_vanishing_and_exploding(scale, gradient, device):
    """For `x = torch.tensor(1.0, requires_grad=True)` and `y = x`, after thirty times
    `y = torch.relu(scale * y)` and then `y.backward()`, `x.grad` is 2**-30, about 1e-9, for
    `scale = 0.5`, 1 for 1.0, and 2**30, about 1e9, for 2.0.
    """
    x = torch.tensor(1.0, device=device, requires_grad=True)
    y = x
    for _ in range(30):
        y = torch.relu(scale * y)

    y.backward()

    assert x.grad.item() == gradient


@pytest.mark.claim("self-deep-vanishing")
def test_a_deep_stack_of_sigmoid_layers_starves_its_first_layer():
    """Thirty `nn.Linear(50, 50, dtype=torch.float64)`, each followed by a sigmoid:
    `backward()` of the outputs' sum for `torch.randn(16, 50, dtype=torch.float64)` gives
    the first weight a gradient of norm 1e-25 to 1e-21, the last one about 100.

    In float32 `norm()` gives 0.0 for so small a gradient, because the squares underflow.
    """
    layers = [nn.Linear(50, 50, dtype=torch.float64) for _ in range(30)]
    x = torch.randn(16, 50, dtype=torch.float64)
    for layer in layers:
        x = torch.sigmoid(layer(x))

    x.sum().backward()
    first, last = layers[0].weight.grad, layers[-1].weight.grad

    assert first.norm().log10().item() == pytest.approx(-23.0, abs=1.0)
    assert first.float().norm().item() == 0.0
    assert last.norm().log10().item() == pytest.approx(2.0, abs=0.5)


def test_the_default_weights_are_too_small_for_thirty_relu_layers():
    """Through thirty `nn.Linear(50, 50, bias=False)` with ReLU and default weights, a
    gradient of 16 x 50 equal elements and norm 1 shrinks to a norm between 1e-13 and 1e-9.
    The inputs are `torch.randn(16, 50)`.

    Because the default bound 1/sqrt(n) gives the weights a variance of 1/(3n), and ReLU halves
    the mean square: each layer keeps about 1/6 of it.
    """
    x = torch.randn(16, 50, requires_grad=True)
    y = x
    for _ in range(30):
        y = torch.relu(nn.Linear(50, 50, bias=False)(y))

    y.backward(torch.ones(16, 50) / 800**0.5)

    assert x.grad.norm().log10().item() == pytest.approx(-11.0, abs=0.8)


def test_kaiming_weights_keep_a_deep_stack_of_relus_alive():
    """After `y = x = torch.randn(16, 50, requires_grad=True)`, 30 times
    `y = torch.relu(y @ nn.init.kaiming_normal_(torch.empty(50, 50)))` and
    `y.backward(torch.ones(16, 50) / 800**0.5)`, the norm of `x.grad` is between 0.1 and 100.

    The norm depends on the random weights: most seeds end between 0.5 and 10.
    """
    x = torch.randn(16, 50, requires_grad=True)
    y = x
    for _ in range(30):
        weight = nn.init.kaiming_normal_(torch.empty(50, 50), nonlinearity="relu")
        y = torch.relu(y @ weight)

    y.backward(torch.ones(16, 50) / 800**0.5)

    assert x.grad.norm().log10().item() == pytest.approx(0.3, abs=0.3)


def test_a_way_around_each_layer_keeps_the_gradient(device):
    """A skip connection lets the gradient past a ReLU whose slope is 0: from
    `x = torch.tensor(-1.0, requires_grad=True)` and `y = x`, twenty times `y = y + torch.relu(y)`,
    then `y.backward()`, gives `x.grad` 1.
    """
    x = torch.tensor(-1.0, device=device, requires_grad=True)
    y = x
    for _ in range(20):
        y = y + torch.relu(y)

    y.backward()

    assert x.grad.item() == 1.0


def test_normalisation_between_layers_undoes_the_scale():
    """`F.layer_norm(x, (3,), eps=1e-12)` makes the same numbers, to three decimals, of `x`
    = [0.01, 0.02, 0.04] and of `x` = [100, 200, 400] in float32: it undoes the scale.

    So the scale of the weights before it hardly matters. `eps` is added to the variance: its
    default, 1e-5, shows where the variance is as small as that of [0.01, 0.02, 0.04], and -1.0690
    becomes -1.0363.
    """
    x = torch.tensor([[1.0, 2.0, 4.0]])
    small = F.layer_norm(x * 0.01, (3,), eps=1e-12)
    large = F.layer_norm(x * 100, (3,), eps=1e-12)

    assert small.flatten().tolist() == pytest.approx([-1.0690, -0.2673, 1.3363], abs=6e-4)
    assert large.flatten().tolist() == pytest.approx([-1.0690, -0.2673, 1.3363], abs=6e-5)
    assert F.layer_norm(x * 0.01, (3,))[0, 0].item() == pytest.approx(-1.0363, abs=6e-5)
