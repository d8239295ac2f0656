"""Gradients by small steps.

The slope of a function can be measured without any calculus: move the input a
little to either side and see how much the output moves. It is slow, a pair of
evaluations for every input, and never exact, but it knows nothing of the graph.
That makes it the judge of gradients: `gradcheck` compares the two.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck


def test_backward_agrees_with_a_small_step_to_either_side(device):
    """The rise over a short stretch around a point is close to the gradient there."""
    x = torch.tensor(2.0, dtype=torch.float64, requires_grad=True, device=device)
    (x**3).backward()

    step = 1e-6
    rise = (2.0 + step) ** 3 - (2.0 - step) ** 3

    assert x.grad.item() == 12.0
    assert rise / (2 * step) == pytest.approx(12.0, rel=1e-8)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=5), st.integers(-4, 4))
def test_the_gradient_of_any_polynomial_is_its_derivative(coefficients, at):
    """Summing c·xᵏ and going backward gives the sum of k·c·xᵏ⁻¹, exactly for whole numbers."""
    x = torch.tensor(float(at), dtype=torch.float64, requires_grad=True)
    polynomial = sum((c * x**k for k, c in enumerate(coefficients)), start=0 * x)

    polynomial.backward()

    assert x.grad.item() == sum(k * c * at ** (k - 1) for k, c in enumerate(coefficients) if k)


@pytest.mark.parametrize(
    ("step", "two_sided", "one_sided"), [(1.0, 13.0, 19.0), (0.5, 12.25, 15.25)]
)
def test_a_step_to_both_sides_errs_less_than_to_one(step, two_sided, one_sided):
    """For x³ at 2, whose slope is 12, the two-sided error is step², the one-sided much larger."""
    x = torch.tensor(2.0)

    both = ((x + step) ** 3 - (x - step) ** 3) / (2 * step)
    one = ((x + step) ** 3 - x**3) / step

    assert both.item() == two_sided
    assert one.item() == one_sided


def test_too_small_a_step_is_swallowed():
    """In float32 a step of 1e-8 beside 2 is rounded away, and the function seems flat."""
    single = torch.tensor(2.0, dtype=torch.float32)
    double = torch.tensor(2.0, dtype=torch.float64)
    step = 1e-8

    in_single = ((single + step) ** 3 - (single - step) ** 3) / (2 * step)
    in_double = ((double + step) ** 3 - (double - step) ** 3) / (2 * step)

    assert in_single.item() == 0.0
    assert in_double.item() == pytest.approx(12.0, rel=1e-6)


def test_gradcheck_says_whether_backward_is_right(device):
    """`gradcheck` returns True where small steps agree with `backward`."""
    x = torch.tensor([0.5, 2.0], dtype=torch.float64, requires_grad=True, device=device)
    factor = torch.tensor([3.0, 4.0], dtype=torch.float64, device=device)

    assert gradcheck(torch.exp, x) is True
    assert gradcheck(torch.mul, (x, factor)) is True


def test_gradcheck_shows_where_backward_is_wrong():
    """`gradcheck` raises where they differ, and shows the measured beside the computed Jacobian."""

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
    """With `raise_exception=False` the answer to a wrong gradient is False."""
    x = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)

    def half_detached(x):
        return x * x.detach()

    assert gradcheck(half_detached, x, raise_exception=False) is False
    assert gradcheck(torch.square, x) is True


def test_gradcheck_wants_double_precision():
    """The steps of `gradcheck` are made for float64: float32 brings a warning and a mismatch."""
    x = torch.tensor([2.0], requires_grad=True)

    with pytest.warns(UserWarning, match="is not a double precision floating point"):
        right = gradcheck(torch.square, x, raise_exception=False)

    assert right is False
    assert gradcheck(torch.square, x.double()) is True


def test_gradcheck_wants_something_tracked():
    """`gradcheck` needs a tracked input: without one there is no gradient to judge."""
    x = torch.tensor([2.0], dtype=torch.float64)

    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(torch.square, x)


def test_gradcheck_fails_at_a_kink():
    """At 0 the slope of `relu` measures 1/2, between both sides; torch says 0 there."""
    kink = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    beside = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)

    assert gradcheck(torch.relu, beside) is True
    with pytest.raises(RuntimeError, match=r"numerical:tensor\(\[\[0\.5000\]\]"):
        gradcheck(torch.relu, kink)


def test_gradcheck_wants_a_function_that_repeats_itself():
    """A function that draws anew at each call, as dropout does, has no slope to measure."""
    x = torch.ones(20, dtype=torch.float64, requires_grad=True)

    dropping_half = gradcheck(torch.nn.functional.dropout, (x, 0.5), raise_exception=False)
    dropping_none = gradcheck(torch.nn.functional.dropout, (x, 0.0))

    assert dropping_half is False
    assert dropping_none is True


def test_gradcheck_cannot_see_what_is_flat_almost_everywhere():
    """Between its jumps `round` is flat: the gradient 0 is right, however useless for training."""
    x = torch.tensor([1.2], dtype=torch.float64, requires_grad=True)
    at_the_jump = torch.tensor([1.5], dtype=torch.float64, requires_grad=True)

    assert gradcheck(torch.round, x) is True
    assert gradcheck(torch.round, at_the_jump, raise_exception=False) is False


def test_gradgradcheck_judges_the_second_derivative():
    """`gradgradcheck` does the same with the gradient of the gradient."""

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
