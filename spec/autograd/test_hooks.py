"""Hooks: watching a gradient on its way.

A hook is a function of your own that `backward()` calls when the gradient of a
tensor has been worked out. It can look at the gradient, or return another one, and
that is what travels on from there. Tensors in the middle of the graph, which keep
no `.grad`, can be watched in this way, and a hook can be taken off again.
"""

import pytest
import torch


def test_a_hook_sees_the_gradient_of_its_tensor(device):
    """The function given to `register_hook` is called with the gradient of that very tensor."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    middle = x * 3
    seen = []
    middle.register_hook(lambda grad: seen.append(grad.tolist()))

    (middle * middle).sum().backward()

    assert seen == [[6.0, 12.0]]
    assert x.grad.tolist() == [18.0, 36.0]


def test_a_hook_sees_the_sum_over_all_uses():
    """A tensor used twice calls its hook once, with both gradients added up."""
    x = torch.tensor(3.0, requires_grad=True)
    seen = []
    x.register_hook(lambda grad: seen.append(grad.item()))

    (x * x + 5 * x).backward()

    assert seen == [11.0]


def test_what_a_hook_returns_replaces_the_gradient(device):
    """A returned tensor takes the gradient's place for all that lies further back."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    middle = x * 3
    middle.register_hook(lambda grad: grad.clamp(max=10))

    (middle * middle).sum().backward()

    assert x.grad.tolist() == [18.0, 30.0]


def test_a_hook_on_a_leaf_changes_what_grad_receives(device):
    """On a leaf the hook runs before the gradient is added to `.grad`, and not on the sum."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    x.register_hook(lambda grad: -grad)

    (x * x).backward()
    (x * x).backward()

    assert x.grad.item() == -12.0


def test_hooks_run_in_the_order_they_were_put_on():
    """Each hook receives what the one before it returned."""
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: grad + 1)
    x.register_hook(lambda grad: grad * 10)

    (x * x).backward()

    assert x.grad.item() == 70.0


def test_a_removed_hook_is_called_no_more():
    """`register_hook` returns a handle; its `remove()` takes the hook off again."""
    x = torch.tensor(3.0, requires_grad=True)
    handle = x.register_hook(lambda grad: grad * 100)
    x.register_hook(lambda grad: grad + 1)

    handle.remove()
    (x * x).backward()

    assert x.grad.item() == 7.0


def test_a_hook_may_not_change_the_shape():
    """A hook that returns a tensor of another shape is refused."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda grad: grad.sum())

    with pytest.raises(RuntimeError, match="has changed the size of value"):
        (x * x).sum().backward()


def test_a_hook_may_not_change_the_dtype():
    """A hook that returns a tensor of another dtype is refused."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda grad: grad.double())

    with pytest.raises(RuntimeError, match="has changed the type of value"):
        (x * x).sum().backward()


def test_a_hook_returns_a_tensor_or_nothing():
    """A hook that returns a Python number is refused, even where the gradient is a scalar."""
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: 2 * grad.item())

    with pytest.raises(TypeError, match="expected Variable, but hook returned 'float'"):
        (x * x).backward()


def test_a_hook_needs_a_tracked_tensor():
    """A tensor without `requires_grad` will never have a gradient, so it takes no hook."""
    x = torch.tensor(3.0)

    with pytest.raises(RuntimeError, match="register a hook on a tensor that doesn't require grad"):
        x.register_hook(print)


@pytest.mark.torch(">=2.0")
def test_a_retained_grad_is_what_the_hooks_left():
    """`retain_grad()` keeps the gradient as the hooks returned it, whichever came first."""
    x = torch.tensor(3.0, requires_grad=True)
    middle = x * 2
    middle.retain_grad()
    middle.register_hook(lambda grad: grad * 10)

    (middle * 5).backward()

    assert middle.grad.item() == 50.0
    assert x.grad.item() == 100.0


@pytest.mark.torch("<2.0")
def test_a_retained_grad_used_to_miss_the_hooks_put_on_later():
    """Before 2.0 `retain_grad()` kept what it saw in its turn: later hooks came too late for it."""
    x = torch.tensor(3.0, requires_grad=True)
    middle = x * 2
    middle.retain_grad()
    middle.register_hook(lambda grad: grad * 10)

    (middle * 5).backward()

    assert middle.grad.item() == 5.0
    assert x.grad.item() == 100.0


@pytest.mark.torch(">=2.0")
def test_hooks_of_a_leaf_run_for_autograd_grad_too():
    """`torch.autograd.grad` calls the hooks of the tensors that it is asked about."""
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: grad * 10)

    assert torch.autograd.grad(x * x, x) == (60.0,)


@pytest.mark.torch("<2.0")
def test_hooks_of_a_leaf_used_to_miss_autograd_grad():
    """Before 2.0 `torch.autograd.grad` passed over the hooks of the leaves it was asked about."""
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: grad * 10)

    assert torch.autograd.grad(x * x, x) == (6.0,)


@pytest.mark.torch(">=2.0")
def test_a_hook_stays_with_the_value_it_was_put_on():
    """After an in-place change old hooks still see the old value's gradient, new ones the new."""
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 2
    seen = {}
    y.register_hook(lambda grad: seen.update(old=grad.item()))
    y.mul_(5)
    y.register_hook(lambda grad: seen.update(new=grad.item()))

    y.backward()

    assert seen == {"old": 5.0, "new": 1.0}


@pytest.mark.torch("<2.0")
def test_a_hook_put_on_later_used_to_join_the_earlier_ones():
    """Before 2.0 a hook from after an in-place change still saw the gradient of the old value."""
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 2
    seen = {}
    y.register_hook(lambda grad: seen.update(old=grad.item()))
    y.mul_(5)
    y.register_hook(lambda grad: seen.update(new=grad.item()))

    y.backward()

    assert seen == {"old": 5.0, "new": 5.0}
