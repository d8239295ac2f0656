"""Changing a leaf.

A weight has to change during training, and autograd refuses exactly that: a leaf that requires
grad must not be written to in place while operations are recorded. A recorded write would make it
a computed tensor, and its `.grad` would never be filled again. The way out is the one that
optimizers take: an in-place update inside `torch.no_grad()`.

What surprises: `w = w - step` is allowed and does something else. It makes a new tensor and gives
it the name `w`; the leaf, and the optimizer that holds it, never hear of it. And an index, `w[0]
= 7`, or a view is refused like the leaf itself.

For writes to tensors that are no leaves see `spec/autograd/test_inplace.py` and
`spec/autograd/test_inplace_refused.py`.
"""

import pytest
import torch


def test_a_tracked_leaf_may_not_be_changed_in_place(device):
    """With grad mode on, `x.add_(1)` and `x += 1` on `x = torch.ones(2, requires_grad=True)`, a
    leaf that requires grad, raise RuntimeError, "a leaf Variable that requires grad is being
    used in an in-place operation", and leave `x` unchanged.

    Do it inside `torch.no_grad()`, or compute a new tensor with `x + 1`. For a leaf that is
    itself a view, as `torch.arange(4.0).view(2, 2).requires_grad_()`, the message says "a view
    of a leaf".
    """
    x = torch.ones(2, requires_grad=True, device=device)

    with pytest.raises(RuntimeError, match=r"^a leaf Variable that requires grad is being used"):
        x.add_(1)
    with pytest.raises(RuntimeError, match=r"^a leaf Variable that requires grad is being used"):
        x += 1
    assert x.tolist() == [1.0, 1.0]


def test_a_view_is_no_back_door_to_a_tracked_leaf(device):
    """With grad mode on, `x[0] = 7.0` and `x.view(1, 2).zero_()` on
    `x = torch.ones(2, requires_grad=True)` raise RuntimeError, "a view of a leaf Variable that
    requires grad is being used in an in-place operation".

    Because the write would change the leaf, through a view that autograd records. Use
    `torch.no_grad()`, or write into `x.clone()`. `x.detach()` shares the storage of the leaf too,
    but autograd doesn't record it: a write through it passes, see `spec/autograd/test_detach.py`.
    """
    x = torch.ones(2, requires_grad=True, device=device)

    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad"):
        x[0] = 7.0
    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad"):
        x.view(1, 2).zero_()
    assert x.tolist() == [1.0, 1.0]

    x.detach()[0] = 7.0

    assert x.tolist() == [7.0, 1.0]


def test_an_untracked_leaf_may_be_changed_in_place(device):
    """`x += 1` and `x[0] = 7.0` change `x = torch.ones(2)`, a leaf that doesn't require grad,
    in place, and it remains a leaf.
    """
    x = torch.ones(2, device=device)
    x += 1
    x[0] = 7.0

    assert x.tolist() == [7.0, 2.0]
    assert x.is_leaf is True


def test_a_computed_tensor_may_be_changed_in_place(device):
    """A recorded `y = x.clone()` of a new float32 leaf `x` that requires grad is no leaf
    and may be changed in place: after `y.mul_(5)` and `y.sum().backward()`, `x.grad` is 5
    in each element.
    """
    x = torch.ones(2, requires_grad=True, device=device)
    y = x.clone()
    y.mul_(5)
    y.sum().backward()

    assert y.tolist() == [5.0, 5.0]
    assert x.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [5.0, 5.0]


def test_x_equals_x_plus_one_swaps_the_leaf_for_a_result():
    """After `leaf = x = torch.ones(2, requires_grad=True)` and a recorded `x = x + 1`, the
    name `x` holds a computed tensor, which is no leaf; `leaf` is still the leaf, with its
    old value.

    An optimizer that was given the leaf goes on updating the leaf.
    """
    leaf = x = torch.ones(2, requires_grad=True)
    x = x + 1

    assert x.tolist() == [2.0, 2.0]
    assert x.is_leaf is False
    assert leaf.tolist() == [1.0, 1.0]


def test_under_no_grad_a_leaf_may_be_updated_in_place():
    """After `(w * w).backward()` with `w = torch.tensor(3.0, requires_grad=True)`,
    `w -= 0.25 * w.grad` inside `torch.no_grad()` changes `w` in place, to 1.5; `w` remains a leaf
    that requires grad.

    This is one step of gradient descent: from 3, against the gradient 6 of the square, to 1.5.
    """
    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    with torch.no_grad():
        w -= 0.25 * w.grad

    assert w.item() == 1.5
    assert w.is_leaf is True
    assert w.requires_grad is True


def test_rebinding_under_no_grad_loses_the_tracked_leaf():
    """After `(w * w).backward()` with `w = torch.tensor(3.0, requires_grad=True)`,
    `w = w - 0.25 * w.grad` inside `torch.no_grad()` binds `w` to a new tensor, 1.5, that doesn't
    require grad and whose `.grad` is None.

    So the next `backward()` of a loss of this `w` raises RuntimeError, or leaves `w` out where
    other parameters of the loss require grad. Write `w -= ...` instead.
    """
    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    with torch.no_grad():
        w = w - 0.25 * w.grad

    assert w.item() == 1.5
    assert w.requires_grad is False
    assert w.grad is None
