"""Changing a leaf.

A weight has to change during training, and autograd forbids exactly that: a tracked leaf may not
be written to while operations are recorded. The way out is the one that optimizers take, an update
in place under `no_grad`.

The near miss is `w = w - step`. It is allowed everywhere, and makes another tensor.
"""

import pytest
import torch


def test_a_tracked_leaf_may_not_be_changed_in_place(device):
    """An in-place change of a tracked leaf is refused before anything is written."""
    x = torch.ones(2, requires_grad=True, device=device)

    with pytest.raises(RuntimeError, match=r"^a leaf Variable that requires grad is being used"):
        x.add_(1)
    with pytest.raises(RuntimeError, match=r"^a leaf Variable that requires grad is being used"):
        x += 1
    assert x.tolist() == [1.0, 1.0]


def test_a_view_is_no_back_door_to_a_tracked_leaf(device):
    """Writing through an index or a view changes the leaf below, and is refused just the same."""
    x = torch.ones(2, requires_grad=True, device=device)

    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad"):
        x[0] = 7.0
    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad"):
        x.view(1, 2).zero_()
    assert x.tolist() == [1.0, 1.0]


def test_an_untracked_leaf_may_be_changed_in_place(device):
    """The ban is for tracked leaves: a plain tensor takes any in-place change."""
    x = torch.ones(2, device=device)
    x += 1
    x[0] = 7.0

    assert x.tolist() == [7.0, 2.0]
    assert x.is_leaf is True


def test_a_computed_tensor_may_be_changed_in_place(device):
    """A clone is no leaf: it takes in-place changes, and the gradient still reaches the leaf."""
    x = torch.ones(2, requires_grad=True, device=device)
    y = x.clone()
    y.mul_(5)
    y.sum().backward()

    assert y.tolist() == [5.0, 5.0]
    assert x.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [5.0, 5.0]


def test_x_equals_x_plus_one_swaps_the_leaf_for_a_result():
    """`x = x + 1` is allowed, but the name then holds a computed tensor; the leaf is elsewhere."""
    leaf = x = torch.ones(2, requires_grad=True)
    x = x + 1

    assert x.tolist() == [2.0, 2.0]
    assert x.is_leaf is False
    assert leaf.tolist() == [1.0, 1.0]


def test_under_no_grad_a_leaf_may_be_updated_in_place():
    """An update under `no_grad` changes the weight and leaves it a tracked leaf.

    This is one step of gradient descent written by hand: from 3, against the slope 6 of the
    square, a quarter of the way.
    """
    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    with torch.no_grad():
        w -= 0.25 * w.grad

    assert w.item() == 1.5
    assert w.is_leaf is True
    assert w.requires_grad is True


def test_rebinding_under_no_grad_loses_the_tracked_leaf():
    """`w = w - ...` under `no_grad` makes a new, untracked tensor, and the training is over."""
    w = torch.tensor(3.0, requires_grad=True)
    (w * w).backward()
    with torch.no_grad():
        w = w - 0.25 * w.grad

    assert w.item() == 1.5
    assert w.requires_grad is False
    assert w.grad is None


def test_a_plain_tensor_that_receives_a_tracked_value_stops_being_a_leaf():
    """An in-place write of something tracked gives even a hand-made tensor a history."""
    buffer = torch.zeros(2)
    before = buffer.is_leaf
    buffer.add_(torch.ones(2, requires_grad=True))

    assert before is True
    assert buffer.is_leaf is False
