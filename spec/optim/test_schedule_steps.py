"""Working with a scheduler.

A scheduler is a small object beside the optimizer. It keeps each group's first learning rate as
`initial_lr`, counts how often its own `step()` was called, and writes the rate for that count into
the optimizer's groups. It is stepped after the optimizer, once an epoch or once a batch.

What surprises newcomers: a scheduler acts as soon as it is made; its unit is a call, whatever the
loop means by it; and it has a state of its own to be saved beside the optimizer's.
"""

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler


def test_a_scheduler_acts_as_soon_as_it_is_made():
    """Making a scheduler writes the rate for count 0, and keeps the old one as `initial_lr`."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)

    lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)

    assert optimizer.param_groups[0]["lr"] == 0.25
    assert optimizer.param_groups[0]["initial_lr"] == 1.0


def test_a_scheduler_keeps_the_ratio_of_the_groups():
    """Each group is scheduled from its own first rate; `get_last_lr()` has one entry a group."""
    first, second = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second], "lr": 0.25}], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)

    optimizer.step()
    scheduler.step()

    assert scheduler.get_last_lr() == [0.5, 0.125]


def test_stepping_the_scheduler_first_skips_the_first_rate():
    """`scheduler.step()` before the first `optimizer.step()` warns: the first rate is skipped."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    weight.grad = torch.tensor(-1.0)

    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    optimizer.step()

    assert weight.item() == 0.5


def test_a_scheduler_stepped_per_batch_runs_through_epochs_in_no_time():
    """A scheduler counts calls: called per batch, a schedule meant for epochs is soon over."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)

    for _epoch in range(2):
        for _batch in range(4):
            optimizer.step()
            scheduler.step()

    assert scheduler.last_epoch == 8
    assert scheduler.get_last_lr() == [0.0625]


def test_a_rate_set_by_hand_survives_some_schedulers_only():
    """`StepLR` goes on from a rate set by hand, `LambdaLR` from the first rate, forgetting it."""
    first = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    second = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    chained = lr_scheduler.StepLR(first, step_size=1, gamma=0.5)
    closed = lr_scheduler.LambdaLR(second, lambda count: 0.5**count)

    first.param_groups[0]["lr"] = second.param_groups[0]["lr"] = 0.25
    first.step()
    second.step()
    chained.step()
    closed.step()

    assert chained.get_last_lr() == [0.125]
    assert closed.get_last_lr() == [0.5]


def test_get_lr_is_not_for_reading_the_rate():
    """`get_lr()` computes the next rate and warns; the present one is `get_last_lr()`."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    optimizer.step()
    scheduler.step()

    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        computed = scheduler.get_lr()

    assert computed == [0.25]
    assert scheduler.get_last_lr() == [0.5]


def test_a_schedule_goes_on_from_its_state():
    """A scheduler's `state_dict()` and the optimizer's, both loaded, go on where they were."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    for _ in range(3):
        optimizer.step()
        scheduler.step()

    resumed = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    resumed_scheduler = lr_scheduler.StepLR(resumed, step_size=2, gamma=0.5)
    resumed.load_state_dict(optimizer.state_dict())
    resumed_scheduler.load_state_dict(scheduler.state_dict())
    resumed.step()
    resumed_scheduler.step()

    assert resumed_scheduler.last_epoch == 4
    assert resumed.param_groups[0]["lr"] == 0.25


def test_a_scheduler_saves_its_counts_and_not_the_optimizer():
    """The state is the schedule's settings and counts; neither optimizer nor lambdas are in it."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda count: 0.5**count)
    optimizer.step()
    scheduler.step()

    state = scheduler.state_dict()

    assert state["last_epoch"] == 1
    assert state["base_lrs"] == [1.0]
    assert state["_last_lr"] == [0.5]
    assert state["lr_lambdas"] == [None]
    assert [key for key in vars(scheduler) if key not in state] == ["optimizer"]


def test_starting_in_the_middle_needs_the_first_rate():
    """`last_epoch=3` means "resume": without a loaded optimizer `initial_lr` is missing."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)

    with pytest.raises(KeyError, match=r"param 'initial_lr' is not specified in param_groups\[0\]"):
        lr_scheduler.StepLR(optimizer, step_size=2, last_epoch=3)


def test_a_loss_handed_to_another_scheduler_is_taken_for_an_epoch():
    """`step(loss)` on any other scheduler sets its count to the loss, under a warning."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    optimizer.step()

    with pytest.warns(
        UserWarning, match=r"The epoch parameter in `scheduler.step\(\)` was not nec"
    ):
        scheduler.step(3.0)

    assert scheduler.last_epoch == 3.0
    assert scheduler.get_last_lr() == [0.125]


def test_a_scheduler_wants_the_optimizer():
    """A scheduler is made from the optimizer; a net, or a list of parameters, is none."""
    net = nn.Linear(1, 1)

    with pytest.raises(TypeError, match="Linear is not an Optimizer"):
        lr_scheduler.StepLR(net, step_size=1)
    with pytest.raises(TypeError, match="list is not an Optimizer"):
        lr_scheduler.StepLR(list(net.parameters()), step_size=1)


def test_schedules_that_make_no_sense_are_refused():
    """A factor that does not shrink, an unknown mode, a cycle without a length: refused."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0, momentum=0.9)

    with pytest.raises(ValueError, match="Factor should be < 1"):
        lr_scheduler.ReduceLROnPlateau(optimizer, factor=1.0)
    with pytest.raises(ValueError, match="mode mean is unknown"):
        lr_scheduler.ReduceLROnPlateau(optimizer, mode="mean")
    with pytest.raises(ValueError, match="You must define either total_steps OR"):
        lr_scheduler.OneCycleLR(optimizer, max_lr=1.0)
