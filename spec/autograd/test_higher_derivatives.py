"""Higher derivatives: `create_graph=True`.

A gradient has a derivative of its own if torch records how the gradient was computed, which
`create_graph=True` asks for, in `torch.autograd.grad` and in `backward()`. Without it a gradient
comes out as a constant that doesn't require grad. Gradient penalties, Newton's method and
learning to learn are built on this.

What surprises: a function whose gradient is constant, such as 3x, has no second derivative to ask
for: torch raises RuntimeError rather than return 0. Piecewise linear activations such as ReLU have
a second derivative of 0 where they have one, so a network of them has curvature only through its
products and its loss. And `backward(create_graph=True)` makes a reference cycle between a leaf and
its `.grad`, so prefer `torch.autograd.grad`.

Whole Hessians: `spec/autograd/test_jacobians.py`. The same with functions:
`spec/autograd/test_function_transforms.py`.
"""

import pytest
import torch


def test_x_cubed_has_three_derivatives_that_change(device):
    """For a float32 0-d leaf `x` of 2 that requires grad, `torch.autograd.grad`, with
    `create_graph=True` the first two times, gives the derivatives of x³ one after the
    other: 3x², 6x and 6, which are 12, 12 and 6.
    """
    x = torch.tensor(2.0, requires_grad=True, device=device)

    (first,) = torch.autograd.grad(x**3, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x, create_graph=True)
    (third,) = torch.autograd.grad(second, x)

    assert [first.item(), second.item(), third.item()] == [12.0, 12.0, 6.0]


def test_without_create_graph_a_gradient_is_a_constant(device):
    """For a float32 0-d `x` that requires grad, `(g,) = torch.autograd.grad(x**3, x)` without
    `create_graph=True` gives a `g` that doesn't require grad; `torch.autograd.grad(g, x)` raises
    RuntimeError, "does not require grad".
    """
    x = torch.tensor(2.0, requires_grad=True, device=device)
    (first,) = torch.autograd.grad(x**3, x)

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.autograd.grad(first, x)

    assert first.item() == 12.0
    assert first.requires_grad is False


def test_create_graph_keeps_the_first_graph_too():
    """For `y = x**3` of a float32 0-d `x` that requires grad,
    `torch.autograd.grad(y, x, create_graph=True)` keeps the graph of `y`, as `retain_graph` is
    then True by default: a second `torch.autograd.grad(y, x)` works.

    Because the gradient that is returned may need that graph itself, as that of `x.exp()` does.
    `retain_graph=False`, given beside `create_graph=True`, frees the saved tensors all the same.
    """
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3

    (once,) = torch.autograd.grad(y, x, create_graph=True)
    (again,) = torch.autograd.grad(y, x, create_graph=True, retain_graph=False)

    assert [once.item(), again.item()] == [12.0, 12.0]
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(y, x)


def test_create_graph_alone_decides_whether_the_gradient_is_tracked():
    """For `y = x**3` of a float32 0-d `x` that requires grad, the gradient from
    `torch.autograd.grad(y, x, create_graph=True)` requires grad inside `torch.no_grad()` too, but
    not inside `torch.inference_mode()`, nor without `create_graph`.

    Because `create_graph` sets the grad mode of the backward pass. Inside `torch.inference_mode()`
    nothing is recorded, even with grad mode on.
    """
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3

    with torch.no_grad():
        (tracked,) = torch.autograd.grad(y, x, create_graph=True)
    with torch.inference_mode():
        (in_inference,) = torch.autograd.grad(y, x, create_graph=True)
    (plain,) = torch.autograd.grad(y, x)

    assert tracked.requires_grad is True
    assert in_inference.requires_grad is False
    assert plain.requires_grad is False


def test_mixed_derivatives_agree_in_either_order():
    """For the 0-d leaves `x` = 2.0 and `w` = 3.0, which require grad, and
    `a, b = torch.autograd.grad(x**2 * w**3, (x, w), create_graph=True)`,
    `torch.autograd.grad(a, w)[0]` and then `torch.autograd.grad(b, x)[0]` are both 108.
    """
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    by_x, by_w = torch.autograd.grad(x**2 * w**3, (x, w), create_graph=True)

    (by_x_then_w,) = torch.autograd.grad(by_x, w)
    (by_w_then_x,) = torch.autograd.grad(by_w, x)

    assert [by_x.item(), by_w.item()] == [108.0, 108.0]
    assert by_x_then_w.item() == 108.0
    assert by_w_then_x.item() == 108.0


def test_a_straight_line_has_no_second_derivative_to_ask_for():
    """The gradient of `3 * x` with respect to a float32 0-d leaf `x`, by `torch.autograd.grad`, is
    the constant 3, which doesn't require grad even with `create_graph=True`: asking for the
    derivative of that 3 raises RuntimeError.

    Because 3 was not computed from `x`; the second derivative is 0. Check `requires_grad` of a
    first gradient made with `create_graph=True` before you differentiate it.
    """
    x = torch.tensor(2.0, requires_grad=True)
    (first,) = torch.autograd.grad(3 * x, x, create_graph=True)

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.autograd.grad(first, x)

    assert first.item() == 3.0
    assert first.requires_grad is False


@pytest.mark.torch(">=2.1")
def test_materialize_grads_calls_a_missing_second_derivative_zero():
    """With leaves `w` and `x` made by `torch.tensor(2.0, requires_grad=True)` and
    `slope, = torch.autograd.grad(w * x, x, create_graph=True)`,
    `second, = torch.autograd.grad(slope, x, allow_unused=True)` is None; with
    `materialize_grads=True`, 0.
    """
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    (slope,) = torch.autograd.grad(w * x, x, create_graph=True)

    missing = torch.autograd.grad(slope, x, allow_unused=True, retain_graph=True)
    zero = torch.autograd.grad(slope, x, materialize_grads=True)

    assert missing == (None,)
    assert zero == (0.0,)


def test_relu_is_flat_in_the_second_derivative(device):
    """For `x = torch.tensor([-1.0, 2.0], requires_grad=True)` and
    `(first,) = torch.autograd.grad((x.relu() ** 2).sum(), x, create_graph=True)`,
    `torch.autograd.grad(first.sum(), x)` gives the second derivatives, 0 and 2.

    Because the second derivative of `relu` itself is 0 on both sides of 0, and only the square
    contributes.
    """
    x = torch.tensor([-1.0, 2.0], requires_grad=True, device=device)

    (first,) = torch.autograd.grad((x.relu() ** 2).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)

    assert first.tolist() == [0.0, 4.0]
    assert second.tolist() == [0.0, 2.0]


def test_a_gradient_penalty_has_a_gradient(device):
    """For 0-d `w` of 3.0 and `x` of 2.0, which require grad, and `(g,) = torch.autograd.grad(w
    * x**2, x, create_graph=True)`, the gradient penalty `g**2` is 4w²x²;
    `(g**2).backward(inputs=[w])` stores its derivative 8wx², 96, in `w.grad`.

    The loss of a WGAN's critic may contain such a penalty on a gradient.
    """
    w = torch.tensor(3.0, requires_grad=True, device=device)
    x = torch.tensor(2.0, requires_grad=True, device=device)

    (slope,) = torch.autograd.grad(w * x**2, x, create_graph=True)
    penalty = slope**2
    penalty.backward(inputs=[w])

    assert penalty.item() == 144.0
    assert w.grad.item() == 96.0
    assert x.grad is None


def test_the_hessian_times_a_vector_takes_two_passes():
    """With `x = torch.tensor([2.0, 3.0], requires_grad=True)`, `u = torch.tensor([1.0, 10.0])` and
    `(g,) = torch.autograd.grad(x[0] ** 2 * x[1], x, create_graph=True)`,
    `torch.autograd.grad(g @ u, x)[0]` is the Hessian times `u`, [46, 4].

    So the Hessian itself is never built: two calls of `torch.autograd.grad` are enough, however
    many elements `x` has.
    """
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    u = torch.tensor([1.0, 10.0])

    (gradient,) = torch.autograd.grad(x[0] ** 2 * x[1], x, create_graph=True)
    (product,) = torch.autograd.grad(gradient @ u, x)

    assert gradient.tolist() == [12.0, 4.0]
    assert product.tolist() == [46.0, 4.0]


def test_newtons_method_lands_on_the_bottom_of_a_parabola():
    """With `x = torch.tensor(10.0, requires_grad=True)`,
    `slope = torch.autograd.grad(2 * (x - 3)**2, x, create_graph=True)[0]` is 28 and
    `torch.autograd.grad(slope, x)[0]`, the curvature, 4: one Newton step, 10 - 28 / 4, gives the
    minimizer 3.
    """
    x = torch.tensor(10.0, requires_grad=True)

    (slope,) = torch.autograd.grad(2 * (x - 3) ** 2, x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, x)

    assert (slope.item(), curvature.item()) == (28.0, 4.0)
    assert (x - slope / curvature).item() == 3.0


def test_a_training_step_can_be_differentiated():
    """With float32 0-d leaves `w` and `rate` that require grad,
    `(slope,) = torch.autograd.grad(w**2, w, create_graph=True)` and `y = (w - rate * slope)**2`,
    `y.backward()` stores the derivatives of `y` in `rate.grad` and `w.grad`.

    So a gradient step is differentiated itself, the basis of learning to learn. An optimizer's
    `step()` runs under `no_grad` by default.
    """
    w = torch.tensor(3.0, requires_grad=True)
    rate = torch.tensor(0.25, requires_grad=True)

    (slope,) = torch.autograd.grad(w**2, w, create_graph=True)
    stepped = w - rate * slope
    (stepped**2).backward()

    assert stepped.item() == 1.5
    assert rate.grad.item() == -18.0
    assert w.grad.item() == 1.5


def test_backward_with_create_graph_warns_of_a_cycle():
    """`(x**3).backward(create_graph=True)` with a float32 0-d leaf `x` that requires grad
    stores a gradient with a history in `x.grad`, and warns of a reference cycle between
    parameter and gradient, by default once per process.

    Use `torch.autograd.grad`, or set `.grad` to None afterwards, so that the memory is freed.
    """
    x = torch.tensor(2.0, requires_grad=True)

    with pytest.warns(UserWarning, match="create a reference cycle between the parameter and its"):
        (x**3).backward(create_graph=True)
    first, x.grad = x.grad, None
    first.backward()

    assert first.item() == 12.0
    assert x.grad.item() == 12.0


def test_with_create_graph_gradients_accumulate_into_a_new_tensor():
    """A second `(x**3).backward(create_graph=True)` with a float32 0-d leaf `x` that
    requires grad doesn't add to `x.grad` in place: `x.grad` becomes a new tensor with the
    sum, and the first one keeps its value.
    """
    x = torch.tensor(2.0, requires_grad=True)

    with pytest.warns(UserWarning, match="create a reference cycle"):
        (x**3).backward(create_graph=True)
    first = x.grad
    with pytest.warns(UserWarning, match="create a reference cycle"):
        (x**3).backward(create_graph=True)
    second, x.grad = x.grad, None

    assert second is not first
    assert first.item() == 12.0
    assert second.item() == 24.0
