"""Layers for sequences, images and volumes.

Most layers that look at neighbours exist three times. The ending of the name says how many
dimensions have neighbours: `1d` for sequences (N, C, L), `2d` for images (N, C, H, W), `3d` for
volumes and videos (N, C, D, H, W). N is the batch, C the channels. What differs is the shape of the
input, of the kernel and of the output; the settings have the same names, and one number stands for
all dimensions: `kernel_size=3` is 3 x 3 x 3 in a `3d` layer.

What surprises: a layer cannot always tell that its input has the wrong number of dimensions. Most
accept one sample without a batch dimension, so `nn.MaxPool3d` takes a batch of images for one
volume. The layers themselves are told in `spec/nn/test_convolutions.py`,
`spec/nn/test_pooling.py`, `spec/nn/test_padding.py`, `spec/nn/test_batch_norm.py` and
`spec/nn/test_dropout.py`.
"""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ("layer", "shape", "output"),
    [
        (nn.Conv1d(3, 4, 3), (2, 3, 8), (2, 4, 6)),
        (nn.Conv2d(3, 4, 3), (2, 3, 8, 8), (2, 4, 6, 6)),
        (nn.Conv3d(3, 4, 3), (2, 3, 8, 8, 8), (2, 4, 6, 6, 6)),
    ],
)
def test_convolutions_have_a_kernel_of_one_two_or_three_dimensions(layer, shape, output):
    """Without padding, `nn.Conv1d(3, 4, 3)` turns float32 inputs (2, 3, 8) into (2, 4, 6),
    `nn.Conv2d(3, 4, 3)` (2, 3, 8, 8) into (2, 4, 6, 6) and `nn.Conv3d(3, 4, 3)` (2, 3, 8,
    8, 8) into (2, 4, 6, 6, 6): the kernel size is 3 in each dimension.
    """
    assert layer(torch.ones(shape)).shape == output


def test_the_kernel_grows_with_the_dimensions():
    """The weight of `nn.Conv1d(3, 4, 3)` has the shape (4, 3, 3), that of
    `nn.Conv2d(3, 4, 3)` (4, 3, 3, 3) and that of `nn.Conv3d(3, 4, 3)` (4, 3, 3, 3, 3): 36,
    108 and 324 numbers.
    """
    weights = [layer(3, 4, 3).weight for layer in (nn.Conv1d, nn.Conv2d, nn.Conv3d)]

    assert [tuple(weight.shape) for weight in weights] == [(4, 3, 3), (4, 3, 3, 3), (4, 3, 3, 3, 3)]
    assert [weight.numel() for weight in weights] == [36, 108, 324]


@pytest.mark.parametrize(
    ("layer", "shape", "output"),
    [
        (nn.ConvTranspose1d(3, 4, 2, stride=2), (2, 3, 5), (2, 4, 10)),
        (nn.ConvTranspose2d(3, 4, 2, stride=2), (2, 3, 5, 5), (2, 4, 10, 10)),
        (nn.ConvTranspose3d(3, 4, 2, stride=2), (2, 3, 5, 5, 5), (2, 4, 10, 10, 10)),
    ],
)
def test_transposed_convolutions_double_each_dimension(layer, shape, output):
    """With `kernel_size=2`, `stride=2` and the defaults otherwise, `nn.ConvTranspose1d`,
    `nn.ConvTranspose2d` and `nn.ConvTranspose3d` turn 5 positions into 10 in each of their spatial
    dimensions.
    """
    assert layer(torch.ones(shape)).shape == output


@pytest.mark.parametrize(
    ("layer", "shape", "output"),
    [
        (nn.MaxPool1d(2), (2, 3, 9), (2, 3, 4)),
        (nn.MaxPool2d(2), (2, 3, 9, 9), (2, 3, 4, 4)),
        (nn.MaxPool3d(2), (2, 3, 9, 9, 9), (2, 3, 4, 4, 4)),
        (nn.AvgPool1d(2), (2, 3, 9), (2, 3, 4)),
        (nn.AvgPool2d(2), (2, 3, 9, 9), (2, 3, 4, 4)),
        (nn.AvgPool3d(2), (2, 3, 9, 9, 9), (2, 3, 4, 4, 4)),
        (nn.LPPool1d(2, 2), (2, 3, 9), (2, 3, 4)),
        (nn.LPPool2d(2, 2), (2, 3, 9, 9), (2, 3, 4, 4)),
    ],
)
def test_pooling_halves_each_dimension(layer, shape, output):
    """`nn.MaxPool2d(2)`, `nn.AvgPool2d(2)` and `nn.LPPool2d(2, 2)` turn a float32 input of shape
    (2, 3, 9, 9) into (2, 3, 4, 4) and, without batch, (3, 9, 9) into (3, 4, 4); `nn.MaxPool1d(2)`
    turns (2, 3, 9) into (2, 3, 4).
    """
    assert layer(torch.ones(shape)).shape == output
    assert layer(torch.ones(shape[1:])).shape == output[1:]


@pytest.mark.spare("shape", reason="the output has its size whatever the input's")
@pytest.mark.parametrize(
    ("layer", "shape", "output"),
    [
        (nn.AdaptiveAvgPool1d(1), (2, 3, 8), (2, 3, 1)),
        (nn.AdaptiveAvgPool1d((4,)), (2, 3, 8), (2, 3, 4)),
        (nn.AdaptiveAvgPool3d(1), (2, 3, 4, 5, 6), (2, 3, 1, 1, 1)),
        (nn.AdaptiveMaxPool1d(2), (2, 3, 8), (2, 3, 2)),
        (nn.AdaptiveMaxPool2d(2), (2, 3, 8, 6), (2, 3, 2, 2)),
        (nn.AdaptiveMaxPool2d((4, 1)), (2, 3, 8, 6), (2, 3, 4, 1)),
        (nn.AdaptiveMaxPool3d((1, 2, 3)), (2, 3, 4, 5, 6), (2, 3, 1, 2, 3)),
    ],
)
def test_adaptive_pooling_takes_the_size_of_the_output(layer, shape, output):
    """`nn.AdaptiveAvgPool1d`, `AdaptiveAvgPool3d`, `AdaptiveMaxPool1d`, `AdaptiveMaxPool2d` and
    `AdaptiveMaxPool3d` take the output's spatial size: one number for all spatial dimensions, or a
    tuple with one for each, such as `(1, 2, 3)` in 3d.
    """
    assert layer(torch.ones(shape)).shape == output


@pytest.mark.spare("8", reason="the output has its size whatever the input's")
@pytest.mark.spare("2", reason="a larger window overlaps more, and the output has its size")
def test_fractional_pooling_makes_a_size_that_does_not_divide():
    """`nn.FractionalMaxPool2d(2, output_size=5)` turns a float32 (1, 3, 8, 8) into (1, 3, 5, 5),
    with 2 x 2 windows whose positions depend on random numbers;
    `nn.FractionalMaxPool3d(2, output_size=5)` turns (1, 3, 8, 8, 8) into (1, 3, 5, 5, 5).

    `nn.MaxPool2d(2)`, whose windows lie side by side, turns (1, 3, 8, 8) into (1, 3, 4, 4).
    """
    pool = nn.FractionalMaxPool2d(2, output_size=5)
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    rows = {tuple(pool(image)[0, 0, 0].tolist()) for _ in range(50)}

    assert rows == {(9, 10, 12, 13, 15), (9, 11, 12, 14, 15)}
    assert pool(torch.ones(1, 3, 8, 8)).shape == (1, 3, 5, 5)
    assert nn.FractionalMaxPool3d(2, output_size=5)(torch.ones(1, 3, 8, 8, 8)).shape == (
        1,
        3,
        5,
        5,
        5,
    )


@pytest.mark.parametrize(
    ("layer", "shape", "output"),
    [
        (nn.ReflectionPad1d(1), (2, 3, 8), (2, 3, 10)),
        (nn.ReflectionPad3d(1), (2, 3, 4, 5, 6), (2, 3, 6, 7, 8)),
        (nn.ReplicationPad1d(1), (2, 3, 8), (2, 3, 10)),
        (nn.ReplicationPad3d(1), (2, 3, 4, 5, 6), (2, 3, 6, 7, 8)),
        (nn.ConstantPad1d(1, 5.0), (2, 3, 8), (2, 3, 10)),
        (nn.ConstantPad3d(1, 5.0), (2, 3, 4, 5, 6), (2, 3, 6, 7, 8)),
    ],
)
def test_padding_layers_add_to_both_ends_of_each_dimension(layer, shape, output):
    """In float32, `nn.ReflectionPad1d(1)`, `ReplicationPad1d(1)` and `ConstantPad1d(1, 5.0)` turn
    shape (2, 3, 8) into (2, 3, 10); `ReflectionPad3d(1)`, `ReplicationPad3d(1)`,
    `ConstantPad3d(1, 5.0)` turn (2, 3, 4, 5, 6) into (2, 3, 6, 7, 8).
    """
    assert layer(torch.ones(shape)).shape == output


@pytest.mark.spare("shape", reason="inputs of other sizes do the same")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.BatchNorm1d(3), (4, 3)),
        (nn.BatchNorm1d(3), (4, 3, 8)),
        (nn.BatchNorm2d(3), (4, 3, 8, 8)),
        (nn.BatchNorm3d(3), (4, 3, 8, 8, 8)),
    ],
)
def test_batch_norm_normalises_over_all_but_the_channels(layer, shape):
    """In training mode a new `nn.BatchNorm1d` of (N, C, L), `BatchNorm2d` of (N, C, H, W) or
    `BatchNorm3d` of (N, C, D, H, W), N > 1, brings each channel of `torch.randn(shape) + 5` to
    mean 0, up to rounding, over the batch and all positions.
    """
    y = layer(torch.randn(shape) + 5)

    means = y.transpose(0, 1).flatten(1).mean(1)
    assert torch.allclose(means, torch.tensor([0.0, 0.0, 0.0]), atol=1e-5) is True


@pytest.mark.spare("shape", reason="inputs of other sizes do the same")
@pytest.mark.parametrize(
    ("layer", "shape", "said"),
    [
        (nn.BatchNorm1d(3), (2, 3, 8, 8), r"expected 2D or 3D input \(got 4D input\)"),
        (nn.BatchNorm2d(3), (2, 3, 8), r"expected 4D input \(got 3D input\)"),
        (nn.BatchNorm3d(3), (2, 3, 8, 8), r"expected 5D input \(got 4D input\)"),
        (nn.InstanceNorm3d(3), (2, 3, 8), r"expected 4D or 5D input \(got 3D input\)"),
    ],
)
def test_batch_norm_says_how_many_dimensions_it_wants(layer, shape, said):
    """`nn.BatchNorm1d`, `BatchNorm2d`, `BatchNorm3d` and `InstanceNorm3d` raise ValueError for a
    wrong number of dimensions: `nn.BatchNorm2d` of a 3-D input says "expected 4D input (got 3D
    input)".

    After `flatten(1)` a batch is (N, C): `nn.BatchNorm1d` is the one that fits.
    """
    with pytest.raises(ValueError, match=said):
        layer(torch.ones(shape))


@pytest.mark.spare("shape", reason="inputs of other sizes do the same")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.InstanceNorm1d(3), (2, 3, 8)),
        (nn.InstanceNorm2d(3), (2, 3, 8, 8)),
        (nn.InstanceNorm3d(3), (2, 3, 4, 4, 4)),
    ],
)
def test_instance_norm_normalises_each_sample_and_channel(layer, shape):
    """Each of `nn.InstanceNorm1d(3)(torch.randn(2, 3, 8) + 5)`,
    `nn.InstanceNorm2d(3)(torch.randn(2, 3, 8, 8) + 5)` and
    `nn.InstanceNorm3d(3)(torch.randn(2, 3, 4, 4, 4) + 5)` has mean 0 in each channel of each
    sample, up to rounding.
    """
    means = layer(torch.randn(shape) + 5).flatten(2).mean(2)

    assert torch.allclose(means, torch.tensor([[0.0, 0.0, 0.0]] * 2), atol=1e-5) is True


@pytest.mark.spare("shape", reason="inputs of other sizes do the same")
@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout1d(0.5), (4, 8, 10)),
        (nn.Dropout2d(0.5), (4, 8, 10, 10)),
        (nn.Dropout3d(0.5), (4, 8, 4, 5, 5)),
        (nn.FeatureAlphaDropout(0.5), (4, 8, 10, 10)),
    ],
)
def test_dropout_of_channels_drops_them_whole(layer, shape):
    """In training mode `nn.Dropout1d` (N, C, L), `nn.Dropout2d` and `nn.FeatureAlphaDropout` (N,
    C, H, W) and `nn.Dropout3d` (N, C, D, H, W) drop or keep each channel as a whole: for float32
    ones all positions of a channel get the same value.
    """
    y = layer(torch.ones(shape)).flatten(2)

    values = (y == y[:, :, :1]).all(2)
    assert values.tolist() == [[True] * 8] * 4
    assert y.unique().numel() == 2


def test_a_volume_layer_takes_a_batch_of_images_for_one_volume():
    """`nn.MaxPool3d(2)` accepts a float32 input of shape (2, 3, 8, 8), as one volume of 2 channels
    and depth 3: the result has the shape (2, 1, 4, 4), without an error.

    Because the batch dimension may be missing. For a batch of images write `nn.MaxPool2d(2)(x)`, or
    `nn.MaxPool3d((1, 2, 2))(x.unsqueeze(2))`, where each image is a volume of depth 1.
    """
    images = torch.ones(2, 3, 8, 8)

    assert nn.MaxPool3d(2)(images).shape == (2, 1, 4, 4)
    assert nn.MaxPool3d((1, 2, 2))(images.unsqueeze(2)).shape == (2, 3, 1, 4, 4)
    assert nn.MaxPool2d(2)(images).shape == (2, 3, 4, 4)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.Conv3d(3, 4, 3), r"Expected 4D \(unbatched\) or 5D \(batched\) input to conv3d"),
        (nn.ConvTranspose3d(3, 4, 3), r"\(unbatched\) or 5D \(batched\) input to conv_transpose3d"),
        (nn.Conv1d(3, 4, 3), r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv1d"),
    ],
)
def test_a_convolution_says_how_many_dimensions_it_wants(layer, said):
    """`nn.Conv1d(3, 4, 3)`, `Conv3d(3, 4, 3)` and `ConvTranspose3d(3, 4, 3)` raise
    RuntimeError for a float32 input with too few dimensions for one sample: `nn.Conv3d`
    says "Expected 4D (unbatched) or 5D (batched) input to conv3d".
    """
    wrong = torch.ones(8) if isinstance(layer, nn.Conv1d) else torch.ones(2, 3, 8)

    with pytest.raises(RuntimeError, match=said):
        layer(wrong)


@pytest.mark.torch(">=2.4")
@pytest.mark.spare("shape", reason="inputs of other sizes do the same")
@pytest.mark.parametrize(
    ("lazy", "shape", "becomes"),
    [
        (nn.LazyConv1d, (2, 3, 8), nn.Conv1d),
        (nn.LazyConv3d, (2, 3, 8, 8, 8), nn.Conv3d),
        (nn.LazyConvTranspose1d, (2, 3, 8), nn.ConvTranspose1d),
        (nn.LazyConvTranspose2d, (2, 3, 8, 8), nn.ConvTranspose2d),
        (nn.LazyConvTranspose3d, (2, 3, 8, 8, 8), nn.ConvTranspose3d),
    ],
)
def test_a_lazy_convolution_learns_its_in_channels(lazy, shape, becomes):
    """`nn.LazyConv1d`, `LazyConv3d`, `LazyConvTranspose1d`, `LazyConvTranspose2d` and
    `LazyConvTranspose3d` take `in_channels` from the first input and become the layer without
    `Lazy`, such as `nn.Conv1d`.
    """
    layer = lazy(4, kernel_size=3)
    before = type(layer.weight)
    layer(torch.ones(shape))

    assert before is nn.parameter.UninitializedParameter
    assert type(layer) is becomes
    assert layer.in_channels == 3


@pytest.mark.torch(">=2.4")
@pytest.mark.spare("shape", reason="inputs of other sizes do the same")
@pytest.mark.parametrize(
    ("lazy", "shape", "becomes"),
    [
        (nn.LazyBatchNorm1d, (2, 3, 8), nn.BatchNorm1d),
        (nn.LazyBatchNorm2d, (2, 3, 8, 8), nn.BatchNorm2d),
        (nn.LazyBatchNorm3d, (2, 3, 8, 8, 8), nn.BatchNorm3d),
        (nn.LazyInstanceNorm1d, (2, 3, 8), nn.InstanceNorm1d),
        (nn.LazyInstanceNorm2d, (2, 3, 8, 8), nn.InstanceNorm2d),
        (nn.LazyInstanceNorm3d, (2, 3, 8, 8, 8), nn.InstanceNorm3d),
    ],
)
def test_a_lazy_norm_learns_its_channels(lazy, shape, becomes):
    """Made with `affine=True`, `nn.LazyBatchNorm1d`, `LazyBatchNorm2d`, `LazyBatchNorm3d`
    and `nn.LazyInstanceNorm1d`, `LazyInstanceNorm2d`, `LazyInstanceNorm3d` take the number
    of channels from dimension 1 of the first batch.

    `affine=True` is their default. For one sample (C, L) without the dimension of the batch,
    `nn.LazyInstanceNorm1d` takes L for the number of channels, and raises ValueError where L is
    not C.
    """
    layer = lazy(affine=True)
    layer(torch.ones(shape))

    assert type(layer) is becomes
    assert layer.num_features == 3
    assert layer.weight.tolist() == [1.0, 1.0, 1.0]
