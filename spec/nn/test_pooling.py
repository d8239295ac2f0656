"""Pooling.

Pooling makes an image smaller: of each window it keeps the largest number, or the mean. It learns
nothing and keeps the channels apart. Unlike a convolution it moves by a whole window unless told
otherwise, so that 2 halves both sides.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-maxpool-window")
def test_max_pool_keeps_the_largest_of_each_window(device):
    """`max_pool2d(x, (2, 2))` takes the maximum of each 2 x 2 window, and halves both sides."""
    x = torch.tensor(
        [
            [
                [
                    [1.0, 2.0, 5.0, 6.0],
                    [3.0, 4.0, 8.0, 7.0],
                    [9.0, 0.0, 1.0, 1.0],
                    [0.0, 0.0, 1.0, 2.0],
                ]
            ]
        ],
        device=device,
    )

    assert F.max_pool2d(x, (2, 2)).tolist() == [[[[4.0, 8.0], [9.0, 2.0]]]]


@pytest.mark.claim("blitz-maxpool-square-shorthand")
def test_one_number_stands_for_a_square_window(device):
    """A window of 2 is one of (2, 2); an oblong one takes a pair, height first."""
    x = torch.arange(16.0, device=device).view(1, 1, 4, 4)

    assert F.max_pool2d(x, 2).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert F.max_pool2d(x, (2, 2)).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert F.max_pool2d(x, (4, 1)).tolist() == [[[[12.0, 13.0, 14.0, 15.0]]]]


def test_average_pooling_takes_the_mean(device):
    """`avg_pool1d` adds a window up and divides by its length."""
    x = torch.tensor([[[1.0, 3.0, 10.0, 20.0]]], device=device)

    assert F.avg_pool1d(x, 2).tolist() == [[[2.0, 15.0]]]


def test_the_stride_is_the_window_unless_told(device):
    """Windows stand side by side; with `stride=1` they overlap, as a convolution's do."""
    x = torch.tensor([[[1.0, 4.0, 2.0, 3.0]]], device=device)

    assert F.max_pool1d(x, 2).tolist() == [[[4.0, 3.0]]]
    assert F.max_pool1d(x, 2, stride=1).tolist() == [[[4.0, 4.0, 3.0]]]


def test_what_does_not_fill_a_window_is_dropped(device):
    """The fifth of five numbers is not looked at, unless `ceil_mode=True` gives it a window."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 99.0]]], device=device)

    assert F.max_pool1d(x, 2).tolist() == [[[2.0, 4.0]]]
    assert F.max_pool1d(x, 2, ceil_mode=True).tolist() == [[[2.0, 4.0, 99.0]]]


def test_padding_never_wins_a_maximum_but_lowers_a_mean(device):
    """Max pooling pads with minus infinity, average pooling with zeros, which count unless told."""
    x = torch.tensor([[[-4.0, -6.0]]], device=device)

    assert F.max_pool1d(x, 2, padding=1).tolist() == [[[-4.0, -6.0]]]
    assert F.avg_pool1d(x, 2, padding=1).tolist() == [[[-2.0, -3.0]]]
    assert F.avg_pool1d(x, 2, padding=1, count_include_pad=False).tolist() == [[[-4.0, -6.0]]]


def test_the_gradient_goes_to_the_winner_only(device):
    """A maximum passes the whole gradient to one number, the first of equals; a mean shares it."""
    x = torch.tensor([[[1.0, 3.0, 5.0, 5.0]]], device=device, requires_grad=True)
    z = torch.tensor([[[1.0, 3.0, 5.0, 5.0]]], device=device, requires_grad=True)

    F.max_pool1d(x, 2).sum().backward()
    F.avg_pool1d(z, 2).sum().backward()

    assert x.grad.tolist() == [[[0.0, 1.0, 1.0, 0.0]]]
    assert z.grad.tolist() == [[[0.5, 0.5, 0.5, 0.5]]]


def test_the_places_of_the_maxima_lead_back(device):
    """`return_indices=True` tells where each maximum stood; `MaxUnpool1d` puts it back there."""
    x = torch.tensor([[[1.0, 3.0, 6.0, 5.0]]], device=device)

    largest, places = nn.MaxPool1d(2, return_indices=True)(x)

    assert places.tolist() == [[[1, 2]]]
    assert nn.MaxUnpool1d(2)(largest, places).tolist() == [[[0.0, 3.0, 6.0, 0.0]]]


def test_adaptive_pooling_is_told_the_size_that_comes_out(device):
    """Adaptive pooling cuts any length into as many windows as wanted, overlapping if need be."""
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 6.0]]], device=device)

    assert F.adaptive_avg_pool1d(x[..., :4], 2).tolist() == [[[1.5, 3.5]]]
    assert F.adaptive_max_pool1d(x, 2).tolist() == [[[3.0, 6.0]]]


def test_global_pooling_frees_a_net_from_the_image_size():
    """`AdaptiveAvgPool2d(1)` makes one number a channel, whatever the sides were."""
    pool = nn.AdaptiveAvgPool2d(1)
    large = pool(torch.zeros(2, 7, 32, 32))
    small = pool(torch.zeros(2, 7, 5, 9))

    assert large.shape == (2, 7, 1, 1)
    assert small.shape == (2, 7, 1, 1)


def test_a_nan_wins_every_maximum(device):
    """One `nan` in a window makes the window's maximum `nan`."""
    x = torch.tensor([[[1.0, float("nan"), 2.0, 3.0]]], device=device)

    assert F.max_pool1d(x, 2).isnan().tolist() == [[[True, False]]]


def test_an_image_smaller_than_the_window_is_refused():
    """Pooled once too often an image has nothing left: the message gives both sizes."""
    image = torch.zeros(1, 1, 3, 3)

    with pytest.raises(RuntimeError, match=r"size: \(1x3x3\). Calculated output size: \(1x0x0\)"):
        F.max_pool2d(image, 4)
    assert F.max_pool2d(image, 2, stride=1).shape == (1, 1, 2, 2)


def test_padding_is_at_most_half_a_window():
    """A window that lay in the padding altogether would have no maximum."""
    image = torch.zeros(1, 1, 4, 4)

    with pytest.raises(RuntimeError, match="pad should be at most half of"):
        F.max_pool2d(image, 2, padding=2)
    assert F.max_pool2d(image, 2, padding=1).shape == (1, 1, 3, 3)
