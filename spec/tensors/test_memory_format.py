"""Memory formats: contiguous and channels last.

A batch of images has the shape (N, C, H, W). By default it is contiguous: each channel is a plane
of its own in memory. In the memory format `torch.channels_last` the channels of one pixel lie next
to each other, as in an image file; convolutions on many devices are faster with it.

The two differ only in the strides (`spec/tensors/test_strides.py`): shape, indexing and values are
the same. Most convolutions, batch normalisation, maximum pooling and most elementwise operations
keep the format, so a model and its input need to be converted only once.

What surprises: a channels-last tensor with several channels and pixels isn't contiguous to
`is_contiguous()`, and `view` refuses to flatten it; a contiguous tensor with one channel is in both
formats.
"""

import pytest
import torch
from torch import nn


def test_channels_last_changes_strides_and_nothing_else(device):
    """For `x = torch.arange(24).view(1, 2, 3, 4)` with strides (24, 12, 4, 1),
    `x.to(memory_format=torch.channels_last)` returns a tensor of the same shape and values with
    strides (24, 1, 8, 2).
    """
    x = torch.arange(24, device=device).view(1, 2, 3, 4)

    y = x.to(memory_format=torch.channels_last)

    assert y.shape == x.shape == (1, 2, 3, 4)
    assert x.stride() == (24, 12, 4, 1)
    assert y.stride() == (24, 1, 8, 2)
    assert y.tolist() == x.tolist()


def test_channels_last_puts_the_channels_of_a_pixel_side_by_side(device):
    """`x.to(memory_format=torch.channels_last)` of a contiguous image `x` of shape (1, C,
    H, W) holds in memory all channels of the first pixel, then those of the next; `x`
    itself holds all pixels of the first channel first.
    """
    red_and_green = torch.tensor([[[[1, 2], [3, 4]], [[10, 20], [30, 40]]]], device=device)

    y = red_and_green.to(memory_format=torch.channels_last)

    assert red_and_green.as_strided((8,), (1,)).tolist() == [1, 2, 3, 4, 10, 20, 30, 40]
    assert y.as_strided((8,), (1,)).tolist() == [1, 10, 2, 20, 3, 30, 4, 40]


def test_a_tensor_is_asked_for_its_format_by_name():
    """`x.is_contiguous()` asks for the default format: it is False for a channels-last
    tensor of shape (2, 3, 4, 5), for which
    `x.is_contiguous(memory_format=torch.channels_last)` is True.
    """
    x = torch.zeros(2, 3, 4, 5)
    y = x.to(memory_format=torch.channels_last)

    assert x.is_contiguous() is True
    assert x.is_contiguous(memory_format=torch.channels_last) is False
    assert y.is_contiguous() is False
    assert y.is_contiguous(memory_format=torch.channels_last) is True


def test_one_channel_is_in_both_formats():
    """`x = torch.zeros(2, 1, 4, 5)`, with one channel, is contiguous in both memory
    formats: `x.is_contiguous()` is True, and
    `x.is_contiguous(memory_format=torch.channels_last)` is True too.

    Because with one channel both orders of the elements are the same.
    """
    x = torch.zeros(2, 1, 4, 5)

    in_default_format = x.is_contiguous()
    in_channels_last = x.is_contiguous(memory_format=torch.channels_last)

    assert in_default_format is True
    assert in_channels_last is True


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_contiguous_returns_the_tensor_itself_when_it_has_the_format(memory_format):
    """If `x` of shape (2, 3, 4, 5) already has the memory format `f`, `torch.contiguous_format` or
    `torch.channels_last`, then `x.contiguous(memory_format=f)` and `x.to(memory_format=f)` return
    `x` itself.

    `x = torch.empty(2, 1, 4, 5)`, with one channel, has both formats at once:
    `x.contiguous(memory_format=torch.channels_last)` returns `x`, but
    `x.to(memory_format=torch.channels_last)` copies to other strides.
    """
    x = torch.empty(2, 3, 4, 5, memory_format=memory_format)

    assert (x.contiguous(memory_format=memory_format) is x) is True
    assert (x.to(memory_format=memory_format) is x) is True
    gray = torch.empty(2, 1, 4, 5)

    assert (gray.contiguous(memory_format=torch.channels_last) is gray) is True
    assert (gray.to(memory_format=torch.channels_last) is gray) is False


def test_changing_the_format_copies(device):
    """`x.to(memory_format=torch.channels_last)` of a contiguous tensor of shape (1, 2, 1,
    2) copies: later changes of `x` do not show in the copy.
    """
    x = torch.zeros(1, 2, 1, 2, device=device)
    y = x.to(memory_format=torch.channels_last)

    x[0, 0, 0, 0] = 7

    assert y.tolist() == [[[[0.0, 0.0]], [[0.0, 0.0]]]]


def test_contiguous_without_argument_goes_back_to_the_default_format():
    """`x.contiguous()` of a channels-last tensor of shape (1, 2, 3, 4) is a copy in the
    default format, with the strides (24, 12, 4, 1).
    """
    y = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)

    z = y.contiguous()

    assert z.stride() == (24, 12, 4, 1)
    assert z.data_ptr() != y.data_ptr()


def test_permuting_axes_changes_the_shape_and_the_format_does_not():
    """`x.permute(0, 2, 3, 1)` of a contiguous (1, 2, 3, 4) tensor is a view of shape (1, 3, 4,
    2), whereas `x.to(memory_format=torch.channels_last)` keeps the shape and copies the
    elements into another order: its strides are (24, 1, 8, 2).
    """
    x = torch.zeros(1, 2, 3, 4)

    assert x.permute(0, 2, 3, 1).shape == (1, 3, 4, 2)
    assert x.permute(0, 2, 3, 1).data_ptr() == x.data_ptr()
    assert x.to(memory_format=torch.channels_last).shape == (1, 2, 3, 4)
    assert x.to(memory_format=torch.channels_last).stride() == (24, 1, 8, 2)


def test_an_image_with_its_channels_last_becomes_a_channels_last_tensor_by_permuting(device):
    """For a nonempty contiguous (N, H, W, C) tensor `x`, `x.permute(0, 3, 1, 2)` is a
    channels-last (N, C, H, W) tensor, without a copy.

    `np.asarray(image)` of a Pillow RGB image has the layout (H, W, C).
    """
    pixels = torch.zeros(1, 3, 4, 2, device=device)

    x = pixels.permute(0, 3, 1, 2)

    assert x.shape == (1, 2, 3, 4)
    assert x.stride() == (24, 1, 8, 2)
    assert x.is_contiguous(memory_format=torch.channels_last) is True
    assert x.data_ptr() == pixels.data_ptr()


def test_view_refuses_to_flatten_channels_last():
    """`x.view(1, 8)` of a channels-last tensor of shape (1, 2, 2, 2) raises a RuntimeError,
    "view size is not compatible with input tensor's size and stride"; `x.reshape(1, 8)` and
    `x.flatten(1)` copy instead.

    Because in memory the channels of one pixel lie side by side: no single stride visits the
    elements in the order of the dimensions, and a view has one stride per dimension.
    """
    y = torch.arange(8).view(1, 2, 2, 2).to(memory_format=torch.channels_last)

    with pytest.raises(
        RuntimeError, match="view size is not compatible with input tensor's size and stride"
    ):
        y.view(1, 8)
    assert y.reshape(1, 8).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]
    assert y.flatten(1).tolist() == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_elementwise_operations_keep_the_format(device):
    """`x * 2`, `x.relu()` and `x.double()` of a float32 channels-last tensor of shape (1, 2, 3,
    4) are channels-last; `x.masked_fill(x == 0, 5.0)` goes back to the default format.

    `torch.where(mask, 5.0, x)` keeps the format if `mask` is channels-last, too.
    """
    y = torch.zeros(1, 2, 3, 4, device=device).to(memory_format=torch.channels_last)

    doubled = y * 2

    assert doubled.stride() == (24, 1, 8, 2)
    assert y.relu().stride() == (24, 1, 8, 2)
    assert y.double().stride() == (24, 1, 8, 2)
    filled = y.masked_fill(y == 0, 5.0)
    chosen = torch.where(y == 0, 5.0, y)

    assert filled.stride() == (24, 12, 4, 1)
    assert chosen.stride() == (24, 1, 8, 2)
    assert filled.unique().tolist() == chosen.unique().tolist() == [5.0]


def test_of_two_formats_the_first_operand_decides(device):
    """`x + y` of a contiguous and a channels-last float32 tensor, both of shape (2, 2, 3, 4),
    has the format of the left operand.

    So one left operand in the default format can undo channels last, until the next convolution
    whose weight is channels last.
    """
    x = torch.zeros(2, 2, 3, 4, device=device)
    y = x.to(memory_format=torch.channels_last)

    assert (x + y).stride() == (24, 12, 4, 1)
    assert (y + x).stride() == (24, 1, 8, 2)


def test_clone_and_like_keep_the_format_unless_told_otherwise():
    """`x.clone()` and `torch.zeros_like(x)` keep the format of a channels-last `x` of shape (1,
    2, 3, 4); `memory_format=torch.contiguous_format` overrides it.
    """
    y = torch.zeros(1, 2, 3, 4).to(memory_format=torch.channels_last)

    assert y.clone().stride() == (24, 1, 8, 2)
    assert torch.zeros_like(y).stride() == (24, 1, 8, 2)
    assert y.clone(memory_format=torch.contiguous_format).stride() == (24, 12, 4, 1)
    plain = torch.zeros_like(y, memory_format=torch.contiguous_format)
    assert plain.stride() == (24, 12, 4, 1)


def test_convolution_pooling_and_normalisation_keep_the_format():
    """`nn.Conv2d(2, 3, 3)`, `nn.BatchNorm2d(3)`, `nn.ReLU()` and `nn.MaxPool2d(2)`, one
    after the other, give a channels-last output for a float32 channels-last CPU input of
    shape (1, 2, 6, 8).
    """
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2))
    x = torch.zeros(1, 2, 6, 8)
    y = x.to(memory_format=torch.channels_last)

    assert network(x).stride() == (18, 6, 3, 1)
    assert network(y).stride() == (18, 1, 9, 3)


def test_a_convolution_in_channels_last_answers_in_channels_last():
    """`layer = nn.Conv2d(2, 3, 3)` on the CPU, converted with
    `layer.to(memory_format=torch.channels_last)`, gives a channels-last output even for a
    contiguous float32 input of shape (1, 2, 6, 8).
    """
    layer = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)

    feature_maps = layer(torch.zeros(1, 2, 6, 8))

    assert layer.weight.stride() == (18, 1, 6, 2)
    assert feature_maps.stride() == (72, 1, 18, 3)


def test_channels_last_is_for_four_dimensions():
    """`x.to(memory_format=torch.channels_last)` of a dense 3-D CPU tensor raises a
    RuntimeError, "required rank 4 tensor to use channels_last format".

    A single image needs a batch dimension first, `x[None]`; 5-D tensors, such as videos, have
    `torch.channels_last_3d`.
    """
    with pytest.raises(RuntimeError, match="required rank 4 tensor to use channels_last format"):
        torch.zeros(2, 3, 4).to(memory_format=torch.channels_last)
    image = torch.zeros(2, 3, 4)[None].to(memory_format=torch.channels_last)
    assert image.stride() == (24, 1, 8, 2)
    video = torch.zeros(1, 2, 3, 4, 5).to(memory_format=torch.channels_last_3d)
    assert video.stride() == (120, 1, 40, 10, 2)
