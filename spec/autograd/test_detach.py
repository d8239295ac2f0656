"""Cutting a tensor loose.

`detach()` gives a second tensor on the same memory, without the history. What is computed from it
is not recorded, and no gradient passes through it. The first tensor goes on being tracked: detach
cuts the copy, not the original. (`detach_()`, with the underscore, cuts the tensor itself.)

Because the memory is shared, a write through the detached tensor changes the original too.
Autograd notices such a write. Through the older `.data` it does not, and computes a wrong gradient
without a word.
"""

import numpy as np
import pytest
import torch


def test_detach_shares_the_memory(device):
    """The detached tensor is a new object on the same memory: a write shows on both sides."""
    x = torch.ones(2, requires_grad=True, device=device)
    d = x.detach()
    d[0] = 5.0

    assert d is not x
    assert d.data_ptr() == x.data_ptr()
    assert x.tolist() == [5.0, 1.0]


@pytest.mark.claim("blitz-detach-result-untracked")
def test_what_is_computed_from_a_detached_tensor_is_not_recorded(device):
    """`detach()` gives a tensor without history, and its results have none either."""
    y = torch.ones(2, requires_grad=True, device=device) * 3
    d = y.detach()
    after = d * 2

    assert d.requires_grad is False
    assert d.grad_fn is None
    assert after.tolist() == [6.0, 6.0]
    assert after.requires_grad is False


@pytest.mark.claim("blitz-detach-stops-original")
def test_the_original_is_still_tracked_after_detach(device):
    """`detach()` changes nothing about the tensor it is called on."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * 2
    y.detach()
    (y * y).backward()

    assert y.requires_grad is True
    assert y.grad_fn.name() == "MulBackward0"
    assert x.grad.item() == 24.0


@pytest.mark.claim("blitz-detach-stops-original")
def test_detach_with_an_underscore_cuts_the_tensor_itself():
    """`detach_()` turns the tensor itself into an untracked leaf, in place."""
    y = torch.ones(2, requires_grad=True) * 2
    same = y.detach_()

    assert same is y
    assert y.requires_grad is False
    assert y.grad_fn is None
    assert y.is_leaf is True


def test_detach_with_an_underscore_refuses_a_view():
    """A view and its base have one history, so a view can't be cut in place."""
    base = torch.ones(2, requires_grad=True) * 2
    view = base[:1]

    with pytest.raises(RuntimeError, match="Can't detach views in-place"):
        view.detach_()
    assert view.detach().requires_grad is False


def test_a_detached_factor_counts_as_a_constant():
    """The square of `x` has slope `2 x`; with one factor detached only `x` is left."""
    x = torch.tensor(3.0, requires_grad=True)
    (x * x.detach()).backward()

    assert x.grad.item() == 3.0


def test_a_tracked_detached_tensor_starts_a_new_graph():
    """`detach().requires_grad_()` makes a leaf in the middle: the gradient stops there."""
    x = torch.tensor(3.0, requires_grad=True)
    middle = (x * 2).detach().requires_grad_()
    (middle * middle).backward()

    assert middle.grad.item() == 12.0
    assert x.grad is None


def test_detach_of_an_untracked_tensor_is_still_a_new_object():
    """There is nothing to cut, and yet `detach()` returns another tensor on the same memory."""
    x = torch.ones(2)
    d = x.detach()

    assert d is not x
    d.fill_(7)
    assert x.tolist() == [7.0, 7.0]


def test_a_write_through_detach_is_noticed():
    """The version counter is shared: `backward` refuses, as the saved factor has changed."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    x.detach().mul_(10)

    assert x._version == 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_write_through_data_goes_unnoticed_and_spoils_the_gradient():
    """`.data` has a counter of its own, so `backward` uses the new numbers for the old results.

    The squares were taken of 1 and 2. Their slopes are 2 and 4, not what comes out here.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    x.data.mul_(10)
    y.sum().backward()

    assert y.tolist() == [1.0, 4.0]
    assert x._version == 0
    assert x.grad.tolist() == [20.0, 40.0]


def test_data_shares_memory_and_is_untracked():
    """Apart from the counter, `.data` is what `detach()` gives."""
    x = torch.ones(2, requires_grad=True)
    x.data[0] = 5.0

    assert x.tolist() == [5.0, 1.0]
    assert x.data.requires_grad is False
    assert x.requires_grad is True


def test_assigning_data_swaps_the_memory_below_a_leaf():
    """`x.data = other` keeps the tensor, its flag and its name, and takes the other's values."""
    x = torch.ones(2, requires_grad=True)
    other = torch.zeros(3)
    x.data = other

    assert x.tolist() == [0.0, 0.0, 0.0]
    assert x.data_ptr() == other.data_ptr()
    assert x.requires_grad is True


def test_numpy_refuses_a_tracked_tensor():
    """NumPy records nothing, so `numpy()` on a tracked tensor is refused, words included."""
    x = torch.ones(2, requires_grad=True)

    with pytest.raises(RuntimeError, match=r"Use tensor\.detach\(\)\.numpy\(\) instead"):
        x.numpy()
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(x)


def test_detach_numpy_gives_an_array_on_the_same_memory():
    """`x.detach().numpy()` copies nothing: a write in the array shows in the tensor."""
    x = torch.ones(2, requires_grad=True)
    array = x.detach().numpy()
    array[0] = 5.0

    assert x.tolist() == [5.0, 1.0]


def test_numpy_by_force_detaches():
    """`numpy(force=True)` does the detaching (and the way to the CPU) for you."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    assert x.numpy(force=True).tolist() == [1.0, 2.0]


def test_item_and_tolist_need_no_detach(device):
    """Taking Python numbers out of a tracked tensor is allowed; they carry no history."""
    x = torch.tensor([1.5, 2.0], requires_grad=True, device=device)

    assert x.tolist() == [1.5, 2.0]
    assert x.sum().item() == 3.5
    assert type(x.sum().item()) is float


def test_clone_copies_the_memory_and_keeps_the_history(device):
    """`clone()` is the opposite of `detach()`: memory of its own, and gradients pass through."""
    x = torch.ones(2, requires_grad=True, device=device)
    y = x.clone()
    (y * 3).sum().backward()

    assert y.data_ptr() != x.data_ptr()
    assert y.grad_fn.name() == "CloneBackward0"
    assert x.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "copy", [lambda x: x.detach().clone(), lambda x: x.clone().detach()], ids=["cut", "copied"]
)
def test_detach_and_clone_give_an_independent_copy_in_either_order(copy):
    """Cut first or copied first: the result has its own memory and no history.

    `detach().clone()` is the better habit, as it records no copy only to forget it.
    """
    x = torch.ones(2, requires_grad=True)
    y = copy(x)
    y[0] = 5.0

    assert x.tolist() == [1.0, 1.0]
    assert y.tolist() == [5.0, 1.0]
    assert y.requires_grad is False


def test_torch_tensor_copies_and_cuts_and_says_so():
    """`torch.tensor(x)` makes an untracked copy and warns; `torch.as_tensor(x)` is `x` itself."""
    x = torch.ones(2, requires_grad=True)

    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        y = torch.tensor(x)
    assert y.requires_grad is False
    assert y.data_ptr() != x.data_ptr()
    assert torch.as_tensor(x) is x
