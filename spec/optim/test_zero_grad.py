"""Clearing gradients, and adding them up on purpose.

`backward()` adds to the gradients that are there already. So a training loop clears them once per
step, with `optimizer.zero_grad()`, before the next `backward()`. Gradient accumulation leaves
them uncleared on purpose: it calls `backward()` on several small batches, and then `step()` once,
to get the gradient of a batch that is too large for the memory. How gradients add up in `.grad`,
also over parts of unequal size, is told in `spec/autograd/test_accumulation.py`; where in the loop
`zero_grad()` may stand in `spec/training/test_loop.py`; and what happens if it is forgotten or
stands between `backward()` and `step()` in `spec/training/test_wrong_orders.py`.

What surprises: since PyTorch 2.0 `zero_grad()` leaves None and no zeros; a gradient of None and a
gradient of zeros are not the same to an optimizer with momentum or weight decay; and a frozen
parameter still moves by a gradient that was not cleared.
"""

import pytest
import torch
from torch import nn


@pytest.mark.torch("<2.0")
def test_zero_grad_filled_the_gradients_with_zeros():
    """Before PyTorch 2.0, `optimizer.zero_grad()` by default wrote zeros into the gradient
    tensors.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = torch.tensor([3.0, 4.0])

    optimizer.zero_grad()

    assert weight.grad.tolist() == [0.0, 0.0]


@pytest.mark.torch(">=2.0")
def test_zero_grad_sets_the_gradients_to_none(device):
    """Since PyTorch 2.0, `optimizer.zero_grad()` by default sets the `grad` of each of its
    parameters to None.

    None frees the memory, and lets the next `backward()` store its gradient instead of adding it
    to zeros. `set_to_none=False` fills the gradients with zeros; one that is None stays None.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0], device=device))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = torch.tensor([3.0, 4.0], device=device)

    optimizer.zero_grad()

    assert weight.grad is None


@pytest.mark.torch(">=2.0")
def test_code_that_reads_a_cleared_gradient_meets_none():
    """Since PyTorch 2.0, with `optimizer = torch.optim.SGD([weight], lr=0.5)`,
    `weight.grad.norm()` between `optimizer.zero_grad()` and `backward()` raises
    AttributeError, because `weight.grad` is None.

    Read gradients after `backward()` and before `zero_grad()`, or skip parameters whose
    `grad` is None.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    optimizer.zero_grad()

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'norm'"):
        weight.grad.norm()


def test_set_to_none_false_keeps_the_tensor_and_writes_zeros():
    """After `gradient = weight.grad = torch.tensor([3.0, 4.0])` for a parameter `weight` of
    `optimizer`, `optimizer.zero_grad(set_to_none=False)` keeps that tensor in `weight.grad` and
    fills it with zeros.

    So `gradient` shows the zeros too; after `set_to_none=True` it keeps 3 and 4, and `weight.grad`
    is None.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    gradient = weight.grad = torch.tensor([3.0, 4.0])

    optimizer.zero_grad(set_to_none=False)

    assert weight.grad is gradient
    assert gradient.tolist() == [0.0, 0.0]


def test_zeros_are_a_gradient_and_none_is_not():
    """`SGD` with `lr=0.5`, `momentum=0.5` and `weight_decay=0.5` moves a weight of 4 whose
    gradient is zero; it leaves one whose gradient is None as it is.

    Because `step()` skips a parameter whose `grad` is None; if its gradient is zero, weight decay
    and momentum still change it. To freeze a layer's parameters, call
    `layer.requires_grad_(False)` and set their gradients to None, not to zero.
    """
    zeros = nn.Parameter(torch.tensor(4.0))
    nothing = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([zeros, nothing], lr=0.5, momentum=0.5, weight_decay=0.5)
    zeros.grad = torch.tensor(0.0)

    optimizer.step()

    assert zeros.item() == 3.0
    assert nothing.item() == 4.0


def test_a_step_every_second_part_is_a_step_of_the_large_batch():
    """For an `nn.Linear` `net` without gradients, `(net(half).mean() / 2).backward()` for both
    equal halves of a batch, then one `step()` of `SGD`, changes `net` as one
    `net(batch).mean().backward()` and a `step()` do, up to rounding.

    This is gradient accumulation: it needs memory for the activations of one part only.
    """
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    net, large = nn.Linear(1, 1), nn.Linear(1, 1)
    net.weight.data = torch.tensor([[4.0]])
    large.weight.data = torch.tensor([[4.0]])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    of_large = torch.optim.SGD(large.parameters(), lr=0.5)

    seen, expected = [], []
    for batch in x.split(2):
        for part in batch.split(1):
            (net(part).mean() / 2).backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append(net.weight.item())
        large(batch).mean().backward()
        of_large.step()
        of_large.zero_grad()
        expected.append(large.weight.item())

    assert seen == [3.25, 1.0]
    assert expected == [3.25, 1.0]


def test_an_optimizer_clears_only_the_parameters_it_was_given():
    """`optimizer.zero_grad()` clears the gradients of the parameters that the optimizer was
    given; `net.zero_grad()` clears those of all parameters of the module `net`.

    The two differ when the optimizer was given only some parameters of the net, or those of
    another module as well.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    optimizer = torch.optim.SGD(net[1].parameters(), lr=0.5)
    net[0].weight.grad = torch.tensor([[3.0]])
    net[1].weight.grad = torch.tensor([[4.0]])

    optimizer.zero_grad(set_to_none=True)

    assert net[0].weight.grad.tolist() == [[3.0]]
    assert net[1].weight.grad is None

    net.zero_grad(set_to_none=True)

    assert [parameter.grad for parameter in net.parameters()] == [None, None]


def test_a_frozen_parameter_still_moves_by_its_old_gradient():
    """`SGD.step()` still moves a parameter by its old gradient after `requires_grad` was
    set to False, as long as `parameter.grad` holds that gradient.

    Because `step()` looks at `grad` and not at `requires_grad`. Call `zero_grad()` after
    freezing.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    (weight**2).backward()

    weight.requires_grad = False
    optimizer.step()

    assert weight.item() == 2.0


def test_zero_grad_detaches_a_gradient_from_its_graph():
    """For a gradient of `weight**2` made with `create_graph=True`,
    `optimizer.zero_grad(set_to_none=False)` detaches `weight.grad` from its graph before
    filling it with zeros.

    Otherwise the filling would be recorded in that graph.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    (weight.grad,) = torch.autograd.grad(weight**2, weight, create_graph=True)
    before = weight.grad.requires_grad

    optimizer.zero_grad(set_to_none=False)

    assert before is True
    assert weight.grad.requires_grad is False
