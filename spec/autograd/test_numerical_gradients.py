"""Numerical gradients and `gradcheck`.

The derivative of a function can be measured without autograd: change the input a little to either
side and divide the change of the output by the length of the step. This is slow, two evaluations
per element of the input, and only approximate, but it knows nothing of the graph. That makes it a
judge of gradients: `torch.autograd.gradcheck(f, inputs)` compares it with what `backward` gives,
and raises where they differ by more than its tolerances.

What surprises: it needs float64. In float32 the differences drown in rounding, and a right
gradient looks wrong. At a kink, such as that of `relu` at 0, the measured derivative lies between
those of both sides, so `gradcheck` may fail there for a function that is fine. A gradient of
0 almost everywhere, as that of `round`, passes, useless as it is for training. And an error smaller
than the tolerance passes: choose inputs where the gradient is not tiny.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck


def test_backward_agrees_with_a_small_step_to_either_side(device):
    """The gradient of `f(x) = x**3` at 2 from `backward()` is 12, and the central
    difference `(f(2 + h) - f(2 - h)) / (2 * h)` in float64, with h = 1e-6, agrees to 8
    digits.
    """
    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True, device=device)
    (x**3).backward()

    step = 1e-6
    rise = (2.0 + step) ** 3 - (2.0 - step) ** 3

    assert x.grad.item() == 12.0
    assert rise / (2 * step) == pytest.approx(12.0, rel=1e-8)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5), st.integers(-4, 4))
def test_the_gradient_of_any_polynomial_is_its_derivative(coefficients, at):
    """For a new 0-d float64 leaf `x` that requires grad and holds an integer from -4 to 4,
    `backward()` of a polynomial, a sum of terms `c * x**k` with integers c from -9 to 9 and k from
    0 to 4, leaves exactly its derivative at `x` in `x.grad`.
    """
    x = torch.tensor(float(at), dtype=torch.float64, requires_grad=True)
    polynomial = sum((c * x**k for k, c in enumerate(coefficients)), start=0 * x)

    polynomial.backward()

    assert x.grad.item() == sum(k * c * at ** (k - 1) for k, c in enumerate(coefficients) if k)


@pytest.mark.parametrize(
    ("step", "two_sided", "one_sided"), [(1.0, 13.0, 19.0), (0.5, 12.25, 15.25)]
)
def test_a_step_to_both_sides_errs_less_than_to_one(step, two_sided, one_sided):
    """For `f(x) = x**3` at 2, whose derivative is 12, central differences, `(f(x + h) - f(x
    - h)) / (2 * h)`, with h of 1 and 0.5 give 13 and 12.25; differences to the right alone,
    `(f(x + h) - f(x)) / h`, give 19 and 15.25.

    Because the errors of both sides cancel in part.
    """
    x = torch.tensor(2.0)

    both = ((x + step) ** 3 - (x - step) ** 3) / (2 * step)
    one = ((x + step) ** 3 - x**3) / step

    assert both.item() == two_sided
    assert one.item() == one_sided


def test_too_small_a_step_is_swallowed():
    """In float32 a step h = 1e-8 at `x = torch.tensor(2.0)` is lost in rounding, and the central
    difference `((x + h) ** 3 - (x - h) ** 3) / (2 * h)` is 0; for `x.double()` it is 12, to at
    least 6 digits.

    Because float32 has about 7 digits: 2 + 1e-8 is 2 again.
    """
    single = torch.tensor(2.0, dtype=torch.float32)
    double = torch.tensor(2.0, dtype=torch.float64)
    step = 1e-8

    in_single = ((single + step) ** 3 - (single - step) ** 3) / (2 * step)
    in_double = ((double + step) ** 3 - (double - step) ** 3) / (2 * step)

    assert in_single.item() == 0.0
    assert in_double.item() == pytest.approx(12.0, rel=1e-6)


def test_gradcheck_says_whether_backward_is_right(device):
    """`torch.autograd.gradcheck(torch.exp, x)` of
    `x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True)` returns True: the
    gradient that `backward` computes agrees with finite differences within the tolerances.
    """
    x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True, device=device)
    factor = torch.tensor([3.0, 4.0], dtype=torch.float64, device=device)

    assert gradcheck(torch.exp, x) is True
    assert gradcheck(torch.mul, (x, factor)) is True


def test_gradcheck_shows_where_backward_is_wrong():
    """`torch.autograd.gradcheck` of an `autograd.Function` for `x * x` whose `backward` computes
    3x, not 2x, at a float64 `x` = 2 that requires grad, raises `GradcheckError`,
    "Jacobian mismatch for output 0"; the message shows both Jacobians.

    `GradcheckError` is a subclass of RuntimeError.
    """

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x * grad

    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)

    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0") as error:
        gradcheck(Square.apply, x)

    assert "numerical:tensor([[4.0000]]" in str(error.value)
    assert "analytical:tensor([[6.]]" in str(error.value)


def test_gradcheck_can_answer_instead_of_raising():
    """`torch.autograd.gradcheck(lambda x: x * x.detach(), x, raise_exception=False)` at a
    float64 `x` = 2 that requires grad, where `backward` gives half the derivative, returns
    False instead of raising an error.

    Differences below `atol`, by default 1e-5, pass: at 1e-6 it returns True.
    """
    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)

    def half_detached(x):
        return x * x.detach()

    assert gradcheck(half_detached, x, raise_exception=False) is False
    tiny = torch.tensor([1e-6], dtype=torch.float64, requires_grad=True)
    assert gradcheck(half_detached, tiny) is True
    assert gradcheck(torch.square, x) is True


def test_gradcheck_wants_double_precision():
    """`torch.autograd.gradcheck(torch.square, x, raise_exception=False)` with a float32 `x` at
    2 that requires grad warns and returns False, as rounding spoils the differences; with
    `x.double()` it returns True.

    A float32 input may pass where rounding is exact. Use float64.
    """
    x = torch.tensor([2.0], requires_grad=True)

    with pytest.warns(UserWarning, match="is not a double precision floating point"):
        right = gradcheck(torch.square, x, raise_exception=False)

    assert right is False
    assert gradcheck(torch.square, x.double()) is True


def test_gradcheck_wants_something_tracked():
    """`torch.autograd.gradcheck(torch.square, x)` of
    `x = torch.tensor([2.0], dtype=torch.float64)` raises ValueError, "at least one input
    tensor to require gradient", even with `raise_exception=False`: make `x` with
    `requires_grad=True`.
    """
    x = torch.tensor([2.0], dtype=torch.float64)

    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(torch.square, x, raise_exception=False)


def test_gradcheck_fails_at_a_kink():
    """`torch.autograd.gradcheck(torch.relu, x)` of a float64 `x` that requires grad raises
    `GradcheckError`, a RuntimeError, at 0, where the finite difference is 1/2 and `backward`
    gives 0; at 0.5 it returns True.

    Choose inputs away from kinks. `abs` passes at 0, as both give 0.
    """
    kink = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    beside = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)

    assert gradcheck(torch.relu, beside) is True
    assert gradcheck(torch.abs, kink) is True
    with pytest.raises(RuntimeError, match="Jacobian mismatch for output 0") as error:
        gradcheck(torch.relu, kink)
    assert "numerical:tensor([[0.5000]]" in str(error.value)


def test_gradcheck_wants_a_function_that_repeats_itself():
    """`torch.autograd.gradcheck(F.dropout, (x, 0.5), raise_exception=False)` with a float64 `x`
    of 20 ones that requires grad returns False, as each call drops other elements; with
    `(x, 0.0)` it returns True.

    Because `gradcheck` calls the function many times. Draw a `mask` once, outside the function,
    and check `lambda x: x * mask`.
    """
    x = torch.ones(20, dtype=torch.float64, requires_grad=True)

    dropping_half = gradcheck(torch.nn.functional.dropout, (x, 0.5), raise_exception=False)
    dropping_none = gradcheck(torch.nn.functional.dropout, (x, 0.0))

    assert dropping_half is False
    assert dropping_none is True


def test_gradcheck_cannot_see_what_is_flat_almost_everywhere():
    """`torch.autograd.gradcheck(torch.round, x)` of a float64 `x` that requires grad returns
    True at 1.2, between two jumps, where the gradient 0 is right; at the jump, 1.5, it returns
    False with `raise_exception=False`.

    So it judges whether a gradient is right, not whether it is of use.
    """
    x = torch.tensor([1.2], dtype=torch.float64, requires_grad=True)
    at_the_jump = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)

    assert gradcheck(torch.round, x) is True
    assert gradcheck(torch.round, at_the_jump, raise_exception=False) is False


def test_gradgradcheck_judges_the_second_derivative():
    """`torch.autograd.gradgradcheck` checks second derivatives: at a float64 `x` = 2 that requires
    grad, an `autograd.Function` for `x * x` whose `backward` returns `2 * x.detach() * grad`
    passes `gradcheck` and fails `gradgradcheck`.
    """

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * x.detach() * grad

    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)

    assert gradcheck(Square.apply, x) is True
    assert gradgradcheck(Square.apply, x, raise_exception=False) is False
    assert gradgradcheck(torch.square, x) is True
