"""Inference mode.

`torch.inference_mode()` is `no_grad` with a promise: what is computed here will never meet
autograd again. In return torch skips even the bookkeeping that would notice a change in place.

The promise is kept for you. A tensor made in the mode is marked for life, and where autograd
would need it, it is refused by name; `clone()` outside gives an ordinary copy.
"""

import pytest
import torch


def test_inference_mode_records_nothing(device):
    """Results in the mode have no history, as under `no_grad`, and are marked as inference."""
    w = torch.ones(2, requires_grad=True, device=device)
    with torch.inference_mode():
        y = w * 3

    assert y.tolist() == [3.0, 3.0]
    assert y.requires_grad is False
    assert y.grad_fn is None
    assert y.is_inference() is True


def test_what_was_there_before_stays_ordinary():
    """Tensors from outside are not marked, nor are views of them that the mode makes."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        view = w[:1]

    assert w.is_inference() is False
    assert w.requires_grad is True
    assert view.is_inference() is False


def test_the_mode_switches_grad_mode_off_too():
    """Inside, `is_inference_mode_enabled()` is True and `is_grad_enabled()` is False."""
    with torch.inference_mode():
        inside = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    outside = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    assert inside == (True, False)
    assert outside == (False, True)


def test_enable_grad_does_not_get_through():
    """Inside the mode `enable_grad` turns the flag on, but nothing is recorded."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode(), torch.enable_grad():
        enabled = torch.is_grad_enabled()
        y = w * 2

    assert enabled is True
    assert y.requires_grad is False
    assert y.is_inference() is True


def test_inference_mode_false_makes_an_exception():
    """`inference_mode(False)` inside the mode records as usual."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode(), torch.inference_mode(False):
        y = w * 2

    assert y.requires_grad is True
    assert y.is_inference() is False


def test_an_inference_tensor_counts_no_changes():
    """There is no version counter, which is what spares the time."""
    ordinary = torch.ones(2).add_(1)
    with torch.inference_mode():
        x = torch.ones(2).add_(1)

    assert ordinary._version == 1
    with pytest.raises(RuntimeError, match="Inference tensors do not track version counter"):
        _ = x._version


def test_an_inference_tensor_cannot_be_saved_for_backward():
    """A product with a weight would have to keep the tensor for the way back: refused."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.ones(2)

    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        w * x


def test_where_nothing_is_saved_an_inference_tensor_may_take_part():
    """A sum keeps no operand, so adding an inference tensor to a weight is recorded."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.ones(2)
    y = w + x
    y.sum().backward()

    assert y.is_inference() is False
    assert w.grad.tolist() == [1.0, 1.0]


def test_a_clone_is_ordinary_again():
    """`clone()` outside the mode gives a tensor that autograd takes."""
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.full((2,), 3.0)
    copied = x.clone()
    (w * copied).sum().backward()

    assert copied.is_inference() is False
    assert w.grad.tolist() == [3.0, 3.0]


def test_an_inference_tensor_cannot_be_tracked_later():
    """Outside the mode `requires_grad_()` is refused."""
    with torch.inference_mode():
        x = torch.ones(2)

    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor"):
        x.requires_grad_()


def test_an_inference_tensor_is_changed_in_place_only_inside():
    """In-place changes are free inside the mode and refused outside."""
    with torch.inference_mode():
        x = torch.ones(2)
        x.add_(1)

    assert x.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
        x.add_(1)


def test_inference_mode_decorates_a_function():
    """`@torch.inference_mode()` makes each call of a function a run in the mode."""

    @torch.inference_mode()
    def double(x):
        return x * 2

    y = double(torch.ones(2, requires_grad=True))

    assert y.tolist() == [2.0, 2.0]
    assert y.is_inference() is True
    assert torch.is_inference_mode_enabled() is False
