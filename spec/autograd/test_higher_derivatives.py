"""Derivatives of derivatives.

A gradient is a number like any other, so it has a derivative of its own, if torch
was told to write down how the gradient was computed: `create_graph=True`. Without
it a gradient comes out as a plain constant. Penalties on a gradient, Newton's
method and learning to learn are built on this.
"""

import pytest
import torch


def test_x_cubed_has_three_derivatives_that_change(device):
    """Asked with `create_graph=True` each time, x³ has the derivatives 3x², 6x and 6."""
    x = torch.tensor(2.0, requires_grad=True, device=device)

    (first,) = torch.autograd.grad(x**3, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x, create_graph=True)
    (third,) = torch.autograd.grad(second, x)

    assert [first.item(), second.item(), third.item()] == [12.0, 12.0, 6.0]


def test_without_create_graph_a_gradient_is_a_constant(device):
    """A gradient asked for in the ordinary way has no history to go back through."""
    x = torch.tensor(2.0, requires_grad=True, device=device)
    (first,) = torch.autograd.grad(x**3, x)

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.autograd.grad(first, x)

    assert first.item() == 12.0
    assert first.requires_grad is False


def test_create_graph_keeps_the_first_graph_too():
    """`create_graph=True` implies `retain_graph=True`: the second pass goes through both."""
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3

    (once,) = torch.autograd.grad(y, x, create_graph=True)
    (again,) = torch.autograd.grad(y, x)

    assert [once.item(), again.item()] == [12.0, 12.0]


def test_create_graph_alone_decides_whether_the_gradient_is_tracked():
    """`create_graph=True` records the gradient inside `no_grad` too: the grad mode has no say."""
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3

    with torch.no_grad():
        (tracked,) = torch.autograd.grad(y, x, create_graph=True)
    (plain,) = torch.autograd.grad(y, x)

    assert tracked.requires_grad is True
    assert plain.requires_grad is False


def test_mixed_derivatives_agree_in_either_order():
    """First by x and then by w, or first by w and then by x: x²w³ has 6xw² both ways."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    by_x, by_w = torch.autograd.grad(x**2 * w**3, (x, w), create_graph=True)

    (by_x_then_w,) = torch.autograd.grad(by_x, w, retain_graph=True)
    (by_w_then_x,) = torch.autograd.grad(by_w, x)

    assert [by_x.item(), by_w.item()] == [108.0, 108.0]
    assert by_x_then_w.item() == 108.0
    assert by_w_then_x.item() == 108.0


def test_a_straight_line_has_no_second_derivative_to_ask_for():
    """The derivative of 3x is the constant 3: not zero slope but no slope, so asking is refused."""
    x = torch.tensor(2.0, requires_grad=True)
    (first,) = torch.autograd.grad(3 * x, x, create_graph=True)

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.autograd.grad(first, x)

    assert first.item() == 3.0


@pytest.mark.torch(">=2.1")
def test_materialize_grads_calls_a_missing_second_derivative_zero():
    """In w·x the slope by x is w, in which x does not occur; it can be had as 0 or as `None`."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    (slope,) = torch.autograd.grad(w * x, x, create_graph=True)

    missing = torch.autograd.grad(slope, x, allow_unused=True, retain_graph=True)
    zero = torch.autograd.grad(slope, x, materialize_grads=True)

    assert missing == (None,)
    assert zero == (0.0,)


def test_relu_is_flat_in_the_second_derivative(device):
    """The slope of `relu` jumps and is flat on both sides: in `relu(x)²` only x² bends."""
    x = torch.tensor([-1.0, 2.0], requires_grad=True, device=device)

    (first,) = torch.autograd.grad((x.relu() ** 2).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)

    assert first.tolist() == [0.0, 4.0]
    assert second.tolist() == [0.0, 2.0]


def test_a_gradient_penalty_has_a_gradient(device):
    """The squared slope of w·x² by x is 4w²x², and its derivative by w is 8wx²."""
    w = torch.tensor(3.0, requires_grad=True, device=device)
    x = torch.tensor(2.0, requires_grad=True, device=device)

    (slope,) = torch.autograd.grad(w * x**2, x, create_graph=True)
    penalty = slope**2
    penalty.backward(inputs=[w])

    assert penalty.item() == 144.0
    assert w.grad.item() == 96.0
    assert x.grad is None


def test_the_hessian_times_a_vector_takes_two_passes():
    """The gradient of `gradient @ u` is `H @ u`, so the Hessian is never built."""
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    u = torch.tensor([1.0, 10.0])

    (gradient,) = torch.autograd.grad(x[0] ** 2 * x[1], x, create_graph=True)
    (product,) = torch.autograd.grad(gradient @ u, x)

    assert gradient.tolist() == [12.0, 4.0]
    assert product.tolist() == [46.0, 4.0]


def test_newtons_method_lands_on_the_bottom_of_a_parabola():
    """A step of slope over curvature reaches the minimum of a quadratic at once."""
    x = torch.tensor(10.0, requires_grad=True)

    (slope,) = torch.autograd.grad(2 * (x - 3) ** 2, x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, x)

    assert (slope.item(), curvature.item()) == (28.0, 4.0)
    assert (x - slope / curvature).item() == 3.0


def test_a_training_step_can_be_differentiated():
    """A step written as arithmetic stays in the graph: the result depends on the step size."""
    w = torch.tensor(3.0, requires_grad=True)
    rate = torch.tensor(0.25, requires_grad=True)

    (slope,) = torch.autograd.grad(w**2, w, create_graph=True)
    stepped = w - rate * slope
    (stepped**2).backward()

    assert stepped.item() == 1.5
    assert rate.grad.item() == -18.0
    assert w.grad.item() == 1.5


def test_backward_with_create_graph_warns_of_a_cycle():
    """`backward(create_graph=True)` works but ties leaf and gradient together, so it warns."""
    x = torch.tensor(2.0, requires_grad=True)

    with pytest.warns(UserWarning, match="create a reference cycle between the parameter and its"):
        (x**3).backward(create_graph=True)
    first, x.grad = x.grad, None
    first.backward()

    assert first.item() == 12.0
    assert x.grad.item() == 12.0


def test_with_create_graph_gradients_accumulate_into_a_new_tensor():
    """A gradient that has a history is not overwritten: the sum goes into another tensor."""
    x = torch.tensor(2.0, requires_grad=True)

    with pytest.warns(UserWarning, match="create a reference cycle"):
        (x**3).backward(create_graph=True)
    first = x.grad
    with pytest.warns(UserWarning, match="create a reference cycle"):
        (x**3).backward(create_graph=True)
    second, x.grad = x.grad, None

    assert first.item() == 12.0
    assert second.item() == 24.0
