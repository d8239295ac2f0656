"""Convolutions.

A convolution slides a small window of weights over its input and takes, at each place, the sum of
products. All channels of the input go into each channel of the output, unless `groups` parts them.
Padding, stride and dilation say where the window may stand and how wide it reaches.

What surprises: the window is not turned round, as mathematics has it; and the length that comes
out is a floor: stride 2 may leave the last numbers unseen.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def conv1d_by_hand(x, weight, stride=1, padding=0, dilation=1, groups=1):
    x = F.pad(x, (padding, padding))
    outputs, inputs, width = weight.shape
    length = (x.shape[2] - dilation * (width - 1) - 1) // stride + 1
    y = torch.zeros(x.shape[0], outputs, length, dtype=x.dtype)
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        for t in range(length):
            seen = x[:, first : first + inputs, t * stride :][:, :, : dilation * width : dilation]
            y[:, o, t] = (seen * weight[o]).sum((1, 2))
    return y


def conv2d_by_hand(x, weight, stride=1, padding=0):
    x = F.pad(x, (padding, padding, padding, padding))
    height, width = weight.shape[2:]
    rows = range(0, x.shape[2] - height + 1, stride)
    columns = range(0, x.shape[3] - width + 1, stride)
    windows = [[x[:, None, :, r : r + height, c : c + width] for c in columns] for r in rows]
    lines = [[(window * weight).sum((2, 3, 4)) for window in line] for line in windows]
    return torch.stack([torch.stack(line, 2) for line in lines], 2)


def conv_transpose1d_by_hand(x, weight, stride=1):
    inputs, outputs, width = weight.shape
    y = torch.zeros(x.shape[0], outputs, (x.shape[2] - 1) * stride + width, dtype=x.dtype)
    for i in range(inputs):
        for t in range(x.shape[2]):
            y[:, :, t * stride : t * stride + width] += x[:, i, t, None, None] * weight[i]
    return y


@pytest.mark.parametrize(
    ("x", "weight", "settings", "shape"),
    [
        ((2, 3, 8), (4, 3, 3), {}, (2, 4, 6)),
        ((2, 3, 8), (4, 3, 3), {"stride": 2}, (2, 4, 3)),
        ((2, 3, 8), (4, 3, 3), {"padding": 2}, (2, 4, 10)),
        ((2, 3, 8), (4, 3, 3), {"dilation": 3}, (2, 4, 2)),
        ((2, 4, 8), (6, 2, 3), {"groups": 2}, (2, 6, 6)),
        ((2, 3, 9), (4, 3, 2), {"stride": 3, "padding": 1, "dilation": 2}, (2, 4, 3)),
    ],
)
@pytest.mark.spare("3", reason="the floor of a stride hides one more number")
@pytest.mark.spare("2", reason="the floor of a stride hides one more number")
def test_conv1d_is_the_loop_over_outputs_and_places(x, weight, settings, shape):
    """`conv1d` agrees with a loop, whatever the stride, padding, dilation and groups."""
    x = torch.randint(-9, 10, x).double()
    weight = torch.randint(-9, 10, weight).double()

    y = F.conv1d(x, weight, **settings)

    assert y.shape == shape
    assert torch.equal(y, conv1d_by_hand(x, weight, **settings))


@pytest.mark.parametrize(
    ("settings", "sides"),
    [({}, (4, 5)), ({"stride": 2}, (2, 3)), ({"padding": 1}, (6, 7))],
)
def test_conv2d_is_the_loop_over_rows_and_columns(settings, sides):
    """`conv2d` slides its window over both sides of an image, as a double loop does."""
    x = torch.randint(-9, 10, (2, 3, 6, 7)).double()
    weight = torch.randint(-9, 10, (4, 3, 3, 3)).double()

    y = F.conv2d(x, weight, **settings)

    assert y.shape[2:] == sides
    assert torch.equal(y, conv2d_by_hand(x, weight, **settings))


@pytest.mark.parametrize(("stride", "length"), [(1, 7), (2, 11), (3, 15)])
def test_a_transposed_convolution_is_the_loop_that_spreads_each_number(stride, length):
    """`conv_transpose1d` stamps the window, times each number, `stride` apart; overlaps add up."""
    x = torch.randint(-9, 10, (2, 3, 5)).double()
    weight = torch.randint(-9, 10, (3, 4, 3)).double()

    y = F.conv_transpose1d(x, weight, stride=stride)

    assert y.shape == (2, 4, length)
    assert torch.equal(y, conv_transpose1d_by_hand(x, weight, stride))


def test_the_window_is_not_turned_round(device):
    """Weights 1, 10, 100 meet three numbers in the order they stand: a cross-correlation."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]], device=device)
    weight = torch.tensor([[[1.0, 10.0, 100.0]]], device=device)

    assert F.conv1d(x, weight).tolist() == [[[321.0, 432.0]]]


def test_the_bias_is_added_once_a_channel(device):
    """The bias has one number for each output channel, added at every place."""
    layer = nn.Conv1d(1, 2, 1, device=device)
    layer.weight.data = torch.ones(2, 1, 1, device=device)
    layer.bias.data = torch.tensor([10.0, 20.0], device=device)

    y = layer(torch.tensor([[[1.0, 2.0]]], device=device))

    assert y.tolist() == [[[11.0, 12.0], [21.0, 22.0]]]


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "length"),
    [(1, 0, 1, 8), (1, 1, 1, 10), (2, 0, 1, 4), (1, 0, 2, 6), (3, 1, 2, 3), (2, 1, 3, 3)],
)
def test_the_length_follows_a_formula(stride, padding, dilation, length):
    """Of ten numbers a window of 3 leaves (10 + 2 padding - 2 dilation - 1) // stride + 1."""
    layer = nn.Conv1d(1, 1, 3, stride=stride, padding=padding, dilation=dilation)

    assert layer(torch.zeros(1, 1, 10)).shape == (1, 1, length)
    assert (10 + 2 * padding - 2 * dilation - 1) // stride + 1 == length


def test_a_stride_may_leave_the_end_unseen(device):
    """With stride 2 a window of 2 never reaches the fifth of five numbers."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 99.0]]], device=device)

    assert F.conv1d(x, torch.ones(1, 1, 2, device=device), stride=2).tolist() == [[[3.0, 7.0]]]


@pytest.mark.parametrize(
    ("mode", "edges"),
    [
        ("zeros", [3.0, 6.0, 5.0]),
        ("replicate", [4.0, 6.0, 8.0]),
        ("reflect", [5.0, 6.0, 7.0]),
        ("circular", [6.0, 6.0, 6.0]),
    ],
)
def test_padding_comes_in_four_kinds(mode, edges):
    """Around 1, 2, 3 stand zeros, or the last number again, its neighbour, or the other end."""
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode=mode, bias=False)
    layer.weight.data = torch.ones(1, 1, 3)

    assert layer(torch.tensor([[[1.0, 2.0, 3.0]]])).flatten().tolist() == edges


def test_padding_same_keeps_the_sides():
    """`padding="same"` pads what window and dilation take away; no stride goes with it."""
    layer = nn.Conv2d(1, 1, (3, 5), padding="same", dilation=2)

    assert layer(torch.zeros(1, 1, 10, 11)).shape == (1, 1, 10, 11)
    with pytest.raises(ValueError, match="padding='same' is not supported for strided"):
        nn.Conv2d(1, 1, 3, padding="same", stride=2)


def test_pairs_are_height_and_width():
    """Kernel, stride and padding take a pair, height first; one number serves both sides."""
    image = torch.zeros(1, 1, 9, 9)
    oblong = nn.Conv2d(1, 1, (3, 5), stride=(1, 2), padding=(1, 0))
    square = nn.Conv2d(1, 1, 3)

    assert oblong(image).shape == (1, 1, 9, 3)
    assert square(image).shape == (1, 1, 7, 7)


def test_one_group_a_channel_keeps_the_channels_apart(device):
    """With as many groups as channels each output sees one channel, and the weight is that thin."""
    layer = nn.Conv1d(2, 2, 1, groups=2, bias=False, device=device)
    layer.weight.data = torch.tensor([[[10.0]], [[100.0]]], device=device)

    assert layer(torch.tensor([[[1.0], [2.0]]], device=device)).tolist() == [[[10.0], [200.0]]]
    assert nn.Conv1d(2, 2, 1).weight.shape == (2, 2, 1)


def test_groups_divide_the_channels():
    """Neither inputs nor outputs may be left over when the channels are parted."""
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="out_channels must be divisible by groups"):
        nn.Conv2d(4, 3, 3, groups=2)


def test_a_window_of_one_is_a_linear_layer_at_each_pixel(device):
    """A 1 x 1 convolution mixes the channels of each pixel, and nothing else."""
    weight = torch.tensor([[1.0, 10.0]], device=device)
    pixels = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert F.linear(pixels, weight).tolist() == [[21.0], [43.0]]
    assert F.conv1d(pixels.T[None], weight[:, :, None]).tolist() == [[[21.0, 43.0]]]


def test_a_transposed_convolution_restores_the_shape_and_not_the_numbers(device):
    """With the same settings `conv_transpose1d` leads back to the length, not to the numbers."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]], device=device)
    weight = torch.ones(1, 1, 2, device=device)

    short = F.conv1d(x, weight, stride=2)

    assert short.tolist() == [[[3.0, 7.0]]]
    assert F.conv_transpose1d(short, weight, stride=2).tolist() == [[[3.0, 3.0, 7.0, 7.0]]]


def test_a_transposed_weight_has_its_inputs_first():
    """A convolution's weight starts with outputs, a transposed one's with inputs."""
    assert nn.Conv2d(2, 5, 3).weight.shape == (5, 2, 3, 3)
    assert nn.ConvTranspose2d(2, 5, 3).weight.shape == (2, 5, 3, 3)


def test_a_window_larger_than_the_image_is_refused():
    """An image that shrank too far, padding included, has no place for the window."""
    layer = nn.Conv2d(1, 1, 5)

    with pytest.raises(RuntimeError, match=r"Kernel size can't be greater than actual input size"):
        layer(torch.zeros(1, 1, 3, 3))
    assert nn.Conv2d(1, 1, 5, padding=1)(torch.zeros(1, 1, 3, 3)).shape == (1, 1, 1, 1)


def test_pixels_as_bytes_are_refused():
    """Image files hold uint8: a convolution of floats wants `.float()` first."""
    layer = nn.Conv2d(1, 1, 3)
    image = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)

    with pytest.raises(RuntimeError, match=r"Input type \(unsigned char\) and bias type \(float\)"):
        layer(image)
    assert layer(image.float()).shape == (1, 1, 1, 1)
