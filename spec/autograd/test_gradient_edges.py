"""Gradients at kinks and at infinite slopes.

At a kink, such as that of `relu` at 0, there is no derivative, and each torch function settles
for one value by convention, usually one between the derivatives on both sides. At 0 the
derivatives of `sqrt` and `log` are infinite, and an infinity times a zero further back in the
chain rule makes NaN. One NaN in a gradient spoils a weight at the next step, so these
places are worth knowing.

What surprises: `torch.where` doesn't protect a gradient. The branch that wasn't taken gets the
gradient 0, and 0 times its infinite derivative is NaN. The input of that branch has to be made
harmless too. `x.norm()` is safe at 0, where `(x**2).sum().sqrt()` isn't; adding a small `eps`
below the root helps as well.

To find where a NaN came from: `spec/autograd/test_anomalies.py`.
"""

import math

import pytest
import torch


@pytest.mark.parametrize(
    ("function", "at_the_corner"),
    [
        (torch.relu, 0.0),
        (torch.abs, 0.0),
        (torch.nn.functional.leaky_relu, 0.01),
        (torch.nn.functional.relu6, 0.0),
        (lambda x: torch.maximum(x, torch.zeros_like(x)), 0.5),
    ],
)
def test_a_corner_has_a_slope_by_convention(function, at_the_corner, device):
    """At 0 the gradient of `torch.relu`, `torch.abs` and `F.relu6` of a float32 `x` is 0, that of
    `F.leaky_relu` is 0.01, its default `negative_slope`, and that of
    `torch.maximum(x, torch.zeros_like(x))` is 0.5.

    Each is a convention: `relu(x)` and `maximum(x, zeros)` are the same function, with different
    gradients at 0.
    """
    x = torch.tensor(0.0, requires_grad=True, device=device)

    function(x).backward()

    assert x.grad.item() == pytest.approx(at_the_corner)


def test_a_shared_maximum_shares_its_gradient(device):
    """For a float32 vector with several equal largest elements, such as [3, 1, 3],
    `x.max()` and `x.amax(dim=0)` split the gradient evenly among them, up to rounding.
    """
    x = torch.tensor([3.0, 1.0, 3.0], requires_grad=True, device=device)

    (of_max,) = torch.autograd.grad(x.max(), x)
    (of_amax,) = torch.autograd.grad(x.amax(dim=0), x)

    assert of_max.tolist() == [0.5, 0.0, 0.5]
    assert of_amax.tolist() == [0.5, 0.0, 0.5]


def test_a_maximum_along_a_dimension_has_one_winner():
    """After `value, index = x.max(dim=0)` of
    `x = torch.tensor([3.0, 1.0, 3.0], requires_grad=True)`, `value.backward()` gives the whole
    gradient, 1, to `x[index]`, one of the two equal largest elements, and 0 to the other.
    """
    x = torch.tensor([3.0, 1.0, 3.0], requires_grad=True)

    value, index = x.max(dim=0)
    value.backward()

    assert x.grad[index].item() == 1.0
    assert x.grad.sum().item() == 1.0
    assert x.grad.count_nonzero().item() == 1


def test_equal_operands_of_maximum_share_the_gradient():
    """In `torch.maximum(a, b)` of two float32 leaves of the same shape that require grad, `a` and
    `b` get half of the gradient each where their elements are equal; where one element is larger,
    it gets the whole gradient and the other one 0.

    Where one is NaN, each gets the whole gradient.
    """
    a = torch.tensor([1.0, 2.0, math.nan], requires_grad=True)
    b = torch.tensor([2.0, 2.0, 2.0], requires_grad=True)

    torch.maximum(a, b).sum().backward()

    assert a.grad.tolist() == [0.0, 0.5, 1.0]
    assert b.grad.tolist() == [1.0, 0.5, 1.0]


@pytest.mark.torch(">=2.14")
def test_clamp_is_flat_at_its_bounds(device):
    """Since PyTorch 2.14 the gradient of `x.clamp(0, 1)`, with numbers as bounds, with
    respect to a float32 `x` is 1 strictly between the bounds and 0 at a bound, as outside.

    With `torch.tensor(0.0)` and `torch.tensor(1.0)` as bounds the gradient at a bound is 0.5.
    """
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True, device=device)

    x.clamp(0, 1).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    low, high = torch.tensor(0.0, device=device), torch.tensor(1.0, device=device)
    (of_tensors,) = torch.autograd.grad(x.clamp(low, high).sum(), x)
    assert of_tensors.tolist() == [0.0, 0.5, 1.0, 0.5, 0.0]


@pytest.mark.torch("<2.14")
def test_clamp_used_to_pass_the_gradient_at_its_bounds(device):
    """Before PyTorch 2.14 the gradient of `x.clamp(0, 1)`, with numbers as bounds, with
    respect to a float32 `x` was 1 at the bounds as well as between them, and 0 outside.
    """
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True, device=device)

    x.clamp(0, 1).sum().backward()

    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(("function", "at_four"), [(torch.sqrt, 0.25), (torch.log, 0.25)])
def test_a_root_and_a_logarithm_are_infinitely_steep_at_zero(function, at_four, device):
    """The gradient of `torch.sqrt` and `torch.log` of a float32 tensor at 0.0 is `inf`, without an
    error or a warning; at 4 it is 0.25.

    A step of `SGD` with an infinite gradient makes the weight infinite, or NaN if the learning
    rate is 0. Add a small `eps` to the argument. At -0.0 the gradient is `-inf`.
    """
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    function(x).sum().backward()

    assert x.grad.tolist() == [math.inf, at_four]


def test_an_infinite_slope_times_zero_is_nan(device):
    """The gradient of `(x**2).sum().sqrt()` with respect to a float32 vector `x` of two
    zeros is NaN in both elements.

    Because that of the root is infinite and that of the squares is 0, and their product is NaN.
    Use `x.norm()`, or add a small `eps`, such as 1e-12, below the root.
    """
    x = torch.tensor([0.0, 0.0], requires_grad=True, device=device)

    (x**2).sum().sqrt().backward()

    assert x.grad.isnan().tolist() == [True, True]


def test_a_norm_has_the_slope_zero_at_zero(device):
    """The gradient of `x.norm()` with respect to a float32 vector `x` is 0, not NaN, where each
    element of `x` is 0; at (3, 4) it is `x / x.norm()`, (0.6, 0.8), up to rounding.
    """
    zero = torch.tensor([0.0, 0.0], requires_grad=True, device=device)
    x = torch.tensor([3.0, 4.0], requires_grad=True, device=device)

    zero.norm().backward()
    x.norm().backward()

    assert zero.grad.tolist() == [0.0, 0.0]
    assert x.grad.tolist() == pytest.approx([0.6, 0.8])


def test_where_does_not_keep_nan_out_of_the_gradient(device):
    """With `x = torch.tensor([0.0, 4.0], requires_grad=True)` and
    `y = torch.where(x > 0, x.sqrt(), torch.zeros_like(x))`, `y.sum().backward()` makes the
    first element of `x.grad` NaN, though `torch.where` chose the zero there.

    Because the branch not taken gets the gradient 0, and 0 times its infinite derivative is
    NaN.
    """
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    y = torch.where(x > 0, x.sqrt(), torch.zeros_like(x))
    y.sum().backward()

    assert y.tolist() == [0.0, 2.0]
    assert x.grad.isnan().tolist() == [True, False]


def test_a_second_where_around_the_input_keeps_nan_out(device):
    """After `torch.where(x > 0, torch.where(x > 0, x, 1.0).sqrt(), 0.0).sum().backward()` of a
    float32 leaf `x` that requires grad, `x.grad` is 0 where `x` is 0 and 0.25 where `x` is 4: the
    inner `torch.where` keeps NaN out.
    """
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    harmless = torch.where(x > 0, x, 1.0)
    torch.where(x > 0, harmless.sqrt(), 0.0).sum().backward()

    assert x.grad.tolist() == [0.0, 0.25]


def test_indexing_keeps_nan_out_of_the_gradient():
    """The gradient of `x[x > 0].sqrt()` with respect to a float32 `x` is 0, not NaN, where
    `x` is 0: the mask leaves that element out, so it takes no part in the root.
    """
    x = torch.tensor([0.0, 4.0], requires_grad=True)

    x[x > 0].sqrt().sum().backward()

    assert x.grad.tolist() == [0.0, 0.25]


def test_a_product_with_zeros_keeps_the_other_slopes():
    """For a float32 `x` of 0, 2 and 3 the gradient of `x.prod()` with respect to the element
    that is 0 is the product of the others, 6, not NaN.

    Because `prod` doesn't compute it by dividing by that element.
    """
    x = torch.tensor([0.0, 2.0, 3.0], requires_grad=True)

    x.prod().backward()

    assert x.grad.tolist() == [6.0, 0.0, 0.0]


def test_the_spread_of_equal_values_has_the_slope_zero():
    """The gradient of `x.std()` with respect to
    `x = torch.tensor([2.0, 2.0], requires_grad=True)`, two equal values, is 0, not NaN, though the
    root in it is infinitely steep there.

    By default both the gradient and the standard deviation are NaN for a single value.
    """
    x = torch.tensor([2.0, 2.0], requires_grad=True)

    x.std().backward()

    assert x.grad.tolist() == [0.0, 0.0]
