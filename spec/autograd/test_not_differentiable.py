"""What has no gradient, or a useless one.

Two things that look alike are to be told apart. Comparing, counting and choosing
give integers or booleans, which are not tracked at all: the graph ends there.
Rounding gives a floating-point number that is tracked, and whose gradient is zero:
the graph goes on, but nothing comes through it.
"""

import pytest
import torch


def test_a_comparison_ends_the_graph(device):
    """`x > 2` is a plain tensor of booleans, and turning it into floats brings nothing back."""
    x = torch.tensor([1.0, 3.0], requires_grad=True, device=device)
    above = (x > 2).float()

    assert above.tolist() == [0.0, 1.0]
    assert above.requires_grad is False
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        above.sum().backward()


def test_argmax_ends_the_graph(device):
    """The position of the largest value jumps, so it has no gradient; the value itself has."""
    x = torch.tensor([1.0, 5.0, 3.0], requires_grad=True, device=device)

    position, value = x.argmax(), x.max()
    value.backward()

    assert position.requires_grad is False
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_sorting_moves_the_gradients_with_the_values(device):
    """The sorted values are tracked, and each gradient goes back to where its value came from."""
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True, device=device)

    values, indices = x.sort()
    values.backward(torch.tensor([1.0, 10.0, 100.0], device=device))

    assert (values.requires_grad, indices.requires_grad) == (True, False)
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_topk_sends_gradients_to_the_chosen_only():
    """What was not among the largest has the gradient 0."""
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)

    x.topk(2).values.backward(torch.tensor([1.0, 10.0]))

    assert x.grad.tolist() == [1.0, 0.0, 10.0]


def test_a_cast_to_integers_ends_the_graph():
    """`x.long()` is a plain tensor; a cast between floating-point dtypes stays in the graph."""
    x = torch.tensor(2.5, requires_grad=True)

    x.double().backward()

    assert x.long().requires_grad is False
    assert x.grad.item() == 1.0


@pytest.mark.parametrize(
    "function", [torch.round, torch.floor, torch.ceil, torch.trunc, torch.sign]
)
def test_step_functions_are_tracked_and_flat(function, device):
    """Rounding and signs keep the graph and give the gradient 0, at the jumps as well."""
    x = torch.tensor([-1.25, 0.0, 0.5, 2.0], requires_grad=True, device=device)
    y = function(x)

    y.sum().backward()

    assert y.requires_grad is True
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_the_remainder_has_the_slope_one():
    """`x % 2` jumps but rises everywhere else, and torch gives the slope in between: 1."""
    x = torch.tensor([0.5, 2.0, 3.5], requires_grad=True)

    (x % 2).sum().backward()

    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_floor_division_has_no_derivative():
    """`x // 2` is tracked, but no derivative was written for it: `backward()` says so."""
    x = torch.tensor(3.5, requires_grad=True)

    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        (x // 2).backward()
    torch.floor(x / 2).backward()

    assert x.grad.item() == 0.0


def test_detach_lets_a_gradient_straight_through(device):
    """`x + (x.round() - x).detach()` has the rounded value and the gradient of `x`."""
    x = torch.tensor([1.25, 2.75], requires_grad=True, device=device)

    y = x + (x.round() - x).detach()
    y.backward(torch.tensor([1.0, 10.0], device=device))

    assert y.tolist() == [1.0, 3.0]
    assert x.grad.tolist() == [1.0, 10.0]


def test_an_integer_factor_is_a_constant():
    """A product with an integer tensor is tracked for its floating-point factor."""
    x = torch.tensor([1.5, 2.5], requires_grad=True)
    counts = torch.tensor([2, 3])

    (x * counts).sum().backward()

    assert x.grad.tolist() == [2.0, 3.0]
