"""Hooks after the fact, on nodes and on groups.

A tensor's own hook runs before its gradient is stored. Others run at other moments:
after a leaf's `.grad` has been written, when a node of the graph has done its part,
or once all tensors of a group have their gradients. They are what optimizers that
step during `backward()` and tools that record gradients are made of.
"""

import pytest
import torch


@pytest.mark.torch(">=2.1")
def test_a_post_accumulate_hook_runs_when_grad_is_written(device):
    """A post-accumulate hook is given the leaf itself, whose `.grad` already holds the new sum."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    seen = []
    x.register_post_accumulate_grad_hook(lambda leaf: seen.append((leaf is x, leaf.grad.item())))

    (x * x).backward()
    (x * x).backward()

    assert seen == [(True, 6.0), (True, 12.0)]


@pytest.mark.torch(">=2.1")
def test_a_step_can_be_taken_during_backward():
    """A hook that steps and clears `.grad` trains without ever holding all gradients at once."""
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
    """Only leaves accumulate, so a tensor in the middle takes no such hook."""
    middle = torch.tensor(3.0, requires_grad=True) * 2

    with pytest.raises(RuntimeError, match="cannot be registered on non-leaf tensors"):
        middle.register_post_accumulate_grad_hook(print)


@pytest.mark.torch(">=2.1")
def test_a_post_accumulate_hook_misses_autograd_grad():
    """`torch.autograd.grad` stores nothing, so it calls no post-accumulate hook."""
    x = torch.tensor(3.0, requires_grad=True)
    seen = []
    x.register_post_accumulate_grad_hook(seen.append)

    gradients = torch.autograd.grad(x * x, x)

    assert gradients == (6.0,)
    assert seen == []


def test_a_node_hook_sees_what_goes_in_and_what_comes_out(device):
    """A hook on `grad_fn` gets the gradients of the operation's inputs, then of its outputs."""
    x = torch.tensor(2.0, requires_grad=True, device=device)
    w = torch.tensor(5.0, requires_grad=True, device=device)
    product = x * w
    seen = []
    product.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))

    (10 * product).backward()

    assert seen == [((50.0, 20.0), (10.0,))]


def test_a_node_hook_has_none_for_what_is_not_tracked():
    """Where an operand is plain, the node has worked out nothing for it."""
    x = torch.tensor(2.0, requires_grad=True)
    product = x * torch.tensor(5.0)
    seen = []
    product.grad_fn.register_hook(lambda inputs, outputs: seen.append(inputs))

    product.backward()

    assert seen == [(5.0, None)]


def test_a_node_hook_can_replace_the_gradients_of_the_inputs():
    """A tuple that a node's hook returns is passed on instead of what the node worked out."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    product = x * w
    product.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 100, inputs[1]))

    product.backward()

    assert [x.grad.item(), w.grad.item()] == [105.0, 2.0]


def test_a_node_prehook_can_replace_what_comes_in():
    """A pre-hook gets the gradients of the outputs before the node does its part."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    product = x * w
    product.grad_fn.register_prehook(lambda outputs: (outputs[0] * 100,))

    product.backward()

    assert [x.grad.item(), w.grad.item()] == [500.0, 200.0]


@pytest.mark.torch(">=2.0")
def test_a_multi_grad_hook_waits_for_all_of_its_tensors():
    """A hook on several tensors is called once they all have their gradients: once a backward."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    seen = []
    torch.autograd.graph.register_multi_grad_hook((x, w), seen.append)

    (x * w).backward()
    (x * x).backward()

    assert seen == [[5.0, 2.0], [4.0, None]]
