"""Clearing gradients, and adding them up on purpose.

`backward()` adds to the gradients that are there already. So a training loop clears them once per
step, with `optimizer.zero_grad()`, before the next `backward()`. Gradient accumulation leaves
them uncleared on purpose: it calls `backward()` on several small batches, and then `step()` once,
to get the gradient of a batch that is too large for the memory. How gradients add up in `.grad`
is told in `spec/autograd/test_accumulation.py`, the other wrong orders of the training loop in
`spec/training/test_wrong_orders.py`.

What surprises: since PyTorch 2.0 `zero_grad()` leaves None and no zeros; a gradient of None and a
gradient of zeros are not the same to an optimizer with momentum or weight decay; and forgetting
`zero_grad()` is no error, the weights only move by the sum of all gradients so far.
"""

import pytest
import torch
from torch import nn


@pytest.mark.torch("<2.0")
def test_zero_grad_filled_the_gradients_with_zeros():
    """Before PyTorch 2.0, `optimizer.zero_grad()` wrote zeros into the gradient tensors."""
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = torch.tensor([3.0, 4.0])

    optimizer.zero_grad()

    assert weight.grad.tolist() == [0.0, 0.0]


@pytest.mark.torch(">=2.0")
def test_zero_grad_sets_the_gradients_to_none(device):
    """Since PyTorch 2.0, `optimizer.zero_grad()` sets the `grad` of each of its parameters to None.

    None frees the memory, and lets the next `backward()` store its gradient instead of adding it to
    zeros. `set_to_none=False` brings the zeros back.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0], device=device))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    weight.grad = torch.tensor([3.0, 4.0], device=device)

    optimizer.zero_grad()

    assert weight.grad is None


def test_without_zero_grad_old_gradients_drive_the_weight_past_the_minimum():
    """Without `zero_grad()` each `step()` uses the sum of all gradients so far: on `w**2` from 4
    with rate 0.25 the weight runs past the minimum to 2, -1, -3.5, where clearing leads to 2, 1,
    0.5.

    No error and no warning says so; a loss that swings or grows is the symptom. Call `zero_grad()`
    once per step.
    """
    cleared, uncleared = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([cleared, uncleared], lr=0.25)

    path = []
    for _ in range(3):
        cleared.grad = None
        (cleared**2 + uncleared**2).backward()
        optimizer.step()
        path.append((cleared.item(), uncleared.item()))

    assert path == [(2.0, 2.0), (1.0, -1.0), (0.5, -3.5)]


def test_clearing_between_backward_and_step_throws_the_gradient_away():
    """`zero_grad()` between `backward()` and `step()` throws the new gradient away, and
    `SGD.step()` moves nothing.

    No error says so: the loss stays where it is. Clear before `backward()` or after `step()`.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)

    (weight**2).backward()
    optimizer.zero_grad()
    optimizer.step()

    assert weight.item() == 4.0


def test_clearing_before_the_forward_pass_or_after_the_step_is_the_same():
    """A loop that calls `zero_grad()` before the forward pass and one that calls it after `step()`
    lead to the same weights.

    Both clear the gradients once between one `step()` and the next `backward()`.
    """
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


@pytest.mark.torch(">=2.0")
def test_code_that_reads_a_cleared_gradient_meets_none():
    """Since PyTorch 2.0, code such as `weight.grad.norm()` between `zero_grad()` and `backward()`
    raises AttributeError, because `weight.grad` is None.

    Read gradients after `backward()` and before `zero_grad()`, or skip parameters whose `grad` is
    None.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    optimizer.zero_grad()

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'norm'"):
        weight.grad.norm()


def test_set_to_none_false_keeps_the_tensor_and_writes_zeros():
    """`optimizer.zero_grad(set_to_none=False)` keeps the gradient tensor of each parameter and
    fills it with zeros.

    Other names for `weight.grad` then see the zeros; after `set_to_none=True` they keep the old
    gradient.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    gradient = weight.grad = torch.tensor([3.0, 4.0])

    optimizer.zero_grad(set_to_none=False)

    assert weight.grad is gradient
    assert gradient.tolist() == [0.0, 0.0]


def test_zeros_are_a_gradient_and_none_is_not():
    """`SGD` with weight decay, or with a momentum buffer that isn't zero, moves a parameter whose
    gradient is zero; it leaves one whose gradient is None as it is.

    Because `step()` skips parameters whose `grad` is None, decay included. To freeze a layer, set
    its gradients to None rather than to zero.
    """
    zeros = nn.Parameter(torch.tensor(4.0))
    nothing = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([zeros, nothing], lr=0.5, momentum=0.5, weight_decay=0.5)
    zeros.grad = torch.tensor(0.0)

    optimizer.step()

    assert zeros.item() == 3.0
    assert nothing.item() == 4.0


def test_micro_batches_add_up_to_one_large_batch():
    """Two `backward()` calls on the mean losses of the two halves of a batch, each divided by 2,
    leave the gradient of the mean loss of the whole batch.

    This is gradient accumulation: it needs the memory of one half only. Layers that look across the
    batch, such as BatchNorm, still see the halves.
    """
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    whole, parts = nn.Linear(1, 1), nn.Linear(1, 1)

    whole(x).mean().backward()
    for part in x.split(2):
        (parts(part).mean() / 2).backward()

    assert whole.weight.grad.item() == 3.0
    assert parts.weight.grad.item() == 3.0


def test_without_dividing_the_gradient_grows_with_the_number_of_parts():
    """If the mean losses of two half batches aren't divided by 2, their `backward()` calls leave
    twice the gradient of the whole batch's mean loss.

    For plain SGD that is twice the learning rate. Divide each loss by the number of parts.
    """
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    net = nn.Linear(1, 1)

    for part in x.split(2):
        net(part).mean().backward()

    assert net.weight.grad.item() == 6.0


def test_parts_of_different_sizes_need_their_share():
    """With parts of unequal size, multiplying each part's mean loss by `len(part) / len(batch)`
    gives the gradient of the whole batch's mean loss; dividing by the number of parts does not.

    Because a mean of means gives the samples of a short last part more weight than the others.
    """
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    by_part, by_share = nn.Linear(1, 1), nn.Linear(1, 1)

    for part in x.split(3):
        (by_part(part).mean() / 2).backward()
        (by_share(part).mean() * len(part) / len(x)).backward()

    assert by_part.weight.grad.item() == 4.0
    assert by_share.weight.grad.item() == 3.0


def test_a_step_every_second_part_is_a_step_of_the_large_batch():
    """With `step()` and `zero_grad()` after every second `backward()`, on losses divided by 2,
    `SGD` takes the steps of a batch twice as large.
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
    """`optimizer.zero_grad()` clears the gradients of the parameters that the optimizer was given;
    `net.zero_grad()` clears those of all parameters of the net.

    The two differ when part of the net is frozen or has another optimizer, as in a GAN.
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
    """A parameter with `requires_grad = False` is still moved by `SGD.step()` as long as its `grad`
    holds an old gradient.

    Because `step()` looks at `grad` and not at `requires_grad`. Call `zero_grad()` after freezing.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    (weight**2).backward()

    weight.requires_grad = False
    optimizer.step()

    assert weight.item() == 2.0


def test_zero_grad_detaches_a_gradient_from_its_graph():
    """`zero_grad(set_to_none=False)` detaches a gradient made with `create_graph=True` from its
    graph before filling it with zeros.

    Otherwise the filling would be recorded in that graph.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)
    (weight.grad,) = torch.autograd.grad(weight**2, weight, create_graph=True)
    before = weight.grad.requires_grad

    optimizer.zero_grad(set_to_none=False)

    assert before is True
    assert weight.grad.requires_grad is False
