"""Learning rates that change.

A schedule says which learning rate to use after how many steps: usually a large one at first and a
small one at the end, often after a short warm-up that rises. The rate is the entry `lr` of each
group of the optimizer, and may be set by hand. The classes of `torch.optim.lr_scheduler` compute
it, all but `ReduceLROnPlateau` by a formula, and write it there in `scheduler.step()`.

The page has each formula once, with the rates that it gives. How a scheduler is used, in which
order, saved and resumed, is told in `spec/optim/test_schedule_steps.py`.

What surprises: the numbers given to `LambdaLR`, and to the warm-up `LinearLR`, are factors of the
initial rate and no rates; `optimizer.lr = ...` has no effect; and `OneCycleLR` changes the momentum
as well.
"""

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler


@pytest.mark.claim("path-adjust-learning-rate")
def test_the_rate_can_be_changed_by_hand():
    """A number assigned to `optimizer.param_groups[0]["lr"]` of a `torch.optim.SGD` is the
    learning rate of that group in the next `optimizer.step()`.

    Because each step reads its settings from the group. With several groups, assign to
    each. A loop that does so before each step is a schedule without a scheduler.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.tensor(-1.0)

    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()

    assert weight.item() == 1.25


def test_an_attribute_lr_changes_nothing():
    """`optimizer.lr = 0.25` on an `SGD` object sets an attribute that its `step()` does not
    read: the rate stays what `param_groups` says.

    Python lets attributes be added, so no error says so. Assign to
    `optimizer.param_groups[0]["lr"]`.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.tensor(-1.0)

    optimizer.lr = 0.25
    optimizer.step()

    assert optimizer.param_groups[0]["lr"] == 1.0
    assert weight.item() == 1.0


@pytest.mark.claim("path-adjust-learning-rate")
@pytest.mark.parametrize(
    ("name", "settings", "rates"),
    [
        ("StepLR", {"step_size": 2, "gamma": 0.5}, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]),
        ("MultiStepLR", {"milestones": [1, 4], "gamma": 0.5}, [1.0, 0.5, 0.5, 0.5, 0.25, 0.25]),
        ("ExponentialLR", {"gamma": 0.5}, [1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125]),
        ("ConstantLR", {"factor": 0.25, "total_iters": 3}, [0.25, 0.25, 0.25, 1.0, 1.0, 1.0]),
        ("LinearLR", {"start_factor": 0.25, "total_iters": 3}, [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]),
        ("PolynomialLR", {"total_iters": 4, "power": 2.0}, [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]),
        ("CosineAnnealingLR", {"T_max": 2}, [1.0, 0.5, 0.0, 0.5, 1.0, 0.5]),
        ("CosineAnnealingWarmRestarts", {"T_0": 2}, [1.0, 0.5, 1.0, 0.5, 1.0, 0.5]),
    ],
)
def test_a_schedule_is_a_formula_of_the_number_of_steps(name, settings, rates):
    """Each `step()` of a scheduler such as `StepLR` writes the next rate of its formula
    into `optimizer.param_groups`: with `step_size=2` and `gamma=0.5` a rate of 1 becomes 1,
    0.5, 0.5, 0.25, 0.25 by the first five steps.

    The table below has six rates for each of seven more schedulers, from a rate of 1 too.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = getattr(lr_scheduler, name)(optimizer, **settings)

    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert seen == pytest.approx(rates, abs=1e-12)


def test_cosine_annealing_follows_half_a_wave():
    """After `t` of `T_max` steps `CosineAnnealingLR` has a rate of
    `eta_min + (lr - eta_min) * (1 + cos(pi * t / T_max)) / 2`, `lr` being the initial rate, up to
    rounding.

    Past `T_max` the rate rises again: choose `T_max` as the number of steps of the whole training.
    A rate assigned by hand before `T_max` changes the next ones; at `T_max` the rate is `eta_min`
    all the same.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=4.0)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=6, eta_min=2.0)

    for _ in range(2):
        optimizer.step()
        scheduler.step()

    (rate,) = scheduler.get_last_lr()
    assert rate == pytest.approx(2.0 + (4.0 - 2.0) * (1 + math.cos(math.pi * 2 / 6)) / 2)
    assert rate == pytest.approx(3.5)


def test_lambda_lr_multiplies_the_first_rate_by_a_function_of_the_count():
    """`LambdaLR(optimizer, lambda count: 1 / (1 + count))` sets the rate to the initial rate times
    what the function returns for the step count 0, 1, 2, and so on: 0.5 becomes 0.25, 1/6 and
    0.125 in three steps.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=0.5)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda count: 1 / (1 + count))

    seen = []
    for _ in range(4):
        seen += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()

    assert seen == pytest.approx([0.5, 0.25, 1 / 6, 0.125])


def test_a_function_that_returns_the_rate_itself_squares_it():
    """If the function of `LambdaLR` returns a wanted rate of 0.125 instead of a factor, and
    the initial rate is 0.125 too, the optimizer gets the product of the two, a rate of
    0.015625.

    To let the function return rates, give the optimizer `lr=1.0`.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=0.125)

    lr_scheduler.LambdaLR(optimizer, lambda count: 0.125)

    assert optimizer.param_groups[0]["lr"] == 0.015625


def test_multiplicative_lr_multiplies_the_last_rate():
    """Each `step()` of `MultiplicativeLR` multiplies the present rate by what its function
    returns; `LambdaLR` sets the rate to the initial rate times what its function returns.

    A function that returns 0.5 each time halves the rate in each step with `MultiplicativeLR`;
    with `LambdaLR` it halves it only once, as the scheduler is created.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    other = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    multiplicative = lr_scheduler.MultiplicativeLR(optimizer, lambda count: 0.5)
    of_first = lr_scheduler.LambdaLR(other, lambda count: 0.5)

    assert multiplicative.get_last_lr() == [1.0]
    assert of_first.get_last_lr() == [0.5]
    for _ in range(2):
        optimizer.step()
        other.step()
        multiplicative.step()
        of_first.step()

    assert multiplicative.get_last_lr() == [0.25]
    assert of_first.get_last_lr() == [0.5]


def test_one_cycle_rises_and_falls_and_moves_momentum_the_other_way():
    """`OneCycleLR(optimizer, max_lr=1.0, total_steps=5, pct_start=0.6, div_factor=4,
    final_div_factor=2)` moves the rate of an `SGD` over its five steps from 0.25 up to 1 and down
    to 0.125, and its momentum from 0.95 to 0.85 and back.

    `cycle_momentum=False` leaves the momentum alone; for Adam it is the first beta. The
    optimizer's own `lr` plays no part. Where `pct_start * total_steps` is no whole number, the
    rate of no step is `max_lr`; where it is 1, `OneCycleLR` raises ZeroDivisionError. A fifth
    `scheduler.step()` goes past the end, where the rate rises again, to 0.5625: don't train with
    it.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=5,
        pct_start=0.6,
        div_factor=4,
        final_div_factor=2,
    )

    rates, momenta = [], []
    for _ in range(5):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()

    assert rates == pytest.approx([0.25, 0.625, 1.0, 0.5625, 0.125])
    assert momenta == pytest.approx([0.95, 0.9, 0.85, 0.9, 0.95])
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.5625)


def test_one_cycle_gives_momentum_to_an_optimizer_without():
    """`OneCycleLR(optimizer, max_lr=1.0, total_steps=5)` switches the momentum of an `SGD`
    made without momentum on: to 0.95, as soon as the scheduler is made.

    For an optimizer without momentum or betas, such as `Adagrad`, it raises ValueError.
    `cycle_momentum=False` prevents both.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    plain = torch.optim.SGD([weight], lr=1.0)
    before = plain.param_groups[0]["momentum"]

    lr_scheduler.OneCycleLR(plain, max_lr=1.0, total_steps=5)

    assert before == 0
    assert plain.param_groups[0]["momentum"] == 0.95
    with pytest.raises(ValueError, match="optimizer must support momentum"):
        lr_scheduler.OneCycleLR(torch.optim.Adagrad([weight]), max_lr=1.0, total_steps=5)


def test_one_cycle_refuses_to_be_stepped_beyond_its_end():
    """`OneCycleLR(optimizer, max_lr=1.0, total_steps=4)` of an `SGD` reaches its last rate
    after 3 calls of `step()`. A fourth call goes beyond the schedule, with
    `anneal_strategy="linear"` to a rate below 0, and a fifth raises ValueError.

    With one `step()` after each batch, `total_steps` is the number of epochs times
    `len(loader)`; the rate after the last batch isn't used any more.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=4,
        pct_start=0.5,
        anneal_strategy="linear",
        div_factor=4,
        final_div_factor=2,
    )

    rates = []
    for _ in range(4):
        optimizer.step()
        scheduler.step()
        rates += scheduler.get_last_lr()

    assert rates == pytest.approx([1.0, 0.5625, 0.125, -0.3125])
    with pytest.raises(ValueError, match="The specified number of total steps is 4"):
        scheduler.step()


@pytest.mark.parametrize(
    ("mode", "rates"),
    [("min", [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]), ("max", [1.0, 1.0, 0.5, 0.5, 0.25, 0.25])],
)
def test_on_a_plateau_the_rate_falls_once_patience_is_over(mode, rates):
    """For losses of 4, 3, 3 and 3 `ReduceLROnPlateau(optimizer, factor=0.5, patience=1)`
    halves a rate of 1 in the fourth step, as the loss hasn't improved for two steps, one
    more than `patience`. With `mode="max"` it does so in the third.

    By default a loss above 0 counts as an improvement if it is better than the best so far by more
    than a ten-thousandth of the best (`threshold=1e-4`). The rate doesn't fall below `min_lr`, by
    default 0, and stays where it would fall by no more than `eps`, 1e-8.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, factor=0.5, patience=1)

    seen = []
    for loss in [4.0, 3.0, 3.0, 3.0, 3.0, 3.0]:
        optimizer.step()
        scheduler.step(loss)
        seen.append(optimizer.param_groups[0]["lr"])

    assert seen == rates


def test_on_a_plateau_of_negative_losses_the_rate_does_not_fall():
    """With the defaults `threshold_mode="rel"` and `threshold=1e-4`,
    `ReduceLROnPlateau(mode="min")` doesn't lower the rate for a loss that is -1 at every
    step: the same negative value counts as an improvement each time.

    Because the bound is `best * (1 - threshold)`, -0.9999. For losses or scores that can be
    negative give `threshold_mode="abs"`.
    """
    first = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    second = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    relative = lr_scheduler.ReduceLROnPlateau(first, factor=0.5, patience=1)
    absolute = lr_scheduler.ReduceLROnPlateau(second, factor=0.5, patience=1, threshold_mode="abs")

    for _ in range(10):
        relative.step(-1.0)
        absolute.step(-1.0)

    assert first.param_groups[0]["lr"] == 1.0
    assert second.param_groups[0]["lr"] == 0.0625


def test_on_a_plateau_the_value_has_to_be_handed_over():
    """`scheduler.step()` of a `ReduceLROnPlateau`, without the value to watch, raises
    TypeError, "missing 1 required positional argument: 'metrics'": write
    `scheduler.step(validation_loss)`.

    Because it has no formula and follows that value. Schedulers with a formula, such as
    `StepLR`, are stepped without an argument.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5)

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'metrics'"):
        scheduler.step()
    scheduler.step(0.75)
    assert scheduler.best == 0.75


@pytest.mark.torch(">=2.9")
def test_warm_up_is_one_schedule_after_another():
    """`SequentialLR` runs one scheduler up to the milestone and the next from there: with
    `milestones=[2]`, `LinearLR(optimizer, 0.25, total_iters=3)` and
    `ExponentialLR(optimizer, 0.5)` turn a rate of 1 into 0.25, 0.5, 1, 0.5 and 0.25.

    Because `ExponentialLR` begins at the initial rate, 1, whatever the first scheduler has
    reached. Before PyTorch 2.9 `SequentialLR` caused a UserWarning at its milestone, "The epoch
    parameter in `scheduler.step()` was not necessary".
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.SequentialLR(
        optimizer,
        [
            lr_scheduler.LinearLR(optimizer, start_factor=0.25, total_iters=3),
            lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
        ],
        milestones=[2],
    )

    seen = []
    for _ in range(5):
        seen += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()

    assert seen == [0.25, 0.5, 1.0, 0.5, 0.25]


@pytest.mark.torch("<2.9")
def test_a_sequence_of_schedules_warned_of_itself():
    """Up to PyTorch 2.8, `SequentialLR(optimizer, decay, milestones=[1])`, with two
    `ExponentialLR` in the list `decay`, issued a UserWarning, "The epoch parameter in
    `scheduler.step()`", at its first `step()`, which reached the milestone.

    Because it called the next scheduler with an epoch, which PyTorch itself had deprecated.
    The warning may be ignored.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    decay = [lr_scheduler.ExponentialLR(optimizer, gamma=0.5) for _ in range(2)]
    scheduler = lr_scheduler.SequentialLR(optimizer, decay, milestones=[1])

    optimizer.step()
    with pytest.warns(UserWarning, match=r"The epoch parameter in `scheduler\.step\(\)`"):
        scheduler.step()

    assert scheduler.get_last_lr() == [1.0]


def test_chained_schedules_multiply_unless_they_start_from_the_first_rate():
    """`ChainedScheduler.step()` steps each of its schedulers, one after the other: the
    factors of a `ConstantLR` and an `ExponentialLR` multiply, but of two `LambdaLR` the
    last one decides the rate.

    Because `LambdaLR` computes the rate anew from the initial rate, while `ConstantLR` and
    `ExponentialLR` multiply the present rate by a factor.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    other = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ChainedScheduler(
        [
            lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2),
            lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
        ]
    )
    of_lambdas = lr_scheduler.ChainedScheduler(
        [
            lr_scheduler.LambdaLR(other, lambda count: 0.5**count),
            lr_scheduler.LambdaLR(other, lambda count: 0.125),
        ]
    )

    seen, of_last = [], []
    for _ in range(4):
        seen.append(optimizer.param_groups[0]["lr"])
        of_last.append(other.param_groups[0]["lr"])
        optimizer.step()
        other.step()
        scheduler.step()
        of_lambdas.step()

    assert seen == [0.5, 0.25, 0.25, 0.125]
    assert of_last == [0.125, 0.125, 0.125, 0.125]


def test_lambda_lr_wants_one_function_or_one_for_each_group():
    """`LambdaLR` takes one function for all groups, or a list with one function per group;
    for two groups a list of one function raises ValueError, "Expected 2 lr_lambdas, but got
    1".

    A list lets one group warm up while another stays constant.
    """
    first, second = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)

    with pytest.raises(ValueError, match="Expected 2 lr_lambdas, but got 1"):
        lr_scheduler.LambdaLR(optimizer, [lambda count: 0.5])

    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda count: 0.5, lambda count: 0.25])
    assert scheduler.get_last_lr() == [0.5, 0.25]
    assert lr_scheduler.LambdaLR(optimizer, lambda count: 0.125).get_last_lr() == [0.125, 0.125]


def test_a_cyclic_schedule_goes_up_and_down():
    """`CyclicLR(optimizer, base_lr=1.0, max_lr=3.0, step_size_up=2)` on an `SGD` with
    momentum moves the rate in a triangle, 1, 2, 3, 2, 1 and up again, by one entry per
    `step()`.

    So call `scheduler.step()` after each batch. `CyclicLR` moves the momentum of `SGD` too,
    between 0.8 and 0.9, unless `cycle_momentum=False`.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=7.0, momentum=0.5)
    scheduler = lr_scheduler.CyclicLR(optimizer, base_lr=1.0, max_lr=3.0, step_size_up=2)

    rates, momenta = [], []
    for _ in range(6):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["momentum"])
        optimizer.step()
        scheduler.step()

    assert rates == [1.0, 2.0, 3.0, 2.0, 1.0, 2.0]
    assert momenta == pytest.approx([0.9, 0.85, 0.8, 0.85, 0.9, 0.85])


def test_multi_step_decays_at_certain_epochs():
    """`MultiStepLR(optimizer, milestones=[2, 4], gamma=0.5)`, stepped once per epoch,
    decays the learning rate at certain epochs: it is multiplied by 0.5 after 2 steps and
    after 4.

    A milestone counts calls of `scheduler.step()`: in a loop that steps per batch it is a
    batch.
    """
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[2, 4], gamma=0.5)

    rates = []
    for _ in range(5):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()

    assert rates == [1.0, 1.0, 0.5, 0.5, 0.25]
