"""What can be tracked.

A slope needs numbers that can move a little. Floating and complex tensors can be tracked, of any
precision; integers and truth values can't, and results of that kind drop out of the record without
a word.

So autograd does not cover every operation. It covers those that have a slope, and of these nearly
all.
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
    """Real and complex floating numbers of each width can require gradients."""
    x = torch.zeros(2, dtype=dtype, requires_grad=True)

    assert x.requires_grad is True


def test_an_integer_tensor_cannot_be_tracked():
    """Whole numbers have no slope, so integers that require gradients are refused."""
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype"):
        torch.tensor([1, 2, 3], requires_grad=True)


def test_a_bool_tensor_cannot_be_switched_on_later():
    """`requires_grad_()` refuses a tensor of another dtype; switching it off is harmless."""
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
    """Positions, truth values and integers computed from a tracked tensor are untracked."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    assert operation(x).requires_grad is tracked


@pytest.mark.claim("blitz-autograd-every-op")
def test_some_operations_have_no_derivative_yet():
    """A few operations are recorded and refuse only when the gradient is asked for."""
    a = torch.ones(2, requires_grad=True)
    y = torch.igamma(a, torch.ones(2))

    assert y.requires_grad is True
    with pytest.raises(NotImplementedError, match="derivative for 'igamma: input' is not impl"):
        y.sum().backward()


def test_out_refuses_tracked_operands():
    """Writing into `out=` cannot be recorded, so it is refused for a tracked operand."""
    x = torch.ones(3, requires_grad=True)
    out = torch.zeros(3)
    torch.add(x.detach(), 1, out=out)

    assert out.tolist() == [2.0, 2.0, 2.0]
    with pytest.raises(RuntimeError, match="arguments don't support automatic differentiation"):
        torch.add(x, 1, out=out)
