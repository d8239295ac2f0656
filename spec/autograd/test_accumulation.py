"""Gradients add up.

`backward()` never overwrites a `.grad`: it adds to it. That is what lets one
tensor be used in several places, and a large batch be cut into small ones. It is
also why a training loop clears the gradients before each step: what was left from
the last one would count again.
"""

import pytest
import torch


def test_a_second_backward_adds_to_the_first(device):
    """The gradients of two `backward()` calls add up in `.grad`."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)

    (x * x).sum().backward()
    (10 * x).sum().backward()

    assert x.grad.tolist() == [12.0, 14.0]


def test_a_tensor_used_twice_gathers_both_gradients(device):
    """Within one graph too, each use of a tensor contributes: `x * x + 5 * x` has `2x + 5`."""
    x = torch.tensor(3.0, requires_grad=True, device=device)

    (x * x + 5 * x).backward()

    assert x.grad.item() == 11.0


def test_setting_grad_to_none_starts_over(device):
    """With `.grad = None` in between, only the last gradient remains."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    (x * x).backward()

    x.grad = None
    (10 * x).backward()

    assert x.grad.item() == 10.0


def test_zeroing_grad_starts_over_in_the_same_tensor():
    """`.grad.zero_()` starts over too, and later gradients arrive in the same memory."""
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()
    grad = x.grad

    grad.zero_()
    (10 * x).backward()

    assert x.grad is grad
    assert grad.item() == 10.0


def test_none_and_zero_tell_apart_who_took_part():
    """After `None` a leaf that takes no part stays without a gradient; after `zero_()` it has 0."""
    x = torch.tensor(3.0, requires_grad=True)
    cleared = torch.tensor(3.0, requires_grad=True)
    zeroed = torch.tensor(3.0, requires_grad=True)
    (x * cleared * zeroed).backward()

    cleared.grad = None
    zeroed.grad.zero_()
    (x * x).backward()

    assert cleared.grad is None
    assert zeroed.grad.item() == 0.0


def test_del_grad_is_setting_it_to_none():
    """`del x.grad` leaves an attribute behind that reads `None`."""
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()

    del x.grad

    assert x.grad is None


def test_gradients_accumulate_in_place(device):
    """Another name for `.grad` sees the next gradient arrive; a clone keeps the old value."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    (x * x).backward()
    same, copy = x.grad, x.grad.clone()

    (x * x).backward()

    assert same is x.grad
    assert same.item() == 12.0
    assert copy.item() == 6.0


def test_micro_batches_add_up_to_the_whole_batch():
    """Two halves, each loss divided by two, leave the gradient of the whole batch's mean."""
    batch = torch.tensor([1.0, 2.0, 3.0, 6.0])
    whole = torch.tensor(2.0, requires_grad=True)
    parts = torch.tensor(2.0, requires_grad=True)

    (whole * batch).mean().backward()
    ((parts * batch[:2]).mean() / 2).backward()
    ((parts * batch[2:]).mean() / 2).backward()

    assert whole.grad.item() == 3.0
    assert parts.grad.item() == 3.0


def test_micro_batches_of_unequal_size_need_unequal_weights():
    """The mean over a smaller last batch counts for too much unless it is weighed by its size."""
    batch = torch.tensor([1.0, 2.0, 3.0, 6.0])
    halved = torch.tensor(2.0, requires_grad=True)
    weighed = torch.tensor(2.0, requires_grad=True)

    ((halved * batch[:3]).mean() / 2 + (halved * batch[3:]).mean() / 2).backward()
    ((weighed * batch[:3]).mean() * 3 / 4 + (weighed * batch[3:]).mean() * 1 / 4).backward()

    assert halved.grad.item() == 4.0
    assert weighed.grad.item() == 3.0


def test_losses_one_by_one_are_the_sum_of_the_losses():
    """`backward()` on each of two losses leaves the same gradient as on their sum."""
    one_by_one = torch.tensor([1.0, 2.0], requires_grad=True)
    together = torch.tensor([1.0, 2.0], requires_grad=True)

    one_by_one.prod().backward()
    one_by_one.square().sum().backward()
    (together.prod() + together.square().sum()).backward()

    assert one_by_one.grad.tolist() == [4.0, 5.0]
    assert together.grad.tolist() == [4.0, 5.0]


def test_asking_with_autograd_grad_adds_nothing():
    """`torch.autograd.grad` neither reads nor changes what has gathered in `.grad`."""
    x = torch.tensor(3.0, requires_grad=True)
    (x * x).backward()

    (asked,) = torch.autograd.grad(10 * x, x)

    assert asked.item() == 10.0
    assert x.grad.item() == 6.0


def test_an_assigned_grad_is_added_to(device):
    """A tensor put into `.grad` by hand is kept as it is, and the next gradient adds to it."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    mine = torch.tensor([100.0, 200.0], device=device)

    x.grad = mine
    (3 * x).sum().backward()

    assert x.grad is mine
    assert mine.tolist() == [103.0, 203.0]


def test_an_assigned_grad_has_its_tensors_shape():
    """A gradient of another shape than the tensor's is refused on assignment."""
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match=r"data of a different size|a gradient of size"):
        x.grad = torch.ones(3)
    x.grad = torch.ones(2)

    assert x.grad.tolist() == [1.0, 1.0]


def test_an_assigned_grad_has_its_tensors_dtype():
    """A gradient of another dtype than the tensor's is refused on assignment."""
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match=r"data of a different type|a gradient with dtype"):
        x.grad = torch.ones(2, dtype=torch.float64)
    x.grad = torch.ones(2, dtype=torch.float32)

    assert x.grad.dtype == torch.float32


def test_an_assigned_grad_is_a_tensor():
    """Neither a list nor the tensor itself will do as `.grad`."""
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(TypeError, match="expected to be a Tensor or None"):
        x.grad = [1.0, 1.0]
    with pytest.raises(RuntimeError, match="can't assign Variable as its own grad"):
        x.grad = x


def test_leaves_of_one_sum_do_not_share_a_gradient():
    """Two leaves that get equal gradients get them in tensors of their own."""
    a = torch.ones(2, requires_grad=True)
    b = torch.ones(2, requires_grad=True)
    (a + b).sum().backward()

    a.grad.zero_()

    assert b.grad.tolist() == [1.0, 1.0]
