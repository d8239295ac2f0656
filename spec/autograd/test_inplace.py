"""Writing in place under autograd.

An in-place write to a tracked tensor is recorded like any other operation: the
tensor stays the same object and gets a new history. Gradients then follow the
values: what was overwritten gets zero, what was written in gets the rest. It goes
wrong only where the graph still needs the old value.
"""

import torch


def test_an_in_place_operation_gives_the_tensor_a_new_history(device):
    """After `y.add_(1)`, `y` is the same tensor, made by an addition instead of a product."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2
    before = type(y.grad_fn).__name__

    z = y.add_(1)

    assert z is y
    assert before == "MulBackward0"
    assert type(y.grad_fn).__name__ == "AddBackward0"


def test_gradients_pass_through_an_in_place_operation(device):
    """The gradient through `y.mul_(10)` is that through `y = y * 10`."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2

    y.mul_(10)
    y.sum().backward()

    assert x.grad.tolist() == [20.0, 20.0]


def test_plus_equals_writes_in_place_and_plus_makes_a_new_tensor():
    """`y += 1` changes the tensor that `y` names; `y = y + 1` gives the name to another one."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    changed = x * 2
    renamed = x * 2
    old_changed, old_renamed = changed, renamed

    changed += 1
    renamed = renamed + 1

    assert changed is old_changed
    assert old_changed.tolist() == [3.0, 5.0]
    assert old_renamed.tolist() == [2.0, 4.0]


def test_a_write_into_part_of_a_tensor_is_recorded_for_the_whole(device):
    """Writing through `y[0]` changes the history of `y`, and the gradient follows it."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2

    y[0].mul_(5)
    y.sum().backward()

    assert y.tolist() == [10.0, 4.0]
    assert x.grad.tolist() == [10.0, 2.0]


def test_a_write_to_the_whole_reaches_an_older_view(device):
    """A view taken before its base was changed carries the change in value and in gradient."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * 2
    first = y[0]

    y.mul_(5)
    first.backward()

    assert first.item() == 10.0
    assert x.grad.tolist() == [10.0, 0.0]


def test_masked_assignment_is_differentiable(device):
    """Where `y[mask] = 0` has overwritten a value, its gradient is 0; elsewhere it passes."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True, device=device)
    y = x.clone()

    y[y > 2.5] = 0
    (y * y).sum().backward()

    assert y.tolist() == [1.0, 2.0, 0.0]
    assert x.grad.tolist() == [2.0, 4.0, 0.0]


def test_an_integer_buffer_takes_the_value_and_loses_the_gradient():
    """A tracked value written into an integer tensor arrives as a mere number."""
    x = torch.tensor(2.5, requires_grad=True)
    buffer = torch.zeros(2, dtype=torch.int64)

    buffer[1] = x

    assert buffer.tolist() == [0, 2]
    assert buffer.requires_grad is False


def test_copy_hands_the_gradient_to_the_source(device):
    """`y.copy_(source)` ends the old history of `y`: the gradient goes to the source alone."""
    old = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    source = torch.tensor([5.0, 6.0], requires_grad=True, device=device)
    y = old * 2

    y.copy_(source)
    (y * y).sum().backward()

    assert old.grad.tolist() == [0.0, 0.0]
    assert source.grad.tolist() == [10.0, 12.0]


def test_zeroing_ends_the_old_history():
    """After `y.zero_()` nothing of `x` is left in `y`, so its gradient is zero."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2

    y.zero_()
    (y + 3).sum().backward()

    assert x.grad.tolist() == [0.0, 0.0]


def test_relu_in_place_is_fine_after_a_product(device):
    """`relu_` needs only its own result to go backward, so it may overwrite its input."""
    x = torch.tensor([-1.0, 2.0], requires_grad=True, device=device)
    y = x * 3

    y.relu_()
    y.sum().backward()

    assert y.tolist() == [0.0, 6.0]
    assert x.grad.tolist() == [0.0, 3.0]
