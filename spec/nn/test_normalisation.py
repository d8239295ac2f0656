"""Normalisation without the batch: LayerNorm, GroupNorm, InstanceNorm, RMSNorm.

Most normalising layers bring numbers to mean 0 and variance 1; many then scale and shift them by
learnt parameters. The layers differ in which elements they take together: LayerNorm the last
dimensions of a sample, GroupNorm a group of channels of a sample, InstanceNorm one channel of a
sample. With default settings none of these four uses the other samples of the batch, so that
training and evaluation agree, and a batch may have one sample, as long as more than one element is
taken together. BatchNorm, which does use the others, is on `spec/nn/test_batch_norm.py`.

What surprises: `nn.LayerNorm(3)` takes the size of the last dimension, not a number of
dimensions; and RMSNorm subtracts no mean.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_layer_norm_looks_at_one_sample(device):
    """`nn.LayerNorm(2)` normalises each row of a float32 matrix with 2 columns by itself and has
    no buffers: a row gets the same output alone and beside another row, up to rounding.
    """
    layer = nn.LayerNorm(2, eps=0.0, device=device)
    alone = layer(torch.tensor([[1.0, 3.0]], device=device))
    together = layer(torch.tensor([[1.0, 3.0], [7.0, 5.0]], device=device))

    assert alone.tolist() == [[-1.0, 1.0]]
    assert together.tolist() == [[-1.0, 1.0], [1.0, -1.0]]
    assert list(layer.buffers()) == []


def test_layer_norm_is_told_the_axes_it_joins():
    """`nn.LayerNorm((2, 2))` normalises a float32 input [N, 2, 2] over the last two dimensions
    together; `nn.LayerNorm(3)` raises RuntimeError for an input whose last dimension has not the
    size 3.

    For an `x` of two or more dimensions pass `x.shape[-1]` to normalise the last dimension, or
    `x.shape[1:]` for all but the batch.
    """
    layer = nn.LayerNorm((2, 2), eps=0.0)
    x = torch.tensor([[[1.0, 1.0], [3.0, 3.0]]])

    assert layer(x).flatten().tolist() == pytest.approx([-1.0, -1.0, 1.0, 1.0])
    assert layer(torch.tensor([[[1.0, 3.0], [1.0, 3.0]]])).tolist() == [[[-1.0, 1.0], [-1.0, 1.0]]]
    with pytest.raises(
        RuntimeError, match=r"expected input with shape \[\*, 3\], but got input of"
    ):
        nn.LayerNorm(3)(x)


@pytest.mark.parametrize(
    ("groups", "values"),
    [(1, [-1.3416, -0.4472, 0.4472, 1.3416]), (2, [-1.0, 1.0, -1.0, 1.0])],
)
def test_group_norm_takes_some_channels_together(groups, values, device):
    """`F.group_norm(x, groups)` normalises each group of channels of a sample: of the four
    channels of `x = torch.tensor([[0.0, 2.0, 4.0, 6.0]])`, `F.group_norm(x, 1)` takes all four
    together, `F.group_norm(x, 2)` the first two and the last two.

    `F.group_norm(x, 4)` raises ValueError, since each group of this single sample would hold one
    value. The number of channels must be divisible by `groups`.
    """
    x = torch.tensor([[0.0, 2.0, 4.0, 6.0]], device=device)

    y = F.group_norm(x, groups, eps=0.0)

    assert y.flatten().tolist() == pytest.approx(values, abs=6e-5)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        F.group_norm(x, 4)


def test_groups_divide_the_channels():
    """`nn.GroupNorm(2, 3)` raises ValueError, because the number of channels, 3, must be
    divisible by the number of groups, 2; 4 channels work.
    """
    with pytest.raises(ValueError, match=r"num_channels .*must be divisible by num_groups"):
        nn.GroupNorm(2, 3)
    assert nn.GroupNorm(2, 4).weight.shape == (4,)


def test_instance_norm_takes_each_channel_of_each_sample(device):
    """By default `F.instance_norm` normalises each channel of each sample of a float32 input (N,
    C, L) by itself, over its positions, and an input with L = 1 raises ValueError, "Expected more
    than 1 spatial element".

    Because one value minus its mean is always 0: use `nn.LayerNorm` for features without
    positions.
    """
    x = torch.tensor([[[1.0, 3.0], [50.0, 10.0]]], device=device)

    assert F.instance_norm(x, eps=0.0).tolist() == [[[-1.0, 1.0], [1.0, -1.0]]]
    with pytest.raises(ValueError, match="Expected more than 1 spatial element when training"):
        F.instance_norm(x[:, :, :1])


@pytest.mark.torch(">=2.4")
def test_rms_norm_divides_without_taking_the_mean_away(device):
    """`F.rms_norm(x, (2,))` and a new `nn.RMSNorm(2)`, since PyTorch 2.4, divide a float32 `x` of
    shape (2,) by the root of its mean square, up to `eps`, and subtract no mean:
    `torch.tensor([1.0, 7.0])` is divided by 5.

    Language models such as Llama use it in place of LayerNorm; for a float32 `x` in older releases
    write `x * (x.square().mean(-1, keepdim=True) + eps).rsqrt()` with a small `eps`.
    """
    x = torch.tensor([1.0, 7.0], device=device)

    assert F.rms_norm(x, (2,), eps=0.0).tolist() == pytest.approx([0.2, 1.4])
    assert nn.RMSNorm(2, eps=0.0, device=device)(x).tolist() == pytest.approx([0.2, 1.4])
    by_hand = x * (x.square().mean(-1, keepdim=True) + 1e-7).rsqrt()
    assert by_hand.tolist() == pytest.approx([0.2, 1.4])


def test_instance_norm_learns_nothing_unless_told():
    """`nn.InstanceNorm2d(3)` has no parameters and no running statistics, unlike
    `nn.BatchNorm2d(3)`; `nn.InstanceNorm2d(3, affine=True)` has a weight and a bias,
    `nn.InstanceNorm2d(3, track_running_stats=True)` the running statistics.
    """
    plain, learning = nn.InstanceNorm2d(3), nn.InstanceNorm2d(3, affine=True)
    tracking = nn.InstanceNorm2d(3, track_running_stats=True)

    assert list(plain.state_dict()) == []
    assert nn.BatchNorm2d(3).running_mean.tolist() == [0.0, 0.0, 0.0]
    assert list(learning.state_dict()) == ["weight", "bias"]
    assert list(tracking.state_dict()) == ["running_mean", "running_var", "num_batches_tracked"]


def test_local_response_norm_divides_by_neighbouring_channels(device):
    """`nn.LocalResponseNorm(3, alpha=3.0, beta=1.0, k=1.0)` divides float32 [N, C, H, W] elements
    by `(k + alpha * m) ** beta`, m the mean square over 3 adjacent channels, missing ones counted
    as 0: `torch.ones(1, 3, 1, 1)` gives 1/3, 1/4, 1/3.

    The paper on AlexNet has it, `torchvision.models.alexnet` has not; most later networks have
    `nn.BatchNorm2d` instead. `F.local_response_norm` is the same as a function; with an even size,
    2, the neighbours are the channel itself and the one before it. The older `nn.CrossMapLRN2d`
    gives 1/3, 1/4, 1/4 with the settings above, because channel 0 stays in the sums of all later
    channels; with size 2 it agrees for ones, but not for 1, 2, 3, 4.
    """
    x = torch.ones(1, 3, 1, 1, device=device)

    y = nn.LocalResponseNorm(3, alpha=3.0, beta=1.0, k=1.0)(x)

    assert y.flatten().tolist() == pytest.approx([1 / 3, 1 / 4, 1 / 3])
    pair = F.local_response_norm(x, 2, alpha=2.0, beta=1.0, k=0.0)
    assert pair.flatten().tolist() == pytest.approx([1.0, 0.5, 0.5])
    older_pair = nn.CrossMapLRN2d(2, alpha=2.0, beta=1.0, k=0.0)(x)
    assert older_pair.flatten().tolist() == pytest.approx([1.0, 0.5, 0.5])
    older = nn.CrossMapLRN2d(3, alpha=3.0, beta=1.0, k=1.0)(x)
    assert older.flatten().tolist() == pytest.approx([1 / 3, 1 / 4, 1 / 4])
    rising = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device).reshape(1, 4, 1, 1)
    older_pair = nn.CrossMapLRN2d(2, alpha=2.0, beta=1.0, k=0.0)(rising)
    assert older_pair.flatten().tolist() == pytest.approx([1 / 1, 2 / 5, 3 / 10, 4 / 17])
    pair = F.local_response_norm(rising, 2, alpha=2.0, beta=1.0, k=0.0)
    assert pair.flatten().tolist() == pytest.approx([1 / 1, 2 / 5, 3 / 13, 4 / 25])


def test_batch_norms_are_converted_for_several_processes():
    """`nn.SyncBatchNorm.convert_sync_batchnorm(net)` of
    `net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))` replaces the `nn.BatchNorm1d` by an
    `nn.SyncBatchNorm` with the same weight and running statistics.

    In training mode `nn.SyncBatchNorm` takes the batches of all processes together, and in a
    process group refuses a CPU tensor. Convert before `DistributedDataParallel`.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net[1].running_mean.fill_(5.0)
    net[1].running_var.fill_(2.0)
    weight = net[1].weight

    converted = nn.SyncBatchNorm.convert_sync_batchnorm(net)

    assert type(converted[1]).__name__ == "SyncBatchNorm"
    assert converted[1].weight is weight
    assert converted[1].running_mean.tolist() == [5.0, 5.0, 5.0]
    assert converted[1].running_var.tolist() == [2.0, 2.0, 2.0]
    images = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3)))
    assert type(images[0]).__name__ == "SyncBatchNorm"
