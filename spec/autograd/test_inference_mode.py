"""Inference mode: `torch.inference_mode`.

`torch.inference_mode()` is a stricter `torch.no_grad()` for code whose results will not meet
autograd again, such as the serving of a trained model. Operations inside record nothing, and new
tensors made inside, unlike views of older ones, are inference tensors: they have no version
counter and no bookkeeping of views, which makes small operations faster. `x.is_inference()` tells
which ones are.

What surprises: an inference tensor stays one outside the block. It may be read, printed, and used
in operations that don't save it for backward. Where autograd would have to save it, or where it
is to be changed in place or to require grad outside the mode, torch raises RuntimeError.
`clone()` outside gives an ordinary tensor. Where results may be needed in training after all, as
the targets of a loss may be, use `no_grad` (`spec/autograd/test_no_grad.py`).
"""

import pytest
import torch


def test_inference_mode_records_nothing(device):
    """A product `w * 3` of a float32 `w` that requires grad, computed inside
    `torch.inference_mode()`, has no `grad_fn` and doesn't require grad, as under `no_grad`, and
    its `is_inference()` is True.
    """
    w = torch.ones(2, requires_grad=True, device=device)
    with torch.inference_mode():
        y = w * 3

    assert y.tolist() == [3.0, 3.0]
    assert y.requires_grad is False
    assert y.grad_fn is None
    assert y.is_inference() is True


def test_what_was_there_before_stays_ordinary():
    """Inside `torch.inference_mode()` a vector `w` that requires grad and was made outside
    inference mode still requires grad, and `is_inference()` is False for `w` and for its slice
    `w[:1]`.

    Because a view of a normal tensor (one made outside inference mode) is a normal tensor; a
    tensor with new memory, such as `w * 2`, is an inference tensor.
    """
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        view = w[:1]
        product = w * 2

    assert w.is_inference() is False
    assert w.requires_grad is True
    assert view.is_inference() is False
    assert product.is_inference() is True


def test_the_mode_switches_grad_mode_off_too():
    """Directly inside `with torch.inference_mode():` `torch.is_inference_mode_enabled()` is True
    and `torch.is_grad_enabled()` is False; outside, by default, the first is False and the second
    is True.
    """
    with torch.inference_mode():
        inside = torch.is_inference_mode_enabled(), torch.is_grad_enabled()
    outside = torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    assert inside == (True, False)
    assert outside == (False, True)


def test_enable_grad_does_not_get_through():
    """Inside `torch.inference_mode()`, in a block of `torch.enable_grad()`,
    `torch.is_grad_enabled()` is True, but a product `w * 2` of a `w` that requires grad is not
    recorded.

    Use `with torch.inference_mode(False):` to record inside. There `w * x` with an `x` made in
    inference mode raises RuntimeError, "Inference tensors cannot be saved for backward";
    `w * x.clone()` is recorded.
    """
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode(), torch.enable_grad():
        enabled = torch.is_grad_enabled()
        y = w * 2
        x = torch.ones(2)
        with torch.inference_mode(False):
            z = w * x.clone()
            with pytest.raises(RuntimeError, match="Inference tensors cannot be saved"):
                w * x

    assert enabled is True
    assert y.requires_grad is False
    assert y.is_inference() is True
    assert z.requires_grad is True


def test_inference_mode_false_makes_an_exception():
    """Inside `torch.inference_mode()` a block of `torch.inference_mode(False)` records a
    product `w * 2` of a `w` that requires grad, and the product is an ordinary tensor.
    """
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode(), torch.inference_mode(False):
        y = w * 2

    assert y.requires_grad is True
    assert y.is_inference() is False


@pytest.mark.torch(">=2.12")
def test_torch_func_differentiates_inside_inference_mode():
    """Since PyTorch 2.12, `torch.func.grad(lambda x: x**3)(torch.tensor(2.0))` is 12 inside
    `torch.inference_mode()` too.
    """
    with torch.inference_mode():
        slope = torch.func.grad(lambda x: x**3)(torch.tensor(2.0))

    assert slope.item() == 12.0


@pytest.mark.torch(">=2.0,<2.12")
def test_torch_func_gave_zeros_inside_inference_mode():
    """Before PyTorch 2.12, `torch.func.grad(lambda x: x**3)(torch.tensor(2.0))` inside
    `torch.inference_mode()` is 0, without an error; outside, and inside `torch.no_grad()`, it is
    12.

    So a penalty on a gradient, computed in an evaluation, was 0 without a warning.
    """
    with torch.inference_mode():
        slope = torch.func.grad(lambda x: x**3)(torch.tensor(2.0))
    with torch.no_grad():
        same = torch.func.grad(lambda x: x**3)(torch.tensor(2.0))

    assert slope.item() == 0.0
    assert same.item() == 12.0


def test_jvp_of_autograd_gives_zeros_inside_inference_mode():
    """`torch.autograd.functional.jvp(lambda x: x**3, torch.tensor(2.0), torch.tensor(1.0))`
    returns the value 8 and the Jacobian-vector product 12; inside `torch.inference_mode()` the
    product is 0, without an error.
    """
    x, v = torch.tensor(2.0), torch.tensor(1.0)

    outside = torch.autograd.functional.jvp(lambda x: x**3, x, v)
    with torch.inference_mode():
        inside = torch.autograd.functional.jvp(lambda x: x**3, x, v)

    assert [each.item() for each in outside] == [8.0, 12.0]
    assert [each.item() for each in inside] == [8.0, 0.0]


def test_an_inference_tensor_counts_no_changes():
    """`torch.ones(2)` made in `torch.inference_mode()` has no version counter: reading its
    `_version` raises RuntimeError, "Inference tensors do not track version counter".
    Outside, `torch.ones(2).add_(1)._version` is 1.
    """
    ordinary = torch.ones(2).add_(1)
    with torch.inference_mode():
        x = torch.ones(2).add_(1)

    assert ordinary._version == 1
    with pytest.raises(RuntimeError, match="Inference tensors do not track version counter"):
        _ = x._version


def test_an_inference_tensor_cannot_be_saved_for_backward():
    """With `x = torch.ones(2)` made inside `torch.inference_mode()` and
    `w = torch.ones(2, requires_grad=True)` outside, `w * x` outside, with grad mode on, raises
    RuntimeError, "Inference tensors cannot be saved for backward".

    Because the product saves `x` for the gradient of `w`, and `x` has no version counter that
    would tell of a later change in place. Outside, write `w * x.clone()`, or make `x` under
    `torch.no_grad()`.
    """
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.ones(2)

    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        w * x


def test_where_nothing_is_saved_an_inference_tensor_may_take_part():
    """For `w = torch.ones(2, requires_grad=True)` and an inference tensor `x`, made by
    `torch.ones(2)` in `torch.inference_mode()`, the sum `w + x` outside that mode is
    recorded, and `(w + x).sum().backward()` works: a sum saves no operand.
    """
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.ones(2)
    y = w + x
    y.sum().backward()

    assert y.is_inference() is False
    assert w.grad.tolist() == [1.0, 1.0]


def test_a_clone_is_ordinary_again():
    """`x.clone()` of an inference tensor, called outside `torch.inference_mode()`, is an
    ordinary tensor that may be multiplied with a weight in training.
    """
    w = torch.ones(2, requires_grad=True)
    with torch.inference_mode():
        x = torch.full((2,), 3.0)
    copied = x.clone()
    (w * copied).sum().backward()

    assert copied.is_inference() is False
    assert w.grad.tolist() == [3.0, 3.0]


def test_an_inference_tensor_cannot_be_tracked_later():
    """Outside `torch.inference_mode()`, `requires_grad_()` on a float32 inference tensor raises
    RuntimeError, "Setting requires_grad=True on inference tensor outside InferenceMode is not
    allowed".

    Call it on a `clone()` that is made outside `torch.inference_mode()`.
    """
    with torch.inference_mode():
        x = torch.ones(2)

    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor"):
        x.requires_grad_()


def test_an_inference_tensor_is_changed_in_place_only_inside():
    """`x.add_(1)` of an inference tensor `x = torch.ones(2)` works inside
    `torch.inference_mode()`; outside it raises RuntimeError, "Inplace update to inference
    tensor outside InferenceMode is not allowed", under `no_grad` as well.

    Write `x = x + 1`, or change a `clone()`.
    """
    with torch.inference_mode():
        x = torch.ones(2)
        x.add_(1)

    assert x.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
        x.add_(1)
    with (
        torch.no_grad(),
        pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"),
    ):
        x.add_(1)


def test_inference_mode_decorates_a_function():
    """A plain `def` function decorated with `@torch.inference_mode()` and called outside the mode
    runs in it: if it returns `x * 2` of a tensor `x`, the result is an inference tensor. After the
    call the mode is off again.

    An ordinary tensor that it returns unchanged stays ordinary.
    """

    @torch.inference_mode()
    def double(x):
        return x * 2

    y = double(torch.ones(2, requires_grad=True))

    assert y.tolist() == [2.0, 2.0]
    assert y.is_inference() is True
    assert torch.is_inference_mode_enabled() is False
