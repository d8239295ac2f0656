"""Warm-up and schedules of one's own.

A large learning rate at the very first steps can ruin a network, transformers above all: the rate
rises from near zero over some hundreds of steps (warm-up) and falls afterwards. Two ways: chain
ready-made schedulers with `SequentialLR`, or write the factor as a function of the step for
`LambdaLR`, which says most schedules in a line. The formulas of the schedulers are on
`spec/optim/test_schedules.py`, their use on `spec/optim/test_schedule_steps.py`.

What surprises: a warm-up is counted in optimizer steps, so `scheduler.step()` is called after each
batch; a factor of 0 at step 0 wastes the first step, so count from 1; `LinearLR` refuses a start
of 0; and a lambda is not saved in the scheduler's `state_dict`.
"""

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler


def rates(optimizer, scheduler, count):
    """Return the rates of `count` steps, rounded."""
    seen = []
    for _ in range(count):
        seen.append(round(optimizer.param_groups[0]["lr"], 4))
        optimizer.step()
        scheduler.step()
    return seen


@pytest.fixture
def optimizer():
    """SGD of one parameter, rate 1."""
    return torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)


def test_linear_warm_up_is_a_factor_below_one(optimizer):
    """On a new `SGD` with `lr=1.0`, `LambdaLR(optimizer, lambda step: min(1, (step + 1) / 4))`,
    stepped after each `optimizer.step()`, gives the first six steps the rates 0.25, 0.5, 0.75,
    1.0, 1.0 and 1.0.
    """
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 4))

    assert rates(optimizer, scheduler, 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_a_factor_of_zero_wastes_the_first_step(optimizer):
    """With `LambdaLR(optimizer, lambda step: min(1, step / 4))` the first step of `SGD` has rate
    0, so that a gradient of 1 leaves a weight of 0 where it is: count from 1, `(step + 1) / 4`.
    """
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: min(1, step / 4))
    (weight,) = optimizer.param_groups[0]["params"]
    weight.grad = torch.tensor(1.0)

    optimizer.step()

    assert weight.item() == 0.0
    assert scheduler.get_last_lr() == [0.0]


def test_warm_up_and_cosine_decay_in_one_function(optimizer):
    """With `warm = 2` and `total = 6`, one function for `LambdaLR` does warm-up and cosine decay:
    `(step + 1) / warm` while `step < warm`, then
    `0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))`, from 1 at step 2 to 0 at step
    6.

    After step 6 the cosine rises again, to 0.1464 at step 7: `min(step, total)` in the place of
    `step` keeps it at 0.
    """
    warm, total = 2, 6

    def factor(step):
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (step - warm) / (total - warm)))

    scheduler = lr_scheduler.LambdaLR(optimizer, factor)

    assert rates(optimizer, scheduler, 8) == [0.5, 1.0, 1.0, 0.8536, 0.5, 0.1464, 0.0, 0.1464]


def test_the_transformers_schedule_is_a_function_too():
    """The schedule of "Attention Is All You Need" for width `d` and `warm` steps of warm-up is
    `LambdaLR(optimizer, lambda step: d**-0.5 * min((step + 1)**-0.5, (step + 1) * warm**-1.5))` on
    an optimizer with `lr=1.0`.
    """
    optimizer = torch.optim.Adam([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    d, warm = 16, 4

    def factor(step):
        return d**-0.5 * min((step + 1) ** -0.5, (step + 1) * warm**-1.5)

    scheduler = lr_scheduler.LambdaLR(optimizer, factor)
    seen = rates(optimizer, scheduler, 16)

    assert seen[:4] == [0.0312, 0.0625, 0.0938, 0.125]
    assert seen[15] == 0.0625


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
def test_warm_up_and_decay_from_ready_made_parts(optimizer):
    """`SequentialLR(optimizer, [LinearLR(optimizer, 0.5, total_iters=2),
    CosineAnnealingLR(optimizer, T_max=4)], milestones=[2])` warms up from half of a float `lr`
    to `lr` in two steps, then falls to 0 in four.

    `T_max` counts the steps after the warm-up alone. With more steps the learning rate rises
    again: stop there. With a tensor as `lr` the releases 2.4 to 2.9 never reach all of it: give a
    float.
    """
    warm_up = lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    decay = lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    scheduler = lr_scheduler.SequentialLR(optimizer, [warm_up, decay], milestones=[2])

    assert rates(optimizer, scheduler, 8) == [0.5, 0.75, 1.0, 0.8536, 0.5, 0.1464, 0.0, 0.1464]


@pytest.mark.torch(">=2.0")
def test_linear_lr_does_not_start_at_zero(optimizer):
    """`LinearLR` raises ValueError, "Starting multiplicative factor expected to be greater
    than 0 and less or equal to 1.", for `start_factor=0.0` and for a `start_factor` above
    1; in place of 0 give a small one, such as 1e-8.
    """
    with pytest.raises(
        ValueError, match="Starting multiplicative factor expected to be greater than"
    ):
        lr_scheduler.LinearLR(optimizer, start_factor=0.0)
    with pytest.raises(
        ValueError, match="Starting multiplicative factor expected to be greater than"
    ):
        lr_scheduler.LinearLR(optimizer, start_factor=2.0)


def test_linear_lr_by_default_rises_from_a_third_in_five_steps(optimizer):
    """`LinearLR(optimizer)` without other arguments raises the learning rate, up to rounding, from
    1/3 of the optimizer's `lr` to the whole `lr` in 5 calls of `scheduler.step()`.
    """
    scheduler = lr_scheduler.LinearLR(optimizer)

    assert rates(optimizer, scheduler, 6) == [0.3333, 0.4667, 0.6, 0.7333, 0.8667, 1.0]


def test_a_sequence_has_one_milestone_fewer_than_schedulers(optimizer):
    """`SequentialLR` wants one milestone fewer than schedulers: with two schedulers and two
    milestones it raises ValueError, "Sequential Schedulers expects number of schedulers
    provided to be one more".

    A milestone is the step at which the next scheduler takes over.
    """
    parts = [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ExponentialLR(optimizer, gamma=0.5)]

    with pytest.raises(
        ValueError, match="Sequential Schedulers expects number of schedulers provid"
    ):
        lr_scheduler.SequentialLR(optimizer, parts, milestones=[1, 2])


def test_a_sequence_is_of_schedulers_of_one_optimizer(optimizer):
    """`SequentialLR(optimizer, [ConstantLR(optimizer), ConstantLR(other)], milestones=[1])` raises
    ValueError, "expects all schedulers to belong to the same optimizer", where `other` is another
    optimizer.
    """
    other = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    parts = [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ConstantLR(other)]

    with pytest.raises(ValueError, match="expects all schedulers to belong to the same optimizer"):
        lr_scheduler.SequentialLR(optimizer, parts, milestones=[1])


@pytest.mark.torch(">=2.4")
def test_a_plateau_has_no_place_in_a_sequence(optimizer):
    """`SequentialLR` raises ValueError, "does not support `ReduceLROnPlateau` scheduler",
    if one of its schedulers is a `ReduceLROnPlateau`.

    Because `ReduceLROnPlateau.step` needs a metric. Use an `if` in the loop: step the warm-up
    scheduler in the first epochs, and only the plateau scheduler, with the metric, in the later
    ones.
    """
    parts = [lr_scheduler.ConstantLR(optimizer), lr_scheduler.ReduceLROnPlateau(optimizer)]

    with pytest.raises(ValueError, match="does not support `ReduceLROnPlateau` scheduler as it"):
        lr_scheduler.SequentialLR(optimizer, parts, milestones=[1])


@pytest.mark.torch(">=2.0")
def test_a_scheduler_of_ones_own_returns_the_rates(optimizer):
    """For a scheduler of your own, subclass `lr_scheduler.LRScheduler` and define `get_lr`:
    it returns a list with one rate per group, and may compute the rates from
    `self.base_lrs` and the step count `self.last_epoch`.

    Before PyTorch 2.0 the class was called `_LRScheduler`; that name still works for a
    subclass.
    """

    class Halving(lr_scheduler.LRScheduler):
        def get_lr(self):
            return [base * 0.5 ** (self.last_epoch // 2) for base in self.base_lrs]

    scheduler = Halving(optimizer)

    assert rates(optimizer, scheduler, 6) == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert lr_scheduler._LRScheduler.__mro__[1] is lr_scheduler.LRScheduler


def test_layers_may_have_schedules_of_their_own():
    """`LambdaLR(optimizer, [lambda step: float(step >= 2), lambda step: 1.0])` of an `SGD` with
    two parameter groups and `lr=1.0` keeps the rate of the first group at 0 for two steps, while
    the second group has the rate 1 from the start.
    """
    body, head = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([{"params": [body]}, {"params": [head]}], lr=1.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda step: float(step >= 2), lambda step: 1.0])

    seen = []
    for _ in range(3):
        seen.append(scheduler.get_last_lr())
        optimizer.step()
        scheduler.step()

    assert seen == [[0.0, 1.0], [0.0, 1.0], [1.0, 1.0]]
