"""More hooks: after accumulation, on nodes, on several tensors.

A hook that `register_hook` puts on a tensor runs before its gradient is stored
(`spec/autograd/test_hooks.py`). Three other kinds run at other moments.
`x.register_post_accumulate_grad_hook(f)` calls `f(x)` when the `.grad` of the leaf `x` has been
written: an optimizer can step there and free the gradient at once. `node.register_hook` and
`node.register_prehook` are called after and before a node of the graph, a `grad_fn`, runs.
`register_multi_grad_hook` waits for the gradients of several tensors.

What surprises: `torch.autograd.grad` writes no `.grad`, so it calls no post-accumulate hook. And
a node's hook is given gradients in backward direction: its "inputs" are the gradients of the
forward operation's inputs, which the node has just computed.
"""

import pytest
import torch


@pytest.mark.torch(">=2.1")
def test_a_post_accumulate_hook_runs_when_grad_is_written(device):
    """A hook of `x.register_post_accumulate_grad_hook` on a float32 0-d leaf `x` that requires
    grad is called with `x` itself in each `(x * x).backward()`, when the gradient has been
    added to `x.grad`.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    seen = []
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append((leaf is x, leaf.grad.item())))

    (x * x).backward()
    (x * x).backward()

    assert seen == [(True, 6.0), (True, 12.0)]


@pytest.mark.torch(">=2.1")
def test_a_step_can_be_taken_during_backward():
    """In `(w * 4).backward()` with a float32 0-d leaf `w` that requires grad, a hook of
    `w.register_post_accumulate_grad_hook` may update `w` in place under `torch.no_grad()`
    and set `w.grad` to None: the step is done inside `backward()`.

    If each parameter has such a hook, a gradient is freed as soon as it is used, so that the
    gradients of all parameters need not exist at the same time.
    """
    w = torch.tensor(3.0, requires_grad=True)

    def step(leaf):
        with torch.no_grad():
            leaf -= 0.5 * leaf.grad
        leaf.grad = None

    w.register_post_accumulate_grad_hook(step)
    (w * 4).backward()

    assert w.item() == 1.0
    assert w.grad is None


@pytest.mark.torch(">=2.1")
def test_a_post_accumulate_hook_needs_a_leaf():
    """`register_post_accumulate_grad_hook` on a recorded product `x * 2` raises
    RuntimeError, "post accumulate grad hooks cannot be registered on non-leaf tensors"; use
    `register_hook` there.
    """
    middle = torch.tensor(3.0, requires_grad=True) * 2

    with pytest.raises(RuntimeError, match="cannot be registered on non-leaf tensors"):
        middle.register_post_accumulate_grad_hook(print)


@pytest.mark.torch(">=2.1")
def test_a_post_accumulate_hook_misses_autograd_grad():
    """`torch.autograd.grad` doesn't call the hooks that `x.register_post_accumulate_grad_hook(f)`
    registered on a leaf `x`, since it stores nothing in `x.grad`.
    """
    x = torch.tensor(3.0, requires_grad=True)
    seen = []
    x.register_post_accumulate_grad_hook(seen.append)

    gradients = torch.autograd.grad(x * x, x)

    assert gradients == (6.0,)
    assert x.grad is None
    assert seen == []


def test_a_node_hook_sees_what_goes_in_and_what_comes_out(device):
    """For `product = x * w` of float32 0-d leaves that both require grad,
    `product.grad_fn.register_hook(f)` lets `product.backward()` call `f` with two tuples:
    the gradients of `x` and `w`, just computed by the node, and that of `product`.
    """
    x = torch.tensor(2.0, requires_grad=True, device=device)
    w = torch.tensor(5.0, requires_grad=True, device=device)
    product = x * w
    seen = []
    product.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))

    (10 * product).backward()

    assert seen == [((50.0, 20.0), (10.0,))]


def test_a_node_hook_has_none_for_what_is_not_tracked():
    """For `x = torch.tensor(2.0, requires_grad=True)` and `product = x * torch.tensor(5.0)`, a
    hook of `product.grad_fn.register_hook` gets the gradients `(tensor(5.), None)` in
    `product.backward()`: None for the factor that doesn't require grad.

    Because the node doesn't compute a gradient that is not needed.
    """
    x = torch.tensor(2.0, requires_grad=True)
    product = x * torch.tensor(5.0)
    seen = []
    product.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs))

    product.backward()

    assert seen == [(5.0, None)]


def test_a_node_hook_can_replace_the_gradients_of_the_inputs():
    """For `product = x * w` of float32 0-d leaves that both require grad, a tuple of two
    float32 0-d tensors returned by a hook of `product.grad_fn.register_hook` replaces the
    gradients that are passed on to `x` and `w`.

    The tuple must have one element per entry of `product.grad_fn.next_functions`; a hook that
    returns None leaves the gradients as they are.
    """
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    product = x * w
    product.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 100, inputs[1]))

    product.backward()

    assert [x.grad.item(), w.grad.item()] == [105.0, 2.0]


def test_a_node_prehook_can_replace_what_comes_in():
    """For `product = x * w` of float32 0-d leaves that require grad,
    `product.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))` makes
    `product.backward()` compute gradients of `x` and `w` that are 100 times as large.
    """
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    product = x * w
    product.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))

    product.backward()

    assert [x.grad.item(), w.grad.item()] == [500.0, 200.0]


@pytest.mark.torch(">=2.0")
def test_a_multi_grad_hook_waits_for_all_of_its_tensors():
    """For float32 0-d leaves `x` and `w` that require grad,
    `torch.autograd.graph.register_multi_grad_hook((x, w), f)` calls `f` once in
    `(x * w).backward()`, with a list of their gradients; in `(x * x).backward()` the list has
    None for `w`.

    The call comes when the gradients of all of them that the backward pass reaches are there;
    newer releases call this `mode="all"`, the default.
    """
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    seen = []
    torch.autograd.graph.register_multi_grad_hook((x, w), seen.append)

    (x * w).backward()
    (x * x).backward()
    torch.tensor(7.0, requires_grad=True).backward()

    assert seen == [[5.0, 2.0], [4.0, None]]
