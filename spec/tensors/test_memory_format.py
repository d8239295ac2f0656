"""Memory formats: contiguous and channels last.

A batch of images has the shape (N, C, H, W) whatever its memory looks like. By default each channel
is a plane of its own in memory; in the format channels last the channels of one pixel lie side by
side, as in an image file, which convolutions on many devices prefer.

Only the strides tell the two apart: shape, indexing and values are the same. Operations hand the
format on, so that it has to be asked for just once.
"""

import pytest
import torch
from torch import nn


def test_channels_last_changes_strides_and_nothing_else(device):
    """`to(memory_format=torch.channels_last)` keeps shape and values; the strides are others."""
    x = torch.arange(24, device=device).view(1, 2, 3, 4)

    y = x.to(memory_format=torch.channels_last)

    assert y.shape == x.shape == (1, 2, 3, 4)
    assert x.stride() == (24, 12, 4, 1)
    assert y.stride() == (24, 1, 8, 2)
    assert y.tolist() == x.tolist()


def test_channels_last_puts_the_channels_of_a_pixel_side_by_side(device):
    """Read along the memory, the first pixel's channels come first, then the next pixel's."""
    red_and_green = torch.tensor([[[[1, 2], [3, 4]], [[10, 20], [30, 40]]]], device=device)

    y = red_and_green.to(memory_format=torch.channels_last)

    assert red_and_green.as_strided((8,), (1,)).tolist() == [1, 2, 3, 4, 10, 20, 30, 40]
    assert y.as_strided((8,), (1,)).tolist() == [1, 10, 2, 20, 3, 30, 4, 40]


def test_a_tensor_is_asked_for_its_format_by_name():
    """`is_contiguous()` alone asks for the default format."""
    x = torch.zeros(2, 3, 4, 5)
    y = x.to(memory_format=torch.channels_last)

    assert x.is_contiguous() is True
    assert x.is_contiguous(memory_format=torch.channels_last) is False
    assert y.is_contiguous() is False
    assert y.is_contiguous(memory_format=torch.channels_last) is True


def test_one_channel_is_in_both_formats():
    """With a single channel the two formats order the elements alike, and both names apply."""
    x = torch.zeros(2, 1, 4, 5)

    in_default_format = x.is_contiguous()
    in_channels_last = x.is_contiguous(memory_format=torch.channels_last)

    assert in_default_format is True
    assert in_channels_last is True


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_contiguous_returns_the_tensor_itself_when_it_has_the_format(memory_format):
    """`contiguous` copies only where the tensor is not in the format asked for."""
    x = torch.empty(2, 3, 4, 5, memory_format=memory_format)

    assert (x.contiguous(memory_format=memory_format) is x) is True
    assert (x.to(memory_format=memory_format) is x) is True


def test_changing_the_format_copies(device):
    """The converted tensor has memory of its own."""
    x = torch.zeros(1, 2, 1, 2, device=device)
    y = x.to(memory_format=torch.channels_last)

    x[0, 0, 0, 0] = 7

    assert y.tolist() == [[[[0.0, 0.0]], [[0.0, 0.0]]]]


def test_contiguous_without_argument_goes_back_to_the_default_format():
    """For a channels-last tensor `contiguous()` is a copy in planes again."""
    y = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)

    assert y.contiguous().stride() == (24, 12, 4, 1)


def test_permuting_axes_changes_the_shape_and_the_format_does_not():
    """`permute(0, 2, 3, 1)` makes (N, H, W, C) of the shape; channels last leaves (N, C, H, W)."""
    x = torch.zeros(1, 2, 3, 4)

    assert x.permute(0, 2, 3, 1).shape == (1, 3, 4, 2)
    assert x.to(memory_format=torch.channels_last).shape == (1, 2, 3, 4)


def test_an_image_with_its_channels_last_becomes_a_channels_last_tensor_by_permuting(device):
    """An (N, H, W, C) array permuted to (N, C, H, W) is in the format already, without a copy."""
    pixels = torch.zeros(1, 3, 4, 2, device=device)

    x = pixels.permute(0, 3, 1, 2)

    assert x.shape == (1, 2, 3, 4)
    assert x.stride() == (24, 1, 8, 2)
    assert x.data_ptr() == pixels.data_ptr()


def test_view_refuses_to_flatten_channels_last():
    """A sample's channels don't lie plane after plane, so `view` can't line them up."""
    y = torch.arange(8).view(1, 2, 2, 2).to(memory_format=torch.channels_last)

    with pytest.raises(RuntimeError, match=r"view size is not compatible .* Use .reshape"):
        y.view(1, 8)
    assert y.reshape(1, 8).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_elementwise_operations_keep_the_format(device):
    """What is computed from a channels-last tensor element by element is channels last too."""
    y = torch.zeros(1, 2, 3, 4, device=device).to(memory_format=torch.channels_last)

    doubled = y * 2

    assert doubled.stride() == (24, 1, 8, 2)
    assert y.relu().stride() == (24, 1, 8, 2)
    assert y.double().stride() == (24, 1, 8, 2)


def test_of_two_formats_the_first_operand_decides(device):
    """Where formats meet in arithmetic, the result has that of the left tensor."""
    x = torch.zeros(2, 2, 3, 4, device=device)
    y = x.to(memory_format=torch.channels_last)

    assert (x + y).stride() == (24, 12, 4, 1)
    assert (y + x).stride() == (24, 1, 8, 2)


def test_clone_and_like_keep_the_format_unless_told_otherwise():
    """`clone`, `empty_like` and their kin preserve the format; `memory_format=` overrules it."""
    y = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)

    assert y.clone().stride() == (24, 1, 8, 2)
    assert torch.zeros_like(y).stride() == (24, 1, 8, 2)
    assert y.clone(memory_format=torch.contiguous_format).stride() == (24, 12, 4, 1)


def test_convolution_pooling_and_normalisation_keep_the_format():
    """The usual layers of an image network hand channels last through to the end."""
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2))
    x = torch.zeros(1, 2, 6, 8)
    y = x.to(memory_format=torch.channels_last)

    assert network(x).stride() == (18, 6, 3, 1)
    assert network(y).stride() == (18, 1, 9, 3)


def test_a_convolution_in_channels_last_answers_in_channels_last():
    """A layer converted with `to(memory_format=...)` gives the format to whatever it is fed."""
    layer = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)

    feature_maps = layer(torch.zeros(1, 2, 6, 8))

    assert layer.weight.stride() == (18, 1, 6, 2)
    assert feature_maps.stride() == (72, 1, 18, 3)


def test_channels_last_is_for_four_dimensions():
    """Another rank has no such format; videos, of five dimensions, have `channels_last_3d`."""
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        torch.zeros(2, 3, 4).to(memory_format=torch.channels_last)
    video = torch.zeros(1, 2, 3, 4, 5).to(memory_format=torch.channels_last_3d)
    assert video.stride() == (120, 1, 40, 10, 2)
