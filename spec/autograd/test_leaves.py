"""Leaves.

A leaf is where the recorded graph begins: a tensor that you made, such as a parameter of a model,
and not one that a recorded operation computed. `backward()` accumulates gradients in the `.grad`
of leaves that require grad, and of other tensors only on request, by `retain_grad()` or
`inputs=`. `x.is_leaf` says whether `x` is one; every tensor that doesn't require grad counts as a
leaf too.

What surprises: an operation that hardly looks like one makes a non-leaf, as
`.to(torch.float64)` of float32, `.cuda()` or `* 1` do. So
`torch.ones(2, requires_grad=True).cuda()` is no leaf, its `.grad` stays None, and an optimizer
refuses it. Make the tensor on its device, or call `requires_grad_()` last. The same word
explains why `copy.deepcopy` and `requires_grad_(False)` refuse some tensors.
"""

import copy

import pytest
import torch
from torch import nn


def test_what_you_make_yourself_is_a_leaf(device):
    """`torch.ones(3)` and `torch.ones(3, requires_grad=True)` both return a leaf."""
    plain = torch.ones(3, device=device)
    tracked = torch.ones(3, requires_grad=True, device=device)

    assert plain.is_leaf is True
    assert tracked.is_leaf is True


def test_what_is_computed_from_a_tracked_tensor_is_no_leaf(device):
    """With grad mode on, a product `x * 2` of a float32 `x` is no leaf if `x` requires grad; if
    `x` doesn't, the product has no `grad_fn` and counts as a leaf.
    """
    recorded = torch.ones(3, requires_grad=True, device=device) * 2
    unrecorded = torch.ones(3, device=device) * 2

    assert recorded.is_leaf is False
    assert unrecorded.is_leaf is True


def test_the_order_of_arithmetic_and_switch_decides_who_is_the_leaf():
    """With grad mode on, `torch.ones(3, requires_grad=True) * 2` is no leaf;
    `(torch.ones(3) * 2).requires_grad_()` has the same values and is a leaf.

    So ask for gradients last, after scaling, casting and moving: `torch.optim.SGD([x], lr=0.1)`
    with the first of the two as `x` raises ValueError, "can't optimize a non-leaf Tensor".
    """
    computed = torch.ones(3, requires_grad=True) * 2
    switched = (torch.ones(3) * 2).requires_grad_()

    assert computed.is_leaf is False
    assert switched.is_leaf is True
    assert computed.tolist() == switched.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.claim("self-one-backward-all", "blitz-grad-on-every-tensor")
def test_backward_fills_the_gradients_of_tracked_leaves_only():
    """`(x * w * constant).backward()` of float32 0-d tensors fills the `.grad` of the
    leaves `x` and `w`, which require grad; the `.grad` of `constant`, which doesn't, and
    that of the product `x * w` in between stay None.

    Because the gradient of `x * w` is needed only to compute those of `x` and `w`. For
    `p = x * w`, `p.retain_grad()` before `backward()` keeps it in `p.grad`.
    """
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
    """Reading `y.grad` right after a recorded `y = x * 2`, with a float32 `x` that requires
    grad, gives None and issues a UserWarning, "use .retain_grad() on the non-leaf Tensor".

    By default Python shows this warning once per line of a file; at the `>>>` prompt, where each
    input is line 1, only the first time.
    """
    y = torch.ones(3, requires_grad=True) * 2

    with pytest.warns(UserWarning, match=r"use \.retain_grad\(\) on the non-leaf Tensor"):
        gradient = y.grad
    assert gradient is None


def test_retain_grad_keeps_the_gradient_of_a_computed_tensor():
    """For `x = torch.tensor(2.0, requires_grad=True)` and `y = x * 3`, `y.retain_grad()` makes
    `(y * y).backward()` store the gradient of the non-leaf tensor `y`, 12, in `y.grad`, besides
    the one of the leaf, 36, in `x.grad`.
    """
    x = torch.tensor(2.0, requires_grad=True)
    y = x * 3
    y.retain_grad()
    (y * y).backward()

    assert y.retains_grad is True
    assert y.grad.item() == 12.0
    assert x.grad.item() == 36.0


def test_retain_grad_on_a_leaf_is_idle():
    """`x.retain_grad()` on a leaf that requires grad is accepted and leaves `x.retains_grad`
    False: `backward()` fills the `grad` of a leaf anyway.
    """
    x = torch.tensor(2.0, requires_grad=True)
    x.retain_grad()
    (x * x).backward()

    assert x.retains_grad is False
    assert x.grad.item() == 4.0


def test_retain_grad_needs_a_tracked_tensor():
    """`retain_grad()` on a tensor that doesn't require grad raises RuntimeError, "can't
    retain_grad on Tensor that has requires_grad=False".

    Call it on a result of something that requires grad, before `backward()`.
    """
    with pytest.raises(
        RuntimeError, match="can't retain_grad on Tensor that has requires_grad=False"
    ):
        torch.ones(3).retain_grad()


def test_to_another_dtype_leaves_the_leaf_behind():
    """With grad mode on, `x.to(torch.float64)` of a float32 leaf that requires grad is no leaf;
    `x.to(torch.float32)`, which has nothing to change, returns `x` itself.

    The gradient then arrives at `x`, in float32, and not at the cast tensor.
    """
    x = torch.ones(2, requires_grad=True)
    y = x.to(torch.float64)

    assert y.is_leaf is False
    assert x.to(torch.float32) is x
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert x.grad.dtype == torch.float32


@pytest.mark.cuda
def test_to_the_gpu_leaves_the_leaf_behind():
    """With grad mode on, `x.cuda()` of a CPU leaf that requires grad is no leaf; a tensor
    made by `torch.ones` with `device="cuda", requires_grad=True` is a leaf.

    So an optimizer refuses `x.cuda()`. For a model call `model.cuda()`, which moves the
    parameters and keeps them leaves.
    """
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
    """With grad mode on, `clone()` and `t()` of `x = torch.ones(2, requires_grad=True)` are
    no leaves; `detach()` is a leaf, and so is `x` itself, which `contiguous()` and
    `flatten()` return for this 1-D `x`.
    """
    x = torch.ones(2, requires_grad=True)

    assert function(x).is_leaf is leaf


def test_a_computed_tensor_cannot_be_switched_off():
    """`requires_grad_(False)` on a tensor that has a `grad_fn` raises RuntimeError, "you can
    only change requires_grad flags of leaf variables"; use `detach()`.

    Because its flag follows from the operands it was computed from.
    """
    y = torch.ones(2, requires_grad=True) * 2

    with pytest.raises(RuntimeError, match="only change requires_grad flags of leaf variables"):
        y.requires_grad_(False)
    assert y.detach().requires_grad is False


def test_a_parameter_is_a_leaf_and_tracked_without_asking():
    """`nn.Parameter(torch.ones(2))` is a leaf and requires grad without `requires_grad=True`."""
    weight = nn.Parameter(torch.ones(2))

    assert weight.is_leaf is True
    assert weight.requires_grad is True


def test_a_parameter_made_of_a_result_starts_anew():
    """`nn.Parameter(y)` of `y = x * 2` with a dense float32 `x` is a new leaf that shares
    the storage of `y` and has no `grad_fn`, even if `x` requires grad.

    So training the parameter doesn't train what `y` was computed from.
    """
    y = torch.ones(2, requires_grad=True) * 2
    weight = nn.Parameter(y)

    assert weight.is_leaf is True
    assert weight.grad_fn is None
    assert weight.data_ptr() == y.data_ptr()


def test_the_parameters_of_a_layer_are_leaves():
    """`weight` and `bias` of a new `nn.Linear(3, 2)` are leaves, although their initial values
    were computed.

    Because the initialisers write into them under `no_grad`.
    """
    layer = nn.Linear(3, 2)

    assert [p.is_leaf for p in layer.parameters()] == [True, True]


def test_deepcopy_takes_leaves_only():
    """`copy.deepcopy` of the leaf `x = torch.ones(2, requires_grad=True)` gives a leaf with
    storage of its own; of a recorded product `x * 2` it raises RuntimeError, "Only Tensors
    created explicitly by the user".

    Copy `y.detach()` instead. The usual case is a module that keeps an output as an attribute
    and is deep-copied later.
    """
    leaf = torch.ones(2, requires_grad=True)
    twin = copy.deepcopy(leaf)

    assert twin.is_leaf is True
    assert twin.data_ptr() != leaf.data_ptr()
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(leaf * 2)
