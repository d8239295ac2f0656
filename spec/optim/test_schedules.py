"""Learning rates that change.

Large steps at first, small ones at the end: a schedule is a formula that says which rate to use
after how many steps. The rate is an entry of the optimizer's groups and may be set by hand; the
classes of `torch.optim.lr_scheduler` do it by formula.

What surprises newcomers: the numbers given to `LambdaLR` and to a warm-up are factors of the first
rate, not rates; and `OneCycleLR` moves the momentum as well.
"""

import math

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler


@pytest.mark.claim("path-adjust-learning-rate")
def test_the_rate_can_be_changed_by_hand():
    """The rate is an entry of the group: assign to it between two steps, and the next obeys."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.tensor(-1.0)

    optimizer.step()
    optimizer.param_groups[0]["lr"] = 0.25
    optimizer.step()

    assert weight.item() == 1.25


def test_an_attribute_lr_changes_nothing():
    """An optimizer has no `lr` of its own: `optimizer.lr = ...` makes a new, idle attribute."""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=1.0)

    optimizer.lr = 0.25

    assert optimizer.param_groups[0]["lr"] == 1.0


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
    """Each scheduler writes its formula's rate into the optimizer: here from 1, six steps."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = getattr(lr_scheduler, name)(optimizer, **settings)

    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert seen == pytest.approx(rates, abs=1e-12)


def test_cosine_annealing_follows_half_a_wave():
    """After t of T steps the cosine schedule is at `(1 + cos(pi * t / T)) / 2` of the rate."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=4.0)
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=6, eta_min=2.0)

    for _ in range(2):
        optimizer.step()
        scheduler.step()

    (rate,) = scheduler.get_last_lr()
    assert rate == pytest.approx(2.0 + (4.0 - 2.0) * (1 + math.cos(math.pi * 2 / 6)) / 2)
    assert rate == pytest.approx(3.5)


def test_lambda_lr_multiplies_the_first_rate_by_a_function_of_the_count():
    """`LambdaLR` multiplies the first rate by what the function returns for 0, 1, 2 ..."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=0.5)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda count: 1 / (1 + count))

    seen = []
    for _ in range(4):
        seen += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()

    assert seen == pytest.approx([0.5, 0.25, 1 / 6, 0.125])


def test_a_function_that_returns_the_rate_itself_squares_it():
    """A function for `LambdaLR` that returns the rate, not a factor, gives the rate squared."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=0.125)

    lr_scheduler.LambdaLR(optimizer, lambda count: 0.125)

    assert optimizer.param_groups[0]["lr"] == 0.015625


def test_multiplicative_lr_multiplies_the_last_rate():
    """`MultiplicativeLR` multiplies the last rate, where `LambdaLR` multiplies the first."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.MultiplicativeLR(optimizer, lambda count: 0.5)

    optimizer.step()
    scheduler.step()
    optimizer.step()
    scheduler.step()

    assert scheduler.get_last_lr() == [0.25]


def test_one_cycle_rises_and_falls_and_moves_momentum_the_other_way():
    """`OneCycleLR` rises to `max_lr` and falls below its start; momentum falls and rises."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=1.0,
        total_steps=5,
        pct_start=0.6,
        anneal_strategy="linear",
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


def test_one_cycle_refuses_to_be_stepped_beyond_its_end():
    """`OneCycleLR` knows its number of steps, and a loop that runs longer is an error."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=3)
    for _ in range(3):
        optimizer.step()
        scheduler.step()

    with pytest.raises(ValueError, match="The specified number of total steps is 3"):
        scheduler.step()


@pytest.mark.parametrize(
    ("mode", "rates"),
    [("min", [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]), ("max", [1.0, 1.0, 0.5, 0.5, 0.25, 0.25])],
)
def test_on_a_plateau_the_rate_falls_once_patience_is_over(mode, rates):
    """`ReduceLROnPlateau` cuts the rate after more than `patience` steps without a better value."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode=mode, factor=0.5, patience=1)

    seen = []
    for loss in [4.0, 3.0, 3.0, 3.0, 3.0, 3.0]:
        optimizer.step()
        scheduler.step(loss)
        seen.append(optimizer.param_groups[0]["lr"])

    assert seen == rates


def test_on_a_plateau_the_value_has_to_be_handed_over():
    """`ReduceLROnPlateau.step()` needs the value to watch; the other schedulers need nothing."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer)

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'metrics'"):
        scheduler.step()


@pytest.mark.torch(">=2.9")
def test_warm_up_is_one_schedule_after_another():
    """`SequentialLR` runs one schedule up to a milestone, then the next: a warm-up and a decay."""
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
    """Until PyTorch 2.8 `SequentialLR` stepped in a way that PyTorch itself warned of."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    decay = [lr_scheduler.ExponentialLR(optimizer, gamma=0.5) for _ in range(2)]
    scheduler = lr_scheduler.SequentialLR(optimizer, decay, milestones=[1])

    optimizer.step()
    with pytest.warns(UserWarning, match=r"The epoch parameter in `scheduler\.step\(\)`"):
        scheduler.step()

    assert scheduler.get_last_lr() == [1.0]


def test_chained_schedules_multiply():
    """Two schedulers stepped one after the other act both, as in `ChainedScheduler`."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = lr_scheduler.ChainedScheduler(
        [
            lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2),
            lr_scheduler.ExponentialLR(optimizer, gamma=0.5),
        ]
    )

    seen = []
    for _ in range(4):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert seen == [0.5, 0.25, 0.25, 0.125]


def test_lambda_lr_wants_one_function_or_one_for_each_group():
    """`LambdaLR` takes one function for all groups, or a list with exactly one for each."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)

    with pytest.raises(ValueError, match="Expected 1 lr_lambdas, but got 2"):
        lr_scheduler.LambdaLR(optimizer, [lambda count: 0.5, lambda count: 0.25])

    assert lr_scheduler.LambdaLR(optimizer, [lambda count: 0.5]).get_last_lr() == [0.5]
