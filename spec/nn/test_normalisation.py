"""Normalisation and dropout.

A normalising layer brings numbers to mean 0 and variance 1, then scales and shifts them by two
learned parameters. The layers differ in which numbers they take together: BatchNorm one channel of
the whole batch, LayerNorm one sample, GroupNorm some channels of a sample.

What surprises: BatchNorm divides by the biased variance (by n) and remembers the unbiased one (by
n - 1); and dropout makes the numbers that it keeps larger.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_batch_norm_brings_each_feature_of_the_batch_to_mean_zero(device):
    """Each column has its mean taken away and is divided by its spread, over the whole batch."""
    layer = nn.BatchNorm1d(2, eps=1e-12, device=device)
    x = torch.tensor([[1.0, 0.0], [3.0, 100.0]], device=device)

    assert layer(x).flatten().tolist() == pytest.approx([-1.0, -1.0, 1.0, 1.0])


def test_batch_norm_then_scales_and_shifts(device):
    """After normalising, `weight` multiplies and `bias` adds: the layer can learn any spread."""
    layer = nn.BatchNorm1d(1, eps=1e-12, device=device)
    layer.weight.data.fill_(5.0)
    layer.bias.data.fill_(10.0)

    y = layer(torch.tensor([[1.0], [3.0]], device=device))

    assert y.flatten().tolist() == pytest.approx([5.0, 15.0])


def test_eps_keeps_a_constant_feature_from_dividing_by_zero(device):
    """The root is taken of variance plus `eps`: variance 1 and eps 3 divide by 2, 0 gives 0."""
    layer = nn.BatchNorm1d(1, eps=3.0, device=device)
    spread = torch.tensor([[1.0], [3.0]], device=device)
    constant = torch.tensor([[7.0], [7.0]], device=device)

    assert layer(spread).flatten().tolist() == pytest.approx([-0.5, 0.5])
    assert layer(constant).flatten().tolist() == pytest.approx([0.0, 0.0], abs=1e-5)


def test_the_running_statistics_move_a_tenth_of_the_way(device):
    """After a batch of mean 2 and unbiased variance 2, mean goes 0 to 0.2 and variance 1 to 1.1."""
    layer = nn.BatchNorm1d(1, device=device)
    x = torch.tensor([[1.0], [3.0]], device=device)

    layer(x)
    once = [layer.running_mean.item(), layer.running_var.item()]
    layer(x)
    twice = [layer.running_mean.item(), layer.running_var.item()]

    assert once == pytest.approx([0.2, 1.1])
    assert twice == pytest.approx([0.38, 1.19])


def test_momentum_is_the_share_of_the_new_batch(device):
    """Unlike an optimizer's, this `momentum` weighs what is new: 1 forgets all that was before."""
    layer = nn.BatchNorm1d(1, momentum=1.0, device=device)

    layer(torch.tensor([[1.0], [3.0]], device=device))

    assert layer.running_mean.tolist() == [2.0]
    assert layer.running_var.tolist() == [2.0]


def test_without_momentum_all_batches_count_alike(device):
    """With `momentum=None` the memory is the plain mean over the batches seen."""
    layer = nn.BatchNorm1d(1, momentum=None, device=device)

    layer(torch.tensor([[1.0], [3.0]], device=device))
    layer(torch.tensor([[5.0], [7.0]], device=device))

    assert layer.running_mean.tolist() == [4.0]
    assert layer.num_batches_tracked.item() == 2


def test_without_memory_evaluation_uses_the_batch_too(device):
    """With `track_running_stats=False` there are no buffers, and `eval()` changes nothing."""
    layer = nn.BatchNorm1d(1, eps=1e-12, track_running_stats=False, device=device).eval()

    assert layer.running_mean is None
    y = layer(torch.tensor([[1.0], [3.0]], device=device))

    assert y.flatten().tolist() == pytest.approx([-1.0, 1.0])


def test_batch_norm_of_images_takes_a_channel_together():
    """`BatchNorm2d` has one mean a channel, over the samples, rows and columns."""
    layer = nn.BatchNorm2d(2, momentum=1.0)
    x = torch.tensor([[[[1.0, 3.0]], [[10.0, 20.0]]], [[[5.0, 7.0]], [[30.0, 40.0]]]])

    layer(x)

    assert layer.running_mean.tolist() == [4.0, 25.0]


def test_batch_norm_wants_the_rank_and_channels_of_its_name():
    """`BatchNorm2d` takes four axes, and the number of channels that it was made for."""
    with pytest.raises(ValueError, match=r"expected 4D input \(got 2D input\)"):
        nn.BatchNorm2d(3)(torch.zeros(4, 3))
    with pytest.raises(RuntimeError, match="running_mean should contain 2 elements not 3"):
        nn.BatchNorm1d(3)(torch.zeros(4, 2))


def test_layer_norm_looks_at_one_sample(device):
    """`LayerNorm` takes the last axis of each sample by itself, and has no memory."""
    layer = nn.LayerNorm(2, eps=0.0, device=device)
    alone = layer(torch.tensor([[1.0, 3.0]], device=device))
    together = layer(torch.tensor([[1.0, 3.0], [7.0, 5.0]], device=device))

    assert alone.tolist() == [[-1.0, 1.0]]
    assert together.tolist() == [[-1.0, 1.0], [1.0, -1.0]]
    assert list(layer.buffers()) == []


def test_layer_norm_is_told_the_axes_it_joins():
    """Given a shape, `LayerNorm` takes as many last axes together; other lengths are refused."""
    x = torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])

    assert nn.LayerNorm((2, 2), eps=0.0)(x).tolist() == [[[-1.0, 1.0], [-1.0, 1.0]]]
    with pytest.raises(
        RuntimeError, match=r"expected input with shape \[\*, 3\], but got input of"
    ):
        nn.LayerNorm(3)(x)


@pytest.mark.parametrize(
    ("groups", "values"),
    [(1, [-1.3416, -0.4472, 0.4472, 1.3416]), (2, [-1.0, 1.0, -1.0, 1.0])],
)
def test_group_norm_takes_some_channels_together(groups, values, device):
    """One group is all channels of a sample; two groups are brought to mean 0 each by itself."""
    x = torch.tensor([[0.0, 2.0, 4.0, 6.0]], device=device)

    y = F.group_norm(x, groups, eps=0.0)

    assert y.flatten().tolist() == pytest.approx(values, abs=6e-5)


def test_groups_divide_the_channels():
    """Three channels cannot be parted into two groups."""
    with pytest.raises(ValueError, match="must be divisible by num_groups"):
        nn.GroupNorm(2, 3)
    assert nn.GroupNorm(2, 4).weight.shape == (4,)


def test_instance_norm_takes_each_channel_of_each_sample(device):
    """`instance_norm` knows neither other samples nor other channels."""
    x = torch.tensor([[[1.0, 3.0], [50.0, 10.0]]], device=device)

    assert F.instance_norm(x, eps=0.0).tolist() == [[[-1.0, 1.0], [1.0, -1.0]]]


@pytest.mark.torch(">=2.4")
def test_rms_norm_divides_without_taking_the_mean_away(device):
    """`rms_norm` divides by the root of the mean square: of 1 and 7 that is 5."""
    x = torch.tensor([1.0, 7.0], device=device)

    assert F.rms_norm(x, (2,), eps=0.0).tolist() == pytest.approx([0.2, 1.4])


@pytest.mark.parametrize(("p", "kept"), [(0.2, 1.25), (0.5, 2.0), (0.75, 4.0)])
def test_dropout_makes_up_for_what_it_drops(p, kept, device):
    """Each number that stays is divided by `1 - p`, so that the sum stays the same on average."""
    y = F.dropout(torch.ones(1000, device=device), p)

    assert sorted(set(y.tolist())) == [0.0, kept]
    assert y.mean().item() == pytest.approx(1.0, abs=0.2)


def test_dropout_of_one_drops_all_and_of_zero_nothing(device):
    """`p` is the share that is dropped, not the one that is kept."""
    x = torch.ones(3, device=device)

    assert F.dropout(x, p=1.0).tolist() == [0.0, 0.0, 0.0]
    assert F.dropout(x, p=0.0).tolist() == [1.0, 1.0, 1.0]


def test_what_is_dropped_gets_no_gradient(device):
    """The gradient passes the same gates as the numbers did: 0 where dropped, 2 where kept."""
    x = torch.ones(1000, device=device, requires_grad=True)

    y = F.dropout(x, p=0.5)
    y.sum().backward()

    assert torch.equal(x.grad, y)
    assert sorted(set(x.grad.tolist())) == [0.0, 2.0]


def test_dropout2d_drops_whole_channels(device):
    """`Dropout2d` keeps or drops all pixels of a channel together."""
    y = nn.Dropout2d()(torch.ones(1, 100, 3, 3, device=device))

    assert sorted(set(y.sum((2, 3)).flatten().tolist())) == [0.0, 18.0]


def test_a_probability_is_between_zero_and_one():
    """`nn.Dropout(50)` is no percentage."""
    with pytest.raises(ValueError, match="probability has to be between 0 and 1, but got 50"):
        nn.Dropout(50)
