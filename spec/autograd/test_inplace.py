"""In-place operations under autograd.

An in-place operation such as `y.add_(1)`, `y[0] = 7` or `y += 1` on a computed tensor that
requires grad is recorded like other operations: `y` remains the same tensor and gets a new
`grad_fn`. Gradients follow the values: an element that was overwritten passes the gradient 0 back
to its old history, and what was written in gets the rest.

What surprises: this works more often than people expect, even through views and masks. It fails
mainly in two cases. A leaf that requires grad may not be changed while operations are recorded
(`spec/autograd/test_changing_leaves.py`), and a value that the graph has saved may not be changed
before `backward()` (`spec/autograd/test_inplace_refused.py`).

In-place operations without autograd: `spec/tensors/test_inplace.py`.
"""

import pytest
import torch


def test_an_in_place_operation_gives_the_tensor_a_new_history(device):
    """With grad mode on and a float32 `x` that requires grad, `y.add_(1)` on `y = x * 2` is
    recorded too: it returns `y` itself with a new `grad_fn`, `AddBackward0`, whose
    `next_functions` refers to the old one, `MulBackward0`.

    So `backward()` goes through both nodes. After `y = x.exp()` and `y.add_(1)`, however,
    `backward()` raises RuntimeError, because the node of `exp` has saved its result `y`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2
    before = y.grad_fn

    z = y.add_(1)

    assert z is y
    assert before.name() == "MulBackward0"
    assert y.grad_fn.name() == "AddBackward0"
    assert y.grad_fn.next_functions[0][0] is before


def test_gradients_pass_through_an_in_place_operation(device):
    """With grad mode on, after `y.mul_(10)` on `y = x * 2` the gradient of `y.sum()` with
    respect to a float32 `x` that requires grad is 20 in each element, as after
    `y = y * 10`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2

    y.mul_(10)
    y.sum().backward()
    y = x * 2
    y = y * 10
    (out_of_place,) = torch.autograd.grad(y.sum(), x)

    assert x.grad.tolist() == [20.0, 20.0]
    assert out_of_place.tolist() == [20.0, 20.0]


def test_a_write_into_part_of_a_tensor_is_recorded_for_the_whole(device):
    """With grad mode on and `x = torch.tensor([1.0, 2.0], requires_grad=True)`, `y[0].mul_(5)` on
    `y = x * 2` changes one element of `y` and is recorded: the gradient of `y.sum()` is 10 for the
    first element of `x` and 2 for the other.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2

    y[0].mul_(5)
    y.sum().backward()

    assert y.tolist() == [10.0, 4.0]
    assert x.grad.tolist() == [10.0, 2.0]


def test_a_write_to_the_whole_reaches_an_older_view(device):
    """With `y = x * 2` of a non-empty float32 vector `x` that requires grad, and a view
    `first = y[0]` taken before `y.mul_(5)`, all recorded: `first` shows the new value, and the
    gradient of `first` with respect to `x` includes the factor 5.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2
    first = y[0]

    y.mul_(5)
    first.backward()

    assert first.item() == 10.0
    assert x.grad.tolist() == [10.0, 0.0]


def test_masked_assignment_is_differentiable(device):
    """With `x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)` and `y = x.clone()`,
    after `y[y > 2.5] = 0` the call `(y * y).sum().backward()` leaves [2, 4, 0] in `x.grad`:
    0 for the overwritten element.
    """
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True, device=device)
    y = x.clone()

    y[y > 2.5] = 0
    (y * y).sum().backward()

    assert y.tolist() == [1.0, 2.0, 0.0]
    assert x.grad.tolist() == [2.0, 4.0, 0.0]


def test_an_integer_buffer_takes_the_value_and_loses_the_gradient():
    """With `x = torch.tensor(2.5, requires_grad=True)` and
    `buffer = torch.zeros(2, dtype=torch.int64)`, the assignment `buffer[1] = x` stores 2, the
    truncated number, and `buffer` still doesn't require grad.

    A float32 `buffer` would require grad afterwards: `spec/autograd/test_tracking.py`.
    """
    x = torch.tensor(2.5, requires_grad=True)
    buffer = torch.zeros(2, dtype=torch.int64)

    buffer[1] = x

    assert buffer.tolist() == [0, 2]
    assert buffer.requires_grad is False


def test_copy_hands_the_gradient_to_the_source(device):
    """After `y = old * 2` and `y.copy_(source)`, for two float32 leaves `old` and `source` of
    shape (2,) that require grad, `(y * y).sum().backward()` gives `source` the gradient
    `2 * source` and `old` a gradient of zeros.
    """
    old = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    source = torch.tensor([5.0, 6.0], requires_grad=True, device=device)
    y = old * 2

    y.copy_(source)
    (y * y).sum().backward()

    assert old.grad.tolist() == [0.0, 0.0]
    assert source.grad.tolist() == [10.0, 12.0]


def test_zeroing_ends_the_old_history():
    """For `x = torch.tensor([1.0, 2.0], requires_grad=True)`, `y = x * 2`, then `y.zero_()`
    and `(y + 3).sum().backward()` give an `x.grad` of zeros.

    Because the zeros don't depend on `x`. On `y = x.exp()`, which saved `y`, `backward()`
    raises RuntimeError instead: `spec/autograd/test_inplace_refused.py`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2

    y.zero_()
    (y + 3).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="one of the variables needed for gradient computation"):
        x.exp().zero_().sum().backward()


def test_relu_in_place_is_fine_after_a_product(device):
    """After `y.relu_()` on `y = x * 3`, with a float32 `x` that requires grad,
    `y.sum().backward()` works: neither operation needs the values of `y` that were
    overwritten.

    Because the product saved only its factor, and `relu_` saves its own result. After `exp` it
    fails: see `spec/autograd/test_inplace_refused.py`.
    """
    x = torch.tensor([-1.0, 2.0], requires_grad=True, device=device)
    y = x * 3

    y.relu_()
    y.sum().backward()

    assert y.tolist() == [0.0, 6.0]
    assert x.grad.tolist() == [0.0, 3.0]
