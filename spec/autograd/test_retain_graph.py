"""A graph is used up.

To work out gradients the graph keeps values of the forward computation: both
factors of a product, the result of an exponential. `backward()` frees them as it
passes, because a training loop computes everything anew in the next step anyway.
That is why a second `backward()` through the same graph is refused, unless the
first one was asked to retain it.
"""

import pytest
import torch


def test_the_graph_serves_one_backward_only(device):
    """`backward()` frees what the graph had saved, so a second one through it is refused."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x
    y.backward()

    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()

    assert x.grad.item() == 6.0


def test_computing_again_records_a_fresh_graph():
    """The forward computation is what makes a graph: run it again and `backward()` goes again."""
    x = torch.tensor(3.0, requires_grad=True)

    (x * x).backward()
    (x * x).backward()

    assert x.grad.item() == 12.0


def test_retain_graph_keeps_the_graph_for_another_backward(device):
    """With `retain_graph=True` the graph stays, and the next gradient is added to the first."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x

    y.backward(retain_graph=True)
    y.backward()

    assert x.grad.item() == 12.0


def test_a_graph_that_saved_nothing_survives_backward():
    """Addition saves no values, so there is nothing to free and `backward()` may come again."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x + 1

    y.backward()
    y.backward()

    assert x.grad.item() == 2.0


def test_the_values_stay_when_the_graph_is_freed():
    """Only what the graph had saved goes: the result itself keeps its value and its `grad_fn`."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x

    y.backward()

    assert y.item() == 9.0
    assert type(y.grad_fn).__name__ == "MulBackward0"
    with pytest.raises(RuntimeError, match="directly access saved tensors after they have already"):
        y.grad_fn._saved_self  # noqa: B018


def test_results_that_share_a_part_share_its_freeing():
    """The second of two losses built on one intermediate finds the shared part already freed."""
    x = torch.tensor(3.0, requires_grad=True)
    shared = x * x
    one, other = shared + 1, shared + 2
    one.backward()

    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        other.backward()


def test_several_results_go_backward_together():
    """`torch.autograd.backward` starts from several results in one walk; their gradients add."""
    x = torch.tensor(3.0, requires_grad=True)
    shared = x * x

    torch.autograd.backward([shared + 1, 10 * shared])

    assert x.grad.item() == 66.0


def test_the_sum_of_the_losses_walks_the_shared_part_once():
    """Added up before going backward, two losses send one summed gradient through their part."""
    x = torch.tensor(3.0, requires_grad=True)
    shared = x * x
    seen = []
    shared.register_hook(seen.append)

    (shared + 10 * shared).backward()

    assert seen == [11.0]
    assert x.grad.item() == 66.0


def test_grad_uses_up_the_graph_as_backward_does():
    """`torch.autograd.grad` frees the graph too, unless `retain_graph=True` is given."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    first = torch.autograd.grad(y, x, retain_graph=True)
    second = torch.autograd.grad(y, x)

    assert (first, second) == ((6.0,), (6.0,))
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        torch.autograd.grad(y, x)
