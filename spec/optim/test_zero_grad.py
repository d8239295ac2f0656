"""Clearing gradients, and adding them up on purpose.

`backward()` adds to the gradients that are there already. So a training loop clears them once a
step, with `zero_grad()`; and who wants the gradient of a batch too large for the memory leaves
them uncleared for a few small batches.

What surprises newcomers: since PyTorch 2.0 "zero" means None, no tensor at all; a gradient of None
and a gradient of zeros are not the same to an optimizer; and forgetting `zero_grad()` is no error,
the net only learns something else.
"""

import pytest
import torch
from torch import nn


@pytest.mark.torch("<2.0")
def test_zero_grad_filled_the_gradients_with_zeros():
    """`zero_grad()` wrote zeros into the gradient tensors."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = torch.tensor([3.0, 4.0])

    optimizer.zero_grad()

    assert weight.grad.tolist() == [0.0, 0.0]


@pytest.mark.torch(">=2.0")
def test_zero_grad_takes_the_gradients_away(device):
    """`zero_grad()` sets each gradient to None, which frees its memory."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0], device=device))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = torch.tensor([3.0, 4.0], device=device)

    optimizer.zero_grad()

    assert weight.grad is None


@pytest.mark.torch(">=2.0")
def test_code_that_reads_a_cleared_gradient_meets_none():
    """Between `zero_grad()` and `backward()` there is no gradient to read: None has no `norm`."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    optimizer.zero_grad()

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'norm'"):
        weight.grad.norm()


def test_set_to_none_false_keeps_the_tensor_and_writes_zeros():
    """`zero_grad(set_to_none=False)` keeps the gradient tensors and fills them with zeros."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    gradient = weight.grad = torch.tensor([3.0, 4.0])

    optimizer.zero_grad(set_to_none=False)

    assert weight.grad is gradient
    assert gradient.tolist() == [0.0, 0.0]


def test_zeros_are_a_gradient_and_none_is_not():
    """A gradient of zeros lets momentum and decay move the weight; with None the weight rests."""
    zeros = nn.Parameter(torch.tensor(4.0))
    nothing = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([zeros, nothing], lr=0.5, momentum=0.5, weight_decay=0.5)
    zeros.grad = torch.tensor(0.0)

    optimizer.step()

    assert zeros.item() == 3.0
    assert nothing.item() == 4.0


def test_without_clearing_old_gradients_drive_the_weight_past_its_goal():
    """On `w**2` from 4 with rate 0.25: cleared, w halves; uncleared, it shoots past the minimum."""
    cleared, uncleared = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([cleared, uncleared], lr=0.25)

    path = []
    for _ in range(3):
        cleared.grad = None
        (cleared**2 + uncleared**2).backward()
        optimizer.step()
        path.append((cleared.item(), uncleared.item()))

    assert path == [(2.0, 2.0), (1.0, -1.0), (0.5, -3.5)]


def test_a_name_without_brackets_clears_nothing():
    """`optimizer.zero_grad` without brackets is a valid line of Python that clears nothing."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    weight.grad = torch.tensor(8.0)

    optimizer.zero_grad  # noqa: B018

    assert weight.grad.item() == 8.0


def test_clearing_between_backward_and_step_throws_the_gradient_away():
    """`zero_grad()` after `backward()` throws the new gradient away: `step()` finds none."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)

    (weight**2).backward()
    optimizer.zero_grad()
    optimizer.step()

    assert weight.item() == 4.0


def test_clearing_before_the_forward_pass_or_after_the_step_is_the_same():
    """Whether a loop starts or ends with `zero_grad()` makes no difference to where it arrives."""
    first, last = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    clears_first = torch.optim.SGD([first], lr=0.25)
    clears_last = torch.optim.SGD([last], lr=0.25)

    for _ in range(3):
        clears_first.zero_grad()
        (first**2 + last**2).backward()
        clears_first.step()
        clears_last.step()
        clears_last.zero_grad()

    assert first.item() == 0.5
    assert last.item() == 0.5


def test_micro_batches_add_up_to_one_large_batch():
    """A batch taken in parts: losses divided by their number add up to its gradient."""
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    whole, parts = nn.Linear(1, 1), nn.Linear(1, 1)

    whole(x).mean().backward()
    for part in x.split(2):
        (parts(part).mean() / 2).backward()

    assert whole.weight.grad.item() == 3.0
    assert parts.weight.grad.item() == 3.0


def test_without_dividing_the_gradient_grows_with_the_number_of_parts():
    """Leave the division out and two parts give twice the gradient: twice the learning rate."""
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    net = nn.Linear(1, 1)

    for part in x.split(2):
        net(part).mean().backward()

    assert net.weight.grad.item() == 6.0


def test_parts_of_different_sizes_need_their_share():
    """A mean of means is no mean: a short last part counts by its share of the samples."""
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    by_part, by_share = nn.Linear(1, 1), nn.Linear(1, 1)

    for part in x.split(3):
        (by_part(part).mean() / 2).backward()
        (by_share(part).mean() * len(part) / len(x)).backward()

    assert by_part.weight.grad.item() == 4.0
    assert by_share.weight.grad.item() == 3.0


def test_a_step_every_second_part_is_a_step_of_the_large_batch():
    """Accumulation calls `step()` and `zero_grad()` once for several calls of `backward()`."""
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    net = nn.Linear(1, 1)
    net.weight.data = torch.tensor([[4.0]])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    seen = []
    for batch in x.split(2):
        for part in batch.split(1):
            (net(part).mean() / 2).backward()
        optimizer.step()
        optimizer.zero_grad()
        seen.append(net.weight.item())

    assert seen == [3.25, 1.0]


def test_an_optimizer_clears_only_the_parameters_it_was_given():
    """`optimizer.zero_grad()` clears its own parameters; `net.zero_grad()` those of the net."""
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
    """`requires_grad = False` stops new gradients, not the step: an old one still moves it."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    (weight**2).backward()

    weight.requires_grad = False
    optimizer.step()

    assert weight.item() == 2.0


def test_zero_grad_cuts_a_gradient_from_its_graph():
    """A gradient made with `create_graph=True` is cut off from its graph when zeroed."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    (weight.grad,) = torch.autograd.grad(weight**2, weight, create_graph=True)
    before = weight.grad.requires_grad

    optimizer.zero_grad(set_to_none=False)

    assert before is True
    assert weight.grad.requires_grad is False


def test_zero_is_no_gradient():
    """`weight.grad = 0` is refused: a gradient is a tensor, or None."""
    weight = nn.Parameter(torch.tensor(4.0))

    with pytest.raises(TypeError, match="assigned grad expected to be a Tensor or None but got"):
        weight.grad = 0

    assert weight.grad is None
