"""Tensor hooks: seeing and changing a gradient on its way.

A hook is a function that `backward()` calls when the gradient of a tensor has been computed.
`x.register_hook(f)` registers one: `f` is called with the gradient, and may return another
tensor, which then takes the gradient's place for everything further back in the graph. Tensors in
the middle of the graph, which keep no `.grad`, can be watched in this way. `register_hook`
returns a handle, whose `remove()` takes the hook off again.

What surprises: on a leaf a hook sees the gradient of this one `backward()`, before it is added to
`.grad`, not the accumulated sum. And a hook that changes its argument in place may change the
gradient although it returns nothing, or raise RuntimeError where the gradient is an expanded
tensor; the documentation forbids it: return a new tensor.

Hooks at other moments, and on nodes: `spec/autograd/test_more_hooks.py`. Hooks on modules:
`spec/nn/test_hooks.py`.
"""

import pytest
import torch


def test_a_hook_sees_the_gradient_of_its_tensor(device):
    """For `middle = x * 3` with a float32 `x` that requires grad, a function registered
    with `middle.register_hook(f)` is called in `(middle * middle).sum().backward()` with
    the gradient of `middle`, although `middle` is no leaf.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    middle = x * 3
    seen = []
    middle.register_hook(lambda grad: seen.append(grad.tolist()))

    (middle * middle).sum().backward()

    assert seen == [[6.0, 12.0]]
    assert x.grad.tolist() == [18.0, 36.0]


def test_a_hook_sees_the_sum_over_all_uses():
    """In `(x * x + 5 * x).backward()`, with a float32 0-d leaf `x` that requires grad, a
    function given to `x.register_hook` is called once, with the sum of the gradients of all
    uses of `x`.
    """
    x = torch.tensor(3.0, requires_grad=True)
    seen = []
    x.register_hook(lambda grad: seen.append(grad.item()))

    (x * x + 5 * x).backward()

    assert seen == [11.0]


def test_what_a_hook_returns_replaces_the_gradient(device):
    """`grad.clamp(max=10)` returned by a `middle.register_hook` hook replaces the gradient of
    `middle`: for `x = torch.tensor([1.0, 2.0], requires_grad=True)` and `middle = x * 3`,
    `(middle * middle).sum().backward()` gives `x.grad` 18, 30.

    Without the hook `x.grad` is 18, 36. A hook that returns None leaves the gradient as it is; it
    should not write to `grad` in place.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    middle = x * 3
    middle.register_hook(lambda grad: grad.clamp(max=10))

    (middle * middle).sum().backward()

    assert x.grad.tolist() == [18.0, 30.0]


def test_a_hook_on_a_leaf_changes_what_grad_receives(device):
    """A hook that `register_hook` put on a leaf is applied to the gradient of each
    `backward()` that reaches the leaf, before the gradient is added to `.grad`, and not to
    the accumulated sum.

    So clipping in a hook acts on each micro-batch. To see the sum use
    `register_post_accumulate_grad_hook` (since PyTorch 2.1).
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    x.register_hook(lambda grad: -grad)

    (x * x).backward()
    (x * x).backward()

    assert x.grad.item() == -12.0


def test_hooks_run_in_the_order_they_were_put_on():
    """Hooks registered on one leaf with `register_hook` run in the order in which they were
    registered; each receives the gradient as the one before left it.

    On a non-leaf tensor `y` that `y.mul_(3)` changes in grad mode between two registrations, the
    hook registered later runs first, because `backward()` goes through the operations in reverse
    order.
    """
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: grad + 1)
    x.register_hook(lambda grad: grad * 10)

    (x * x).backward()

    assert x.grad.item() == 70.0


def test_a_removed_hook_is_called_no_more():
    """`x.register_hook(f)` of a tensor `x` that requires grad returns a handle; after
    `handle.remove()` a `backward()` that starts later doesn't call this hook, and still
    calls the other hooks of `x`.

    Hooks that are left on a long-lived parameter keep running, and keep what they refer to in
    memory.
    """
    x = torch.tensor(3.0, requires_grad=True)
    handle = x.register_hook(lambda grad: grad * 100)
    x.register_hook(lambda grad: grad + 1)

    handle.remove()
    (x * x).backward()

    assert x.grad.item() == 7.0


def test_a_hook_may_not_change_the_shape():
    """A `register_hook` hook that returns `grad.sum()` for a gradient of two elements makes
    `backward()` raise RuntimeError, "has changed the size of value"; return a tensor of the
    gradient's shape.

    Because the returned tensor takes the gradient's place in the chain rule. A tensor of another
    dtype raises, too.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda grad: grad.sum())

    with pytest.raises(RuntimeError, match="has changed the size of value"):
        (x * x).sum().backward()


def test_a_hook_may_not_change_the_dtype():
    """A `register_hook` hook that returns `grad.double()` for a float32 gradient makes
    `backward()` raise RuntimeError, "has changed the type of value"; cast the result back with
    `.to(grad.dtype)`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda grad: grad.double())

    with pytest.raises(RuntimeError, match="has changed the type of value"):
        (x * x).sum().backward()


def test_a_hook_returns_a_tensor_or_nothing():
    """A hook of a tensor, `x.register_hook(hook)`, that returns a Python float makes
    `backward()` raise TypeError, "expected Variable, but hook returned 'float'"; return a
    tensor, or None to leave the gradient as it is.

    So `lambda grad: seen.append(grad)` is fine, as `append` returns None.
    """
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: 2 * grad.item())

    with pytest.raises(TypeError, match="expected Variable, but hook returned 'float'"):
        (x * x).backward()


def test_a_hook_needs_a_tracked_tensor():
    """`register_hook` on `x = torch.tensor(3.0)`, which doesn't require grad, raises RuntimeError,
    "cannot register a hook on a tensor that doesn't require gradient"; call `x.requires_grad_()`
    first.
    """
    x = torch.tensor(3.0)

    with pytest.raises(RuntimeError, match="register a hook on a tensor that doesn't require grad"):
        x.register_hook(print)


@pytest.mark.torch(">=2.0")
def test_a_retained_grad_is_what_the_hooks_left():
    """Since PyTorch 2.0, for a recorded product `middle = x * 2` that is not changed in
    place, `middle.retain_grad()` keeps the gradient as the hooks of `middle.register_hook`
    left it, even if a hook was registered after `retain_grad()`.
    """
    x = torch.tensor(3.0, requires_grad=True)
    middle = x * 2
    middle.retain_grad()
    middle.register_hook(lambda grad: grad * 10)

    (middle * 5).backward()

    assert middle.grad.item() == 50.0
    assert x.grad.item() == 100.0


@pytest.mark.torch("<2.0")
def test_a_retained_grad_used_to_miss_the_hooks_put_on_later():
    """Before PyTorch 2.0, with `h = x * 2`, `h.retain_grad()` and after it
    `h.register_hook(lambda grad: grad * 10)`, `h.grad` kept the gradient without the factor of 10,
    while `x.grad` had it.
    """
    x = torch.tensor(3.0, requires_grad=True)
    middle = x * 2
    middle.retain_grad()
    middle.register_hook(lambda grad: grad * 10)

    (middle * 5).backward()

    assert middle.grad.item() == 5.0
    assert x.grad.item() == 100.0


@pytest.mark.torch(">=2.0")
def test_hooks_of_a_leaf_run_for_autograd_grad_too():
    """Since PyTorch 2.0 `torch.autograd.grad(x * x, x)`, for a 0-d float32 leaf `x` that requires
    grad, calls the hooks that `x.register_hook` registered, and returns the gradient as they
    changed it.
    """
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: grad * 10)

    assert torch.autograd.grad(x * x, x) == (60.0,)


@pytest.mark.torch("<2.0")
def test_hooks_of_a_leaf_used_to_miss_autograd_grad():
    """Before PyTorch 2.0 `torch.autograd.grad(y, x)` didn't call the hooks of a leaf `x`."""
    x = torch.tensor(3.0, requires_grad=True)
    x.register_hook(lambda grad: grad * 10)

    assert torch.autograd.grad(x * x, x) == (6.0,)


@pytest.mark.torch(">=2.0")
def test_a_hook_stays_with_the_value_it_was_put_on():
    """Since PyTorch 2.0, for `x = torch.tensor(1.0, requires_grad=True)` and `y = x * 2`, a hook
    that `y.register_hook` adds before `y.mul_(5)` gets 5 in `y.backward()`, the gradient of the
    old value; a hook added after `y.mul_(5)` gets 1.

    Because an in-place operation gives the tensor a new node, and a hook stays with the node on
    which it was registered. The later hook gets the gradient of the new value.
    """
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
    """Before PyTorch 2.0, with a recorded 0-d `y = x * 2`, then `y.register_hook(f)`, `y.mul_(5)`
    and `y.register_hook(g)`, `y.backward()` gives `g` as well as `f` the gradient of the value of
    `y` before `mul_`: 5.
    """
    x = torch.tensor(1.0, requires_grad=True)
    y = x * 2
    seen = {}
    y.register_hook(lambda grad: seen.update(old=grad.item()))
    y.mul_(5)
    y.register_hook(lambda grad: seen.update(new=grad.item()))

    y.backward()

    assert seen == {"old": 5.0, "new": 5.0}
