"""Averaged weights: SWA and EMA.

The weights of the last steps jump around a good point; their average is often better than any of
them. Stochastic weight averaging (SWA) takes the plain mean of the weights at some moments, usually
once per epoch near the end; an exponential moving average (EMA) gives each old average the weight
`decay` and the newest weights the rest, at each step. `torch.optim.swa_utils.AveragedModel` keeps
the average as a copy of the network, which is used for evaluation; the network itself goes on being
trained.

What surprises: nothing is averaged until `update_parameters` is called; the copy's running
statistics of batch norm are no average (`update_bn` recomputes them, or `use_buffers=True`); its
`state_dict` has the prefix `module.`; and by hand an EMA is one line, `lerp_`, under
`torch.no_grad()`.
"""

import copy

import pytest
import torch
from torch import nn
from torch.optim import swa_utils
from torch.optim.swa_utils import SWALR, AveragedModel


def test_averaged_model_keeps_the_mean_of_the_weights_it_was_shown():
    """If a float32 weight of `net` is 1, 2 and 6 at the first three calls of
    `averaged.update_parameters(net)`, the same weight of `averaged = AveragedModel(net)` is
    1, 1.5 and 3 after them: by default the mean so far (SWA).

    The first call replaces the copy; the weights from before it don't count.
    """
    net = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(net)

    seen = []
    for value in (1.0, 2.0, 6.0):
        nn.init.constant_(net.weight, value)
        averaged.update_parameters(net)
        seen.append(averaged.module.weight.item())

    assert seen == [1.0, 1.5, 3.0]
    assert averaged.n_averaged.item() == 3
    assert net.weight.item() == 6.0


def test_an_average_is_not_updated_by_training():
    """`averaged = AveragedModel(net)` of an `nn.Linear` has parameters of its own:
    `optimizer.step()` of an optimizer for `net` does not change `averaged`;
    `averaged.update_parameters(net)` takes the new parameters of `net` into the average.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 3.0)
    averaged = AveragedModel(net)
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)

    net(torch.tensor([[1.0]])).backward()
    optimizer.step()
    not_updated = averaged(torch.tensor([[1.0]])).item()
    averaged.update_parameters(net)

    assert net.weight.item() == 2.0
    assert not_updated == 3.0
    assert averaged(torch.tensor([[1.0]])).item() == 2.0


@pytest.mark.torch(">=2.1")
def test_an_exponential_moving_average_by_multi_avg_fn():
    """`AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.75))` is an EMA: with a float32
    weight of 8, 0 and 8 in `net` at the first three calls of `update_parameters(net)`, the
    averaged weight is 8, then 6 (`0.75 * 8 + 0.25 * 0`), then 6.5.
    """
    net = nn.Linear(1, 1, bias=False)
    average = swa_utils.get_ema_multi_avg_fn(0.75)
    averaged = AveragedModel(net, multi_avg_fn=average)

    seen = []
    for value in (8.0, 0.0, 8.0):
        nn.init.constant_(net.weight, value)
        averaged.update_parameters(net)
        seen.append(averaged.module.weight.item())

    assert seen == [8.0, 6.0, 6.5]


@pytest.mark.torch(">=2.6")
def test_a_decay_is_between_0_and_1():
    """Since PyTorch 2.6 `get_ema_multi_avg_fn(1.5)` raises ValueError, "Invalid decay value
    1.5 provided": a decay is from 0 to 1.

    0.999 is a usual one, an average over about the last 1000 steps.
    """
    with pytest.raises(ValueError, match=r"Invalid decay value 1.5 provided"):
        swa_utils.get_ema_multi_avg_fn(1.5)


def test_an_average_of_ones_own_is_a_function_of_two_tensors():
    """A new `AveragedModel(net, avg_fn=f)` calls `f(old, new, count)` for each parameter from the
    second `update_parameters(net)` on, and stores the average that `f` returns:
    `0.75 * old + 0.25 * new` makes an EMA.

    `get_ema_multi_avg_fn` needs PyTorch 2.1; `avg_fn` works in older releases too.
    """
    net = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(net, avg_fn=lambda old, new, count: 0.75 * old + 0.25 * new)

    for value in (8.0, 0.0):
        nn.init.constant_(net.weight, value)
        averaged.update_parameters(net)

    assert averaged.module.weight.item() == 6.0


def test_an_ema_by_hand_is_a_lerp():
    """`old.lerp_(new, 0.25)` under `torch.no_grad()`, after each step, for each float32
    parameter `new` of `net` and its partner `old` in a `copy.deepcopy(net)`, keeps in the
    copy the moving average `0.75 * old + 0.25 * new`, up to rounding.

    In half precision small steps of the average are rounded away: keep it in float32.
    Buffers, such as running statistics, are copied or averaged as you decide.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 8.0)
    average = copy.deepcopy(net).requires_grad_(False)
    nn.init.constant_(net.weight, 0.0)

    with torch.no_grad():
        for old, new in zip(average.parameters(), net.parameters(), strict=True):
            old.lerp_(new, 0.25)

    assert average.weight.item() == 6.0
    assert average.weight.requires_grad is False


def test_an_ema_without_no_grad_is_refused():
    """For `average = copy.deepcopy(net)` of a trainable `nn.Linear`,
    `average.weight.lerp_(net.weight, 0.25)` with grad mode on raises RuntimeError, "a leaf
    Variable that requires grad is being used in an in-place operation".

    After `average.requires_grad_(False)` the call raises nothing, and autograd records each
    update: the graph grows from step to step. Use `torch.no_grad()`.
    """
    net = nn.Linear(1, 1, bias=False)
    average = copy.deepcopy(net)

    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an"
    ):
        average.weight.lerp_(net.weight, 0.25)

    average.requires_grad_(False)
    average.weight.lerp_(net.weight, 0.25)
    assert average.weight.requires_grad is True


def test_an_average_has_the_prefix_module():
    """With `averaged = AveragedModel(net)`, the keys of `averaged.state_dict()` are a
    counter, `n_averaged`, and those of `net.state_dict()` with the prefix "module.": load
    `averaged.module.state_dict()` into a plain network.
    """
    net = nn.Linear(1, 1, bias=False)
    averaged = AveragedModel(net)

    assert list(averaged.state_dict()) == ["n_averaged", "module.weight"]
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for Linear"):
        net.load_state_dict(averaged.state_dict())

    net.load_state_dict(averaged.module.state_dict())
    assert torch.equal(net.weight, averaged.module.weight) is True


@pytest.mark.torch(">=2.0")
def test_the_running_statistics_are_copied_and_not_averaged():
    """For `net = nn.BatchNorm1d(1)`, `update_parameters(net)` of `AveragedModel(net)` copies the
    buffers, such as `running_mean`; that of `AveragedModel(net, use_buffers=True)` averages the
    `running_mean` like the parameters.
    """
    net = nn.BatchNorm1d(1)
    copied, averaged = AveragedModel(net), AveragedModel(net, use_buffers=True)

    for value in (2.0, 6.0):
        net.running_mean.fill_(value)
        copied.update_parameters(net)
        averaged.update_parameters(net)

    assert copied.module.running_mean.tolist() == [6.0]
    assert averaged.module.running_mean.tolist() == [4.0]


def test_update_bn_recomputes_the_running_statistics():
    """`swa_utils.update_bn(loader, averaged)` of `averaged = AveragedModel(nn.BatchNorm1d(1))`
    runs each batch of the loader through `averaged` once: for two batches of two rows each,
    with means of 5 and 3, it sets `running_mean` to 4.

    By default an `AveragedModel` copies the running statistics of the trained model, which
    don't fit the averaged weights. Each batch may be a tensor, or a list or tuple whose first
    element is the input.
    """
    averaged = AveragedModel(nn.BatchNorm1d(1)).eval()
    loader = [torch.tensor([[0.0], [10.0]]), torch.tensor([[2.0], [4.0]])]

    swa_utils.update_bn(loader, averaged)

    assert averaged.module.running_mean.tolist() == [4.0]
    assert averaged.training is False


def test_the_averaged_model_has_a_mode_of_its_own():
    """`averaged.eval()` of `averaged = AveragedModel(net)` puts the copy into evaluation
    mode and doesn't change the mode of `net`: call it before evaluating the average.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    averaged = AveragedModel(net)

    averaged.eval()

    assert averaged.module[1].training is False
    assert net[1].training is True


def test_swalr_goes_to_a_constant_rate():
    """`SWALR(optimizer, swa_lr=0.25, anneal_epochs=4, anneal_strategy="linear")` lowers a rate of
    1 in four equal steps, one per `step()` of the scheduler, to 0.25, the `swa_lr`, and keeps it
    there.

    Because SWA averages the weights of steps made at a constant, rather high rate.
    """
    optimizer = torch.optim.SGD([nn.Parameter(torch.tensor(0.0))], lr=1.0)
    scheduler = SWALR(optimizer, swa_lr=0.25, anneal_epochs=4, anneal_strategy="linear")

    seen = []
    for _ in range(6):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()

    assert seen == pytest.approx([1.0, 0.8125, 0.625, 0.4375, 0.25, 0.25])


def test_the_trained_network_is_for_training_and_the_average_for_evaluation():
    """`averaged = AveragedModel(net)` of an `nn.Linear` `net`, with
    `averaged.update_parameters(net)` after each `optimizer.step()` for `net.parameters()`, holds
    the mean of the weights `net` had after them: train `net`, evaluate `averaged`.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=1.0)
    averaged = AveragedModel(net)

    for _ in range(3):
        optimizer.zero_grad()
        net(torch.tensor([[1.0]])).sum().backward()
        optimizer.step()
        averaged.update_parameters(net)

    assert net.weight.item() == 1.0
    assert averaged.module.weight.item() == 2.0
