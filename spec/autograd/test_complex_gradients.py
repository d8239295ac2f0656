"""Gradients of complex numbers.

A complex number is a point in a plane, so its gradient has two parts: how the
result changes along the real axis and along the imaginary one. Torch keeps them as
one complex number, chosen so that a step against it makes a real loss smaller.
That is the conjugate of what a textbook calls the derivative.
"""

import pytest
import torch


def test_a_complex_gradient_points_uphill(device):
    """The parts of a complex gradient are the slopes along both axes: |z|² has the gradient 2z."""
    z = torch.tensor(3 + 4j, requires_grad=True, device=device)

    z.abs().square().backward()

    assert z.grad.item() == 6 + 8j


def test_a_holomorphic_function_gives_the_conjugate_derivative():
    """For the real part of z² the gradient is the conjugate of 2z."""
    z = torch.tensor(3 + 4j, requires_grad=True)

    (z * z).real.backward()

    assert z.grad.item() == 6 - 8j


@pytest.mark.torch(">=2.1")
def test_a_complex_scalar_needs_a_gradient_argument():
    """A complex result is no scalar for `backward()`: which way is up has to be said."""
    z = torch.tensor(3 + 4j, requires_grad=True)
    y = z * z

    with pytest.raises(RuntimeError, match="only for real scalar outputs but got"):
        y.backward()
    y.backward(torch.tensor(1 + 0j))

    assert z.grad.item() == 6 - 8j


@pytest.mark.torch("<2.1")
def test_a_complex_scalar_used_to_start_from_one():
    """Before 2.1 `backward()` on a complex result silently took the real part of it."""
    z = torch.tensor(3 + 4j, requires_grad=True)

    (z * z).backward()

    assert z.grad.item() == 6 - 8j


def test_a_real_leaf_gets_a_real_gradient_from_complex_work():
    """Where a real tensor went through complex arithmetic, its gradient is real again."""
    x = torch.tensor(2.0, requires_grad=True)

    (x * (3 + 4j)).abs().backward()

    assert x.grad.item() == 5.0
    assert x.grad.dtype == torch.float32


def test_each_part_of_the_gradient_belongs_to_an_axis():
    """The imaginary part of `z` has the slope 0 along the real axis and 1 along the other."""
    z = torch.tensor(3 + 4j, requires_grad=True)

    z.imag.backward()

    assert z.grad.item() == 1j


def test_a_step_against_the_gradient_makes_the_loss_smaller():
    """Gradient descent on a complex number needs no special care: it goes to the nearest bottom."""
    z = torch.tensor(3 + 4j, requires_grad=True)
    (z - (1 + 2j)).abs().square().backward()

    with torch.no_grad():
        z -= 0.5 * z.grad

    assert z.item() == pytest.approx(1 + 2j)
