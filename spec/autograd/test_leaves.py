"""Leaves.

Where a recorded computation begins stand its leaves: the tensors a person made, among them the
parameters of a model. `backward()` stores gradients there and nowhere else. Whatever was computed
from a tracked leaf is no leaf, even if it only moved to another dtype or device.

That one word explains most surprises of a first week: why `.grad` is None, why a tensor stops
being trained once it has moved, and why `deepcopy` or `requires_grad_(False)` refuse it.
"""

import copy

import pytest
import torch
from torch import nn


def test_what_you_make_yourself_is_a_leaf(device):
    """A tensor made by hand is a leaf, tracked or not."""
    plain = torch.ones(3, device=device)
    tracked = torch.ones(3, requires_grad=True, device=device)

    assert plain.is_leaf is True
    assert tracked.is_leaf is True


def test_what_is_computed_from_a_tracked_tensor_is_no_leaf(device):
    """A tracked result is no leaf; an untracked result has no history and counts as one."""
    recorded = torch.ones(3, requires_grad=True, device=device) * 2
    unrecorded = torch.ones(3, device=device) * 2

    assert recorded.is_leaf is False
    assert unrecorded.is_leaf is True


def test_the_order_of_arithmetic_and_switch_decides_who_is_the_leaf():
    """Switched on last, a tensor is a leaf; switched on before the arithmetic, it is not."""
    computed = torch.ones(3, requires_grad=True) * 2
    switched = (torch.ones(3) * 2).requires_grad_()

    assert computed.is_leaf is False
    assert switched.is_leaf is True
    assert computed.tolist() == switched.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.claim("self-one-backward-all")
def test_backward_fills_the_gradients_of_tracked_leaves_only():
    """One backward pass gives a gradient to each tracked leaf, and to no tensor between."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(3.0, requires_grad=True)
    constant = torch.tensor(4.0)
    between = x * w
    (between * constant).backward()

    assert x.grad.item() == 12.0
    assert w.grad.item() == 8.0
    assert constant.grad is None
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert between.grad is None


def test_reading_grad_of_a_tensor_that_is_no_leaf_warns():
    """`.grad` of a computed tensor is None, and the warning names the way out: `retain_grad()`."""
    y = torch.ones(3, requires_grad=True) * 2

    with pytest.warns(UserWarning, match=r"use \.retain_grad\(\) on the non-leaf Tensor"):
        gradient = y.grad
    assert gradient is None


def test_retain_grad_keeps_the_gradient_of_a_computed_tensor():
    """After `retain_grad()` a tensor between leaf and loss keeps its gradient, without warning."""
    x = torch.tensor(2.0, requires_grad=True)
    y = x * 3
    y.retain_grad()
    (y * y).backward()

    assert y.retains_grad is True
    assert y.grad.item() == 12.0
    assert x.grad.item() == 36.0


def test_retain_grad_on_a_leaf_is_idle():
    """A leaf keeps its gradient anyway, so `retain_grad()` changes nothing there."""
    x = torch.tensor(2.0, requires_grad=True)
    x.retain_grad()

    assert x.retains_grad is False


def test_retain_grad_needs_a_tracked_tensor():
    """There is no gradient to keep for an untracked tensor."""
    with pytest.raises(RuntimeError, match="can't retain_grad on Tensor that has requires_grad"):
        torch.ones(3).retain_grad()


def test_to_another_dtype_leaves_the_leaf_behind():
    """`x.to(dtype)` is a recorded operation; where nothing has to change, `to` returns `x`."""
    x = torch.ones(2, requires_grad=True)
    y = x.to(torch.float64)

    assert y.is_leaf is False
    assert x.to(torch.float32) is x
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert x.grad.dtype == torch.float32


@pytest.mark.cuda
def test_to_the_gpu_leaves_the_leaf_behind():
    """`x.cuda()` is no leaf; made on the GPU in the first place, a tensor is one."""
    x = torch.ones(2, requires_grad=True)

    assert x.cuda().is_leaf is False
    assert torch.ones(2, requires_grad=True, device="cuda").is_leaf is True


@pytest.mark.parametrize(
    ("function", "leaf"),
    [
        (torch.Tensor.clone, False),
        (torch.Tensor.contiguous, True),
        (torch.Tensor.flatten, True),
        (torch.Tensor.t, False),
        (torch.Tensor.detach, True),
    ],
)
def test_copies_and_views_of_a_leaf_are_no_leaves(function, leaf):
    """A copy or view of a tracked leaf is no leaf; `detach()`, or `x` itself handed back, is."""
    x = torch.ones(2, requires_grad=True)

    assert function(x).is_leaf is leaf


def test_a_computed_tensor_cannot_be_switched_off():
    """`requires_grad` of a tensor with a history can't be cleared; `detach()` is the way."""
    y = torch.ones(2, requires_grad=True) * 2

    with pytest.raises(RuntimeError, match="only change requires_grad flags of leaf variables"):
        y.requires_grad_(False)
    assert y.detach().requires_grad is False


def test_a_parameter_is_a_leaf_and_tracked_without_asking():
    """`nn.Parameter` differs from a plain tensor in that it is tracked by default."""
    weight = nn.Parameter(torch.ones(2))

    assert weight.is_leaf is True
    assert weight.requires_grad is True


def test_a_parameter_made_of_a_result_starts_anew():
    """Wrapped as a parameter, a computed tensor keeps its memory and loses its history."""
    y = torch.ones(2, requires_grad=True) * 2
    weight = nn.Parameter(y)

    assert weight.is_leaf is True
    assert weight.grad_fn is None
    assert weight.data_ptr() == y.data_ptr()


def test_the_parameters_of_a_layer_are_leaves():
    """Weight and bias of a layer are leaves, however much arithmetic initialised them."""
    layer = nn.Linear(3, 2)

    assert [p.is_leaf for p in layer.parameters()] == [True, True]


def test_deepcopy_takes_leaves_only():
    """`copy.deepcopy` copies a leaf into a leaf; a tensor with a history it refuses."""
    leaf = torch.ones(2, requires_grad=True)
    twin = copy.deepcopy(leaf)

    assert twin.is_leaf is True
    assert twin.data_ptr() != leaf.data_ptr()
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(leaf * 2)
