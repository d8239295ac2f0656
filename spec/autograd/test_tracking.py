"""Requiring gradients: `requires_grad`.

A tensor made with `requires_grad=True` asks for gradients: unless grad mode is off
(`spec/autograd/test_no_grad.py`), torch records each differentiable operation it takes part in,
as a graph, so that `backward()` can later compute how a result changes when that tensor changes
(`spec/autograd/test_backward.py`). Every tensor has the flag `requires_grad`. It is False for
tensors that you make, unless you ask, and True for the parameters of a new layer. The result of a
recorded operation requires grad if one of its operands does.

A tensor that you made is called a leaf; one that a recorded operation computed is not, and its
`grad_fn` names that operation (`spec/autograd/test_leaves.py`, `spec/autograd/test_grad_fn.py`).

What surprises: arithmetic gives the same values with and without the flag, and changing the flag
acts on later operations only. A result computed before `requires_grad_()` stays without a
history.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-requires-grad-default")
@pytest.mark.parametrize("create", [torch.ones, torch.empty, torch.randn])
def test_a_new_tensor_is_not_tracked(create, device):
    """`torch.ones`, `torch.empty` and `torch.randn` make tensors whose `requires_grad` is
    False, unless `requires_grad=True` is given.

    Because a gradient is wanted for the few tensors that are trained, not for data, and recording
    costs memory. For `nn.Parameter` the default is True. With an integer dtype or `torch.bool`,
    `requires_grad=True` raises RuntimeError.
    """
    x = create(2, 2, device=device)
    asked = create(2, 2, requires_grad=True, device=device)

    assert x.requires_grad is False
    assert asked.requires_grad is True


@pytest.mark.claim("blitz-requires-grad-tracks")
def test_requires_grad_true_starts_the_recording(device):
    """With grad mode on, the sum `x + 2` of `x = torch.ones(2, 2, requires_grad=True)` requires
    grad as well, and its `grad_fn`, of type `AddBackward0`, records the addition.
    """
    x = torch.ones(2, 2, requires_grad=True, device=device)
    y = x + 2

    assert x.requires_grad is True
    assert y.requires_grad is True
    assert type(y.grad_fn).__name__ == "AddBackward0"


def test_without_requires_grad_nothing_is_recorded(device):
    """The sum `torch.ones(2, 2) + 2`, whose operands don't require grad, is 3 in each element
    and has `requires_grad` False and `grad_fn` None.
    """
    y = torch.ones(2, 2, device=device) + 2

    assert y.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert y.requires_grad is False
    assert y.grad_fn is None


def test_one_tracked_operand_is_enough(device):
    """With grad mode on, `a + b` of float32 tensors requires grad if at least one of the two
    operands does, the left or the right.

    Inside `torch.no_grad()` or `torch.inference_mode()` it doesn't, nor do results of integer or
    bool dtype, such as that of `a > b`: see `spec/autograd/test_trackable.py`.
    """
    plain = torch.ones(3, device=device)
    tracked = torch.ones(3, requires_grad=True, device=device)

    assert (tracked + plain).requires_grad is True
    assert (plain + tracked).requires_grad is True
    assert (plain + plain).requires_grad is False


def test_a_plain_operand_counts_as_a_constant():
    """In `(x * c).sum().backward()` a `c` that doesn't require grad is a constant: for dense
    float32 tensors of the same shape, with a leaf `x` that requires grad and has no `.grad`,
    `x.grad` equals `c` afterwards, and `c.grad` stays None.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    c = torch.tensor([3.0, 5.0])
    (x * c).sum().backward()

    assert x.grad.tolist() == [3.0, 5.0]
    assert c.requires_grad is False
    assert c.grad is None


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=5))
def test_tracking_changes_no_value(values):
    """`x.sin()`, `*` and `+` of float32 tensors give bit for bit the same values with
    `requires_grad=True` as without.

    Because the same kernels run, and recording happens beside them. Some modules do choose another
    kernel where no gradient is wanted, as `nn.TransformerEncoderLayer` with `batch_first=True`
    does in `eval()`.
    """
    plain = torch.tensor(values)
    tracked = torch.tensor(values, requires_grad=True)

    assert torch.equal(plain.sin() * plain + 1, tracked.sin() * tracked + 1)


@pytest.mark.claim("blitz-requires-grad-repr")
def test_a_tracked_tensor_says_so_when_printed():
    """`torch.ones(2, 2, requires_grad=True)` prints with `requires_grad=True` at the end;
    `torch.ones(2, 2)`, which doesn't require grad, prints without it.

    A computed tensor that requires grad prints its `grad_fn` instead:
    `spec/autograd/test_grad_fn.py`.
    """
    x = torch.ones(2, 2, requires_grad=True)

    assert repr(x) == "tensor([[1., 1.],\n        [1., 1.]], requires_grad=True)"
    assert repr(torch.ones(2, 2)) == "tensor([[1., 1.],\n        [1., 1.]])"


@pytest.mark.claim("blitz-requires-grad-inplace")
def test_requires_grad_with_an_underscore_switches_the_tensor_itself():
    """`x.requires_grad_()` of the float32 tensor `x = torch.ones(3)` sets `x.requires_grad` to
    True in place and returns `x` itself.

    Use it where a tensor exists already, as one that was loaded or computed in `torch.no_grad()`.
    For a tensor made in `torch.inference_mode()` it raises RuntimeError, "Setting
    requires_grad=True on inference tensor outside InferenceMode is not allowed": call it on the
    tensor's `clone()`.
    """
    x = torch.ones(3)
    y = x.requires_grad_()

    assert y is x
    assert x.requires_grad is True

    with torch.inference_mode():
        made_inside = torch.ones(3)
    with pytest.raises(RuntimeError, match="Setting requires_grad=True on inference tensor outsid"):
        made_inside.requires_grad_()
    assert made_inside.clone().requires_grad_().requires_grad is True


def test_requires_grad_can_be_assigned():
    """After `x = torch.ones(3)` and `x.requires_grad = True`, all outside of `no_grad` and
    `inference_mode`, the product `x * 2` requires grad, as after `x.requires_grad_()`.
    """
    x = torch.ones(3)
    x.requires_grad = True
    y = x * 2

    assert y.requires_grad is True


@pytest.mark.claim("blitz-untracked-arithmetic-false")
def test_plain_arithmetic_stays_untracked_until_the_switch():
    """`a = (a * 3) / (a - 1)` of a float32 `a` that doesn't require grad has
    `requires_grad` False; after `a.requires_grad_(True)` it has True.
    """
    a = torch.randn(2, 2)
    a = (a * 3) / (a - 1)
    before = a.requires_grad
    a.requires_grad_(True)

    assert before is False
    assert a.requires_grad is True


def test_switching_on_does_not_reach_back():
    """For `x = torch.ones(3)`, a product `x * 2` that was computed before `x.requires_grad_()`
    keeps `requires_grad` False; with grad mode on, a product computed afterwards has True.

    Because autograd reads the flag of an operand when the operation runs. So call
    `requires_grad_()` before the forward computation.
    """
    x = torch.ones(3)
    before = x * 2
    x.requires_grad_()
    after = x * 2

    assert before.requires_grad is False
    assert after.requires_grad is True


def test_a_view_taken_before_the_switch_leads_nowhere():
    """After `x = torch.ones(3)`, `view = x[:1]` and `x.requires_grad_()`, in this order,
    `view.requires_grad` is True, but `view.grad_fn` is None: with grad mode on,
    `(view * 2).backward()` leaves `x.grad` None and raises no error.

    Because the slice reads the flag of its base, here `x`, and has no history. `x.detach()` in
    place of the slice stays False, and so does a slice of `torch.arange(4.0).view(2, 2)`, whose
    base is the `arange`. Take the slice again after `requires_grad_()`.
    """
    x = torch.ones(3)
    view, detached = x[:1], x.detach()
    x.requires_grad_()
    (view * 2).backward()
    square = torch.arange(4.0).view(2, 2)
    row = square[:1]
    square.requires_grad_()

    assert view.requires_grad is True
    assert row.requires_grad is False
    assert detached.requires_grad is False
    assert view.grad_fn is None
    assert x.grad is None


def test_switching_off_spares_what_is_already_recorded():
    """After `x.requires_grad_(False)` on a float32 leaf `x` that required grad, a new
    product `x * 2` doesn't require grad; a product `x * 2` recorded before that call still
    does.
    """
    x = torch.ones(3, requires_grad=True)
    before = x * 2
    x.requires_grad_(False)
    after = x * 2

    assert before.requires_grad is True
    assert after.requires_grad is False


def test_an_in_place_write_of_a_tracked_value_makes_a_plain_tensor_tracked():
    """With grad mode on, `buffer[1] = x * 2` of a float32 0-d `x` that requires grad makes the
    whole `buffer = torch.zeros(3)` require grad and no longer a leaf.

    Because the write is recorded as an operation on `buffer`; `total += x` does the same, so a
    running total keeps the graph of each term: add `x.detach()`. A `buffer` of integers stays
    without gradient.
    """
    x = torch.tensor(3.0, requires_grad=True)
    buffer = torch.zeros(3)
    before = buffer.is_leaf
    buffer[1] = x * 2
    buffer.sum().backward()
    total = torch.zeros(2)
    total += x

    assert buffer.tolist() == [0.0, 6.0, 0.0]
    assert (before, buffer.is_leaf) == (True, False)
    assert repr(total) == "tensor([3., 3.], grad_fn=<AddBackward0>)"
    assert buffer.requires_grad is True
    assert x.grad.item() == 2.0
