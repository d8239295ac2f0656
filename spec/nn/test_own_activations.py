"""Home-made activations.

A function of tensors serves as an activation. If it is written with torch's operations, autograd
computes its gradient. A corner, as in ReLU, does no harm: autograd takes one value for the slope
there. A step does harm: its slope is 0 except at the jump, so that nothing before it learns; then
a `torch.autograd.Function` can define another gradient
(`spec/autograd/test_custom_functions.py`).

What surprises: an activation whose gradient is 0 raises no error. Comparisons such as `x > 0`
leave the graph (`spec/autograd/test_not_differentiable.py`), NumPy refuses tensors that require
grad (`spec/tensors/test_numpy_refusals.py`), and `torch.where` computes both of its branches
(`spec/autograd/test_gradient_edges.py`).
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("self-own-activation")
def test_a_function_of_tensors_is_an_activation(device):
    """An activation written with differentiable operations of torch, such as `x.clamp(min=0) ** 2`
    of a float32 `x`, gets its gradient from autograd: `2 * x` for positive x, 0 for negative x.
    """

    def squared_relu(x):
        return x.clamp(min=0) ** 2

    x = torch.tensor([-1.0, 0.5, 3.0], device=device, requires_grad=True)
    y = squared_relu(x)
    y.sum().backward()

    assert y.tolist() == [0.0, 0.25, 9.0]
    assert x.grad.tolist() == [0.0, 1.0, 6.0]


@pytest.mark.claim("self-own-activation")
def test_an_activation_of_ones_own_is_a_layer_with_a_forward():
    """An activation written as an `nn.Module` whose `forward` multiplies by its own
    `nn.Parameter(torch.tensor(2.0))` stands in an `nn.Sequential` like a layer:
    `named_parameters()` lists the parameter, and `backward()` gives it a gradient.
    """

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return self.scale * x.relu()

    net = nn.Sequential(nn.Identity(), Scaled())
    y = net(torch.tensor([-1.0, 3.0]))
    y.sum().backward()

    assert y.tolist() == [0.0, 6.0]
    assert [name for name, _ in net.named_parameters()] == ["1.scale"]
    assert net[1].scale.grad.item() == 3.0


def test_where_chooses_between_two_formulas(device):
    """`torch.where(x > 0, x * x, 0.5 * x)` of a float32 `x` defines an activation in two pieces;
    for values such as -2 and 2 both pieces have finite slopes, so that each element gets the
    gradient of the piece chosen for it.

    An infinite slope of the other piece makes the gradient NaN:
    `spec/autograd/test_gradient_edges.py`.
    """
    x = torch.tensor([-2.0, 2.0], device=device, requires_grad=True)

    y = torch.where(x > 0, x * x, 0.5 * x)
    y.sum().backward()

    assert y.tolist() == [-1.0, 4.0]
    assert x.grad.tolist() == [0.5, 4.0]


@pytest.mark.claim("self-activation-must-differentiate")
def test_a_corner_needs_no_derivative(device):
    """At 0, where they have no derivative, `torch.relu` and `torch.abs` of a float32 tensor have
    the gradient 0 in autograd; `F.leaky_relu` has its `negative_slope` as the gradient there.
    """
    x = torch.tensor([0.0], device=device, requires_grad=True)
    z = torch.tensor([0.0], device=device, requires_grad=True)

    torch.relu(x).sum().backward()
    z.abs().sum().backward()

    leaky = torch.tensor([0.0], device=device, requires_grad=True)
    F.leaky_relu(leaky, negative_slope=0.25).sum().backward()

    assert x.grad.tolist() == [0.0]
    assert z.grad.tolist() == [0.0]
    assert leaky.grad.tolist() == [0.25]


@pytest.mark.claim("self-activation-must-differentiate")
def test_a_step_passes_the_gradient_zero(device):
    """`torch.sign` has the gradient 0 at -2 and at 3: `torch.sign(x).sum().backward()` for
    `x = torch.tensor([-2.0, 3.0], requires_grad=True)` raises nothing, and `x.grad` is 0, 0,
    so that `x` learns nothing.
    """
    x = torch.tensor([-2.0, 3.0], device=device, requires_grad=True)

    y = torch.sign(x)
    y.sum().backward()

    assert y.tolist() == [-1.0, 1.0]
    assert x.grad.tolist() == [0.0, 0.0]


@pytest.mark.claim("self-activation-must-differentiate")
def test_a_step_learns_with_a_derivative_that_is_made_up(device):
    """A straight-through estimator, a `torch.autograd.Function` whose `forward` is a step,
    `(x > 0).float()`, and whose `backward` returns the incoming gradient unchanged, trains a
    weight through this step.

    The gradient is made up, but has the right sign, because this step never falls as its input
    grows. For a step down, `(x < 0).float()`, the sign would be wrong: return `-gradient`
    there.
    """

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x > 0).float()

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    weight = torch.tensor([-0.5], device=device, requires_grad=True)
    before = Step.apply(weight * 2)
    (before - 1).square().sum().backward()
    after = Step.apply((weight - 0.25 * weight.grad) * 2)

    assert before.tolist() == [0.0]
    assert weight.grad.tolist() == [-4.0]
    assert after.tolist() == [1.0]
