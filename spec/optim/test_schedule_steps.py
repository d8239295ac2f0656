"""Working with a scheduler.

A scheduler of `torch.optim.lr_scheduler` is a small object beside the optimizer. It counts how
often its own `step()` was called, and writes the learning rate for that count into the groups of
the optimizer. It is called after `optimizer.step()`, once per epoch or once per batch, whichever
its numbers mean. It keeps the rate that it starts from in the group, as `initial_lr`. All this
holds for schedulers with a formula, which are on `spec/optim/test_schedules.py`;
`ReduceLROnPlateau` follows a measured value instead, and keeps no `initial_lr`.

What surprises: making a scheduler already changes the rate, if its formula says so for count 0; its
unit is the call and not the epoch, in spite of the name `last_epoch`; a rate set by hand survives
some schedulers and not others; and a scheduler has a state of its own, to be saved beside that of
the optimizer.
"""

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler


def test_a_scheduler_acts_as_soon_as_it_is_made():
    """`LinearLR(optimizer, start_factor=0.25)`, the first scheduler made for an optimizer with
    `lr=1.0`, sets `lr` of the parameter group to 0.25 at once, before any `step()`, and stores 1.0
    in the group as `initial_lr`.

    So a warm-up needs no `scheduler.step()` before the first batch. `ReduceLROnPlateau` changes no
    `lr` when it is made and stores no `initial_lr`.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)

    lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3)

    assert optimizer.param_groups[0]["lr"] == 0.25
    assert optimizer.param_groups[0]["initial_lr"] == 1.0


def test_a_scheduler_keeps_the_ratio_of_the_groups():
    """`ExponentialLR.step()` multiplies the rate of each parameter group by `gamma`, and
    `get_last_lr()` returns a list with one rate per group: with `gamma=0.5` rates of 1 and
    0.25 become 0.5 and 0.125.
    """
    first, second = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second], "lr": 0.25}], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)

    optimizer.step()
    scheduler.step()

    assert scheduler.get_last_lr() == [0.5, 0.125]


@pytest.mark.torch(">=2.4")
def test_a_scheduler_writes_into_a_rate_that_is_a_tensor():
    """Since PyTorch 2.4, `LambdaLR(optimizer, [lambda n: 0.25, lambda n: 0.5])` of an `SGD` with
    two groups and `lr=torch.tensor(1.0)`, which the groups share, gives both the rate 0.5: each
    rate is written into that tensor, the second one last.

    No error tells of it. Write `lr=1.0`, or give each group an `lr` tensor of its own.
    """
    a, b = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    lr = torch.tensor(1.0)
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": [b]}], lr=lr)

    lr_scheduler.LambdaLR(optimizer, [lambda n: 0.25, lambda n: 0.5])

    assert [group["lr"].item() for group in optimizer.param_groups] == [0.5, 0.5]
    assert lr.item() == 0.5


@pytest.mark.torch("<2.4")
def test_a_scheduler_replaced_a_rate_that_was_a_tensor():
    """Before PyTorch 2.4, `LambdaLR(optimizer, [lambda n: 0.25, lambda n: 0.5])` of an `SGD` with
    two groups and `lr=torch.tensor(1.0)` gave the groups the rates 0.25 and 0.5, each a new
    tensor, and left the tensor given at 1.
    """
    a, b = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    lr = torch.tensor(1.0)
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": [b]}], lr=lr)

    lr_scheduler.LambdaLR(optimizer, [lambda n: 0.25, lambda n: 0.5])

    assert [group["lr"].item() for group in optimizer.param_groups] == [0.25, 0.5]
    assert lr.item() == 1.0


def test_stepping_the_scheduler_first_skips_the_first_rate():
    """If the first `step()` of a new `ExponentialLR(optimizer, gamma=0.5)` comes before the first
    `optimizer.step()`, the scheduler issues a UserWarning, and the first rate of the schedule is
    not used.

    Call `optimizer.step()` first, then `scheduler.step()`.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    weight.grad = torch.tensor(-1.0)

    with pytest.warns(UserWarning, match=r"`lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
        scheduler.step()
    optimizer.step()

    assert weight.item() == 0.5


def test_a_scheduler_stepped_per_batch_counts_batches():
    """`StepLR(optimizer, step_size=2)` counts the calls of `scheduler.step()`, not epochs: when it
    is called after each of eight batches, the learning rate is reduced four times.

    Put `scheduler.step()` into the outer loop, or multiply `step_size` by `len(loader)`.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)

    for _epoch in range(2):
        for _batch in range(4):
            optimizer.step()
            scheduler.step()

    assert scheduler.last_epoch == 8
    assert scheduler.get_last_lr() == [0.0625]


def test_a_rate_set_by_hand_survives_some_schedulers_only():
    """`StepLR.step()` goes on from an `lr` that was assigned to `param_groups`, because it
    multiplies the present rate; `LambdaLR.step()` overwrites an assigned `lr`, because it
    multiplies the initial rate.

    Let the function of `LambdaLR` return the factor for the new rate. A new `LambdaLR` doesn't
    help by itself: it starts from the `initial_lr` that the first one has left in the group, so
    assign to that, too.
    """
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
    second.param_groups[0]["lr"] = 0.25
    assert lr_scheduler.LambdaLR(second, lambda count: 0.5).get_last_lr() == [0.5]
    second.param_groups[0]["initial_lr"] = 0.25
    assert lr_scheduler.LambdaLR(second, lambda count: 0.5).get_last_lr() == [0.125]


def test_get_lr_is_not_for_reading_the_rate():
    """With `scheduler = ExponentialLR(SGD([w], lr=1.0), gamma=0.5)`, after one `scheduler.step()`,
    `get_last_lr()` is [0.5], the rate in use; `get_lr()` is [0.25], the rate after one more step,
    with a UserWarning, "please use `get_last_lr()`".

    `get_lr` is what `step()` calls, and what a scheduler of one's own defines. A rate set by hand
    after `step()` shows in `param_groups`, not in `get_last_lr()`.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    optimizer.step()
    scheduler.step()

    with pytest.warns(UserWarning, match=r"please use `get_last_lr\(\)`"):
        computed = scheduler.get_lr()

    assert computed == [0.25]
    assert scheduler.get_last_lr() == [0.5]

    optimizer.param_groups[0]["lr"] = 8.0
    assert scheduler.get_last_lr() == [0.5]


def test_a_schedule_goes_on_from_its_state():
    """A new `StepLR(optimizer, step_size=2, gamma=0.5)` that loads the `state_dict()` of an equal
    scheduler after its third step goes on counting: its next step is the fourth and halves the
    learning rate of `optimizer`.

    Save the optimizer's state too: loading the scheduler's state restores the count, not the
    learning rate of the optimizer.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    for _ in range(3):
        optimizer.step()
        scheduler.step()

    resumed = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    resumed_scheduler = lr_scheduler.StepLR(resumed, step_size=2, gamma=0.5)
    resumed_scheduler.load_state_dict(scheduler.state_dict())
    without_optimizer_state = resumed.param_groups[0]["lr"]
    resumed.load_state_dict(optimizer.state_dict())
    resumed.step()
    resumed_scheduler.step()

    assert without_optimizer_state == 1.0
    assert resumed_scheduler.last_epoch == 4
    assert resumed.param_groups[0]["lr"] == 0.25


def test_a_scheduler_made_after_loading_overwrites_the_loaded_rate():
    """After `optimizer.load_state_dict`, making `LambdaLR(optimizer, lambda n: 0.5**n)` sets the
    loaded rate back to that of step 0. The scheduler's own `load_state_dict` doesn't undo that:
    make the scheduler first, then load both states.

    Because making a `LambdaLR` writes the rate of step 0 into the optimizer's groups, and loading
    its state writes none; the next `scheduler.step()` puts it right. Making a `LinearLR`
    multiplies the loaded rate by `start_factor`, and later steps don't undo that. `StepLR` and
    `ExponentialLR` leave the loaded rate.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda count: 0.5**count)
    for _ in range(3):
        optimizer.step()
        scheduler.step()

    resumed = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    resumed.load_state_dict(optimizer.state_dict())
    loaded = resumed.param_groups[0]["lr"]
    resumed_scheduler = lr_scheduler.LambdaLR(resumed, lambda count: 0.5**count)
    resumed_scheduler.load_state_dict(scheduler.state_dict())
    overwritten = resumed.param_groups[0]["lr"]
    resumed.step()
    resumed_scheduler.step()

    assert loaded == 0.125
    assert overwritten == 1.0
    assert resumed.param_groups[0]["lr"] == 0.0625


def test_a_scheduler_saves_its_counts_and_not_the_optimizer():
    """`LambdaLR.state_dict()` has the step count and the rates, but not the optimizer; under
    `lr_lambdas` it holds None for a lambda, and the dict `{"warm": 4}` for a callable object whose
    one attribute is `self.warm = 4`.

    Because a function can't be pickled reliably: give the same lambda when you make the
    scheduler anew.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda count: 0.5**count)
    optimizer.step()
    scheduler.step()

    class Rising:
        def __init__(self, warm):
            self.warm = warm

        def __call__(self, step):
            return min(1, (step + 1) / self.warm)

    state = scheduler.state_dict()
    by_object = lr_scheduler.LambdaLR(optimizer, Rising(4))

    assert state["last_epoch"] == 1
    assert state["base_lrs"] == [1.0]
    assert state["_last_lr"] == [0.5]
    assert state["lr_lambdas"] == [None]
    assert [key for key in vars(scheduler) if key not in state] == ["optimizer"]
    assert by_object.state_dict()["lr_lambdas"] == [{"warm": 4}]


def test_starting_in_the_middle_needs_the_first_rate():
    """`StepLR(optimizer, step_size=2, last_epoch=3)`, which is meant for resuming, raises
    KeyError, "param 'initial_lr' is not specified in param_groups[0]", if the groups have no
    `initial_lr`.

    Because `StepLR` takes its `base_lrs` from `initial_lr`, which the saved state of an optimizer
    has if a `StepLR` was made for it. Easier: make the scheduler without `last_epoch`, then load
    the saved states of the optimizer and of the scheduler.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    saved = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    lr_scheduler.StepLR(saved, step_size=2)

    with pytest.raises(KeyError, match=r"param 'initial_lr' is not specified in param_groups\[0\]"):
        lr_scheduler.StepLR(optimizer, step_size=2, last_epoch=3)
    optimizer.load_state_dict(saved.state_dict())
    resumed = lr_scheduler.StepLR(optimizer, step_size=2, last_epoch=3)
    assert resumed.last_epoch == 4


def test_a_loss_handed_to_another_scheduler_is_taken_for_an_epoch():
    """`scheduler.step(3.0)` of an `ExponentialLR` sets `scheduler.last_epoch` to 3.0 and issues a
    UserWarning: the argument is taken as an epoch number. Do not pass it a loss; only
    `ReduceLROnPlateau.step` takes one.

    Call `step()` of an `ExponentialLR` without an argument.
    """
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
    """`lr_scheduler.StepLR(net, step_size=1)`, given a net or a list of parameters instead
    of an optimizer, raises TypeError, "is not an Optimizer".

    Because it changes the optimizer's groups: `StepLR(optimizer, step_size=1)`.
    """
    net = nn.Linear(1, 1)

    with pytest.raises(TypeError, match="Linear is not an Optimizer"):
        lr_scheduler.StepLR(net, step_size=1)
    with pytest.raises(TypeError, match="list is not an Optimizer"):
        lr_scheduler.StepLR(list(net.parameters()), step_size=1)


def test_settings_of_schedulers_are_looked_at():
    """`ReduceLROnPlateau` raises ValueError for a `factor` of 1, "Factor should be < 1.0",
    and for `mode="mean"`, "mode mean is unknown"; `OneCycleLR(optimizer, max_lr=1.0)`,
    without a number of steps, raises ValueError too.

    `mode` is "min" or "max". `OneCycleLR` needs `total_steps`, or `epochs` and
    `steps_per_epoch`.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0, momentum=0.9)

    with pytest.raises(ValueError, match="Factor should be < 1"):
        lr_scheduler.ReduceLROnPlateau(optimizer, factor=1.0)
    with pytest.raises(ValueError, match="mode mean is unknown"):
        lr_scheduler.ReduceLROnPlateau(optimizer, mode="mean")
    with pytest.raises(ValueError, match="You must define either total_steps OR"):
        lr_scheduler.OneCycleLR(optimizer, max_lr=1.0)
