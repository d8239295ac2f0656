"""Gradients at corners and edges.

At a corner there is no slope, and torch has to settle for one: mostly one between
the slopes on both sides. At an edge, as of a root or a logarithm at 0, the slope is
infinite, and an infinity times zero further back makes NaN. One NaN in a gradient
is enough to spoil a weight for good, so these are worth knowing.
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
    """At 0, where the slope jumps, each function has settled for one of its own."""
    x = torch.tensor(0.0, requires_grad=True, device=device)

    function(x).backward()

    assert x.grad.item() == pytest.approx(at_the_corner)


def test_a_shared_maximum_shares_its_gradient(device):
    """`x.max()` and `amax` split the gradient evenly among equal largest elements."""
    x = torch.tensor([3.0, 1.0, 3.0], requires_grad=True, device=device)

    (of_max,) = torch.autograd.grad(x.max(), x)
    (of_amax,) = torch.autograd.grad(x.amax(dim=0), x)

    assert of_max.tolist() == [0.5, 0.0, 0.5]
    assert of_amax.tolist() == [0.5, 0.0, 0.5]


def test_a_maximum_along_a_dimension_has_one_winner():
    """`x.max(dim=0)` names the position of one element, which gets the gradient alone."""
    x = torch.tensor([3.0, 1.0, 3.0], requires_grad=True)

    value, index = x.max(dim=0)
    value.backward()

    assert x.grad.sum().item() == 1.0
    assert x.grad[index].item() == 1.0


def test_equal_operands_of_maximum_share_the_gradient():
    """Where both operands of `torch.maximum` are equal, each gets half."""
    a = torch.tensor([1.0, 2.0], requires_grad=True)
    b = torch.tensor([2.0, 2.0], requires_grad=True)

    torch.maximum(a, b).sum().backward()

    assert a.grad.tolist() == [0.0, 0.5]
    assert b.grad.tolist() == [1.0, 0.5]


@pytest.mark.torch(">=2.14")
def test_clamp_is_flat_at_its_bounds(device):
    """Inside its bounds `clamp` passes the gradient; at a bound, as outside, it gives 0."""
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True, device=device)

    x.clamp(0, 1).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]


@pytest.mark.torch("<2.14")
def test_clamp_used_to_pass_the_gradient_at_its_bounds(device):
    """Before 2.14 `clamp` passed the gradient at its bounds too, and gave 0 only outside."""
    x = torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True, device=device)

    x.clamp(0, 1).sum().backward()

    assert x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize(("function", "at_four"), [(torch.sqrt, 0.25), (torch.log, 0.25)])
def test_a_root_and_a_logarithm_are_infinitely_steep_at_zero(function, at_four, device):
    """At 0 the gradient is infinite, without a warning; further on it is an ordinary number."""
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    function(x).sum().backward()

    assert x.grad.tolist() == [math.inf, at_four]


def test_an_infinite_slope_times_zero_is_nan(device):
    """The root of a sum of squares is NaN at 0: infinity from the root, 0 from the squares."""
    x = torch.tensor([0.0, 0.0], requires_grad=True, device=device)

    (x**2).sum().sqrt().backward()

    assert x.grad.isnan().tolist() == [True, True]


def test_a_norm_has_the_slope_zero_at_zero(device):
    """`x.norm()` is the same root, made safe: its gradient at 0 is 0, and elsewhere `x / norm`."""
    zero = torch.tensor([0.0, 0.0], requires_grad=True, device=device)
    x = torch.tensor([3.0, 4.0], requires_grad=True, device=device)

    zero.norm().backward()
    x.norm().backward()

    assert zero.grad.tolist() == [0.0, 0.0]
    assert x.grad.tolist() == pytest.approx([0.6, 0.8])


def test_where_does_not_keep_nan_out_of_the_gradient(device):
    """Behind `where` the branch not taken gets 0, and 0 times its infinite slope is NaN."""
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    y = torch.where(x > 0, x.sqrt(), torch.zeros_like(x))
    y.sum().backward()

    assert y.tolist() == [0.0, 2.0]
    assert x.grad.isnan().tolist() == [True, False]


def test_a_second_where_around_the_input_keeps_nan_out(device):
    """Give the branch not taken a harmless input, and its slope is finite and drops out."""
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    harmless = torch.where(x > 0, x, torch.ones_like(x))
    torch.where(x > 0, harmless.sqrt(), torch.zeros_like(x)).sum().backward()

    assert x.grad.tolist() == [0.0, 0.25]


def test_indexing_keeps_nan_out_of_the_gradient():
    """Elements left out by a mask go nowhere, so no slope of theirs comes back."""
    x = torch.tensor([0.0, 4.0], requires_grad=True)

    x[x > 0].sqrt().sum().backward()

    assert x.grad.tolist() == [0.0, 0.25]


def test_a_product_with_zeros_keeps_the_other_slopes():
    """Where one factor of `prod` is 0, its gradient is the product of the others, not NaN."""
    x = torch.tensor([0.0, 2.0, 3.0], requires_grad=True)

    x.prod().backward()

    assert x.grad.tolist() == [6.0, 0.0, 0.0]


def test_the_spread_of_equal_values_has_the_slope_zero():
    """The standard deviation of equal values is at its corner, and its gradient is 0, not NaN."""
    x = torch.tensor([2.0, 2.0], requires_grad=True)

    x.std().backward()

    assert x.grad.tolist() == [0.0, 0.0]
