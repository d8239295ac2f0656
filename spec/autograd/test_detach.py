"""Detaching: the same values without the graph.

`x.detach()` returns another tensor that shares the storage of `x` and has no history: it doesn't
require grad, it is a leaf, and no gradient flows through it back to `x`. The tensor `x` itself
keeps its graph. (`x.detach_()`, with the underscore, detaches `x` itself.) Use `detach()` where a
value is to count as a constant: a target computed by the same network, a value to log or to keep,
an array for NumPy.

What surprises: the storage is shared, so an in-place write through the detached tensor changes
`x` too. Autograd notices such a write by a torch operation where a saved tensor was changed, and
`backward()` raises.
Through the older attribute `.data` it doesn't notice, and the gradient may be wrong.
`detach().clone()` is independent.

`numpy()` and `np.asarray` refuse a tensor that requires grad: see
`spec/tensors/test_numpy_refusals.py`. `torch.tensor(x)` of a tensor copies with a warning: see
`spec/tensors/test_copying.py`.
"""

import pytest
import torch


def test_detach_shares_the_memory(device):
    """`d = x.detach()` of a dense tensor `x`, both made outside `torch.inference_mode()`, is a new
    tensor on the storage of `x`, whether `x` requires grad or not: writing an element of `d`
    changes `x`.

    Use `x.detach().clone()` for a copy that is independent.
    """
    x = torch.ones(2, requires_grad=True, device=device)
    plain = torch.ones(2, device=device)
    d = x.detach()
    d[0] = 5.0
    plain.detach()[1] = 7.0

    assert d is not x
    assert d.data_ptr() == x.data_ptr()
    assert x.tolist() == [5.0, 1.0]
    assert plain.detach() is not plain
    assert plain.tolist() == [1.0, 7.0]


@pytest.mark.claim("blitz-detach-result-untracked")
def test_what_is_computed_from_a_detached_tensor_is_not_recorded(device):
    """For `y = torch.ones(2, requires_grad=True) * 3`, `d = y.detach()` has `requires_grad`
    False and `grad_fn` None, and `d * 2` doesn't require grad either.
    """
    y = torch.ones(2, requires_grad=True, device=device) * 3
    d = y.detach()
    after = d * 2

    assert d.requires_grad is False
    assert d.grad_fn is None
    assert after.tolist() == [6.0, 6.0]
    assert after.requires_grad is False


@pytest.mark.claim("blitz-detach-stops-original")
def test_the_original_is_still_tracked_after_detach(device):
    """`y.detach()` of a computed `y` that requires grad leaves `y` as it was: `y` still
    requires grad, and `backward()` through `y` still reaches its leaf.

    So `y.detach()` on a line of its own does nothing; write `y = y.detach()`.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * 2
    y.detach()
    (y * y).backward()

    assert y.requires_grad is True
    assert y.grad_fn.name() == "MulBackward0"
    assert x.grad.item() == 24.0


@pytest.mark.claim("blitz-detach-stops-original")
def test_detach_with_an_underscore_cuts_the_tensor_itself():
    """`y.detach_()` on a product `y = x * 2` detaches `y` itself, in place, and returns it: `y`
    becomes a leaf that doesn't require grad and has no `grad_fn`.
    """
    y = torch.ones(2, requires_grad=True) * 2
    same = y.detach_()

    assert same is y
    assert y.requires_grad is False
    assert y.grad_fn is None
    assert y.is_leaf is True


def test_detach_with_an_underscore_refuses_a_view():
    """For `y = torch.ones(2, requires_grad=True) * 2` and its slice `view = y[:1]`,
    `view.detach_()` raises RuntimeError, "Can't detach views in-place"; `view.detach()`
    works.

    A slice without a graph raises the same error: `torch.ones(2)[:1].detach_()`.
    """
    base = torch.ones(2, requires_grad=True) * 2
    view = base[:1]

    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        view.detach_()
    assert view.detach().requires_grad is False


def test_a_detached_factor_counts_as_a_constant():
    """The gradient of `x * x.detach()` with respect to a float32 0-d `x` is the value of
    `x`, not `2 * x`: the detached factor counts as a constant.
    """
    x = torch.tensor(3.0, requires_grad=True)
    (x * x.detach()).backward()

    assert x.grad.item() == 3.0


def test_a_tracked_detached_tensor_starts_a_new_graph():
    """`middle = (x * 2).detach().requires_grad_()` of a float32 `x` is a new leaf: `(middle
    * middle).sum().backward()` stores a gradient in `middle.grad` and doesn't reach `x`.

    That is how a computation is split into parts whose gradients are computed one after the
    other.
    """
    x = torch.tensor(3.0, requires_grad=True)
    middle = (x * 2).detach().requires_grad_()
    (middle * middle).backward()

    assert middle.grad.item() == 12.0
    assert x.grad is None


def test_a_write_through_detach_is_noticed():
    """With `x = torch.tensor([1.0, 2.0], requires_grad=True)` and `y = x * x`, which saves
    `x`, `x.detach().mul_(10)` increments the version counter `x._version` from 0 to 1;
    `y.sum().backward()` then raises RuntimeError.

    Because the detached tensor shares the counter of `x`. Write to `x.detach().clone()`
    instead, or after `backward()`. A write to the array `x.detach().numpy()` isn't counted.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    x.detach().numpy()[0] = 5.0

    assert x.tolist() == [5.0, 2.0]
    assert x._version == 0

    x.detach().mul_(10)

    assert x._version == 1
    with pytest.raises(
        RuntimeError, match="one of the variables needed for gradient computation has been modified"
    ):
        y.sum().backward()


def test_a_write_through_data_goes_unnoticed_and_spoils_the_gradient():
    """For `y = x * x` with a float32 leaf `x` of 1 and 2 that requires grad,
    `x.data.mul_(10)` between forward and backward raises no error, and the gradient of
    `y.sum()` is wrong: 20 and 40 instead of 2 and 4.

    Because `.data` has a version counter of its own, so `backward()` uses the new factors. After
    `x.detach().mul_(10)` `backward()` raises RuntimeError instead. Update a weight after
    `backward()`, inside `torch.no_grad()`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    x.data.mul_(10)
    y.sum().backward()

    assert y.tolist() == [1.0, 4.0]
    assert x._version == 0
    assert x.grad.tolist() == [20.0, 40.0]


def test_data_shares_memory_and_is_untracked():
    """`x.data` of a dense tensor `x`, like `x.detach()`, shares the storage of `x` and
    doesn't require grad; `x` itself keeps its `requires_grad`.
    """
    x = torch.ones(2, requires_grad=True)
    x.data[0] = 5.0

    assert x.tolist() == [5.0, 1.0]
    assert x.data.requires_grad is False
    assert x.requires_grad is True


def test_item_and_tolist_need_no_detach(device):
    """`x.tolist()` and `x.sum().item()` work on a float32 vector `x` that requires grad without
    `detach()` and without a warning: they give a list of Python floats and one float.

    `tolist()` of a 0-d tensor gives one number. In recent releases `float(loss)` of a loss that
    requires grad gives the number with a UserWarning in grad mode, by default once per process.
    """
    x = torch.tensor([1.5, 2.0], requires_grad=True, device=device)

    assert x.tolist() == [1.5, 2.0]
    assert x.sum().item() == 3.5
    assert x.sum().tolist() == 3.5
    assert type(x.sum().item()) is float


def test_clone_copies_the_memory_and_keeps_the_history(device):
    """With grad mode on, `x.clone()` of a dense, non-empty float32 `x` that requires grad has
    storage of its own and a `grad_fn`, so gradients flow through it back to `x`; `x.detach()` has
    neither.
    """
    x = torch.ones(2, requires_grad=True, device=device)
    y = x.clone()
    (y * 3).sum().backward()

    assert y.data_ptr() != x.data_ptr()
    assert x.detach().data_ptr() == x.data_ptr()
    assert x.detach().grad_fn is None
    assert y.grad_fn.name() == "CloneBackward0"
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "copy", [lambda x: x.detach().clone(), lambda x: x.clone().detach()], ids=["cut", "copied"]
)
def test_detach_and_clone_give_an_independent_copy_in_either_order(copy):
    """For a dense tensor `x`, `x.detach().clone()` and `x.clone().detach()` both give a tensor
    with storage of its own that doesn't require grad.

    `detach().clone()` is the better habit: in the other order autograd records the `clone()` of an
    `x` that requires grad, and `detach()` drops that record again.
    """
    x = torch.ones(2, requires_grad=True)
    y = copy(x)
    y[0] = 5.0

    assert x.tolist() == [1.0, 1.0]
    assert y.tolist() == [5.0, 1.0]
    assert y.requires_grad is False
