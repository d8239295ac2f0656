"""BatchNorm: normalising each channel over the batch.

`nn.BatchNorm1d` and `nn.BatchNorm2d` bring each channel to mean 0 and variance 1, then multiply
by a learnt weight and add a learnt bias. In training mode mean and variance are those of the
batch, and the layer keeps running statistics of them. In evaluation mode the running statistics
are used, so that a sample gets the same output whatever its batch.

What surprises: the batch is divided by its biased standard deviation (by n), and the running
variance records the unbiased one (by n - 1); `momentum` is the share of the new batch, not of the
old value; and neither `no_grad` nor `requires_grad_(False)` stops the running statistics:
`eval()` does. Modes in general are on `spec/nn/test_modes.py`, initial values on
`spec/nn/test_initialisation.py`.
"""

import pytest
import torch
from torch import nn


def test_batch_norm_brings_each_feature_of_the_batch_to_mean_zero(device):
    """In training mode a new `nn.BatchNorm1d` makes of each feature `x` of a float32 [N, C], N > 1
    and C > 0, `(x - mean) / sqrt(var + eps)`, with mean and biased variance of the feature over
    the batch, up to rounding.
    """
    layer = nn.BatchNorm1d(2, eps=1e-12, device=device)
    x = torch.tensor([[1.0, 0.0], [3.0, 100.0]], device=device)

    assert layer(x).flatten().tolist() == pytest.approx([-1.0, -1.0, 1.0, 1.0])

    small = torch.tensor([[0.001], [-0.001]], device=device)
    normalised = nn.BatchNorm1d(1, eps=1e-5, device=device)(small)
    assert normalised.flatten().tolist() == pytest.approx([0.3015, -0.3015], abs=1e-4)


def test_batch_norm_of_images_takes_a_channel_together():
    """`nn.BatchNorm2d(2, momentum=1.0)`, called in training mode on a float32 tensor of shape
    `(2, 2, 2, 2)`, stores in `running_mean` one mean per channel, taken over the samples, rows and
    columns.
    """
    layer = nn.BatchNorm2d(2, momentum=1.0)
    x = torch.arange(16.0).view(2, 2, 2, 2)

    layer(x)

    assert x[:, 0].flatten().tolist() == [0, 1, 2, 3, 8, 9, 10, 11]
    assert layer.running_mean.tolist() == [5.5, 9.5]


def test_batch_norm_then_scales_and_shifts(device):
    """After normalising, `nn.BatchNorm1d` multiplies by its `weight` and adds its `bias`: with a
    weight of 5 and a bias of 10 the normalised values -1 and 1 become 5 and 15.
    """
    layer = nn.BatchNorm1d(1, eps=1e-12, device=device)
    layer.weight.data.fill_(5.0)
    layer.bias.data.fill_(10.0)

    y = layer(torch.tensor([[1.0], [3.0]], device=device))

    assert y.flatten().tolist() == pytest.approx([5.0, 15.0])


def test_eps_keeps_a_constant_feature_from_dividing_by_zero(device):
    """In training mode a new `nn.BatchNorm1d(1, eps=3.0)` divides `x - mean` by `sqrt(var + eps)`,
    with the biased variance: `[[1.0], [3.0]]` gives -0.5 and 0.5. The constant `[[7.0], [7.0]]`
    gives 0 up to 1e-5, not 0 / 0.

    On the CPU it computes `x * s + b` with `s = 1 / sqrt(var + eps)` and `b = -mean * s`, which is
    rounded: with the default `eps=1e-5` two samples of 1e8 may give hundreds instead of 0.
    """
    layer = nn.BatchNorm1d(1, eps=3.0, device=device)
    spread = torch.tensor([[1.0], [3.0]], device=device)
    constant = torch.tensor([[7.0], [7.0]], device=device)

    assert layer(spread).flatten().tolist() == pytest.approx([-0.5, 0.5])
    assert layer(constant).flatten().tolist() == pytest.approx([0.0, 0.0], abs=1e-5)


def test_batch_norm_uses_the_batch_in_training_and_its_memory_in_evaluation(device):
    """In training mode `layer = nn.BatchNorm1d(1)` normalises
    `torch.tensor([[1.0], [3.0]])` by mean and variance of this batch, to nearly -1 and 1;
    after `layer.eval()` it normalises by its `running_mean` and `running_var`.

    So that a prediction doesn't depend on the samples beside it; the running statistics stand
    for the training data.
    """
    layer = nn.BatchNorm1d(1, device=device)
    x = torch.tensor([[1.0], [3.0]], device=device)
    training = layer(x)
    layer.running_mean.fill_(5.0)
    layer.running_var.fill_(4.0)
    evaluation = layer.eval()(x)

    assert training.flatten().tolist() == pytest.approx([-1.0, 1.0], abs=1e-4)
    assert evaluation.flatten().tolist() == pytest.approx([-2.0, -1.0], abs=1e-4)


def test_the_running_statistics_move_a_tenth_of_the_way(device):
    """In training mode a new `nn.BatchNorm1d(1)` moves its running statistics a tenth
    (`momentum=0.1`) of the way to the batch's: `[[1.0], [3.0]]` (mean 2, unbiased variance 2)
    moves `running_mean` from 0 to 0.2 and `running_var` from 1 to 1.1.
    """
    layer = nn.BatchNorm1d(1, device=device)
    x = torch.tensor([[1.0], [3.0]], device=device)

    layer(x)
    once = [layer.running_mean.item(), layer.running_var.item()]
    layer(x)
    twice = [layer.running_mean.item(), layer.running_var.item()]

    assert once == pytest.approx([0.2, 1.1])
    assert twice == pytest.approx([0.38, 1.19])


def test_momentum_is_the_share_of_the_new_batch(device):
    """The number `momentum` of `nn.BatchNorm1d` is the weight of the new batch: with
    `momentum=1.0`, in training mode, the running mean is, up to rounding, the mean of the last
    batch alone, if all batches were finite.

    In an optimizer, momentum is the share of the old direction; here a small value means a long
    memory.
    """
    layer = nn.BatchNorm1d(1, momentum=1.0, device=device)

    layer(torch.tensor([[1.0], [3.0]], device=device))

    assert layer.running_mean.tolist() == [2.0]
    assert layer.running_var.tolist() == [2.0]


def test_without_momentum_all_batches_count_alike(device):
    """With `momentum=None` the running mean of a new `nn.BatchNorm1d(1)` is 6, up to rounding,
    after batches of 2, 2 and 6 rows with the means 2, 6 and 10 in training mode: each batch counts
    alike, and `num_batches_tracked` is 3.

    For an empty batch and for a single row, which raises ValueError, `num_batches_tracked` goes up
    too, so that later batches weigh less.
    """
    layer = nn.BatchNorm1d(1, momentum=None, device=device)

    layer(torch.tensor([[1.0], [3.0]], device=device))
    layer(torch.tensor([[5.0], [7.0]], device=device))

    assert layer.running_mean.tolist() == [4.0]
    assert layer.num_batches_tracked.item() == 2
    layer(torch.full((6, 1), 10.0, device=device))
    assert layer.running_mean.tolist() == pytest.approx([6.0])
    assert layer.num_batches_tracked.item() == 3


def test_batch_norm_records_in_training_only():
    """A new `nn.BatchNorm1d(1)` called in evaluation mode leaves `running_mean` and
    `num_batches_tracked` as they are; called in training mode with
    `torch.tensor([[10.0], [30.0]])` it counts one batch and moves the running mean from 0
    to 2.
    """
    layer = nn.BatchNorm1d(1)
    x = torch.tensor([[10.0], [30.0]])
    layer.eval()(x)
    untouched = [*layer.running_mean.tolist(), layer.num_batches_tracked.item()]
    layer.train()(x)

    assert untouched == [0.0, 0]
    assert layer.running_mean.tolist() == [2.0]
    assert layer.num_batches_tracked.item() == 1


def test_no_grad_does_not_stop_the_recording_of_batch_norm():
    """Under `torch.no_grad()` a new `nn.BatchNorm1d(1)` in training mode still updates its running
    mean, from 0 to 2 for the input `torch.tensor([[10.0], [30.0]])`: call `eval()` before
    evaluating.

    Because the running statistics are buffers that `forward` writes, not something that
    gradients change.
    """
    layer = nn.BatchNorm1d(1)
    with torch.no_grad():
        layer(torch.tensor([[10.0], [30.0]]))

    assert layer.running_mean.tolist() == [2.0]


def test_frozen_parameters_do_not_freeze_batch_norm():
    """`layer.requires_grad_(False)` freezes weight and bias of `layer = nn.BatchNorm1d(1)`, but a
    forward in training mode still moves `layer.running_mean` towards the batch's mean, until
    `layer.eval()`; `train()` of layer or network resumes it.

    Because the running statistics are buffers. When finetuning with frozen layers, set their
    BatchNorm to `eval()` after each `net.train()`.
    """
    layer = nn.BatchNorm1d(1).requires_grad_(False)
    layer(torch.tensor([[10.0], [30.0]]))
    moved = layer.running_mean.tolist()
    layer.eval()(torch.tensor([[10.0], [30.0]]))
    stopped = layer.running_mean.tolist()
    nn.Sequential(layer).train()(torch.tensor([[10.0], [30.0]]))

    assert moved == [2.0]
    assert stopped == [2.0]
    assert layer.running_mean.item() == pytest.approx(3.8)


def test_a_sample_is_judged_alone_in_evaluation_only():
    """In training mode `nn.BatchNorm1d(1)` maps the sample 2.0 to about 1 in the batch [[2.0],
    [0.0]] and to about -1 in [[2.0], [6.0]], because the other sample counts too; after `eval()`
    the output for 2.0 is the same in both batches.
    """
    layer = nn.BatchNorm1d(1)
    alone = torch.tensor([[2.0], [0.0]])
    beside_a_giant = torch.tensor([[2.0], [6.0]])
    training = [layer(alone)[0].item(), layer(beside_a_giant)[0].item()]
    layer.eval()

    assert training == pytest.approx([1.0, -1.0], abs=1e-4)
    assert torch.equal(layer(alone)[0], layer(beside_a_giant)[0]) is True


def test_batch_norm_cannot_learn_from_a_single_sample():
    """In training mode `nn.BatchNorm1d(2)` raises ValueError for an input of shape (1, 2) and
    `nn.BatchNorm2d(2)` for (1, 2, 1, 1): a single value per channel; one image of 4 x 4 pixels,
    shape (1, 2, 4, 4), works in `nn.BatchNorm2d(2)`.

    Because a single value minus its mean is always 0. If the last batch of an epoch has one
    sample, `DataLoader(..., drop_last=True)` leaves that batch out.
    """
    layer = nn.BatchNorm1d(2)
    x = torch.ones(1, 2)

    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        layer(x)
    assert layer.eval()(x).shape == (1, 2)
    assert nn.BatchNorm2d(2)(torch.ones(1, 2, 4, 4)).shape == (1, 2, 4, 4)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        nn.BatchNorm2d(2)(torch.ones(1, 2, 1, 1))
    with pytest.raises(ValueError, match=r"expected 4D input \(got 3D input\)"):
        nn.BatchNorm2d(2)(torch.ones(2, 4, 4))


def test_batch_norm_is_a_layer_that_does_need_the_batch():
    """`nn.BatchNorm1d(3)` refuses a single sample without a batch dimension, [3], with
    ValueError, "expected 2D or 3D input (got 1D input)".

    In evaluation mode write `layer(sample[None])`, which has a batch dimension of size 1. In
    training mode this raises ValueError, "Expected more than 1 value per channel when training".
    """
    layer = nn.BatchNorm1d(3)

    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 1D input\)"):
        layer(torch.zeros(3))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        layer(torch.zeros(3)[None])
    assert layer(torch.zeros(2, 3)).shape == (2, 3)

    layer.eval()
    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 1D input\)"):
        layer(torch.zeros(3))
    assert layer(torch.zeros(3)[None]).shape == (1, 3)


def test_batch_norm_wants_the_rank_and_channels_of_its_name():
    """`nn.BatchNorm2d(3)` raises ValueError for an input that does not have 4 dimensions, such as
    one of shape [4, 3]; `nn.BatchNorm1d(3)` raises RuntimeError for shape [4, 2], a batch with 2
    channels.

    `BatchNorm1d` takes [N, C] or [N, C, L], `BatchNorm2d` [N, C, H, W]; the argument of the layer
    is C.
    """
    with pytest.raises(ValueError, match=r"expected 4D input \(got 2D input\)"):
        nn.BatchNorm2d(3)(torch.zeros(4, 3))
    with pytest.raises(RuntimeError, match="running_mean should contain 2 elements not 3"):
        nn.BatchNorm1d(3)(torch.zeros(4, 2))


def test_without_memory_evaluation_uses_the_batch_too(device):
    """With `track_running_stats=False` `nn.BatchNorm1d` has no running statistics, and normalises
    by the batch in evaluation mode too.

    A batch [1, C] is then refused in evaluation mode as well.
    """
    layer = nn.BatchNorm1d(1, eps=1e-12, track_running_stats=False, device=device).eval()

    assert layer.running_mean is None
    y = layer(torch.tensor([[1.0], [3.0]], device=device))

    assert y.flatten().tolist() == pytest.approx([-1.0, 1.0])
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        layer(torch.ones(1, 1, device=device))
