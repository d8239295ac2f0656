"""Gradients of complex tensors.

A complex number z = a + bi has two real parts, so a real loss has two derivatives: along the real
axis and along the imaginary one. Torch keeps them as the real and the imaginary part of one
complex gradient, so that `z - rate * z.grad` with a small rate makes a real loss smaller, if the
gradient isn't 0. In mathematical terms `z.grad` is twice the derivative with respect to the
conjugate of z.

What surprises: for a holomorphic function followed by the real part, the gradient is the
conjugate of the derivative from textbooks. And `backward()` on a complex result of one element
raises RuntimeError since 2.1: a loss has to be real, so take `abs()` or `real` first.
"""

import pytest
import torch


def test_a_complex_gradient_points_uphill(device):
    """For a complex64 0-d leaf `z` of 3+4j that requires grad, `z.abs().square().backward()` gives
    the gradient 6+8j, which is `2 * z`: 6 is the derivative along the real axis, 8 the derivative
    along the imaginary axis.

    So the gradient points in the direction in which a real loss grows fastest, as the gradient of
    a real tensor does.
    """
    z = torch.tensor(3 + 4j, requires_grad=True, device=device)

    z.abs().square().backward()

    assert z.grad.item() == 6 + 8j


def test_a_holomorphic_function_gives_the_conjugate_derivative():
    """For `z = torch.tensor(3 + 4j, requires_grad=True)`, `(z * z).real.backward()` sets `z.grad`
    to 6-8j. The derivative of z² is 2z, here 6+8j: the gradient is its conjugate.

    JAX has the other convention: its `grad` gives 6+8j, without the conjugate.
    """
    z = torch.tensor(3 + 4j, requires_grad=True)

    (z * z).real.backward()

    assert z.grad.item() == 6 - 8j


@pytest.mark.torch(">=2.1")
def test_a_complex_scalar_needs_a_gradient_argument():
    """Since PyTorch 2.1 `backward()` without argument on a complex64 0-d tensor that requires
    grad raises RuntimeError; with `torch.tensor(1 + 0j)` as argument it gives the gradient of
    the real part.

    Usually the loss is made real first, by `abs()` or `real`.
    """
    z = torch.tensor(3 + 4j, requires_grad=True)
    y = z * z

    with pytest.raises(RuntimeError, match="only for real scalar outputs but got"):
        y.backward()
    y.backward(torch.tensor(1 + 0j))

    assert z.grad.item() == 6 - 8j


@pytest.mark.torch("<2.1")
def test_a_complex_scalar_used_to_start_from_one():
    """Before PyTorch 2.1 `backward()` without argument on a complex64 0-d tensor that requires
    grad gave the gradient of its real part, silently.
    """
    z = torch.tensor(3 + 4j, requires_grad=True)

    (z * z).backward()

    assert z.grad.item() == 6 - 8j


def test_a_real_leaf_gets_a_real_gradient_from_complex_work():
    """`(x * (3 + 4j)).abs().backward()` with a float32 leaf `x` of 2.0 that requires grad
    stores a real gradient in `x.grad`, 5 in float32, though the product is complex.
    """
    x = torch.tensor(2.0, requires_grad=True)

    (x * (3 + 4j)).abs().backward()

    assert x.grad.item() == 5.0
    assert x.grad.dtype == torch.float32


def test_each_part_of_the_gradient_belongs_to_an_axis():
    """The gradient of `z.imag` with respect to a complex64 0-d `z` is `1j`: its derivative
    along the real axis is 0, along the imaginary axis 1.
    """
    z = torch.tensor(3 + 4j, requires_grad=True)

    z.imag.backward()

    assert z.grad.item() == 1j


def test_a_step_against_the_gradient_makes_the_loss_smaller():
    """After `(z - (1 + 2j)).abs().square().backward()` with a complex64 0-d leaf `z` of
    3+4j that requires grad, one step of gradient descent, `z -= 0.5 * z.grad` under
    `torch.no_grad()`, moves `z` to 1+2j, up to rounding.
    """
    z = torch.tensor(3 + 4j, requires_grad=True)
    (z - (1 + 2j)).abs().square().backward()

    with torch.no_grad():
        z -= 0.5 * z.grad

    assert z.item() == pytest.approx(1 + 2j)
