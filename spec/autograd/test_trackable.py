"""What can require grad, and which operations pass it on.

A derivative needs values that can change by a little. So tensors of floating-point and complex
dtypes can require grad; integer and bool tensors can't, so results of such dtypes don't require
grad, silently. What is computed with them further on is a constant to autograd.

What surprises: an operation may return floating-point numbers and still have no derivative. Some,
as `torch.histc`, return a result that doesn't require grad; others, as `torch.igamma` with
respect to its first argument, are recorded and raise NotImplementedError in `backward()`. And
`round` or `sign` have a derivative that is 0: see `spec/autograd/test_not_differentiable.py`.
"""

import pytest
import torch


@pytest.mark.parametrize(
    "dtype",
    [
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.complex64,
        torch.complex128,
    ],
)
def test_every_floating_and_complex_dtype_can_be_tracked(dtype):
    """`torch.zeros(2, dtype=dtype, requires_grad=True)` gives a tensor that requires grad for
    float16, bfloat16, float32, float64, complex64 and complex128.
    """
    x = torch.zeros(2, dtype=dtype, requires_grad=True)

    assert x.requires_grad is True


def test_an_integer_tensor_cannot_be_tracked():
    """`torch.tensor([1, 2, 3], requires_grad=True)` raises RuntimeError, "Only Tensors of
    floating point and complex dtype can require gradients".

    So does `torch.zeros(2, dtype=torch.int64, requires_grad=True)`. Write
    `torch.tensor([1.0, 2.0, 3.0], requires_grad=True)` or give `dtype=torch.float32`.
    """
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
        torch.tensor([1, 2, 3], requires_grad=True)
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
        torch.zeros(2, dtype=torch.int64, requires_grad=True)


def test_a_bool_tensor_cannot_be_switched_on_later():
    """`requires_grad_()` on a bool tensor raises RuntimeError, "only Tensors of floating point
    dtype can require gradients"; `requires_grad_(False)` is accepted.

    Convert first: `mask.float().requires_grad_()`.
    """
    mask = torch.tensor([True, False])

    assert mask.requires_grad_(False).requires_grad is False
    with pytest.raises(RuntimeError, match="only Tensors of floating point dtype"):
        mask.requires_grad_()


@pytest.mark.claim("blitz-autograd-every-op")
@pytest.mark.parametrize(
    ("operation", "tracked"),
    [
        (torch.exp, True),
        (torch.round, True),
        (torch.argmax, False),
        (torch.argsort, False),
        (torch.isnan, False),
        (torch.Tensor.long, False),
    ],
)
def test_results_that_are_not_floating_numbers_leave_the_record(operation, tracked):
    """With grad mode on, `argmax`, `argsort`, `isnan` and `long` of a non-empty float32
    tensor that requires grad give results that don't require grad, as their dtypes are
    integer or bool; `exp` and `round` give results that do.

    So a loss made of predicted classes, as an accuracy, can't be trained on.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    assert operation(x).requires_grad is tracked


def test_histc_gives_floating_numbers_without_a_gradient():
    """`torch.histc(x, bins=2)` of `x = torch.tensor([1.0, 2.0, 2.0], requires_grad=True)` returns
    the counts [1, 2] as float32, and they don't require grad.

    Because counts jump and have no useful derivative, torch defines none for `histc`. So a
    floating-point dtype doesn't mean that a result has a gradient: look at `requires_grad`.
    """
    x = torch.tensor([1.0, 2.0, 2.0], requires_grad=True)
    counts = torch.histc(x, bins=2)

    assert counts.tolist() == [1.0, 2.0]
    assert counts.dtype == torch.float32
    assert counts.requires_grad is False


@pytest.mark.claim("blitz-autograd-every-op")
def test_some_operations_have_no_derivative_yet():
    """With grad mode on, `y = torch.igamma(a, x)` of float32 tensors, where `a` requires grad,
    requires grad too, and `y.sum().backward()` raises NotImplementedError, "the derivative
    for 'igamma: input' is not implemented".

    Because only the derivative with respect to its second argument is implemented.
    """
    a = torch.ones(2, requires_grad=True)
    y = torch.igamma(a, torch.ones(2))

    assert y.requires_grad is True
    with pytest.raises(NotImplementedError, match="derivative for 'igamma: input' is not impl"):
        y.sum().backward()


def test_out_refuses_tracked_operands():
    """`torch.add(x, 1, out=out)` of `x = torch.ones(3)` and `out = torch.zeros(3)` raises
    RuntimeError if grad mode is on and `x` or `out` requires grad; if neither of them does, or
    inside `torch.no_grad()`, it works.

    Because autograd doesn't record an operation that writes its result into `out`. Use `x + 1`.
    """
    x = torch.ones(3, requires_grad=True)
    out = torch.zeros(3)
    torch.add(x.detach(), 1, out=out)
    with torch.no_grad():
        unrecorded = torch.add(x, 2, out=torch.zeros(3))

    assert out.tolist() == [2.0, 2.0, 2.0]
    assert unrecorded.tolist() == [3.0, 3.0, 3.0]
    with pytest.raises(RuntimeError, match="arguments don't support automatic differentiation"):
        torch.add(x, 1, out=out)
    with pytest.raises(RuntimeError, match="arguments don't support automatic differentiation"):
        torch.add(torch.ones(3), 1, out=x)
