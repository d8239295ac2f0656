"""Keeping the graph: `retain_graph`.

To compute gradients the graph saves values of the forward computation
(`spec/autograd/test_saved_tensors.py`). `backward()` frees them as it goes, because a training
loop computes everything anew in the next step anyway. That is why a second `backward()` through
the same graph raises RuntimeError, "Trying to backward through the graph a second time", unless
the first one was called with `retain_graph=True` or `create_graph=True`.

What surprises: the error depends on what was saved. A graph of additions alone saves nothing and
can be gone through again. And it concerns shared parts: two losses built on one intermediate
result fail at the second `backward()`, which is a reason to add them up first.

When you meet the error in a training loop, the cause is usually a tensor that carries the graph
of the step before, such as a hidden state: detach it. `retain_graph=True` there would make the
graph grow with each step.
"""

import pytest
import torch


def test_the_graph_serves_one_backward_only(device):
    """After `y.backward()` for `y = x * x`, with a float32 0-d leaf `x` that requires grad,
    a second `y.backward()` raises RuntimeError, "Trying to backward through the graph a
    second time": the first one freed the saved factors.

    Run the forward computation again, or call the first with `retain_graph=True`.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x
    y.backward()

    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()

    assert x.grad.item() == 6.0


def test_computing_again_records_a_fresh_graph():
    """With grad mode on, computing `x * x` again records a new graph, so `(x * x).backward()`
    works twice for a float32 0-d leaf `x` that requires grad, and the gradients add up.
    """
    x = torch.tensor(3.0, requires_grad=True)

    (x * x).backward()
    (x * x).backward()

    assert x.grad.item() == 12.0


def test_retain_graph_keeps_the_graph_for_another_backward(device):
    """After `y.backward(retain_graph=True)` for `y = x * x`, with a float32 0-d leaf `x`
    that requires grad, the saved tensors are still there, and a second `y.backward()` works
    and adds its gradient to the first.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x

    y.backward(retain_graph=True)
    saved = y.grad_fn._saved_self
    y.backward()

    assert saved is x
    assert x.grad.item() == 12.0


def test_a_graph_that_saved_nothing_survives_backward():
    """`backward()` works twice through `x + 1` or `x.sum()` of a float32 0-d leaf `x` that
    requires grad, without `retain_graph`: these operations save no tensor, so none is missing
    the second time.

    Don't rely on it: one product further back makes the second call fail.
    """
    x = torch.tensor(3.0, requires_grad=True)
    y = x + 1
    y.backward()
    y.backward()
    total = x.sum()
    total.backward()
    total.backward()

    assert x.grad.item() == 4.0


def test_the_values_stay_when_the_graph_is_freed():
    """`y = x * x` with `x = torch.tensor(3.0, requires_grad=True)` keeps its value and
    `grad_fn` after `y.backward()`; reading `y.grad_fn._saved_self` raises RuntimeError,
    "directly access saved tensors after they have already been freed".
    """
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x

    y.backward()

    assert y.item() == 9.0
    assert type(y.grad_fn).__name__ == "MulBackward0"
    with pytest.raises(RuntimeError, match="directly access saved tensors after they have already"):
        y.grad_fn._saved_self  # noqa: B018


def test_results_that_share_a_part_share_its_freeing():
    """For `a = shared + 1` and `b = shared + 2` of one `shared = x * x`, with a float32 0-d
    leaf `x` that requires grad, `b.backward()` after `a.backward()` raises RuntimeError:
    the first call freed the saved factors.

    Add the losses up and go backward once, or give the first `retain_graph=True`.
    """
    x = torch.tensor(3.0, requires_grad=True)
    shared = x * x
    one, other = shared + 1, shared + 2
    one.backward()

    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        other.backward()


def test_several_results_go_backward_together():
    """For `x = torch.tensor(3.0, requires_grad=True)` and `s = x * x`,
    `torch.autograd.backward([s + 1, 10 * s])` goes backward from both in one pass: a hook on
    `s` is called once, with the sum 1 + 10 = 11, and `x.grad` is 66.
    """
    x = torch.tensor(3.0, requires_grad=True)
    shared = x * x
    seen = []
    shared.register_hook(lambda grad: seen.append(grad.item()))

    torch.autograd.backward([shared + 1, 10 * shared])

    assert seen == [11.0]
    assert x.grad.item() == 66.0


def test_the_sum_of_the_losses_walks_the_shared_part_once():
    """`(shared + 10 * shared).backward()` with `shared = x * x`, of a float32 0-d leaf `x` that
    requires grad, goes through `x * x` once: a hook of `shared.register_hook` is called once,
    with the gradient 1 + 10 = 11.
    """
    x = torch.tensor(3.0, requires_grad=True)
    shared = x * x
    seen = []
    shared.register_hook(seen.append)

    (shared + 10 * shared).backward()

    assert seen == [11.0]
    assert x.grad.item() == 66.0


def test_grad_uses_up_the_graph_as_backward_does():
    """`torch.autograd.grad(y, x)` for `y = x * x` of a float32 0-d leaf `x` that requires grad
    frees the saved factors, so that the same call again raises RuntimeError; with
    `retain_graph=True`, or with `create_graph=True` alone, it keeps them.
    """
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    first = torch.autograd.grad(y, x, retain_graph=True)
    second = torch.autograd.grad(y, x)

    assert (first, second) == ((6.0,), (6.0,))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(y, x)

    z = x * x
    torch.autograd.grad(z, x, create_graph=True)
    assert torch.autograd.grad(z, x) == (6.0,)
